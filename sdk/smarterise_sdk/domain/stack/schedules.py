"""FTP collection schedules: interval, next run, and their display texts.

Expressions have EventBridge syntax: `rate(15 minutes)`, or `cron(…)` with six fields in UTC, where `?` means
any day and Sunday is day 1. The next run of an unsupported expression is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from cronsim import CronSim, CronSimError

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smarterise_sdk.domain.json_text.types import JsonValue

_RATE = re.compile(r"rate\((\d{1,6}) (minute|hour|day)s?\)\Z")
_CRON = re.compile(r"cron\(([^()]*)\)\Z")
_UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_FIELDS: Final = 6
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS: Final = range(1970, 2200)
_MINUTES_A_DAY: Final = 24 * 60
_EVERY_DAY: Final = set(range(1, 32))
_EVERY_MONTH: Final = set(range(1, 13))
_EVERY_WEEKDAY: Final = set(range(7))


class _UnsupportedExpression(ValueError):
    """An unsupported schedule expression."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule.

    Attributes:
        tier: The tier of the collected sites.
        rule: Name of the EventBridge rule.
        expression: Schedule expression of EventBridge.
        is_enabled: Whether it is enabled.
    """

    tier: Tier
    rule: str
    expression: str
    is_enabled: bool

    @classmethod
    def from_row(cls, row: Mapping[str, JsonValue]) -> Schedule:
        """Return the schedule from a row in a response of `site-config-manager`.

        Raises:
            ValueError: The row is invalid.
        """
        rule, expression = row.get("rule"), row.get("schedule")
        if not (isinstance(rule, str) and isinstance(expression, str)):
            raise ValueError(f"not a schedule: {row!r}")  # noqa: TRY004  # the row is what is wrong
        return cls(Tier(str(row.get("tier"))), rule, expression, row.get("enabled") is True)

    def text(self, now: datetime) -> str:
        """Return interval and next run, e.g. `every 60 min, next 13:00Z`.

        Args:
            now: Current time, UTC.
        """
        return f"{rhythm_text(self.expression)}, {next_text(self.expression, now)}"


def rhythm_text(expression: str) -> str:
    """Return the interval of a schedule, e.g. `every 15 min`; the expression if it is not constant."""
    period = period_of(expression)
    if period is None:
        return visible(expression)
    minutes = int(period.total_seconds()) // 60
    return f"every {minutes} min" if minutes % 60 or minutes == 60 else f"every {minutes // 60} h"


def next_text(expression: str, now: datetime) -> str:
    """Return the next run of a schedule, e.g. `next 13:00Z`, with the date unless it is today."""
    at = next_time(expression, now)
    if at is None:
        return "next time unknown"
    return f"next {at:%H:%MZ}" if at.date() == now.astimezone(UTC).date() else f"next {at:%Y-%m-%d %H:%MZ}"


def period_of(expression: str) -> timedelta | None:
    """Return the interval of a schedule; `None` if it is not constant or unknown."""
    rate = _RATE.match(expression)
    if rate is not None:
        return int(rate[1]) * _UNITS[rate[2]] or None
    try:
        simulated, years = _simulated(expression, datetime(2000, 1, 1, tzinfo=UTC))
    except _UnsupportedExpression:
        return None
    is_daily = simulated.days == _EVERY_DAY and simulated.months == _EVERY_MONTH
    if years is not None or not is_daily or not simulated.weekdays >= _EVERY_WEEKDAY:
        return None
    of_day = sorted(hour * 60 + minute for hour in simulated.hours for minute in simulated.minutes)
    gaps = {later - earlier for earlier, later in pairwise(of_day)}
    gaps.add(of_day[0] + _MINUTES_A_DAY - of_day[-1])
    return timedelta(minutes=gaps.pop()) if len(gaps) == 1 else None


def next_time(expression: str, now: datetime) -> datetime | None:
    """Return the next run of a schedule, UTC; `None` if there is none or it is unknown.

    The next run of a `rate` depends on when the rule was created, which is unknown.

    Args:
        expression: Schedule expression of EventBridge.
        now: Current time, aware.
    """
    timestamp = now.astimezone(UTC)
    try:
        simulated, years = _simulated(expression, timestamp)
        if years is None:
            return next(simulated, None)
        for year in sorted(year for year in years if year >= timestamp.year):
            start = max(timestamp, datetime(year, 1, 1, tzinfo=UTC) - timedelta(seconds=1))
            at = next(_simulated(expression, start)[0], None)
            if at is not None and at.year == year:
                return at
    except _UnsupportedExpression:
        return None
    return None


def _simulated(expression: str, start: datetime) -> tuple[CronSim, set[int] | None]:
    """Return an iterator of the runs after `start`, and the allowed years (`None` for all).

    Raises:
        _UnsupportedExpression: The expression is not supported.
    """
    cron = _CRON.match(expression)
    fields = cron[1].upper().split() if cron is not None else []
    # EventBridge requires a `?` in exactly one of the two day fields.
    if len(fields) != _FIELDS or (fields[2] == "?") == (fields[4] == "?"):
        raise _UnsupportedExpression(expression)
    minute, hour, day, month, weekday, year = fields
    day = "*" if day == "?" else day
    weekday = "*" if weekday in {"?", "*"} else ",".join(_weekdays(weekday))
    years = None if year == "*" else set(_numbers(year, _YEARS))
    try:
        return CronSim(f"{minute} {hour} {day} {month} {weekday}", start), years
    except CronSimError as error:
        raise _UnsupportedExpression(expression) from error


def _weekdays(field: str) -> Iterator[str]:
    """Yield the terms of a day-of-week field with Sunday as 0, with steps and ranges expanded."""
    for term in field.split(","):
        day, mark, nth = term.partition("#")
        if mark:
            yield f"{_weekday(day)}#{nth}"
        elif term == "L":
            yield str(len(_WEEKDAYS) - 1)
        elif term.endswith("L"):
            yield f"{_weekday(term[:-1])}L"
        else:
            named = re.sub(r"[A-Z]{3}", lambda name: str(_weekday(name[0]) + 1), term)
            yield from (str(number - 1) for number in _numbers(named, range(1, 8)))


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if text.isdecimal() and 1 <= int(text) <= len(_WEEKDAYS):
        return int(text) - 1
    raise _UnsupportedExpression(text)


def _numbers(field: str, bounds: range) -> Iterator[int]:
    """Yield the numbers of a cron field with lists, ranges and steps.

    Raises:
        _UnsupportedExpression: The field is invalid or out of bounds.
    """
    for term in field.split(","):
        form = re.match(r"(?:\*|(\d{1,4})(?:-(\d{1,4}))?)(?:/(\d{1,4}))?\Z", term)
        if form is None:
            raise _UnsupportedExpression(term)
        first = int(form[1]) if form[1] else bounds.start
        is_open = form[2] is None and (form[1] is None or form[3] is not None)
        last = bounds.stop - 1 if is_open else int(form[2] or first)
        step = int(form[3] or 1)
        if first not in bounds or last not in bounds or first > last or step == 0:
            raise _UnsupportedExpression(term)
        yield from range(first, last + 1, step)
