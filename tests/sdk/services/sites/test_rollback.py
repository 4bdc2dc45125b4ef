"""Back to a version of the site file: by both roads, and what stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, UsageError

if TYPE_CHECKING:
    from smarterise_sdk.stack import Stack

BOTH = pytest.mark.parametrize("via", list(WritePath))
YABA, OTHER, OFF = "ehm21120333", "AN54101471", "AN10220456"
BROKEN = b'{"sites": {\n  "ehm21120333": {"tier": "CRITICALLY"}}}'
PLACE = {"Bucket": "smarterise-site-config", "Key": "site-tiers.json"}


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_version(method: str, path: str) -> bool:
    return method == "GET" and "versionId" in path


def change(stack: Stack, updates: dict[str, Any]) -> None:
    assert stack.sites.apply(stack.sites.plan_update(updates)).state is ReceiptState.VERIFIED


def current_version(stack: Stack) -> str:
    return str(stack.sites.fetch().version_id)


@BOTH
def test_back_to_before_a_change_keeps_what_came_later(stack: Stack, home: Any, via: WritePath) -> None:
    good = current_version(stack)
    change(stack, {YABA: {"tier": "NON_CRITICAL"}, OTHER: {"tier": "CRITICAL"}})
    change(stack, {OFF: {"enabled": True}, OTHER: {"name": "Ikeja"}})
    plan = stack.sites.plan_rollback(good, reason="wrong file", via=via)
    assert plan.title == f"Roll back 2 sites to version {good[:8]}…"
    assert {c.gateway_serial: c.after for c in plan.changes} == {
        YABA: {"tier": "CRITICAL", "name": "Yaba Market", "note": "kept"},
        OTHER: {"tier": "NON_CRITICAL", "enabled": True, "nominal_voltage": 240},
    }
    assert plan.notes == (
        f"back to version {good}",
        f"1 site ({OFF}) changed later and stays as it is, unless all is taken back",
        f"1 site ({OTHER}) changed again since: that is taken back too",
    )
    assert plan.via is via
    receipt = stack.sites.apply(plan)
    assert (receipt.state, set(receipt.verified)) == (ReceiptState.VERIFIED, {YABA, OTHER})
    file = home.file()
    assert file["sites"][YABA]["tier"] == "CRITICAL"
    assert "name" not in file["sites"][OTHER]
    assert file["sites"][OFF]["enabled"] is True
    assert (file["owner"], file["reason"]) == ("ops", "wrong file")


@BOTH
def test_whole_takes_all_of_it_back_and_nothing_is_rewritten(stack: Stack, home: Any, via: WritePath) -> None:
    before = home.file()["sites"]
    good = current_version(stack)
    change(stack, {YABA: {"tier": "NON_CRITICAL"}})
    stack.sites.apply(stack.sites.plan_replace({OFF: None, "NEW1": {"tier": "CRITICAL"}}))
    plan = stack.sites.plan_rollback(good, whole=True, via=via)
    assert plan.title.startswith("Roll back 3 sites to version ")
    stack.sites.apply(plan)
    assert home.file()["sites"] == before
    assert len(stack.sites.history().entries) == 4, "a rollback is a version of its own: history stays"


@BOTH
def test_back_to_where_it_is_already(stack: Stack, home: Any, via: WritePath) -> None:
    plan = stack.sites.plan_rollback(current_version(stack), via=via)
    assert (plan.is_empty, plan.title) == (True, "Change nothing")
    assert stack.sites.apply(plan).state is ReceiptState.NOTHING_TO_DO


@BOTH
def test_both_roads_plan_the_same_over_broken_deleted_and_lost_versions(
    stack: Stack, home: Any, via: WritePath
) -> None:
    """The version after the one gone back to is broken, the next a deletion, the next is gone."""
    good = current_version(stack)
    s3 = home.client("s3")
    home.put_file(BROKEN)
    s3.delete_object(**PLACE)
    home.put_file({"sites": {}})
    file = {"sites": {YABA: {"tier": "NON_CRITICAL"}, OTHER: {"tier": "NON_CRITICAL"}}}
    home.put_file(file)
    [_, lost, *_] = stack.sites.history(via=WritePath.S3).entries
    s3.delete_object(**PLACE, VersionId=lost.version_id)
    home.put_file({"sites": {**file["sites"], "LATE1": {"tier": "CRITICAL"}}})
    plan = stack.sites.plan_rollback(good, via=via)
    assert {c.gateway_serial for c in plan.changes} == {YABA, OTHER, OFF}
    assert any("LATE1" in note and "stays as it is" in note for note in plan.notes)
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED


@BOTH
def test_versions_that_one_cannot_go_back_to(stack: Stack, home: Any, via: WritePath) -> None:
    home.put_file(BROKEN)
    home.put_file({"sites": {YABA: {"tier": "CRITICAL"}}})
    broken = stack.sites.history(via=WritePath.S3).entries[1].version_id
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.plan_rollback(broken, via=via)
    assert (caught.value.code, caught.value.problems[0].line) == ("VERSION_INVALID", 2)
    home.client("s3").delete_object(**PLACE, VersionId=broken)
    for gone in (broken, "3HL4kqtJvjVBH40Nrjfkd"):
        with pytest.raises(NotFound) as missing:
            stack.sites.plan_rollback(gone, via=via)
        assert missing.value.code == "VERSION_NOT_FOUND"
        assert missing.value.remedy


@BOTH
def test_a_version_that_history_lists_but_that_is_deleted_meanwhile(
    frail: Stack, proxy: Any, home: Any, via: WritePath
) -> None:
    good = current_version(frail)
    change(frail, {YABA: {"tier": "NON_CRITICAL"}})
    assert [entry.version_id for entry in frail.sites.history(via=via).entries][1] == good
    home.client("s3").delete_object(**PLACE, VersionId=good)
    before = home.file()
    with pytest.raises(NotFound):
        frail.sites.plan_rollback(good, via=via)
    with pytest.raises(NotFound):
        frail.sites.diff(good, "current", via=via)
    assert home.file() == before
    assert len(frail.journal.read().entries) == 1, "a plan that cannot be made leaves no trace"


def test_a_version_that_is_listed_and_lost_is_told_as_gone(frail: Stack, proxy: Any, home: Any) -> None:
    """S3 lists it, and answers that it does not have it: replication, or somebody was quicker."""
    good = current_version(frail)
    change(frail, {YABA: {"tier": "NON_CRITICAL"}})
    body = b'<?xml version="1.0"?><Error><Code>NoSuchVersion</Code><Message>no</Message></Error>'
    proxy.fail(lambda method, path: is_version(method, path) and good in path, status=404, body=body)
    told = frail.sites.history(via=WritePath.S3)
    assert [entry.kind for entry in told.entries] == ["first", "gone"]
    assert not told.entries[1].is_usable
    assert (told.entries[1].summary, told.entries[1].version_id) == ("", good)


@BOTH
def test_a_broken_current_file_is_mended_first(stack: Stack, home: Any, via: WritePath) -> None:
    good = current_version(stack)
    home.put_file(BROKEN)
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.plan_rollback(good, via=via)
    assert "sites repair" in caught.value.remedy


@BOTH
def test_the_plan_is_void_when_somebody_writes_meanwhile(stack: Stack, home: Any, via: WritePath) -> None:
    good = current_version(stack)
    change(stack, {YABA: {"tier": "NON_CRITICAL"}})
    plan = stack.sites.plan_rollback(good, via=via)
    change(stack, {OFF: {"enabled": True}})
    with pytest.raises(Conflict) as caught:
        stack.sites.apply(plan)
    assert "nothing was written" in caught.value.what
    again = stack.sites.plan_rollback(good, via=via)
    assert stack.sites.apply(again).state is ReceiptState.VERIFIED
    assert home.file()["sites"][OFF]["enabled"] is True


def test_who_writes_between_the_two_looks_of_planning_is_taken_along(
    frail: Stack, proxy: Any, home: Any
) -> None:
    good = current_version(frail)
    change(frail, {YABA: {"tier": "NON_CRITICAL"}})
    seen: list[int] = []

    def meanwhile(method: str, path: str) -> None:
        if is_invocation(method, path):
            seen.append(1)
            if len(seen) == 2:
                home.put_file({**home.file(), "owner": "bob"})

    proxy.before = meanwhile
    plan = frail.sites.plan_rollback(good)
    proxy.before = lambda *_: None
    assert len(seen) == 4, "read, rehearsed in vain, read again, rehearsed"
    assert frail.sites.apply(plan).state is ReceiptState.VERIFIED
    assert home.file()["owner"] == "bob"


def test_who_never_stops_writing_is_a_conflict(frail: Stack, proxy: Any, home: Any) -> None:
    good = current_version(frail)
    count: list[int] = []

    def always(method: str, path: str) -> None:
        if is_invocation(method, path):
            count.append(1)
            if len(count) % 2 == 0:
                home.put_file({**home.file(), "count": len(count)})

    proxy.before = always
    with pytest.raises(Conflict):
        frail.sites.plan_rollback(good)
    assert len(count) == 6


def test_a_reason_too_long_is_refused_before_anything_is_asked(stack: Stack, home: Any) -> None:
    with pytest.raises(UsageError):
        stack.sites.plan_rollback("v", reason="x" * 1001)
    assert stack.broker.stats().calls == 0


@BOTH
def test_a_rollback_is_taken_back_like_any_change(stack: Stack, home: Any, via: WritePath) -> None:
    good = current_version(stack)
    change(stack, {YABA: {"tier": "NON_CRITICAL"}})
    after = home.file()["sites"]
    plan = stack.sites.plan_rollback(good, via=via)
    stack.sites.apply(plan)
    undo = stack.changes.plan_undo(plan.plan_id)
    assert undo.undoes == plan.plan_id
    stack.sites.apply(undo)
    assert home.file()["sites"] == after
