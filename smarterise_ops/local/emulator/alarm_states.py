"""When an alarm is in which state: CloudWatch's rules on datapoints and missing data. Pure, no I/O."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

EXTRA_PERIODS = 2
"""How many periods before the evaluated ones are looked at, to make up for missing ones."""


class AlarmState(StrEnum):
    """States of a metric alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Condition:
    """What an alarm asks.

    Attributes:
        comparison: CloudWatch's comparison operator.
        threshold: What values are compared with.
        periods: How many periods are evaluated.
        needed: How many of them must breach.
        missing: What a missing one counts as: missing, ignore, breaching, notBreaching.
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
class Verdict:
    """A state and the reason for it, in CloudWatch's manner."""

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
) -> Verdict:
    """Return the state an alarm should be in.

    Args:
        condition: What it asks.
        points: One a period of the evaluation range, oldest first; `None` where the metric has no data.
        current: The state it is in.
    """
    real = [(at, value) for at, value in points if value is not None]
    if len(real) >= condition.periods:  # then what is missing does not matter
        return _from(condition, real[-condition.periods :], 0)
    filled = condition.periods - len(real)
    if condition.missing == "breaching":
        return _from(condition, real, filled)
    if condition.missing == "notBreaching":
        return _from(condition, real, 0, of=condition.periods)
    if not real:
        if condition.missing == "ignore":
            return Verdict(current, "Unchanged: no datapoints were received")
        return Verdict(AlarmState.INSUFFICIENT_DATA, "Insufficient Data: no datapoints were received")
    breaching = [value for _, value in real if condition.breached_by(value)]
    if len(breaching) < len(real) and len(breaching) < condition.needed:
        return _from(condition, real, 0, of=condition.periods)
    if condition.missing == "ignore" and len(breaching) < condition.needed:
        return Verdict(current, "Unchanged: too few datapoints were received")
    # All there is breaches: CloudWatch does not wait for what may never come.
    return Verdict(AlarmState.ALARM, _text(condition, real, len(breaching), len(real)))


def _from(
    condition: Condition, real: Sequence[tuple[datetime, float]], filled: int, *, of: int | None = None
) -> Verdict:
    """Judge by counting: the real points that breach, and `filled` missing ones that count as breaching."""
    breaching = [point for point in real if condition.breached_by(point[1])]
    count = len(breaching) + filled
    total = of if of is not None else len(real) + filled
    if count >= condition.needed:
        if not breaching:
            missing = f"no datapoints were received for {filled} period(s)"
            return Verdict(AlarmState.ALARM, f"Threshold Crossed: {missing}, which counts as breaching")
        return Verdict(AlarmState.ALARM, _text(condition, breaching, count, total))
    return Verdict(AlarmState.OK, _text(condition, real, count, total, crossed=False))


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
