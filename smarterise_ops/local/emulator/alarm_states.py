"""CloudWatch's rules for alarm states, datapoints and missing data, without I/O."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

EXTRA_PERIODS = 2
"""Number of earlier periods that can replace missing ones."""


class AlarmState(StrEnum):
    """States of a metric alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition of an alarm.

    Attributes:
        comparison: CloudWatch's comparison operator.
        threshold: Threshold.
        periods: Number of evaluated periods.
        needed: Number of periods that must breach.
        missing: Treatment of missing data: missing, ignore, breaching, notBreaching.
    """

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str

    def breached_by(self, value: float) -> bool:
        """Return whether a value is beyond the threshold."""
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A state and its reason in CloudWatch's format."""

    state: AlarmState
    reason: str


COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


def evaluate_alarm(
    condition: Condition, points: Sequence[tuple[datetime, float | None]], current: AlarmState
) -> Evaluation:
    """Return the state an alarm should be in.

    Args:
        condition: Its condition.
        points: One per period of the evaluation range, oldest first; `None` without data.
        current: Its current state.
    """
    real = [(at, value) for at, value in points if value is not None]
    if len(real) >= condition.periods:  # missing points are not needed
        return _from(condition, real[-condition.periods :], 0)
    filled = condition.periods - len(real)
    if condition.missing == "breaching":
        return _from(condition, real, filled)
    if condition.missing == "notBreaching":
        return _from(condition, real, 0, of=condition.periods)
    if not real:
        if condition.missing == "ignore":
            return Evaluation(current, "Unchanged: no datapoints were received")
        return Evaluation(AlarmState.INSUFFICIENT_DATA, "Insufficient Data: no datapoints were received")
    breaching = [value for _, value in real if condition.breached_by(value)]
    if len(breaching) < len(real) and len(breaching) < condition.needed:
        return _from(condition, real, 0, of=condition.periods)
    if condition.missing == "ignore" and len(breaching) < condition.needed:
        return Evaluation(current, "Unchanged: too few datapoints were received")
    # All available points breach: CloudWatch does not wait for missing ones.
    return Evaluation(AlarmState.ALARM, _text(condition, real, len(breaching), len(real)))


def _from(
    condition: Condition, real: Sequence[tuple[datetime, float]], filled: int, *, of: int | None = None
) -> Evaluation:
    """Evaluate by counting breaching points; `filled` missing ones count as breaching."""
    breaching = [point for point in real if condition.breached_by(point[1])]
    count = len(breaching) + filled
    total = of if of is not None else len(real) + filled
    if count >= condition.needed:
        if not breaching:
            missing = f"no datapoints were received for {filled} period(s)"
            return Evaluation(AlarmState.ALARM, f"Threshold Crossed: {missing}, which counts as breaching")
        return Evaluation(AlarmState.ALARM, _text(condition, breaching, count, total))
    return Evaluation(AlarmState.OK, _text(condition, real, count, total, crossed=False))


def _text(
    condition: Condition,
    shown: Sequence[tuple[datetime, float]],
    count: int,
    total: int,
    *,
    crossed: bool = True,
) -> str:
    values = ", ".join(f"{value:g} ({at:%d/%m/%y %H:%M:%S})" for at, value in reversed(shown))
    relation = COMPARISONS[condition.comparison][1]
    head = "Threshold Crossed" if crossed else "Within threshold"
    return (
        f"{head}: {count} out of the last {total} datapoints were {relation} the threshold "
        f"({condition.threshold:g}); datapoints [{values}]; {condition.needed} needed for ALARM"
    )
