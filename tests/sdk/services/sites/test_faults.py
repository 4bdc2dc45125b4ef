"""Faults that a change must survive: after each, file and journal agree, and no more is said than is so."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_lambdas.bundle import source_zip
from smarterise_sdk.domain.sites.plans import Receipt, ReceiptState, WritePath
from smarterise_sdk.domain.stack.functions import spec_of
from smarterise_sdk.errors import Conflict, Denied, InvalidDocument, NotFound, RemoteFault, SmarteriseError
from smarterise_sdk.services.sites.service import Sites
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_sdk.settings import Settings

BOTH = pytest.mark.parametrize("via", list(WritePath))
YABA, OTHER, OFF = "ehm21120333", "AN54101471", "AN10220456"
SWITCH = {YABA: {"tier": "NON_CRITICAL"}}
XML = '<?xml version="1.0"?><Error><Code>{}</Code><Message>no</Message></Error>'
REGION = "eu-west-2"


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_put(method: str, path: str) -> bool:
    return method == "PUT" and "site-tiers.json" in path


WRITE_OF = {WritePath.LAMBDA: is_invocation, WritePath.S3: is_put}


def outcomes(stack: Stack) -> list[str]:
    return [entry.outcome for entry in stack.journal.read().entries]


# Conflicts ------------------------------------------------------------------------------------------


@BOTH
def test_a_conflict_on_every_attempt(frail: Stack, proxy: Any, home: Any, via: WritePath) -> None:
    """Somebody else writes right before each of our writes: nothing of theirs is lost, ours are told."""
    writes: list[int] = []

    def always(method: str, path: str) -> None:
        if WRITE_OF[via](method, path) and armed:
            writes.append(1)
            home.put_file({**home.file(), "count": len(writes)})

    proxy.before = always
    for _ in range(3):
        armed = False
        plan = frail.sites.plan_update(SWITCH, via=via)
        armed = True
        with pytest.raises(Conflict) as caught:
            frail.sites.apply(plan)
        assert "nothing was written" in caught.value.what
        assert "other sites or keys changed" in caught.value.why
    assert home.file()["count"] >= 3
    assert home.file()["sites"][YABA]["tier"] == "CRITICAL"
    assert outcomes(frail) == ["failed"] * 3


def test_412_for_ever_is_told_each_time_and_never_written(frail: Stack, proxy: Any, home: Any) -> None:
    proxy.fail(is_put, status=412, body=XML.format("PreconditionFailed").encode())
    for _ in range(3):
        with pytest.raises(Conflict) as caught:
            frail.sites.apply(frail.sites.plan_update(SWITCH, via=WritePath.S3))
        assert caught.value.code == "CONFLICT"
    assert len([seen for seen in proxy.seen if is_put(*seen)]) == 3, "412 is not tried again"
    assert outcomes(frail) == ["failed"] * 3


@BOTH
def test_two_updates_that_overlap_one_wins_and_the_other_is_told_of_what(
    home: Any, settings_for: Callable[..., Settings], via: WritePath
) -> None:
    mine = {YABA: {"tier": "NON_CRITICAL"}, OTHER: {"name": "mine"}}
    theirs = {YABA: {"name": "theirs"}, OFF: {"enabled": True}}
    with Stack(settings_for(home.url)) as one, Stack(settings_for(home.url)) as other:
        plans = [
            (one, one.sites.plan_update(mine, via=via)),
            (other, other.sites.plan_update(theirs, via=via)),
        ]
        start = threading.Barrier(2)

        def apply(stack: Stack, plan: Any) -> Receipt | Conflict:
            start.wait(10)
            try:
                return stack.sites.apply(plan)
            except Conflict as conflict:
                return conflict

        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda pair: apply(*pair), plans))
        [lost] = [result for result in results if isinstance(result, Conflict)]
        [won] = [result for result in results if isinstance(result, Receipt)]
        assert won.state is ReceiptState.VERIFIED
        assert YABA in lost.why
        assert sorted(outcomes(one)) == ["failed", "verified"]
        loser, wanted = (one, mine) if isinstance(results[0], Conflict) else (other, theirs)
        assert loser.sites.apply(loser.sites.plan_update(wanted, via=via)).state is ReceiptState.VERIFIED
    sites = home.file()["sites"]
    assert (sites[YABA]["tier"], sites[YABA]["name"]) == ("NON_CRITICAL", "theirs")
    assert (sites[OTHER]["name"], sites[OFF]["enabled"]) == ("mine", True)


# A bucket without versions --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain_names(emulator: Any) -> Any:
    """A bucket that keeps no versions, and a function for it."""
    from smarterise_sdk.domain.stack.names import StackNames

    names = StackNames(site_config_bucket="plain-bucket", site_config_manager="plain-manager")
    emulator.client("s3").create_bucket(
        Bucket=names.site_config_bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    variables = {"SITE_CONFIG_BUCKET": names.site_config_bucket, "SITE_CONFIG_KEY": names.site_config_key}
    role = f"arn:aws:iam::111122223333:role/{StackNames().role(StackNames().site_config_manager)}"
    emulator.client("lambda").create_function(
        FunctionName=names.site_config_manager,
        Runtime="python3.12",
        Role=role,
        Handler=spec_of(StackNames().site_config_manager).handler,
        Code={"ZipFile": source_zip(StackNames().site_config_manager)},
        Timeout=30,
        Environment={"Variables": variables},
    )
    return names


@pytest.fixture
def plain(home: Any, plain_names: Any, settings_for: Callable[..., Settings]) -> Iterator[Stack]:
    """A stack on the bucket that keeps no versions, with a fresh file."""
    put_plain(home, {"schema_version": 1, "updated_by": "the test", "sites": {YABA: {"tier": "CRITICAL"}}})
    with Stack(settings_for(home.url, names=plain_names)) as made:
        yield made


def put_plain(home: Any, content: Any) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    home.client("s3").put_object(Bucket="plain-bucket", Key="site-tiers.json", Body=body)


@BOTH
def test_without_versions_a_change_is_made_proven_and_taken_back(
    plain: Stack, home: Any, via: WritePath
) -> None:
    plan = plain.sites.plan_update(SWITCH, via=via)
    receipt = plain.sites.apply(plan)
    assert (receipt.state, receipt.version_id) == (ReceiptState.VERIFIED, None)
    undo = plain.changes.plan_undo(plan.plan_id)
    assert plain.sites.apply(undo).state is ReceiptState.VERIFIED
    assert plain.sites.get(YABA, via=via).tier == "CRITICAL"


@BOTH
def test_without_versions_history_says_so(plain: Stack, home: Any, via: WritePath) -> None:
    plain.sites.apply(plain.sites.plan_update(SWITCH, via=via))
    told = plain.sites.history(via=via)
    [only] = told.entries
    assert (told.is_versioned, told.is_complete) == (False, True)
    assert (only.version_id, only.kind, only.is_latest) == ("null", "first", True)
    with pytest.raises(NotFound) as caught:
        plain.sites.plan_rollback("3HL4kqtJvjVBH40Nrjfkd", via=via)
    assert caught.value.code == "VERSION_NOT_FOUND"
    assert plain.sites.plan_rollback("null", via=via).is_empty


@BOTH
def test_without_versions_a_broken_file_has_nothing_to_stand_in_for_it(
    plain: Stack, home: Any, via: WritePath
) -> None:
    put_plain(home, b'{"sites": {"ehm21120333": {"tier": "CRITICL"},}}')
    with pytest.raises(InvalidDocument) as caught:
        plain.sites.fetch(via=via)
    assert caught.value.problems
    with pytest.raises(InvalidDocument):
        plain.sites.plan_update(SWITCH, via=via)
    with pytest.raises(InvalidDocument) as refused:
        plain.sites.plan_repair(last_good=True)
    assert "no version of" in refused.value.what
    plan = plain.sites.plan_repair()
    assert not any("stays in S3" in note for note in plan.notes)
    assert plain.sites.apply(plan).state is ReceiptState.VERIFIED
    assert plain.sites.get(YABA, via=via).tier == "CRITICAL"


# Rights ---------------------------------------------------------------------------------------------


def test_denied_to_put_alone_by_s3(frail: Stack, proxy: Any, home: Any) -> None:
    before = home.file()
    proxy.fail(is_put, status=403, body=XML.format("AccessDenied").encode())
    for plan in (
        frail.sites.plan_update(SWITCH, via=WritePath.S3),
        frail.sites.plan_replace({YABA: None}, via=WritePath.S3),
    ):
        with pytest.raises(Denied) as caught:
            frail.sites.apply(plan)
        assert caught.value.action == "s3:PutObject"
    assert home.file() == before
    assert outcomes(frail) == ["failed", "failed"]
    assert frail.sites.apply(frail.sites.plan_update(SWITCH)).state is ReceiptState.VERIFIED, (
        "by the function"
    )


def test_denied_to_put_alone_for_the_function(frail: Stack, proxy: Any, home: Any) -> None:
    """The function's role lacks the right: a fault of the function, and the file shows that nothing came."""
    plan = frail.sites.plan_update(SWITCH)
    said = {"errorType": "ClientError", "errorMessage": "AccessDenied when calling the PutObject operation"}
    proxy.fail(
        is_invocation,
        times=1,
        status=200,
        body=json.dumps(said).encode(),
        headers={"X-Amz-Function-Error": "Unhandled"},
    )
    with pytest.raises(RemoteFault) as caught:
        frail.sites.apply(plan)
    assert "PutObject" in caught.value.why
    assert home.file()["sites"][YABA]["tier"] == "CRITICAL"
    assert outcomes(frail) == ["failed"]


# Clocks ---------------------------------------------------------------------------------------------


@pytest.fixture
def at_hours(stack: Stack) -> Callable[[float], Sites]:
    """Make sites whose clock is some hours off; file and journal are the same."""

    def make(hours: float) -> Sites:
        return Sites(
            stack.broker,
            stack.settings,
            stack.journal,
            identity=stack.identity,
            now=lambda: datetime.now(UTC) + timedelta(hours=hours),
        )

    return make


@pytest.mark.parametrize("hours", [-1, 1])
@BOTH
def test_a_clock_an_hour_off_lies_about_no_order(
    stack: Stack, home: Any, at_hours: Callable[[float], Sites], via: WritePath, hours: float
) -> None:
    first = str(stack.sites.fetch().version_id)
    skewed = at_hours(hours)
    receipt = skewed.apply(skewed.plan_update(SWITCH, reason="one", via=via))
    assert receipt.state is ReceiptState.VERIFIED
    side = "ahead of" if hours > 0 else "behind"
    assert [note.split(":")[0] for note in receipt.notes] in (
        [f"the clock of this machine is 1h {side} that of AWS"],
        [f"the clock of this machine is 59m {side} that of AWS"],
    )
    assert receipt.applied_at is not None
    assert receipt.verified_at is not None
    assert receipt.applied_at <= receipt.verified_at, "both are by one clock"
    honest = stack.sites.apply(stack.sites.plan_update({OTHER: {"name": "x"}}, reason="two", via=via))
    assert honest.notes == ()
    again = skewed.apply(skewed.plan_update({OTHER: {"name": "y"}}, reason="three", via=via))
    assert again.version_id

    for data_path in WritePath:
        entries = stack.sites.history(via=data_path).entries
        assert [entry.reason for entry in entries] == ["three", "two", "one", ""]
        assert [entry.kind for entry in entries] == ["change", "change", "change", "first"]
        times = [datetime.fromisoformat(entry.written_at) for entry in entries]
        assert times == sorted(times, reverse=True)
        assert all(abs(datetime.now(UTC) - at) < timedelta(minutes=5) for at in times), "S3's own time"
    plan = skewed.plan_rollback(first, via=via)
    assert [change.gateway_serial for change in plan.changes] == [YABA]
    assert any(OTHER in note for note in plan.notes), "what came later by S3 stays"
    assert [entry.title for entry in stack.changes.list().entries][-1] == "Switch 1 site to NON_CRITICAL"


def test_aws_that_refuses_a_wrong_clock_is_understood(frail: Stack, proxy: Any, home: Any) -> None:
    plan = frail.sites.plan_update(SWITCH, via=WritePath.S3)
    proxy.fail(is_put, status=403, body=XML.format("RequestTimeTooSkewed").encode())
    with pytest.raises(SmarteriseError) as caught:
        frail.sites.apply(plan)
    assert "clock" in caught.value.what
    assert outcomes(frail) == ["failed"]


def test_two_writes_within_a_second_are_two_changes(stack: Stack, home: Any) -> None:
    """Their stamps must differ, or the second would be told as an upload by hand."""
    timestamp = datetime(2026, 3, 1, 12, tzinfo=UTC)
    frozen = Sites(
        stack.broker, stack.settings, stack.journal, identity=stack.identity, now=lambda: timestamp
    )
    for tier in ("NON_CRITICAL", "CRITICAL", "NON_CRITICAL"):
        receipt = frozen.apply(frozen.plan_update({YABA: {"tier": tier}}, via=WritePath.S3))
        assert receipt.state is ReceiptState.VERIFIED
    kinds = [entry.kind for entry in stack.sites.history(via=WritePath.S3).entries]
    assert kinds == ["change", "change", "change", "first"]


def test_a_plan_that_was_tampered_with_is_refused_whichever_part_it_was(stack: Stack, home: Any) -> None:
    before = home.file()
    plan = stack.sites.plan_replace({YABA: {"tier": "NON_CRITICAL"}}, via=WritePath.S3)
    with pytest.raises(InvalidDocument):
        stack.sites.apply(replace(plan, replacements={YABA: {"tier": "TOP"}}))
    by_function = stack.sites.plan_replace({YABA: {"tier": "NON_CRITICAL"}})
    with pytest.raises(InvalidDocument):
        stack.sites.apply(replace(by_function, replacements={YABA: {"tier": "TOP"}}))
    assert home.file() == before
