"""The state of an alarm from its datapoints, held against the tables in CloudWatch's documentation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.local.emulator.alarm_states import (
    COMPARISONS,
    AlarmState,
    Condition,
    Evaluation,
    evaluate_alarm,
)

OK, ALARM, NONE = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA
START = datetime(2026, 3, 4, 12, tzinfo=UTC)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEPT = None
"""The state stays what it was."""


def verdict_on(
    points: str, missing: str, *, needed: int = 3, periods: int = 3, current: AlarmState = OK
) -> Evaluation:
    """Judge points written as in the documentation: 0 is fine, X breaches, - is missing; newest last."""
    values = {"0": 1.0, "X": 9.0, "-": None}
    series = [(START + at * timedelta(minutes=1), values[mark]) for at, mark in enumerate(points.split())]
    return evaluate_alarm(Condition("GreaterThanThreshold", 5.0, periods, needed, missing), series, current)


@pytest.mark.parametrize("current", AlarmState)
@pytest.mark.parametrize(
    ("points", "needed", "states"),
    [
        ("0 - X - X", 3, (OK, OK, OK, OK)),
        ("- - - - 0", 3, (OK, OK, OK, OK)),
        ("- - - - -", 3, (NONE, KEPT, ALARM, OK)),
        ("0 X X - X", 3, (ALARM, ALARM, ALARM, ALARM)),
        ("- - X - -", 3, (ALARM, KEPT, ALARM, OK)),
        ("0 - X - X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 0 X 0 X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 - X - -", 2, (OK, OK, ALARM, OK)),
        ("- - - - 0", 2, (OK, OK, ALARM, OK)),
        ("- - - - X", 2, (ALARM, KEPT, ALARM, OK)),
    ],
)
def test_the_documented_examples(
    points: str, needed: int, states: tuple[AlarmState | None, ...], current: AlarmState
) -> None:
    for missing, state in zip(TREATMENTS, states, strict=True):
        expected = current if state is KEPT else state
        assert verdict_on(points, missing, needed=needed, current=current).state is expected, missing


def test_a_reason_says_what_was_seen_and_what_was_asked() -> None:
    reason = verdict_on("0 0 X 0 X", "missing", needed=2).reason
    assert reason.startswith(
        "Threshold Crossed: 2 out of the last 3 datapoints were greater than the threshold (5)"
    )
    assert "9 (04/03/26 12:04:00)" in reason


def test_missing_data_that_breaches_is_told_as_missing() -> None:
    assert "no datapoints were received" in verdict_on("- - -", "breaching", needed=1, periods=1).reason


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("GreaterThanThreshold", False, False, True),
        ("GreaterThanOrEqualToThreshold", False, True, True),
        ("LessThanThreshold", True, False, False),
        ("LessThanOrEqualToThreshold", True, True, False),
    ],
)
def test_comparisons(comparison: str, below: bool, at: bool, above: bool) -> None:
    condition = Condition(comparison, 10.0, 1, 1, "missing")
    assert [condition.breached_by(value) for value in (9.9, 10.0, 10.1)] == [below, at, above]


@given(
    points=st.lists(st.sampled_from("0X-"), min_size=5, max_size=5),
    missing=st.sampled_from(TREATMENTS),
    needed=st.integers(1, 3),
    current=st.sampled_from(AlarmState),
)
def test_full_data_needs_no_treatment(
    points: list[str], missing: str, needed: int, current: AlarmState
) -> None:
    evaluation = verdict_on(" ".join(points), missing, needed=needed, current=current)
    real = [mark for mark in points if mark != "-"]
    if len(real) >= 3:
        assert evaluation.state is (ALARM if real[-3:].count("X") >= needed else OK)
    if not real and missing == "missing":
        assert evaluation.state is NONE
    assert evaluation.reason


def test_every_comparison_can_be_said() -> None:
    assert all(text for _, text in COMPARISONS.values())
