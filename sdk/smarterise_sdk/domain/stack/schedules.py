"""When sites are collected by FTP: the schedules of a stack, in words and as the next moment.

EventBridge's own spelling: `rate(15 minutes)`, or `cron(…)` of six fields in UTC, in which `?` stands for any
day and Sunday is day 1. What is spelt in a way not known here has no next moment: it is never guessed.
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


class _UnknownSpelling(ValueError):
    """A schedule in a form that is not known here."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule.

    Attributes:
        tier: Which sites it collects.
        rule: Its name.
        expression: When, as EventBridge has it.
        is_enabled: Whether it runs.
    """

    tier: Tier
    rule: str
    expression: str
    is_enabled: bool

    @classmethod
    def from_row(cls, row: Mapping[str, JsonValue]) -> Schedule:
        """Return the schedule that an answer of `site-config-manager` tells.

        Raises:
            ValueError: It is none.
        """
        rule, expression = row.get("rule"), row.get("schedule")
        if not (isinstance(rule, str) and isinstance(expression, str)):
            raise ValueError(f"not a schedule: {row!r}")  # noqa: TRY004  # the row is what is wrong
        return cls(Tier(str(row.get("tier"))), rule, expression, row.get("enabled") is True)

    def text(self, now: datetime) -> str:
        """Return when it runs, e.g. `every 60 min, next 13:00Z`.

        Args:
            now: This moment, UTC.
        """
        return f"{rhythm_text(self.expression)}, {next_text(self.expression, now)}"


def rhythm_text(expression: str) -> str:
    """Return how often a schedule runs, e.g. `every 15 min`; its own spelling where that is not even."""
    period = period_of(expression)
    if period is None:
        return visible(expression)
    minutes = int(period.total_seconds()) // 60
    return f"every {minutes} min" if minutes % 60 or minutes == 60 else f"every {minutes // 60} h"


def next_text(expression: str, now: datetime) -> str:
    """Return when a schedule runs next, e.g. `next 13:00Z`, with the date unless it is today's."""
    at = next_time(expression, now)
    if at is None:
        return "next time unknown"
    return f"next {at:%H:%MZ}" if at.date() == now.astimezone(UTC).date() else f"next {at:%Y-%m-%d %H:%MZ}"


def period_of(expression: str) -> timedelta | None:
    """Return the time between two runs; `None` where it is not always the same, or not known."""
    rate = _RATE.match(expression)
    if rate is not None:
        return int(rate[1]) * _UNITS[rate[2]] or None
    try:
        simulated, years = _simulated(expression, datetime(2000, 1, 1, tzinfo=UTC))
    except _UnknownSpelling:
        return None
    is_daily = simulated.days == _EVERY_DAY and simulated.months == _EVERY_MONTH
    if years is not None or not is_daily or not simulated.weekdays >= _EVERY_WEEKDAY:
        return None
    of_day = sorted(hour * 60 + minute for hour in simulated.hours for minute in simulated.minutes)
    gaps = {later - earlier for earlier, later in pairwise(of_day)}
    gaps.add(of_day[0] + _MINUTES_A_DAY - of_day[-1])
    return timedelta(minutes=gaps.pop()) if len(gaps) == 1 else None


def next_time(expression: str, now: datetime) -> datetime | None:
    """Return when a schedule runs next, UTC; `None` if never, or not known.

    A `rate` counts from when its rule was made, which nobody tells.

    Args:
        expression: As EventBridge has it.
        now: This moment, with its zone.
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
    except _UnknownSpelling:
        return None
    return None


def _simulated(expression: str, start: datetime) -> tuple[CronSim, set[int] | None]:
    """Return what runs through a schedule's moments after one, and the years it holds in; `None` for all.

    Raises:
        _UnknownSpelling: The schedule is not in a form that is known here.
    """
    cron = _CRON.match(expression)
    fields = cron[1].upper().split() if cron is not None else []
    # EventBridge takes a `?` in exactly one of the two day fields.
    if len(fields) != _FIELDS or (fields[2] == "?") == (fields[4] == "?"):
        raise _UnknownSpelling(expression)
    minute, hour, day, month, weekday, year = fields
    day = "*" if day == "?" else day
    weekday = "*" if weekday in {"?", "*"} else ",".join(_weekdays(weekday))
    years = None if year == "*" else set(_numbers(year, _YEARS))
    try:
        return CronSim(f"{minute} {hour} {day} {month} {weekday}", start), years
    except CronSimError as error:
        raise _UnknownSpelling(expression) from error


def _weekdays(field: str) -> Iterator[str]:
    """Yield the terms of a day-of-week field with Sunday as 0, steps and ranges written out."""
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
    raise _UnknownSpelling(text)


def _numbers(field: str, bounds: range) -> Iterator[int]:
    """Yield the numbers of a field of lists, ranges and steps.

    Raises:
        _UnknownSpelling: It is of another form, or out of bounds.
    """
    for term in field.split(","):
        form = re.match(r"(?:\*|(\d{1,4})(?:-(\d{1,4}))?)(?:/(\d{1,4}))?\Z", term)
        if form is None:
            raise _UnknownSpelling(term)
        first = int(form[1]) if form[1] else bounds.start
        is_open = form[2] is None and (form[1] is None or form[3] is not None)
        last = bounds.stop - 1 if is_open else int(form[2] or first)
        step = int(form[3] or 1)
        if first not in bounds or last not in bounds or first > last or step == 0:
            raise _UnknownSpelling(term)
        yield from range(first, last + 1, step)
