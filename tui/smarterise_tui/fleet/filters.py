"""What an operator types after `/`: `tier=CRITICAL u2>1.5 lekki`, all of it to be true of a site.

A word with an operator compares a field; any other word is looked for in serial, name, asset and
state. A leading `!` turns a word round. Quotes keep blanks together: `name="Lekki Phase 1"`.
"""

from __future__ import annotations

import difflib
import operator
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from smarterise_sdk.domain.readings.metrics import Metric
from smarterise_tui.fleet.rows import FleetRow

Value: TypeAlias = "float | str | None"
_Test: TypeAlias = Callable[[FleetRow, datetime], bool]


class FilterError(ValueError):
    """A filter that cannot be understood; the text says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as typed, and what it means."""

    text: str
    tests: tuple[_Test, ...]

    def matches(self, row: FleetRow, now: datetime) -> bool:
        """Whether all of it is true of a site."""
        return all(test(row, now) for test in self.tests)


def _metric(metric: Metric) -> Callable[[FleetRow, datetime], Value]:
    return lambda row, _now: row.value(metric)


def _age_seconds(row: FleetRow, now: datetime) -> Value:
    age = row.age(now)
    return None if age is None else age.total_seconds()


FIELDS: Mapping[str, Callable[[FleetRow, datetime], Value]] = {
    "serial": lambda row, _now: row.serial,
    "name": lambda row, _now: row.site.name,
    "asset": lambda row, _now: row.site.asset_id,
    "tier": lambda row, _now: row.site.tier.value,
    "enabled": lambda row, _now: "yes" if row.site.enabled else "no",
    "state": lambda row, _now: row.state.text,
    "status": lambda row, _now: row.state.status.value,
    "profile": lambda row, _now: row.site.quality_profile,
    "va": _metric(Metric.VOLTAGE_A),
    "vb": _metric(Metric.VOLTAGE_B),
    "vc": _metric(Metric.VOLTAGE_C),
    "u2": _metric(Metric.VOLTAGE_UNBALANCE),
    "kw": _metric(Metric.ACTIVE_POWER),
    "pf": _metric(Metric.POWER_FACTOR),
    "hz": _metric(Metric.FREQUENCY),
    "load": lambda row, _now: row.load_percent,
    "age": _age_seconds,
}
_NUMERIC = frozenset({"va", "vb", "vc", "u2", "kw", "pf", "hz", "load", "age"})
_EXACT = frozenset({"tier", "enabled", "status", "serial"})
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_CONDITION = re.compile(r"(?P<field>[A-Za-z_][A-Za-z0-9_]*)(?P<how>>=|<=|!=|=|>|<)(?P<value>.*)\Z", re.DOTALL)
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhd]?)\Z")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_filter(text: str, *, is_being_typed: bool = False) -> Filter:
    """Understand a filter.

    Args:
        text: What was typed.
        is_being_typed: Leave out a last word that can only be the beginning of a condition.

    Raises:
        FilterError: It has an unknown field, a number that is none, or an open quote.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise FilterError("a quote is not closed") from None
    if is_being_typed and words and _is_beginning(words[-1]) and not text.endswith(" "):
        words.pop()
    return Filter(text.strip(), tuple(_test(word) for word in words))


def _is_beginning(word: str) -> bool:
    word = word.removeprefix("!")
    condition = _CONDITION.match(word)
    return word.casefold() in FIELDS if condition is None else not condition["value"]


def _test(word: str) -> _Test:
    if word.startswith("!") and len(word) > 1:
        inner = _test(word[1:])
        return lambda row, now: not inner(row, now)
    condition = _CONDITION.match(word)
    if condition is None:
        return _free_text(word)
    field = condition["field"].casefold()
    if field not in FIELDS:
        raise FilterError(_unknown_field(field))
    build = _number_test if field in _NUMERIC else _text_test
    return build(field, condition["how"], condition["value"])


def _free_text(word: str) -> _Test:
    needle = word.casefold()

    def test(row: FleetRow, _now: datetime) -> bool:
        site = row.site
        hay = f"{site.gateway_serial}\n{site.name}\n{site.asset_id}\n{row.state.text}"
        return needle in hay.casefold()

    return test


def _number_test(field: str, how: str, text: str) -> _Test:
    limit = _duration(text) if field == "age" else _number(field, text)
    compare, value_of = _COMPARISONS[how], FIELDS[field]

    def test(row: FleetRow, now: datetime) -> bool:
        value = value_of(row, now)
        return isinstance(value, float | int) and compare(value, limit)

    return test


def _text_test(field: str, how: str, text: str) -> _Test:
    if how not in ("=", "!="):
        raise FilterError(f"{field} is text: compare it with = or !=")
    needle, value_of, exact, wanted = text.casefold(), FIELDS[field], field in _EXACT, how == "="

    def test(row: FleetRow, now: datetime) -> bool:
        value = str(value_of(row, now)).casefold()
        return (value == needle if exact else needle in value) is wanted

    return test


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FilterError(f"{field} is a number, not {text!r}") from None


def _duration(text: str) -> float:
    match = _DURATION.match(text)
    if match is None:
        raise FilterError(f"age is a time such as 90, 5m or 2h, not {text!r}")
    return float(match["number"]) * _SECONDS[match["unit"]]


def _unknown_field(field: str) -> str:
    close = difflib.get_close_matches(field, FIELDS, n=1)
    hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(FIELDS)}"
    return f"no field {field}{hint}"
