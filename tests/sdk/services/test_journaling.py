"""Every line of the journal has a copy in S3 where a bucket is set; a copy that fails stops nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import Conflict, SmarteriseError
from smarterise_sdk.settings import Environment, EnvironmentKind
from smarterise_sdk.settings.unlock import Unlocks
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUCKET = "smarterise-journal"
SWITCH = {"ehm21120333": {"tier": "NON_CRITICAL"}}
BOTH = pytest.mark.parametrize("via", list(WritePath))


def is_copy(method: str, path: str) -> bool:
    return method == "PUT" and BUCKET in path


@pytest.fixture
def bucket(home: Any) -> Iterator[Callable[[], dict[str, Any]]]:
    """An empty bucket for copies; returns what is in it by key."""
    s3 = home.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})

    def content() -> dict[str, Any]:
        listed = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        keys = [one["Key"] for one in listed]
        return {key: json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys}

    yield content
    for key in content():
        s3.delete_object(Bucket=BUCKET, Key=key)
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def kept(home: Any, settings_for: Callable[..., Any]) -> Iterator[Stack]:
    """A stack whose journal is copied."""
    with Stack(settings_for(home.url, journal_bucket=BUCKET)) as stack:
        yield stack


@pytest.fixture
def frailly_kept(proxy: Any, settings_for: Callable[..., Any]) -> Iterator[Stack]:
    """The same through the proxy."""
    with Stack(settings_for(proxy.url, journal_bucket=BUCKET)) as stack:
        yield stack


@BOTH
def test_each_line_is_copied(kept: Stack, bucket: Callable[[], dict[str, Any]], via: WritePath) -> None:
    plan = kept.sites.plan_update(SWITCH, reason="password=hunter2", via=via)
    folder = f"journal/local/{plan.planned_at:%Y-%m-%d}/{plan.plan_id}"
    announced = [
        call.target for call in plan.calls if call.action == "s3:PutObject" and BUCKET in call.target
    ]
    assert announced == [f"s3://{BUCKET}/{folder}-intended.json", f"s3://{BUCKET}/{folder}-done.json"]
    receipt = kept.sites.apply(plan)
    assert (receipt.state, receipt.notes) == (ReceiptState.VERIFIED, ())
    copies = bucket()
    assert list(copies) == [f"{folder}-done.json", f"{folder}-intended.json"]
    local = [json.loads(line) for line in kept.journal.path.read_text().splitlines()]
    assert list(copies.values()) == [local[1], local[0]]
    assert "hunter2" not in json.dumps(copies)


def test_without_a_bucket_nothing_is_announced(stack: Stack) -> None:
    assert len(stack.sites.plan_update(SWITCH).calls) == 1


def test_an_empty_plan_announces_no_copy(kept: Stack, bucket: Callable[[], dict[str, Any]]) -> None:
    plan = kept.sites.plan_update({"ehm21120333": {"tier": "CRITICAL"}})
    assert len(plan.calls) == 1
    kept.sites.apply(plan)
    assert bucket() == {}


def test_a_failure_is_copied_as_well(kept: Stack, bucket: Callable[[], dict[str, Any]], home: Any) -> None:
    plan = kept.sites.plan_update(SWITCH)
    home.put_file({**home.file(), "owner": "bob"})
    with pytest.raises(Conflict):
        kept.sites.apply(plan)
    assert [line["entry"] for line in bucket().values()] == ["done", "intended"]


@pytest.mark.parametrize(
    ("fault", "copies_tried"),
    [
        ({"status": 403, "body": b"<Error><Code>AccessDenied</Code></Error>"}, 1),
        ({"status": None}, 1),
        ({"status": 500, "body": b"<Error><Code>InternalError</Code></Error>"}, 2),
    ],
)
def test_a_copy_that_fails_stops_nothing_and_is_told(
    frailly_kept: Stack,
    bucket: Callable[[], dict[str, Any]],
    proxy: Any,
    home: Any,
    fault: dict[str, Any],
    copies_tried: int,
) -> None:
    proxy.fail(is_copy, **fault)
    receipt = frailly_kept.sites.apply(frailly_kept.sites.plan_update(SWITCH))
    assert receipt.state is ReceiptState.VERIFIED
    assert home.file()["sites"]["ehm21120333"]["tier"] == "NON_CRITICAL"
    assert len(receipt.notes) == copies_tried
    assert receipt.notes[0].startswith(f"no copy of the journal was kept in s3://{BUCKET}/journal/local/")
    assert len([seen for seen in proxy.seen if is_copy(*seen)]) == copies_tried, "a copy is tried once"
    [entry] = frailly_kept.journal.read().entries
    assert entry.outcome == "verified"
    assert entry.done is not None
    assert entry.done["notes"] == [receipt.notes[0]]


def test_a_copy_never_replaces_another(kept: Stack, bucket: Callable[[], dict[str, Any]], home: Any) -> None:
    plan = kept.sites.plan_update(SWITCH)
    key = next(call.target for call in plan.calls if "intended" in call.target).split("/", 3)[3]
    home.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b'{"somebody": "else"}')
    receipt = kept.sites.apply(plan)
    assert receipt.state is ReceiptState.VERIFIED
    assert len(receipt.notes) == 1
    assert bucket()[key] == {"somebody": "else"}


def test_a_bucket_that_is_not_there(kept: Stack, home: Any) -> None:
    receipt = kept.sites.apply(kept.sites.plan_update(SWITCH))
    assert receipt.state is ReceiptState.VERIFIED
    assert "no copy" in receipt.notes[0]


def test_the_name_of_an_environment_is_no_path(
    home: Any, settings_for: Callable[..., Any], bucket: Callable[[], dict[str, Any]]
) -> None:
    odd = Environment("a/../b c", EnvironmentKind.DEV, "green")
    with Stack(settings_for(home.url, journal_bucket=BUCKET, environment=odd)) as stack:
        stack.sites.apply(stack.sites.plan_update(SWITCH))
    assert all(key.startswith("journal/a%2F..%2Fb%20c/") for key in bucket())
    assert len(bucket()) == 2


def test_a_change_that_fails_is_told_though_the_journal_fails_too(
    stack: Stack, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = stack.sites.plan_update(SWITCH)
    home.put_file({**home.file(), "owner": "bob"})

    def refuse(*_: object) -> bytes:
        raise SmarteriseError("the journal cannot be written", code="JOURNAL")

    monkeypatch.setattr(stack.journal, "failed", refuse)
    with pytest.raises(Conflict):
        stack.sites.apply(plan)
    [entry] = stack.changes.unresolved()
    assert entry.outcome == "no end"


def test_an_interrupt_leaves_a_change_without_an_end(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = stack.sites.plan_update(SWITCH)

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stack.sites.apply(plan, on_step=interrupt)
    assert [entry.outcome.value for entry in stack.changes.list().entries] == ["no end"]


def test_by_whose_leave_and_where(home: Any, settings_for: Callable[..., Any]) -> None:
    from datetime import UTC, datetime

    prod = Environment("prod", EnvironmentKind.PRODUCTION, "red")
    settings = settings_for(home.url, environment=prod)
    unlock = Unlocks(settings.state_dir).open(
        "prod", minutes=10, reason="outage 7", by="anna", now=datetime.now(UTC)
    )
    opened = replace(settings, write_until=unlock.until, write_reason=unlock.reason)
    with Stack(opened) as stack:
        stack.sites.apply(stack.sites.plan_update(SWITCH))
        [entry] = stack.journal.read().entries
    assert entry.endpoint_url == home.url
    assert entry.intended["unlock"] == {"until": f"{unlock.until:%Y-%m-%dT%H:%M:%SZ}", "reason": "outage 7"}
