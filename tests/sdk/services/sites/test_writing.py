"""Changes carried out by both roads against the real function, with everything that can go wrong between."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from smarterise_sdk.domain.sites.plans import Plan, Receipt, ReceiptState, WritePath
from smarterise_sdk.errors import (
    Conflict,
    CredentialsError,
    Denied,
    InvalidDocument,
    NotFound,
    SmarteriseError,
    Throttled,
    Unreachable,
)
from smarterise_sdk.stack import Stack

BOTH = pytest.mark.parametrize("via", list(WritePath))
SWITCH = {"ehm21120333": {"tier": "NON_CRITICAL"}}
XML = '<?xml version="1.0"?><Error><Code>{}</Code><Message>no</Message></Error>'


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_put(method: str, path: str) -> bool:
    return method == "PUT" and "site-tiers.json" in path


WRITE_OF = {WritePath.LAMBDA: is_invocation, WritePath.S3: is_put}


def tier(home: Any, serial: str = "ehm21120333") -> str:
    return str(home.file()["sites"][serial]["tier"])


def done(stack: Stack) -> dict[str, Any]:
    """Return the journal's end of the one change made."""
    [entry] = stack.journal.read().entries
    assert entry.done is not None
    return dict(entry.done)


@BOTH
def test_a_change_is_made_verified_and_journalled(stack: Stack, home: Any, via: WritePath) -> None:
    plan = stack.sites.plan_update(SWITCH, reason="transformer works", via=via)
    steps: list[str] = []
    receipt = stack.sites.apply(plan, on_step=steps.append)
    back = "from S3" if via is WritePath.LAMBDA else "through site-config-manager"
    assert steps == ["applying", f"verifying (read back {back})"]
    assert (receipt.state, receipt.verified, receipt.unverified) == (
        ReceiptState.VERIFIED,
        ("ehm21120333",),
        {},
    )
    assert receipt.verified_by == f"read back {back}"
    assert receipt.applied_at is not None
    assert receipt.verified_at is not None
    assert receipt.applied_at <= receipt.verified_at
    assert len(receipt.request_ids) == 1

    file = home.file()
    assert file["sites"]["ehm21120333"] == {"tier": "NON_CRITICAL", "name": "Yaba Market", "note": "kept"}
    assert file["owner"] == "ops"
    assert file["reason"] == "transformer works"
    assert file["updated_by"].startswith("arn:aws:")
    now = stack.sites.fetch()
    assert (receipt.etag, receipt.version_id) == (now.etag, now.version_id)

    [entry] = stack.journal.read().entries
    assert entry.plan_id == plan.plan_id
    assert entry.intended["changes"] == [
        {
            "gateway_serial": "ehm21120333",
            "before": {"tier": "CRITICAL", "name": "Yaba Market", "note": "kept"},
            "after": {"tier": "NON_CRITICAL", "name": "Yaba Market", "note": "kept"},
        }
    ]
    assert done(stack)["outcome"] == "verified"


def test_the_road_may_be_named_in_plain_text(stack: Stack) -> None:
    plan = stack.sites.plan_update(SWITCH, via="s3")  # type: ignore[arg-type]  # as a script would
    assert plan.via is WritePath.S3
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED


@BOTH
def test_nothing_to_do(stack: Stack, home: Any, via: WritePath) -> None:
    before = stack.sites.fetch().version_id
    plan = stack.sites.plan_update({"ehm21120333": {"tier": "CRITICAL"}}, via=via)
    receipt = stack.sites.apply(plan)
    assert receipt.state is ReceiptState.NOTHING_TO_DO
    assert stack.sites.fetch().version_id == before
    assert not stack.journal.path.exists()


@BOTH
def test_a_new_site_and_the_first_file(stack: Stack, home: Any, via: WritePath) -> None:
    home.forget_file()
    plan = stack.sites.plan_update({"NEW1": {"tier": "CRITICAL"}}, create=True, via=via)
    assert (plan.base_etag, plan.title) == ("", "Add 1 site")
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    assert home.file()["sites"] == {"NEW1": {"tier": "CRITICAL"}}
    assert home.file()["schema_version"] == 1


@BOTH
def test_somebody_else_was_quicker(stack: Stack, home: Any, via: WritePath) -> None:
    plan = stack.sites.plan_update(SWITCH, via=via)
    changed = home.file()
    changed["sites"]["ehm21120333"]["name"] = "Yaba"
    home.put_file({**changed, "updated_by": "bob", "reason": "typo"})
    with pytest.raises(Conflict) as caught:
        stack.sites.apply(plan)
    assert "nothing was written" in caught.value.what
    assert "last written by bob" in caught.value.why
    assert "(typo)" in caught.value.why
    assert "ehm21120333 (name Yaba Market → Yaba)" in caught.value.why
    assert tier(home) == "CRITICAL"
    assert done(stack)["error"]["code"] == "CONFLICT"


@BOTH
def test_somebody_else_broke_the_file_meanwhile(stack: Stack, home: Any, via: WritePath) -> None:
    plan = stack.sites.plan_update(SWITCH, via=via)
    home.put_file(b"{ cut")
    with pytest.raises((InvalidDocument, Conflict)):
        stack.sites.apply(plan)
    s3 = home.client("s3").get_object(Bucket="smarterise-site-config", Key="site-tiers.json")
    assert s3["Body"].read() == b"{ cut"


def test_the_file_was_deleted_meanwhile(stack: Stack, home: Any) -> None:
    plan = stack.sites.plan_update(SWITCH, via=WritePath.S3)
    home.forget_file()
    with pytest.raises(NotFound):
        stack.sites.apply(plan)


def test_412_between_reading_and_putting_is_a_conflict(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH, via=WritePath.S3)

    def overtake(method: str, path: str) -> None:
        if is_put(method, path):
            proxy.before = lambda *_: None
            home.put_file({**home.file(), "owner": "bob"})

    proxy.before = overtake
    with pytest.raises(Conflict) as caught:
        frail.sites.apply(plan)
    assert "other sites or keys changed" in caught.value.why
    assert home.file()["owner"] == "bob"
    assert tier(home) == "CRITICAL"


def test_409_is_tried_again(frail: Stack, proxy: Any, home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smarterise_sdk.services.sites.s3_transport.FIRST_PAUSE_S", 0.001)
    body = XML.format("ConditionalRequestConflict").encode()
    proxy.fail(is_put, times=3, status=409, body=body)
    receipt = frail.sites.apply(frail.sites.plan_update(SWITCH, via=WritePath.S3))
    assert receipt.state is ReceiptState.VERIFIED
    assert len([seen for seen in proxy.seen if is_put(*seen)]) == 4
    assert tier(home) == "NON_CRITICAL"


def test_409_without_end_is_told(
    frail: Stack, proxy: Any, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smarterise_sdk.services.sites.s3_transport.FIRST_PAUSE_S", 0.001)
    proxy.fail(is_put, status=409, body=XML.format("ConditionalRequestConflict").encode())
    with pytest.raises(Conflict):
        frail.sites.apply(frail.sites.plan_update(SWITCH, via=WritePath.S3))
    assert tier(home) == "CRITICAL"


def test_a_conflict_that_cannot_be_explained_is_still_one(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH)
    home.put_file({**home.file(), "owner": "bob"})
    broken = proxy.fail(lambda *_: False)

    def after_the_write(method: str, path: str) -> None:
        if is_invocation(method, path):
            broken.matches, broken.status, broken.body = (
                is_invocation,
                403,
                XML.format("AccessDenied").encode(),
            )

    proxy.before = after_the_write
    with pytest.raises(Conflict) as caught:
        frail.sites.apply(plan)
    assert "what changed could not be read" in caught.value.why


# Refused for good -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", Denied),
        (400, "ExpiredToken", CredentialsError),
        (503, "SlowDown", Throttled),
    ],
)
@BOTH
def test_a_refused_write_is_told_and_nothing_is_looked_up(
    frail: Stack, proxy: Any, home: Any, via: WritePath, status: int, code: str, kind: type[Exception]
) -> None:
    plan = frail.sites.plan_update(SWITCH, via=via)
    body = XML.format(code).encode() if via is WritePath.S3 else json.dumps({"message": "no"}).encode()
    proxy.fail(WRITE_OF[via], status=status, body=body, headers={"x-amzn-ErrorType": code})
    with pytest.raises(kind):
        frail.sites.apply(plan)
    assert len([seen for seen in proxy.seen if WRITE_OF[via](*seen)]) == 1 + (via is WritePath.LAMBDA)
    assert done(frail)["outcome"] == "failed"
    assert tier(home) == "CRITICAL"


def test_credentials_that_vanish_before_the_write(
    stack: Stack, home: Any, settings_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = stack.sites.plan_update(SWITCH)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with Stack(settings_for(home.url)) as without, pytest.raises(CredentialsError):
        without.sites.apply(plan)
    assert tier(home) == "CRITICAL"


@BOTH
def test_a_plan_that_was_tampered_with_is_refused(stack: Stack, home: Any, via: WritePath) -> None:
    plan = stack.sites.plan_update(SWITCH, via=via)
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.apply(replace(plan, updates={"ehm21120333": {"tier": "TOP"}}))
    assert caught.value.problems[0].code == "INVALID_TIER"
    assert tier(home) == "CRITICAL"


# The journal ------------------------------------------------------------------------------------


def test_without_a_journal_nothing_is_written(home: Any, settings_for: Any, tmp_path: Any) -> None:
    (tmp_path / "blocked").write_text("")
    with Stack(settings_for(home.url, journal_dir=tmp_path / "blocked" / "journal")) as stack:
        plan = stack.sites.plan_update(SWITCH)
        with pytest.raises(SmarteriseError) as caught:
            stack.sites.apply(plan)
    assert caught.value.code == "JOURNAL"
    assert tier(home) == "CRITICAL"


def test_a_journal_that_fails_at_the_end_says_that_the_change_was_made(
    stack: Stack, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = stack.sites.plan_update(SWITCH)

    def refuse(_plan: Plan, _receipt: Receipt) -> None:
        raise SmarteriseError("the journal cannot be written", code="JOURNAL")

    monkeypatch.setattr(stack.journal, "done", refuse)
    with pytest.raises(SmarteriseError) as caught:
        stack.sites.apply(plan)
    assert caught.value.what.startswith("the change was made (verified)")
    assert tier(home) == "NON_CRITICAL"


# Many writers -------------------------------------------------------------------------------------


@BOTH
def test_two_who_planned_at_once_one_is_told(stack: Stack, home: Any, via: WritePath) -> None:
    first = stack.sites.plan_update(SWITCH, via=via)
    second = stack.sites.plan_update({"AN54101471": {"tier": "CRITICAL"}}, via=via)
    assert stack.sites.apply(first).state is ReceiptState.VERIFIED
    with pytest.raises(Conflict):
        stack.sites.apply(second)
    again = stack.sites.plan_update({"AN54101471": {"tier": "CRITICAL"}}, via=via)
    assert stack.sites.apply(again).state is ReceiptState.VERIFIED
    assert (tier(home), tier(home, "AN54101471")) == ("NON_CRITICAL", "CRITICAL")


def test_unreachable_is_no_doubt(stack: Stack, settings_for: Any) -> None:
    plan = stack.sites.plan_update(SWITCH)
    with Stack(settings_for("http://127.0.0.1:1")) as nowhere, pytest.raises(Unreachable):
        nowhere.sites.apply(plan)
    assert done(stack)["outcome"] == "failed"
