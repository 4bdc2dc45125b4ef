"""`sites reconcile`: what does not follow the site file is listed, put right, and looked at again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from smarterise_sdk.domain.sites.plans import StackChange
from smarterise_sdk.domain.stack.drift import DriftItem
from smarterise_sdk.services.reconciliation import Drift, Reconciliation

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from smarterise_ops.local.client import RunningStack

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def _own_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def cloudwatch(embedded_stack: RunningStack) -> Any:
    exports = embedded_stack.exports
    return boto3.client(
        "cloudwatch",
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_DEFAULT_REGION"],
    )


def rows_of(done: subprocess.CompletedProcess[str], alarm: str) -> list[dict[str, Any]]:
    return [row for row in json.loads(done.stdout) if row["subject"] == alarm]


def test_what_somebody_switched_by_hand_is_found_and_put_right(here: Run, cloudwatch: Any) -> None:
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix="smartmeter-")["MetricAlarms"]
    alarm = next(one["AlarmName"] for one in alarms if one["ActionsEnabled"])
    serial = alarm.split("-")[1]
    cloudwatch.disable_alarm_actions(AlarmNames=[alarm])
    looked = here("sites", "reconcile", "--dry-run", "-o", "json")
    assert looked.returncode == 1
    assert rows_of(looked, alarm) == [
        {
            "kind": "alarm actions",
            "subject": alarm,
            "gateway_serial": serial,
            "before": "off",
            "after": "on",
            "error": "",
        }
    ]
    assert f"alarm actions  {alarm}" in here("sites", "reconcile", "--dry-run").stdout
    assert cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["ActionsEnabled"] is False

    done = here("sites", "reconcile", "--reason", "put right", "--yes", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert f"{alarm}" in done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["state"] == "verified"
    assert alarm in receipt["verified"]
    assert cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["ActionsEnabled"] is True
    shown = here("journal", "show", receipt["plan_id"])
    assert f"  {alarm}  alarm actions  off → on" in shown.stdout
    undone = here("undo", receipt["plan_id"], "--yes")
    assert undone.returncode == 2
    again = here("sites", "reconcile", "--dry-run")
    assert (again.returncode, again.stdout[:12]) == (0, "● no drift: "), again.stderr
    assert here("sites", "reconcile", "--yes").stdout.startswith("No changes")


DRIFT = Drift((), (), (), 8, 2, datetime(2026, 3, 1, tzinfo=UTC))
LEFT = DriftItem(StackChange("schedule", "critical-sites", "absent", "there"), "Terraform makes it")


@pytest.mark.parametrize(
    ("drift", "code", "rows"),
    [
        (DRIFT, 0, 0),
        (replace(DRIFT, left=(LEFT,), issues=("schedule critical-sites: Terraform makes it",)), 1, 1),
        (replace(DRIFT, unseen=("alarms: denied",), issues=("alarms: denied",)), 3, 0),
        (replace(DRIFT, changes=(LEFT.change,), issues=("alarms: denied",)), 1, 1),
    ],
    ids=["follows", "left", "not seen", "both"],
)
def test_how_a_look_ends(
    here: Run, monkeypatch: pytest.MonkeyPatch, drift: Drift, code: int, rows: int
) -> None:
    monkeypatch.setattr(Reconciliation, "drift", lambda _: drift)
    done = here("sites", "reconcile", "--dry-run", "-o", "json")
    assert (done.returncode, len(json.loads(done.stdout))) == (code, rows)
    assert [line for line in done.stderr.splitlines() if line.startswith("▲ ")] == [
        f"▲ {issue}" for issue in drift.issues
    ]
    table = here("sites", "reconcile", "--dry-run")
    assert ("● no drift: 8 alarms and 2 schedules match the site file" in table.stdout) is (code == 0)
