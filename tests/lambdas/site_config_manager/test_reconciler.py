"""site-config-manager reconciles alarm actions and schedules, on request and on S3 events."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from smarterise_lambdas.shared import clients
from smarterise_lambdas.site_config_manager import reconciler
from smarterise_lambdas.site_config_manager.handler import handler
from smarterise_lambdas.site_config_manager.s3_event import ReconcileIncomplete

Invoke = Callable[..., dict[str, Any]]

LIVE, OTHER, ASLEEP = "AN00000001", "AN00000002", "AN00000003"
SITES = {
    LIVE: {"tier": "CRITICAL"},
    OTHER: {"tier": "NON_CRITICAL"},
    ASLEEP: {"tier": "CRITICAL", "enabled": False},
}
RULES = ("voltage-a-low", "no-data")


class PlanContext:
    """The alarms and schedules of one test, under names of their own; their state to begin with is wrong."""

    def __init__(self) -> None:
        self.prefix = f"t{uuid.uuid4().hex[:12]}"

    def alarm(self, serial: str, rule: str = "no-data") -> str:
        return f"{self.prefix}-{serial}-{rule}"

    def put_alarm(self, name: str, *, on: bool) -> None:
        clients.cloudwatch().put_metric_alarm(
            AlarmName=name,
            Namespace="N",
            MetricName="M",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="LessThanThreshold",
            ActionsEnabled=on,
        )

    def actions(self) -> dict[str, bool]:
        """Return which alarms have their actions on, by the names without the prefix."""
        pages = clients.cloudwatch().get_paginator("describe_alarms").paginate(AlarmNamePrefix=self.prefix)
        return {
            alarm["AlarmName"].removeprefix(f"{self.prefix}-"): alarm["ActionsEnabled"]
            for page in pages
            for alarm in page["MetricAlarms"]
        }

    def rule(self, tier: str) -> str:
        return f"{self.prefix}-{tier.lower()}-ftp-sweep"

    def put_rule(
        self, tier: str, *, enabled: bool = True, payload: str | None = None, function: str = "ftp_to_s3"
    ) -> None:
        clients.events().put_rule(
            Name=self.rule(tier),
            ScheduleExpression="rate(12 hours)",
            State="ENABLED" if enabled else "DISABLED",
        )
        arn = f"arn:aws:lambda:eu-west-2:111122223333:function:{function}"
        payload = json.dumps({"site_tier": tier}) if payload is None else payload
        clients.events().put_targets(
            Rule=self.rule(tier), Targets=[{"Id": "1", "Arn": arn, "Input": payload}]
        )

    def is_enabled(self, tier: str) -> bool:
        return clients.events().describe_rule(Name=self.rule(tier))["State"] == "ENABLED"


@pytest.fixture
def around(file: Any, monkeypatch: pytest.MonkeyPatch) -> PlanContext:
    """A file of three sites, two alarms each, all the wrong way round, and both schedules in order."""
    around = PlanContext()
    monkeypatch.setenv("ALARM_PREFIX", around.prefix)
    monkeypatch.setenv("CRITICAL_RULE_PREFIX", f"{around.prefix}-critical")
    monkeypatch.setenv("NON_CRITICAL_RULE_PREFIX", f"{around.prefix}-non_critical")
    file.upload({"sites": SITES})
    for serial in SITES:
        for rule in RULES:
            around.put_alarm(around.alarm(serial, rule), on=serial != LIVE)
    for tier in ("CRITICAL", "NON_CRITICAL"):
        around.put_rule(tier)
    return around


def as_asked(around: PlanContext) -> bool:
    return around.actions() == {f"{serial}-{rule}": serial == LIVE for serial in SITES for rule in RULES}


def test_a_dry_run_reports_drift_and_changes_nothing(file: Any, around: PlanContext, invoke: Invoke) -> None:
    before = around.actions()
    response = invoke("reconcile", dry_run=True)
    assert (response["ok"], response["action"], response["dry_run"]) == (True, "reconcile", True)
    assert (response["checked"], response["drift_count"]) == ({"alarms": 6, "schedules": 2}, 6)
    assert (response["errors"], response["degraded"]) == ([], None)
    assert response["etag"] == invoke("get_config")["etag"]
    assert {row["subject"]: row for row in response["drift"]}[around.alarm(LIVE, "no-data")] == {
        "kind": "alarm actions",
        "subject": around.alarm(LIVE, "no-data"),
        "gateway_serial": LIVE,
        "before": "off",
        "after": "on",
        "repaired": False,
        "error": "",
    }
    assert around.actions() == before


def test_it_repairs_the_drift_it_reports(around: PlanContext, invoke: Invoke) -> None:
    response = invoke("reconcile")
    assert [row["repaired"] for row in response["drift"]] == [True] * 6
    assert as_asked(around)
    again = invoke("reconcile")
    assert (again["drift"], again["checked"]["alarms"]) == ([], 6)


def test_alarms_of_no_site_are_reported_and_skipped(around: PlanContext, invoke: Invoke) -> None:
    around.put_alarm(around.alarm("AN00009999"), on=True)
    around.put_alarm(f"{around.prefix}-pipeline-rows-rejected", on=False)
    response = invoke("reconcile")
    (stray,) = [row for row in response["drift"] if not row["repaired"]]
    assert (stray["kind"], stray["gateway_serial"]) == ("alarm without a site", "AN00009999")
    assert "AN00009999" in stray["error"]
    assert around.actions()["AN00009999-no-data"] is True
    assert around.actions()["pipeline-rows-rejected"] is False


def test_alarms_are_switched_a_hundred_per_call(
    file: Any, around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    serials = [f"AN1{number:07d}" for number in range(250)]
    for serial in serials:
        around.put_alarm(around.alarm(serial), on=True)
    file.upload({"sites": SITES | {serial: {"tier": "NON_CRITICAL"} for serial in serials}})
    calls = []
    disable = clients.cloudwatch().disable_alarm_actions

    def counting(**request: Any) -> Any:
        calls.append(len(request["AlarmNames"]))
        return disable(**request)

    monkeypatch.setattr(clients.cloudwatch(), "disable_alarm_actions", counting)
    response = invoke("reconcile")
    assert (response["drift_count"], response["checked"]["alarms"]) == (256, 256)
    assert calls == [100, 100, 54]
    assert invoke("reconcile")["drift"] == []


def test_a_disabled_schedule_is_enabled_again(around: PlanContext, invoke: Invoke) -> None:
    around.put_rule("NON_CRITICAL", enabled=False)
    drift = invoke("reconcile")["drift"]
    (row,) = [row for row in drift if row["kind"] == "schedule"]
    assert (row["subject"], row["before"], row["after"], row["repaired"]) == (
        around.rule("NON_CRITICAL"), "disabled", "enabled", True,
    )  # fmt: skip
    assert around.is_enabled("NON_CRITICAL")


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": '{"site_tier": "NON_CRITICAL"}'},
        {"payload": "not json"},
        {"payload": '["CRITICAL"]'},
        {"function": "another"},
    ],
)
def test_a_schedule_with_a_wrong_target_is_left_to_terraform(
    around: PlanContext, invoke: Invoke, wrong: dict[str, str]
) -> None:
    around.put_rule("CRITICAL", **wrong)  # type: ignore[arg-type]
    (row,) = [row for row in invoke("reconcile")["drift"] if row["kind"] == "schedule"]
    assert (row["subject"], row["repaired"]) == (around.rule("CRITICAL"), False)
    assert "Terraform" in row["error"]


def test_a_tier_without_a_schedule_is_reported(around: PlanContext, invoke: Invoke) -> None:
    clients.events().remove_targets(Rule=around.rule("CRITICAL"), Ids=["1"])
    clients.events().delete_rule(Name=around.rule("CRITICAL"))
    (row,) = [row for row in invoke("reconcile")["drift"] if row["kind"] == "schedule"]
    assert row["before"].startswith("no scheduled rule")


def test_get_config_returns_the_collection_schedules(around: PlanContext, invoke: Invoke) -> None:
    around.put_rule("NON_CRITICAL", enabled=False)
    response = invoke("get_config", with_schedules=True)
    assert response["schedules"] == [
        {"tier": tier, "rule": around.rule(tier), "schedule": "rate(12 hours)", "enabled": tier == "CRITICAL"}
        for tier in ("CRITICAL", "NON_CRITICAL")
    ]
    assert response["schedules_error"] == ""
    assert "schedules" not in invoke("get_config")
    # Cached for a minute; reconcile always reads them.
    around.put_rule("NON_CRITICAL", enabled=True)
    assert invoke("get_config", with_schedules=True)["schedules"][1]["enabled"] is False
    invoke("reconcile", dry_run=True)
    assert invoke("get_config", with_schedules=True)["schedules"][1]["enabled"] is True


def failing(client: Any, operation: str, errors: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let an operation fail with each of these errors in turn, `None` letting it through; then it works."""
    works, calls = getattr(client, operation), []

    def call(**request: Any) -> Any:
        calls.append(request)
        error = errors.pop(0) if errors else None
        if error is not None:
            raise error
        return works(**request)

    monkeypatch.setattr(client, operation, call)
    return calls


def refused(code: str, operation: str = "Operation") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def test_throttled_calls_are_retried(
    around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttled = [refused("Throttling"), refused("ThrottlingException")]
    for operation in ("describe_alarms", "enable_alarm_actions", "disable_alarm_actions"):
        failing(clients.cloudwatch(), operation, list(throttled), monkeypatch)
    response = invoke("reconcile")
    assert ([row["repaired"] for row in response["drift"]], response["errors"]) == ([True] * 6, [])


def test_endless_throttling_ends_with_a_response(
    around: PlanContext, invoke: Invoke, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = failing(clients.cloudwatch(), "enable_alarm_actions", [refused("Throttling")] * 1000, monkeypatch)
    context.ends_at = time.monotonic() + 3.0
    monkeypatch.setattr(reconciler, "REPAIR_MS", reconciler.RESERVE_MS)
    response = invoke("reconcile")
    assert context.get_remaining_time_in_millis() > 0
    assert len(calls) > 1
    left = [row["error"] for row in response["drift"] if row["after"] == "on"]
    assert left == ["deadline exceeded. Fix: run it again"] * 2
    assert not any(around.actions()[f"{LIVE}-{rule}"] for rule in RULES)


def test_a_run_at_its_deadline_returns_a_token(
    file: Any, around: PlanContext, invoke: Invoke, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    serials = [f"AN1{number:07d}" for number in range(250)]
    for serial in serials:
        around.put_alarm(around.alarm(serial), on=True)
    file.upload({"sites": SITES | {serial: {"tier": "NON_CRITICAL"} for serial in serials}})
    describe = clients.cloudwatch().describe_alarms

    def slow(**request: Any) -> Any:
        context.ends_at = time.monotonic() + reconciler.REPAIR_MS / 1000 - 0.5
        return describe(**request)

    monkeypatch.setattr(clients.cloudwatch(), "describe_alarms", slow)
    rounds: list[dict[str, Any]] = []
    while not rounds or rounds[-1]["next_token"]:
        context.ends_at = time.monotonic() + 30
        rounds.append(invoke("reconcile", next_token=rounds[-1]["next_token"] if rounds else ""))
    assert [response["checked"] for response in rounds] == [
        {"alarms": 100, "schedules": 2}, {"alarms": 100, "schedules": 0}, {"alarms": 56, "schedules": 0},
    ]  # fmt: skip
    assert [response["errors"] for response in rounds] == [[], [], []]
    assert sum(response["drift_count"] for response in rounds) == 256
    assert all(row["repaired"] for response in rounds for row in response["drift"])


@pytest.mark.parametrize(("passed_ms", "looked"), [(40_000, 6), (54_000, 0)])
def test_a_caller_waits_a_minute_at_most(
    around: PlanContext, context: Any, passed_ms: int, looked: int
) -> None:
    clock = iter([300_000])
    context.get_remaining_time_in_millis = lambda: next(clock, 300_000 - passed_ms)
    assert handler({"action": "reconcile"}, context)["checked"]["alarms"] == looked


def test_denied_alarms_are_an_error_and_schedules_are_reconciled(
    around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    around.put_rule("CRITICAL", enabled=False)
    failing(clients.cloudwatch(), "describe_alarms", [refused("AccessDenied")], monkeypatch)
    response = invoke("reconcile")
    assert response["checked"] == {"alarms": 0, "schedules": 2}
    (issue,) = response["errors"]
    assert issue.startswith("cloudwatch:DescribeAlarms: ")
    assert "AccessDenied" in issue
    assert around.is_enabled("CRITICAL")


def test_denied_schedules_do_not_fail_a_response(
    around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(clients.events(), "get_paginator", [], monkeypatch)
    monkeypatch.setattr(clients.events(), "get_paginator", partial(_raise, refused("AccessDeniedException")))
    response = invoke("get_config", with_schedules=True)
    assert (response["ok"], response["schedules"]) == (True, [])
    assert "AccessDeniedException" in response["schedules_error"]
    response = invoke("reconcile")
    assert (response["checked"]["schedules"], len(response["errors"])) == (0, 1)
    assert as_asked(around)


def _raise(error: Exception, *_: object) -> Any:
    raise error


def test_a_failed_batch_does_not_stop_the_others(
    file: Any, around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    serials = [f"AN1{number:07d}" for number in range(220)]
    for serial in serials:
        around.put_alarm(around.alarm(serial), on=True)
    file.upload({"sites": {serial: {"tier": "NON_CRITICAL"} for serial in serials}})
    failing(
        clients.cloudwatch(), "disable_alarm_actions", [None, refused("InternalServiceFault")], monkeypatch
    )
    response = invoke("reconcile")
    rows = [row for row in response["drift"] if row["kind"] == "alarm actions"]
    assert [row["repaired"] for row in rows] == [True] * 100 + [False] * 100 + [True] * 20
    assert "InternalServiceFault" in rows[150]["error"]
    assert len(response["errors"]) == 1
    assert sum(around.actions().values()) == 100 + 4  # and the strays of this file, which are left


@pytest.mark.parametrize(
    "error", [refused("AccessDenied"), EndpointConnectionError(endpoint_url="https://monitoring")]
)
def test_a_denied_action_is_not_called_for_each_batch(
    file: Any, around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    serials = [f"AN1{number:07d}" for number in range(150)]
    for serial in serials:
        around.put_alarm(around.alarm(serial), on=True)
    file.upload({"sites": SITES | {serial: {"tier": "NON_CRITICAL"} for serial in serials}})
    calls = failing(clients.cloudwatch(), "disable_alarm_actions", [error] * 9, monkeypatch)
    response = invoke("reconcile")
    assert (len(calls), len(response["errors"])) == (1, 1)
    by_outcome = {row["gateway_serial"]: row["repaired"] for row in response["drift"]}
    assert by_outcome == {LIVE: True} | dict.fromkeys([OTHER, ASLEEP, *serials], False)


def test_with_an_invalid_file_nothing_is_switched_off(file: Any, around: PlanContext, invoke: Invoke) -> None:
    file.upload(b'{"sites": {}')
    response = invoke("reconcile")
    assert "is invalid; using version" in response["degraded"]["message"]
    outcomes = {row["gateway_serial"]: (row["repaired"], bool(row["error"])) for row in response["drift"]}
    assert outcomes == {LIVE: (True, False), OTHER: (False, True), ASLEEP: (False, True)}
    assert all(
        "the site file is invalid" in row["error"] for row in response["drift"] if row["after"] == "off"
    )
    assert all(around.actions().values())


def test_without_a_file_it_is_rejected(file: Any, around: PlanContext, invoke: Invoke) -> None:
    before = around.actions()
    clients.s3().delete_object(Bucket=file.bucket, Key="site-tiers.json")
    assert invoke("reconcile")["error"]["code"] == "CONFIG_MISSING"
    assert around.actions() == before


def test_a_file_changed_during_a_run_is_applied_at_the_end(
    file: Any, around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a slow run with the older file would revert the run with the later one."""
    disable, later = (
        clients.cloudwatch().disable_alarm_actions,
        {"sites": SITES | {OTHER: {"tier": "CRITICAL"}}},
    )

    def change_file(**request: Any) -> Any:
        file.upload(later)
        return disable(**request)

    monkeypatch.setattr(clients.cloudwatch(), "disable_alarm_actions", change_file)
    response = invoke("reconcile")
    assert response["etag"] == invoke("get_config")["etag"]
    assert around.actions()[f"{OTHER}-no-data"] is True
    assert around.actions()[f"{ASLEEP}-no-data"] is False


def test_a_response_limits_drift_items_and_counts_all(
    around: PlanContext, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciler, "MAX_DRIFT_ITEMS", 4)
    response = invoke("reconcile", dry_run=True)
    assert (len(response["drift"]), response["drift_count"]) == (4, 6)


def uploaded(file: Any, etag: str, key: str = "site-tiers.json", bucket: str | None = None) -> dict[str, Any]:
    """Return the S3 event of an upload."""
    of_file = {"bucket": {"name": bucket or file.bucket}, "object": {"key": key, "eTag": etag.strip('"')}}
    return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": of_file}]}


def test_any_upload_is_reconciled(
    file: Any, around: PlanContext, context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    document = file.document()
    document["sites"][LIVE]["tier"] = "NON_CRITICAL"
    document["sites"][OTHER]["tier"] = "CRITICAL"
    response = handler(uploaded(file, file.upload(document)), context)
    assert response["drift_count"] == 2
    assert around.actions() == {f"{serial}-{rule}": serial == OTHER for serial in SITES for rule in RULES} | {
        f"{LIVE}-{rule}": False for rule in RULES
    }
    (line,) = [line for line in caplog.records if line.message == "reconciled"]
    assert (line.levelname, vars(line)["repaired"]) == ("INFO", 2)


def test_a_superseded_upload_is_left_to_the_later_event(file: Any, around: PlanContext, context: Any) -> None:
    first = file.upload({"sites": {serial: {"tier": "NON_CRITICAL"} for serial in SITES}})
    file.upload({"sites": SITES})
    before = around.actions()
    assert handler(uploaded(file, first), context)["superseded"] is True
    assert around.actions() == before


@pytest.mark.parametrize("elsewhere", [{"key": "site-tiers.json.bak"}, {"bucket": "another"}])
def test_an_upload_of_another_object_is_ignored(
    file: Any, around: PlanContext, context: Any, elsewhere: dict[str, str]
) -> None:
    before = around.actions()
    response = handler(uploaded(file, file.upload({"sites": SITES}), **elsewhere), context)
    assert response["superseded"] is False
    assert around.actions() == before


def test_the_key_is_url_decoded(
    file: Any, around: PlanContext, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_CONFIG_KEY", "the site tiers.json")
    body = json.dumps({"sites": SITES}).encode()
    etag = clients.s3().put_object(Bucket=file.bucket, Key="the site tiers.json", Body=body)["ETag"]
    assert handler(uploaded(file, etag, key="the+site+tiers.json"), context)["drift_count"] == 6


def test_an_invalid_upload_logs_an_error_and_switches_nothing_off(
    file: Any, around: PlanContext, context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler(uploaded(file, file.upload(b'{"sites": {\n"x"')), context)
    (error,) = [line for line in caplog.records if line.levelname == "ERROR"]
    assert vars(error)["degraded"]["problems"][0]["line"] == 2
    assert all(around.actions().values())


def test_an_invalid_upload_without_fallback_is_logged_and_not_retried(
    around: PlanContext, file: Any, context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for one in clients.s3().list_object_versions(Bucket=file.bucket)["Versions"]:
        clients.s3().delete_object(Bucket=file.bucket, Key="site-tiers.json", VersionId=one["VersionId"])
    response = handler(uploaded(file, file.upload(b"{}")), context)
    assert response["error"]["code"] == "CONFIG_INVALID"
    assert "ERROR" in [line.levelname for line in caplog.records]


def test_an_incomplete_run_raises_for_a_retry(
    file: Any, around: PlanContext, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = uploaded(file, file.upload({"sites": SITES}))
    failing(clients.cloudwatch(), "disable_alarm_actions", [refused("InternalServiceFault")], monkeypatch)
    with pytest.raises(ReconcileIncomplete, match="DisableAlarmActions"):
        handler(event, context)
    assert handler(event, context)["errors"] == []
    assert as_asked(around)
