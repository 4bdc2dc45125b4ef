"""What became of a change is told from the file and its versions: all that is certain, and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import Denied, SmarteriseError, UsageError
from smarterise_sdk.services.resolution import OutcomeResolver
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_sdk.domain.sites.plans import Plan, Receipt

BUCKET = "smarterise-site-config"
YABA = "ehm21120333"
SWITCH = {YABA: {"tier": "NON_CRITICAL"}}
DENIAL = {"status": 403, "body": b"<Error><Code>AccessDenied</Code></Error>"}
BOTH = pytest.mark.parametrize("via", list(WritePath))


def is_list(method: str, path: str) -> bool:
    return method == "GET" and "versions" in path


def is_get(method: str, path: str) -> bool:
    return method == "GET" and "site-tiers.json" in path and not is_list(method, path)


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def lost(stack: Stack, plan: Plan | None = None) -> Plan:
    """Write a change's intention down and forget about it, as a process does that dies."""
    plan = plan or stack.sites.plan_update(SWITCH)
    stack.journal.intended(plan, who="anna")
    stack.journal.release(plan.plan_id)
    return plan


def edit(home: Any, **fields: Any) -> None:
    file = home.file()
    file["sites"][YABA].update(fields)
    home.put_file(file)


def later(stack: Stack, plan: Plan, *, by: timedelta = timedelta(minutes=3)) -> Receipt:
    """Settle a change when nothing can arrive any more."""
    settler = OutcomeResolver(
        stack.broker,
        stack.settings,
        stack.journal,
        reconciliation=lambda: stack.reconciliation,
        identity=stack.identity,
        now=lambda: utc_now() + by,
    )
    return settler.resolve(stack.changes.find(plan.plan_id))


def is_open(stack: Stack, plan: Plan) -> bool:
    return plan.plan_id in {entry.plan_id for entry in stack.changes.unresolved()}


# Nothing was written ----------------------------------------------------------------------------


def test_an_unchanged_file_is_no_proof_while_a_write_may_arrive(stack: Stack) -> None:
    plan = lost(stack)
    for by in (timedelta(0), timedelta(minutes=1, seconds=50), timedelta(hours=-1)):
        receipt = later(stack, plan, by=by)
        assert receipt.state is ReceiptState.UNVERIFIED
        assert "may still arrive; look again after" in receipt.unverified[YABA]
        assert is_open(stack, plan)
    assert later(stack, plan).state is ReceiptState.NOT_WRITTEN
    assert not is_open(stack, plan)
    assert stack.changes.find(plan.plan_id).outcome == "failed"


@BOTH
def test_another_change_came_first(stack: Stack, home: Any, via: WritePath) -> None:
    plan = lost(stack, stack.sites.plan_update(SWITCH, via=via))
    edit(home, name="Yaba")
    edit(home, name="Yaba 2")
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.NOT_WRITTEN
    assert "another change of the file came first" in receipt.unverified[YABA]
    assert stack.changes.find(plan.plan_id).outcome == "failed"


def test_somebody_else_did_the_same(stack: Stack, home: Any) -> None:
    plan = lost(stack)
    edit(home, name="Yaba")
    edit(home, tier="NON_CRITICAL")
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.NOT_WRITTEN
    assert receipt.notes == ("the file reads as asked all the same",)


def test_somebody_else_did_the_same_on_a_later_file(stack: Stack, home: Any) -> None:
    plan = lost(stack)
    stack.sites.apply(stack.sites.plan_update({"AN54101471": {"tier": "CRITICAL"}}))
    edit(home, tier="NON_CRITICAL")
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.NOT_WRITTEN


def test_there_was_no_file_and_there_is_none(stack: Stack, home: Any) -> None:
    home.forget_file()
    plan = lost(stack, stack.sites.plan_update({"NEW1": {"tier": "CRITICAL"}}, create=True))
    assert later(stack, plan).state is ReceiptState.NOT_WRITTEN


# It was written ---------------------------------------------------------------------------------


def applied_without_end(stack: Stack, home: Any, plan: Plan | None = None) -> Plan:
    """Apply a change and take its end out of the journal, as if the process had died before."""
    plan = plan or stack.sites.plan_update(SWITCH)
    stack.sites.apply(plan)
    path = stack.journal.path
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[:-1]))
    assert is_open(stack, plan)
    return plan


@BOTH
def test_it_reads_as_asked(stack: Stack, home: Any, via: WritePath) -> None:
    plan = applied_without_end(stack, home, stack.sites.plan_update(SWITCH, via=via))
    receipt = stack.changes.resolve(plan.plan_id[:6])
    assert (receipt.state, receipt.verified, receipt.notes) == (ReceiptState.VERIFIED, (YABA,), ())
    other = "from S3" if via is WritePath.LAMBDA else "through site-config-manager"
    version_id = stack.sites.fetch().version_id
    assert receipt.verified_by == f"looked again {other}, and found in version {version_id}"
    assert receipt.version_id == version_id
    assert receipt.plan.changes == plan.changes
    assert (receipt.applied_at, receipt.plan.calls) == (None, ())
    entry = stack.changes.find(plan.plan_id)
    assert (entry.outcome, entry.is_resolved, entry.version_id) == ("verified", True, receipt.version_id)


def test_it_was_written_and_changed_since(stack: Stack, home: Any) -> None:
    plan = applied_without_end(stack, home)
    written = stack.sites.fetch().version_id
    edit(home, tier="CRITICAL")
    receipt = stack.changes.resolve(plan.plan_id)
    assert (receipt.state, receipt.version_id) == (ReceiptState.VERIFIED, written)
    assert f"found in version {written}" in receipt.verified_by
    assert receipt.notes == (f"{YABA} has been changed since: tier reads CRITICAL, asked for NON_CRITICAL",)
    assert stack.changes.find(plan.plan_id).outcome == "verified"


def test_many_that_were_changed_since_are_counted(stack: Stack, home: Any) -> None:
    sites = {f"AN{number:04}": {"tier": "CRITICAL"} for number in range(14)}
    plan = applied_without_end(stack, home, stack.sites.plan_update(sites, create=True))
    file = home.file()
    home.put_file({**file, "sites": {YABA: file["sites"][YABA]}})
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.VERIFIED
    assert (len(receipt.notes), receipt.notes[-1]) == (11, "and 4 more sites have been changed since")


def test_it_was_written_and_the_file_broken_since(stack: Stack, home: Any) -> None:
    plan = applied_without_end(stack, home)
    edit(home, name="Yaba")
    home.put_file(b"{ cut")
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.VERIFIED
    assert receipt.notes[0].startswith("since then: s3://")


def test_it_was_written_and_the_old_file_put_back_to_the_byte(stack: Stack, home: Any) -> None:
    before = home.client("s3").get_object(Bucket=BUCKET, Key="site-tiers.json")["Body"].read()
    plan = applied_without_end(stack, home)
    home.put_file(before)
    assert stack.sites.fetch(via=WritePath.S3).etag == plan.base_etag
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.VERIFIED


def test_it_was_not_written_and_the_file_broken_since(stack: Stack, home: Any) -> None:
    plan = lost(stack)
    home.put_file(b"{ cut")
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.NOT_WRITTEN


def test_it_was_written_and_the_file_deleted_since(stack: Stack, home: Any) -> None:
    plan = applied_without_end(stack, home)
    home.client("s3").delete_object(Bucket=BUCKET, Key="site-tiers.json")
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.VERIFIED


def test_a_first_file_that_others_have_changed_since(stack: Stack, home: Any) -> None:
    home.forget_file()
    new = stack.sites.plan_update({"NEW1": {"tier": "CRITICAL"}}, create=True)
    plan = applied_without_end(stack, home, new)
    home.put_file({"sites": {"NEW1": {"tier": "NON_CRITICAL"}}})
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.VERIFIED


def test_secrets_do_not_hinder(stack: Stack, home: Any) -> None:
    edit(home, ftp_password="hunter1")
    plan = applied_without_end(
        stack, home, stack.sites.plan_update({YABA: {"ftp_password": "hunter2", "tier": "NON_CRITICAL"}})
    )
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.VERIFIED


def test_a_change_of_secrets_alone_is_not_taken_for_made(stack: Stack, home: Any) -> None:
    edit(home, ftp_password="hunter1")
    plan = lost(stack, stack.sites.plan_update({YABA: {"ftp_password": "hunter2"}}))
    edit(home, name="Yaba")
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.NOT_WRITTEN


def test_without_versions_secrets_cannot_be_compared(frail: Stack, proxy: Any, home: Any) -> None:
    edit(home, ftp_password="hunter1")
    plan = applied_without_end(frail, home, frail.sites.plan_update({YABA: {"ftp_password": "hunter2"}}))
    proxy.fail(is_list, **DENIAL)
    receipt = frail.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert "a secret is among what was changed" in receipt.unverified[YABA]


def test_a_change_that_did_more_on_the_same_file_is_another(stack: Stack, home: Any) -> None:
    plan = lost(stack)
    edit(home, tier="NON_CRITICAL", name="Yaba")
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.NOT_WRITTEN
    assert receipt.notes == ("the file reads as asked all the same",)


def test_a_file_that_was_mended(home: Any, settings_for: Callable[..., Any]) -> None:
    """A repair is planned on the broken file's own ETag, and may change no site at all."""
    good = home.file()
    home.put_file(json.dumps(good).encode()[:-1] + b",}")
    s3 = home.client("s3")
    s3.create_bucket(
        Bucket="smarterise-mended", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    with Stack(settings_for(home.url, journal_bucket="smarterise-mended")) as stack:
        plan = lost(stack, stack.sites.plan_repair())
        assert plan.changes == ()
        assert later(stack, plan, by=timedelta(0)).state is ReceiptState.UNVERIFIED
        assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
        path = stack.journal.path
        path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines()[:-1]))
        edit(home, name="Yaba")
        receipt = stack.changes.resolve(plan.plan_id)
        assert (receipt.state, receipt.notes) == (ReceiptState.VERIFIED, ())
        assert not is_open(stack, plan)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="smarterise-mended")["Contents"]]
    assert [key.rsplit("-", 1)[1] for key in keys] == ["done.json", "intended.json", "resolved.json"]


def test_a_file_that_somebody_else_mended(stack: Stack, home: Any) -> None:
    good = home.file()
    home.put_file(json.dumps(good).encode()[:-1] + b",}")
    plan = lost(stack, stack.sites.plan_repair())
    home.put_file(good)
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.NOT_WRITTEN


def test_what_could_not_be_verified_is_settled_when_the_network_is_back(
    frail: Stack, proxy: Any, home: Any
) -> None:
    plan = frail.sites.plan_update(SWITCH)
    broken = proxy.fail(is_get, status=None)
    assert frail.sites.apply(plan).state is ReceiptState.UNVERIFIED
    [entry] = frail.changes.unresolved()
    assert (entry.outcome, entry.is_resolved) == ("unverified", False)
    broken.times = 0
    assert frail.changes.resolve(plan.plan_id).state is ReceiptState.VERIFIED
    assert frail.changes.unresolved() == ()


# It cannot be told for certain ------------------------------------------------------------------


def test_versions_that_may_not_be_listed(frail: Stack, proxy: Any, home: Any) -> None:
    plan = applied_without_end(
        frail, home, frail.sites.plan_update({**SWITCH, "AN54101471": {"tier": "CRITICAL"}})
    )
    edit(home, tier="CRITICAL")
    proxy.fail(is_list, **DENIAL)
    receipt = frail.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.PARTLY_VERIFIED
    assert (receipt.verified, list(receipt.unverified)) == (("AN54101471",), [YABA])
    assert "cannot be told from the file's versions" in receipt.notes[0]
    assert not is_open(frail, plan), "nothing more can be learnt"
    assert frail.changes.find(plan.plan_id).outcome == "partly verified"


def test_versions_that_are_gone(stack: Stack, home: Any) -> None:
    plan = lost(stack)
    now = home.file()
    home.forget_file()
    home.put_file({**now, "owner": "bob"})
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert "not among those kept" in receipt.notes[0]
    assert receipt.unverified == {YABA: "tier reads CRITICAL, asked for NON_CRITICAL"}


def test_the_other_road_will_do(frail: Stack, proxy: Any, home: Any) -> None:
    plan = applied_without_end(frail, home)
    proxy.fail(is_get, **DENIAL)
    receipt = frail.changes.resolve(plan.plan_id)
    assert (receipt.state, receipt.verified_by) == (
        ReceiptState.VERIFIED,
        "looked again through site-config-manager",
    )
    assert "cannot be told from the file's versions" in receipt.notes[0]


def test_without_any_road_it_stays_open(frail: Stack, proxy: Any, home: Any) -> None:
    plan = applied_without_end(frail, home)
    proxy.fail(lambda *_: True, headers={"x-amzn-ErrorType": "AccessDenied"}, **DENIAL)
    with pytest.raises(Denied) as caught:
        frail.changes.resolve(plan.plan_id)
    assert caught.value.action == "s3:GetObject"
    assert is_open(frail, plan)


# The journal ------------------------------------------------------------------------------------


def test_a_change_that_was_certain_is_looked_at_and_not_written_down_again(stack: Stack) -> None:
    plan = stack.sites.plan_update(SWITCH)
    stack.sites.apply(plan)
    before = stack.journal.path.read_text()
    assert stack.changes.resolve(plan.plan_id).state is ReceiptState.VERIFIED
    assert stack.journal.path.read_text() == before


def test_a_journal_that_cannot_be_written_is_told(
    stack: Stack, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = applied_without_end(stack, home)

    def refuse(*_: object, **__: object) -> bytes:
        raise SmarteriseError("the journal cannot be written", code="JOURNAL")

    monkeypatch.setattr(stack.journal, "resolved", refuse)
    with pytest.raises(SmarteriseError) as caught:
        stack.changes.resolve(plan.plan_id)
    assert caught.value.code == "JOURNAL"


def test_the_end_is_copied_where_a_bucket_is_set(home: Any, settings_for: Callable[..., Any]) -> None:
    settings = settings_for(home.url)
    with Stack(settings) as stack:
        plan = applied_without_end(stack, home)
    s3 = home.client("s3")
    s3.create_bucket(Bucket="smarterise-ends", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    with Stack(replace(settings, journal_bucket="smarterise-ends")) as stack:
        receipt = stack.changes.resolve(plan.plan_id)
    key = f"journal/local/{plan.planned_at:%Y-%m-%d}/{plan.plan_id}-resolved.json"
    line = json.loads(s3.get_object(Bucket="smarterise-ends", Key=key)["Body"].read())
    assert (line["entry"], line["outcome"], receipt.notes) == ("resolved", "verified", ())
    assert [call.target for call in receipt.plan.calls] == [f"s3://smarterise-ends/{key}"]


def test_read_only_settles_here_and_copies_nothing(home: Any, settings_for: Callable[..., Any]) -> None:
    settings = settings_for(home.url)
    with Stack(settings) as stack:
        plan = applied_without_end(stack, home)
    with Stack(replace(settings, read_only=True, journal_bucket="nobody-writes-here")) as stack:
        receipt = stack.changes.resolve(plan.plan_id)
        assert receipt.state is ReceiptState.VERIFIED
        assert "no copy of the journal" in receipt.notes[0]
        assert "read-only" in receipt.notes[0]
        assert not is_open(stack, plan)


def test_what_is_being_made_is_waited_for(stack: Stack) -> None:
    plan = stack.sites.plan_update(SWITCH)
    stack.journal.intended(plan, who="anna")
    with pytest.raises(UsageError) as caught:
        stack.changes.resolve(plan.plan_id)
    assert caught.value.code == "IN_PROGRESS"
