"""What `metrics show` makes of answers with holes: every metric has its row, every gap is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.commands.metrics import MetricValues, period_for
from smarterise_ops.exit_codes import ExitCode
from smarterise_sdk.domain.outcome import Missing
from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.errors import Denied, Throttled

NOW = datetime(2026, 3, 1, 12, 5, 2, tzinfo=UTC)
POINT = MetricPoint(231.25, NOW - timedelta(seconds=42))
DENIED = Denied("GetMetricData is denied", action="cloudwatch:GetMetricData", remedy="ask for it")
BUSY = Throttled("AWS asks for patience")


def missing(error: Exception, *serials: str) -> Missing:
    return Missing("cloudwatch:GetMetricData", error, serials)


def test_a_metric_without_a_value_has_its_row_and_says_why() -> None:
    found = MetricValues({"AN1": {Metric.VOLTAGE_A: (POINT,)}}, NOW, (missing(DENIED, "AN2"),))
    rows = [
        row for serial in ("AN1", "AN2") for row in found.rows(serial, (Metric.VOLTAGE_A, Metric.FREQUENCY))
    ]
    assert [(row["gateway_serial"], row["metric"], row["value"], row["state"]) for row in rows] == [
        ("AN1", "VoltagePhase_A", 231.25, "ok"),
        ("AN1", "Frequency", None, "no data"),
        ("AN2", "VoltagePhase_A", None, "unknown"),
        ("AN2", "Frequency", None, "unknown"),
    ]
    assert (rows[0]["unit"], rows[0]["at"], rows[0]["age_seconds"]) == ("V", "2026-03-01T12:04:20Z", 42.0)


@pytest.mark.parametrize(
    ("points", "missing", "code"),
    [
        ({"AN1": {Metric.FREQUENCY: (POINT,)}}, (), ExitCode.DONE),
        ({"AN1": {}}, (), ExitCode.DONE),
        ({"AN1": {Metric.FREQUENCY: (POINT,)}}, (missing(DENIED, "AN2"),), ExitCode.UNDETERMINED),
        ({}, (missing(DENIED, "AN1"),), ExitCode.ACCESS),
        ({"AN1": {Metric.FREQUENCY: ()}}, (missing(DENIED, "AN1"),), ExitCode.ACCESS),
        ({}, (missing(DENIED, "AN1"), missing(BUSY, "AN2")), ExitCode.UNDETERMINED),
        ({}, (missing(BUSY, "AN1"),), ExitCode.UNDETERMINED),
    ],
)
def test_gaps_decide_the_exit_code(
    points: dict[str, dict[Metric, tuple[MetricPoint, ...]]], missing: tuple[Missing, ...], code: ExitCode
) -> None:
    assert MetricValues(points, NOW, missing).report_missing() is code


def test_one_reason_is_told_once_with_the_number_of_sites(capsys: pytest.CaptureFixture[str]) -> None:
    MetricValues(
        {}, NOW, (missing(DENIED, "AN1"), missing(DENIED, "AN2", "AN3"), missing(BUSY, "AN4"))
    ).report_missing()
    assert capsys.readouterr().err.splitlines() == [
        "▲ cloudwatch:GetMetricData: 3 site(s) without values",
        "error: GetMetricData is denied",
        "try: ask for it",
        "▲ cloudwatch:GetMetricData: 1 site(s) without values",
        "error: AWS asks for patience",
    ]


@given(st.integers(1, 455 * 86_400))
def test_a_span_is_shown_in_a_readable_number_of_points(seconds: int) -> None:
    since = timedelta(seconds=seconds)
    assert since / period_for(since) <= 460
