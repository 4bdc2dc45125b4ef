"""A broken site file mended in S3: by the smallest fix, or by its last good version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import Conflict, Denied, InvalidDocument, NotFound, UsageError, WriteRefused
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

YABA, OTHER = "ehm21120333", "AN54101471"
XML = '<?xml version="1.0"?><Error><Code>{}</Code><Message>no</Message></Error>'


def is_put(method: str, path: str) -> bool:
    return method == "PUT" and "site-tiers.json" in path


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def broken(home: Any, *swaps: tuple[str, str]) -> str:
    """Upload the file with things in it replaced by hand; returns the text that was there before."""
    s3 = home.client("s3")
    place = {"Bucket": "smarterise-site-config", "Key": "site-tiers.json"}
    text: str = s3.get_object(**place)["Body"].read().decode()
    by_hand = text
    for was, becomes in swaps:
        assert was in by_hand
        by_hand = by_hand.replace(was, becomes, 1)
    s3.put_object(**place, Body=by_hand.encode())
    return text


def test_the_smallest_fix_is_planned_told_made_and_proven(stack: Stack, home: Any) -> None:
    good = stack.sites.fetch().version_id
    broken(
        home,
        ('"CRITICAL"', '"CRITICL" // storm'),
        ('"NON_CRITICAL"', '"CRITICAL"'),
        ('"owner": "ops"', '"owner": "ops",'),
    )
    bad = home.client("s3").head_object(Bucket="smarterise-site-config", Key="site-tiers.json")["VersionId"]
    plan = stack.sites.plan_repair(reason="typo")
    assert plan.title == "Repair the site file by 4 fixes"
    assert plan.via is WritePath.S3
    assert plan.notes[:-1] == (
        "line 6: comment deleted",
        f'line 6: site {YABA}: tier "CRITICL" → "CRITICAL"',
        "line 7: missing comma added",
        "line 20: extra comma deleted",
    )
    assert plan.notes[-1] == f"the file as it is stays in S3 as version {bad}"
    assert [change.gateway_serial for change in plan.changes] == [OTHER]
    assert plan.effects[0] == f"the file can be used again; until now readers went on with version {good}"
    assert "1 site: alarm actions on, 8 alarms" in plan.effects
    assert plan.monthly_usd == 0.22
    assert [call.target for call in plan.calls] == ["s3://smarterise-site-config/site-tiers.json"]

    receipt = stack.sites.apply(plan)
    assert (receipt.state, receipt.verified) == (ReceiptState.VERIFIED, (OTHER,))
    assert receipt.verified_by == "read back through site-config-manager"
    file = home.file()
    assert file["sites"][YABA] == {"tier": "CRITICAL", "name": "Yaba Market", "note": "kept"}
    assert file["sites"][OTHER]["tier"] == "CRITICAL"
    assert (file["owner"], file["reason"]) == ("ops", "typo")
    assert file["updated_by"].startswith("arn:aws:")
    assert stack.sites.fetch().degraded is None
    latest = stack.sites.history(via=WritePath.S3).entries
    assert [entry.kind for entry in latest] == ["change", "broken", "first"]
    [entry] = stack.journal.read().entries
    assert (entry.outcome, entry.title) == ("verified", plan.title)


def test_a_fix_that_changes_no_site_is_still_made(stack: Stack, home: Any) -> None:
    broken(home, ('"CRITICAL"', '"CRITICAL" /* by hand */'))
    plan = stack.sites.plan_repair()
    assert (plan.changes, plan.is_empty) == ((), False)
    receipt = stack.sites.apply(plan)
    assert (receipt.state, receipt.verified, receipt.unverified) == (ReceiptState.VERIFIED, (), {})
    assert home.file()["reason"] == plan.title
    assert stack.sites.fetch().degraded is None


def test_a_cut_file_is_completed(stack: Stack, home: Any) -> None:
    before = home.file()
    text = json.dumps(before, indent=2)
    home.put_file(text[: text.index("nominal")].encode())
    plan = stack.sites.plan_repair()
    assert plan.changes == ()
    assert any(
        "1 site after that taken from the last valid version: AN10220456" in note for note in plan.notes
    )
    stack.sites.apply(plan)
    assert home.file()["sites"] == before["sites"]
    assert home.file()["owner"] == "ops"


def test_the_last_good_version_instead(stack: Stack, home: Any) -> None:
    good = stack.sites.fetch().version_id
    before = home.file()
    broken(home, ('"CRITICAL"', '"CRITICL"'), ('"Yaba Market"', '"Ikeja"'))
    plan = stack.sites.plan_repair(last_good=True)
    assert plan.title.startswith("Put version ")
    assert plan.changes == ()
    assert plan.notes[0] == f"all as in version {good}"
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    assert home.file()["sites"] == before["sites"]


def test_a_file_with_nothing_wrong(stack: Stack, home: Any) -> None:
    for last_good in (False, True):
        plan = stack.sites.plan_repair(last_good=last_good)
        assert plan.is_empty
        assert plan.notes == ("the site file can be used",)
        assert stack.sites.apply(plan).state is ReceiptState.NOTHING_TO_DO


def test_what_is_left_to_people_names_the_way_out(stack: Stack, home: Any) -> None:
    broken(home, ('"AN54101471"', '"NEW!"'), ('"ehm21120333"', '"OLD?"'))
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.plan_repair()
    assert [problem.site for problem in caught.value.problems] == ["OLD?", "NEW!"]
    assert "sites repair --last-good" in caught.value.remedy
    home.put_file(b"<html>")
    with pytest.raises(InvalidDocument) as caught:
        stack.sites.plan_repair()
    assert "sites repair --last-good" in caught.value.remedy


def test_without_any_good_version(stack: Stack, home: Any) -> None:
    home.forget_file()
    home.put_file(b'{"sites": {"ehm21120333": {"tier": "CRITICL"}},}')
    for wanted in (True, False):
        home.put_file(b"<html>")
        with pytest.raises(InvalidDocument) as caught:
            stack.sites.plan_repair(last_good=wanted)
        assert caught.value.problems
        assert "--last-good" not in caught.value.remedy
    home.put_file(b'{"sites": {"ehm21120333": {"tier": "CRITICL"}},}')
    plan = stack.sites.plan_repair()
    assert [change.before for change in plan.changes] == [None]
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED


def test_a_deleted_file_is_put_back(stack: Stack, home: Any) -> None:
    before = home.file()
    home.client("s3").delete_object(Bucket="smarterise-site-config", Key="site-tiers.json")
    with pytest.raises(NotFound) as caught:
        stack.sites.plan_repair()
    assert caught.value.code == "CONFIG_MISSING"
    assert "--last-good" in caught.value.remedy
    plan = stack.sites.plan_repair(last_good=True)
    assert plan.base_etag == ""
    assert stack.sites.apply(plan).state is ReceiptState.VERIFIED
    assert home.file()["sites"] == before["sites"]


def test_somebody_mends_it_by_hand_meanwhile(stack: Stack, home: Any) -> None:
    text = broken(home, ('"CRITICAL"', '"CRITICL"'))
    plan = stack.sites.plan_repair()
    home.put_file(text.replace("Yaba Market", "Ikeja").encode())
    with pytest.raises(Conflict) as caught:
        stack.sites.apply(plan)
    assert "nothing was written" in caught.value.what
    assert home.file()["sites"][YABA]["name"] == "Ikeja"
    deleted = home.client("s3")
    deleted.delete_object(Bucket="smarterise-site-config", Key="site-tiers.json")
    back = stack.sites.plan_repair(last_good=True)
    home.put_file(text.encode())
    with pytest.raises(Conflict):
        stack.sites.apply(back)


def test_the_function_that_is_out_of_reach_does_not_stop_it(frail: Stack, proxy: Any, home: Any) -> None:
    broken(home, ('"CRITICAL"', '"NON_CRITICAL",'))
    fault = proxy.fail(is_invocation, status=None)
    plan = frail.sites.plan_repair()
    assert any("the schedules could not be told" in cause for cause in plan.effects)
    receipt = frail.sites.apply(plan)
    assert (receipt.state, receipt.verified) == (ReceiptState.UNVERIFIED, ())
    assert set(receipt.unverified) == {YABA, "the file"}
    fault.times = 0
    assert frail.sites.fetch().degraded is None


def test_a_lost_answer_is_looked_up(frail: Stack, proxy: Any, home: Any) -> None:
    broken(home, ('"CRITICAL"', '"CRITICAL",'), ('"Yaba Market"', '"Ikeja"'))
    plan = frail.sites.plan_repair()
    assert [change.gateway_serial for change in plan.changes] == [YABA]
    proxy.fail(is_put, times=1, status=None, forward=True)
    receipt = frail.sites.apply(plan)
    assert (receipt.state, receipt.verified) == (ReceiptState.VERIFIED, (YABA,))
    assert "no answer to" in receipt.verified_by


def test_what_reads_back_otherwise_beside_the_sites_is_told(frail: Stack, proxy: Any, home: Any) -> None:
    broken(home, ('"CRITICAL"', '"CRITICAL",'))
    plan = frail.sites.plan_repair()

    def overtake(method: str, path: str) -> None:
        if is_invocation(method, path):
            proxy.before = lambda *_: None
            home.put_file({**home.file(), "owner": "bob"})

    proxy.before = overtake
    receipt = frail.sites.apply(plan)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert set(receipt.unverified) == {"the file"}
    assert "does not read back as written" in receipt.unverified["the file"]


def test_denied_to_put_alone(frail: Stack, proxy: Any, home: Any) -> None:
    broken(home, ('"CRITICAL"', '"CRITICL"'))
    proxy.fail(is_put, status=403, body=XML.format("AccessDenied").encode())
    with pytest.raises(Denied) as caught:
        frail.sites.apply(frail.sites.plan_repair())
    assert caught.value.action == "s3:PutObject"
    [entry] = frail.journal.read().entries
    assert entry.outcome == "failed"


def test_read_only_plans_and_does_not_write(home: Any, settings_for: Callable[..., Any]) -> None:
    broken(home, ('"CRITICAL"', '"CRITICL"'))
    with Stack(settings_for(home.url, read_only=True)) as stack:
        plan = stack.sites.plan_repair()
        with pytest.raises(WriteRefused):
            stack.sites.apply(plan)
        with pytest.raises(UsageError):
            stack.sites.plan_repair(reason="x" * 1001)


def test_a_hundred_fixes_are_told_and_the_rest_counted(stack: Stack, home: Any) -> None:
    sites = {f"AN{number:08}": {"tier": "CRITICAL"} for number in range(150)}
    home.put_file({"sites": sites})
    home.put_file(json.dumps({"sites": {serial: {"tier": "CRITICL"} for serial in sites}}).encode())
    plan = stack.sites.plan_repair()
    assert plan.title == "Repair the site file by 150 fixes"
    assert len(plan.notes) == 102
    assert plan.notes[-2] == "and 50 more"
