"""What does not follow the site file is found, planned, put right and proven, by the real function."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import ReceiptState
from smarterise_sdk.domain.stack.alarms import ALARM_RULES
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import Denied, NotFound, RemoteFault, UsageError, WriteRefused
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = StackNames()
YABA, PAUSED, UNKNOWN = "ehm21120333", "AN10220456", "ZZ99999999"
LIVE, OFF, STRAY = (NAMES.alarm(serial, ALARM_RULES[0].name) for serial in (YABA, PAUSED, UNKNOWN))


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


@pytest.fixture
def alarms(home: Any) -> Iterator[Any]:
    """The client of the alarms: one live site's with its actions off, one paused site's with them on."""
    cloudwatch = home.client("cloudwatch")
    for name, on in ((LIVE, False), (OFF, True)):
        home.put_alarm(name, on=on)
    yield cloudwatch
    home.forget_alarms()
    home.client("events").enable_rule(Name=NAMES.sweep_rule(Tier.CRITICAL))


def has_actions(cloudwatch: Any) -> dict[str, bool]:
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"]: alarm["ActionsEnabled"] for alarm in found}


def test_drift_is_found_and_nothing_is_changed(stack: Stack, alarms: Any) -> None:
    before = has_actions(alarms)
    drift = stack.reconciliation.drift()
    assert {(one.subject, one.before, one.after, one.gateway_serial) for one in drift.changes} == {
        (LIVE, "off", "on", YABA),
        (OFF, "on", "off", PAUSED),
    }
    assert (drift.left, drift.issues, drift.unseen) == ((), (), ())
    assert (drift.checked_alarms, drift.checked_schedules) == (2, 2)
    assert drift.etag == stack.sites.fetch().etag
    assert not drift.is_none
    assert has_actions(alarms) == before


def test_it_is_put_right_and_proven(stack: Stack, alarms: Any, home: Any) -> None:
    home.client("events").disable_rule(Name=NAMES.sweep_rule(Tier.CRITICAL))
    plan = stack.reconciliation.plan_reconcile("after the outage")
    assert plan.title == "Make alarm actions (2) and schedule (1) follow the site file"
    assert [(call.action, call.target) for call in plan.calls] == [
        ("lambda:InvokeFunction", "function site-config-manager")
    ]
    assert "alarm actions: 1 × off → on" in plan.effects
    assert "it concerns 2 sites" in plan.effects
    assert (plan.changes, plan.is_empty, plan.account) == ((), False, "111122223333")
    steps: list[str] = []
    receipt = stack.reconciliation.apply(plan, steps.append)
    assert steps == ["applying", "verifying (a second look)"]
    assert receipt.state is ReceiptState.VERIFIED
    assert set(receipt.verified) == {LIVE, OFF, NAMES.sweep_rule(Tier.CRITICAL)}
    assert len(receipt.request_ids) == 1
    assert has_actions(alarms) == {LIVE: True, OFF: False}
    assert stack.reconciliation.drift().is_none

    [entry] = stack.changes.list().entries
    assert (entry.outcome, entry.reason, entry.stack_changes) == (
        "verified",
        "after the outage",
        plan.stack_changes,
    )
    with pytest.raises(UsageError) as caught:
        stack.changes.plan_undo(plan.plan_id)
    assert caught.value.code == "NOT_UNDOABLE"


def test_nothing_to_do(stack: Stack, alarms: Any) -> None:
    stack.reconciliation.apply(stack.reconciliation.plan_reconcile())
    plan = stack.reconciliation.plan_reconcile()
    assert (plan.is_empty, plan.title) == (True, "Change nothing")
    assert stack.reconciliation.apply(plan).state is ReceiptState.NOTHING_TO_DO
    assert len(stack.changes.list().entries) == 1


def test_what_nobody_knows_is_told_and_left_alone(stack: Stack, alarms: Any, home: Any) -> None:
    home.put_alarm(STRAY)
    drift = stack.reconciliation.drift()
    [row] = drift.left
    assert (row.change.subject, row.can_repair) == (STRAY, False)
    assert STRAY in drift.issues[0]
    plan = stack.reconciliation.plan_reconcile()
    assert any(STRAY in note for note in plan.notes)
    receipt = stack.reconciliation.apply(plan)
    assert receipt.state is ReceiptState.VERIFIED
    assert any(STRAY in note for note in receipt.notes)
    assert has_actions(alarms)[STRAY]


def test_a_broken_file_switches_nothing_off(stack: Stack, alarms: Any, home: Any) -> None:
    home.put_file(b"{ cut")
    drift = stack.reconciliation.drift()
    assert [one.subject for one in drift.changes] == [LIVE]
    assert [row.change.subject for row in drift.left] == [OFF]
    assert "is invalid; using version" in drift.issues[0]
    stack.reconciliation.apply(stack.reconciliation.plan_reconcile())
    assert has_actions(alarms) == {LIVE: True, OFF: True}


def test_read_only_looks_and_does_not_touch(home: Any, alarms: Any, settings_for: Callable[..., Any]) -> None:
    with Stack(settings_for(home.url, read_only=True)) as stack:
        plan = stack.reconciliation.plan_reconcile()
        with pytest.raises(WriteRefused):
            stack.reconciliation.apply(plan)
        assert stack.changes.list().entries == ()
    assert has_actions(alarms) == {LIVE: False, OFF: True}


def test_a_file_that_changed_meanwhile_is_what_is_followed(stack: Stack, alarms: Any, home: Any) -> None:
    plan = stack.reconciliation.plan_reconcile()
    file = home.file()
    file["sites"][YABA]["tier"] = "NON_CRITICAL"
    home.put_file(file)
    receipt = stack.reconciliation.apply(plan)
    assert receipt.state is ReceiptState.VERIFIED, "the alarm is as the newer file asks"
    assert any("follows the newer one" in note for note in receipt.notes)
    assert has_actions(alarms) == {LIVE: False, OFF: False}


# Faults -----------------------------------------------------------------------------------------


def fault(kind: str) -> dict[str, Any]:
    body = json.dumps({"errorMessage": "Task timed out"}).encode()
    return {
        "lost": {"status": None, "forward": True},
        "timed out after it did it": {
            "status": 200,
            "body": body,
            "headers": {"X-Amz-Function-Error": "Unhandled"},
            "forward": True,
        },
    }[kind]


@pytest.mark.parametrize("kind", ["lost", "timed out after it did it"])
def test_an_answer_lost_after_it_was_done(frail: Stack, proxy: Any, alarms: Any, kind: str) -> None:
    plan = frail.reconciliation.plan_reconcile()
    proxy.fail(is_invocation, times=1, **fault(kind))
    steps: list[str] = []
    receipt = frail.reconciliation.apply(plan, steps.append)
    assert receipt.state is ReceiptState.VERIFIED
    assert "after: " in receipt.verified_by
    assert "looking whether it was done all the same" in steps[1]


def test_a_fault_before_anything_was_done(frail: Stack, proxy: Any, alarms: Any) -> None:
    plan = frail.reconciliation.plan_reconcile()
    proxy.fail(is_invocation, times=1, **{**fault("timed out after it did it"), "forward": False})
    with pytest.raises(RemoteFault):
        frail.reconciliation.apply(plan)
    [entry] = frail.changes.list().entries
    assert entry.outcome == "failed"


def test_nobody_may_look_again(frail: Stack, proxy: Any, alarms: Any) -> None:
    plan = frail.reconciliation.plan_reconcile()
    invocations: list[str] = []
    denial = proxy.fail(
        lambda method, path: is_invocation(method, path) and len(invocations) > 0,
        status=403,
        body=b"{}",
        headers={"x-amzn-ErrorType": "AccessDenied"},
    )

    def count(method: str, path: str) -> None:
        if is_invocation(method, path):
            invocations.append(path)

    proxy.before = count
    receipt = frail.reconciliation.apply(plan)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert "could not be looked at again" in receipt.unverified[LIVE]
    assert receipt.verified_at is None
    assert [entry.plan_id for entry in frail.changes.unresolved()] == [plan.plan_id]

    denial.times = 0
    assert frail.changes.resolve(plan.plan_id).state is ReceiptState.VERIFIED
    assert frail.changes.unresolved() == ()


def test_one_who_may_not_is_told(frail: Stack, proxy: Any, alarms: Any) -> None:
    plan = frail.reconciliation.plan_reconcile()
    proxy.fail(is_invocation, status=403, body=b"{}", headers={"x-amzn-ErrorType": "AccessDenied"})
    with pytest.raises(Denied):
        frail.reconciliation.apply(plan)
    with pytest.raises(Denied):
        frail.reconciliation.drift()


def test_a_change_that_was_begun_stays_open_while_it_may_go_on(stack: Stack, alarms: Any) -> None:
    plan = stack.reconciliation.plan_reconcile()
    stack.journal.intended(plan, who="anna")
    stack.journal.release(plan.plan_id)
    receipt = stack.changes.resolve(plan.plan_id)
    assert receipt.state is ReceiptState.UNVERIFIED
    assert receipt.unverified == {LIVE: "still off", OFF: "still on"}
    assert [entry.plan_id for entry in stack.changes.unresolved()] == [plan.plan_id]


def test_a_function_that_is_not_there(home: Any, settings_for: Callable[..., Any]) -> None:
    names = replace(NAMES, site_config_manager="nobody")
    with Stack(settings_for(home.url, names=names)) as stack, pytest.raises(NotFound):
        stack.reconciliation.drift()


@pytest.mark.parametrize(
    "response",
    [
        {"ok": True},
        {"ok": True, "drift": 3, "checked": {}},
        {"ok": True, "drift": [3], "checked": {}},
        {"ok": True, "drift": [], "checked": 3},
        {"ok": 1},
    ],
)
def test_a_reply_in_another_shape(frail: Stack, proxy: Any, response: dict[str, Any]) -> None:
    proxy.fail(is_invocation, status=200, body=json.dumps(response).encode())
    with pytest.raises(RemoteFault) as caught:
        frail.reconciliation.drift()
    assert caught.value.code == "UNKNOWN_REPLY"


def test_what_a_reply_says_is_made_safe_to_show(frail: Stack, proxy: Any) -> None:
    response = {
        "ok": True,
        "drift": [{"kind": "alarm actions", "subject": "\x1b[2J", "before": None, "error": "no\nway"}],
        "drift_count": 5,
        "checked": {"alarms": "x"},
        "errors": ["a\x07"],
        "next_token": "",
    }
    proxy.fail(is_invocation, status=200, body=json.dumps(response).encode())
    drift = frail.reconciliation.drift()
    assert drift.issues == (
        "a\\x07",
        "4 more do not follow than one answer can tell: look again after reconciling",
        "\\x1b[2J: ; no\\x0away",
    )
    assert (drift.checked_alarms, drift.etag) == (0, "")


def of_run(alarm: str, next_token: str) -> bytes:
    """Return the answer of one run among several: it saw a hundred alarms, and one that deviates."""
    row = {"kind": "alarm actions", "subject": alarm, "before": "off", "after": "on", "gateway_serial": YABA}
    checked = {"alarms": 100, "schedules": 0 if next_token == "" else 2}
    response = {
        "ok": True,
        "drift": [row],
        "drift_count": 1,
        "checked": checked,
        "errors": [],
        "next_token": next_token,
    }
    return json.dumps(response).encode()


def test_runs_that_end_before_they_have_seen_everything_make_one_answer(frail: Stack, proxy: Any) -> None:
    for turn, next_token in enumerate(("page 2", "page 3", "")):
        proxy.fail(is_invocation, times=1, status=200, body=of_run(f"alarm {turn}", next_token))
    drift = frail.reconciliation.drift()
    assert [change.subject for change in drift.changes] == ["alarm 0", "alarm 1", "alarm 2"]
    assert (drift.checked_alarms, drift.checked_schedules, drift.issues) == (300, 4, ())


def test_a_run_that_does_not_get_on_is_not_asked_for_ever(frail: Stack, proxy: Any) -> None:
    proxy.fail(is_invocation, status=200, body=of_run("alarm", "page 2"))
    drift = frail.reconciliation.drift()
    assert drift.checked_alarms == 200
    assert drift.unseen == ("the look did not get on, so not every alarm was seen",)
    assert not drift.is_none
