"""Select sites by conditions such as `tier=CRITICAL`, `name~Ikeja*`, `capacity_kva>100`; all must match.

A condition compares one field of the site file. Invalid conditions are rejected: a misspelled field must
not select no sites, or with `!=` the whole fleet.
"""

from __future__ import annotations

import difflib
import json
import math
import operator
import re
from dataclasses import dataclass
from fnmatch import translate
from typing import TYPE_CHECKING, Final, TypeAlias, TypeGuard

from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.readings.voltage_quality import PROFILES
from smarterise_sdk.domain.sites.fields import FIELDS, SERIAL_KEY
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from smarterise_sdk.domain.json_text.types import JsonValue

SUBJECT: Final = "the selection"

_CONDITION = re.compile(r"\s*([^=!~<>\s]+)\s*(!=|!~|>=|<=|=|~|>|<)(.*)\Z", re.DOTALL)
_EXAMPLE: Final = "e.g. tier=CRITICAL, name~Ikeja*, capacity_kva>100"
_NUMBERS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_ORDERS: Final = (">", "<", ">=", "<=")
_BOOLEANS: Final = {"true": True, "yes": True, "false": False, "no": False}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "tier": tuple(tier.value for tier in Tier),
    "quality_profile": tuple(PROFILES),
}
_SHOWN_AT_MOST = 80

_Test: TypeAlias = "Callable[[JsonValue], bool]"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        text: The condition as entered.
        field: The compared field.
        holds: Returns whether a field value matches; `None` means absent.
    """

    text: str
    field: str
    holds: Callable[[JsonValue], bool]

    def holds_for(self, site: Site) -> bool:
        """Return whether a site matches."""
        return self.holds(_value(site, self.field))


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions that must all match."""

    conditions: tuple[Condition, ...]

    def matches(self, site: Site) -> bool:
        """Return whether a site matches all conditions."""
        return all(condition.holds_for(site) for condition in self.conditions)

    def of(self, sites: Iterable[Site]) -> tuple[Site, ...]:
        """Return the matching sites, in order.

        Raises:
            InvalidInput: A field is neither known nor present in any of the sites.
        """
        listed = tuple(sites)
        problems = [
            _unknown_field(condition, listed)
            for condition in self.conditions
            if condition.field not in FIELDS
            and condition.field != SERIAL_KEY
            and not any(condition.field in site.extra for site in listed)
        ]
        if problems:
            raise InvalidInput(SUBJECT, problems)
        return tuple(site for site in listed if self.matches(site))


def parse_selection(expressions: Sequence[str]) -> Selection:
    """Parse conditions.

    `=` and `!=` compare the whole value; an empty value means absent. `~` and `!~` compare with a pattern of
    `*` and `?`, case-insensitive. `<`, `>`, `<=` and `>=` compare numbers.

    Args:
        expressions: One condition each, e.g. `tier=CRITICAL`.

    Raises:
        InvalidInput: With every problem of every condition.
    """
    conditions: list[Condition] = []
    problems: list[Problem] = []
    for text in expressions:
        try:
            conditions.append(_condition(text))
        except _ConditionError as error:
            problems.append(_problem(text, str(error), error.remedy))
    if problems:
        raise InvalidInput(SUBJECT, problems)
    return Selection(tuple(conditions))


class _ConditionError(ValueError):
    """An invalid condition, with the fix."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def _condition(text: str) -> Condition:
    match = _CONDITION.match(text)
    if match is None:
        raise _ConditionError("is not a condition", _EXAMPLE)
    field, how, value = match[1], match[2], match[3].strip()
    if value[:1] in ("=", "~"):
        # Operators such as `==` and `=~` of other languages; values rarely begin with these characters.
        intended = "~" if value[0] == "~" and how == "=" else how
        raise _ConditionError(
            f'unknown operator "{how}{value[0]}"', f"write {field}{intended}{value[1:].strip()}"
        )
    return Condition(text, field, _test(field, how, value))


def _test(field: str, how: str, value: str) -> _Test:
    """Return the test of a condition."""
    if how in ("~", "!~"):
        return _pattern(value, expected=how == "~")
    if not value:
        return _absent(how)
    known = FIELDS.get(field)
    if known is not None and known.read is float:
        return _number(field, how, value)
    if known is None and field != SERIAL_KEY:
        return _extra_field(how, value)
    if how in _ORDERS:
        raise _ConditionError(f"{field} is not a number", "compare it with =, !=, ~ or !~")
    if known is not None and known.read is bool:
        return _boolean(field, how, value)
    if field in _CHOICES:
        return _choice(field, how, value)
    return lambda current: (current == value) is (how == "=")


def _pattern(pattern: str, *, expected: bool) -> _Test:
    # Brackets are literal: they are common in names, and character sets are not needed.
    matches = re.compile(translate(pattern.casefold().replace("[", "[[]"))).match
    return lambda current: (matches(_text(current).casefold()) is not None) is expected


def _absent(how: str) -> _Test:
    if how in _ORDERS:
        raise _ConditionError("has no value to compare with", _EXAMPLE)
    return lambda current: (current is None or current == "") is (how == "=")


def _number(field: str, how: str, value: str) -> _Test:
    limit = _as_number(value)
    if limit is None:
        raise _ConditionError(f"{field} is a number, not {_shown(value)}", f"e.g. {field}{how}100")
    compare = _NUMBERS[how]
    # An absent value is neither greater nor less, and not equal.
    return lambda current: compare(current, limit) if _is_number(current) else how == "!="


def _boolean(field: str, how: str, value: str) -> _Test:
    expected = _BOOLEANS.get(value.casefold())
    if expected is None:
        raise _ConditionError(
            f"{field} is true or false, not {_shown(value)}", f"{field}=true or {field}=false"
        )
    return lambda current: (current is expected) is (how == "=")


def _choice(field: str, how: str, value: str) -> _Test:
    choices = {choice.casefold(): choice for choice in _CHOICES[field]}
    expected = choices.get(value.casefold())
    if expected is None:
        near = difflib.get_close_matches(value[:_SHOWN_AT_MOST].casefold(), choices, n=1)
        suggestion = f"did you mean {field}{how}{choices[near[0]]}?" if near else ""
        raise _ConditionError(
            f"unknown {field} {_shown(value)}", suggestion or f"expected: {', '.join(_CHOICES[field])}"
        )
    return lambda current: (current == expected) is (how == "=")


def _extra_field(how: str, value: str) -> _Test:
    """Return the test of an unknown field: numbers are compared as numbers, other values as text."""
    limit = _as_number(value)
    if how not in _ORDERS:
        return lambda current: (
            (_text(current) == value or (_is_number(current) and current == limit)) is (how == "=")
        )
    if limit is None:
        raise _ConditionError(f"{_shown(value)} is not a number", "compare text with =, !=, ~ or !~")
    bound, compare = limit, _NUMBERS[how]
    return lambda current: _is_number(current) and compare(current, bound)


def _value(site: Site, field: str) -> JsonValue:
    if field == SERIAL_KEY:
        return site.gateway_serial
    if field not in FIELDS:
        return site.extra.get(field)
    value: JsonValue = getattr(site, field)
    return value


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_number(value: JsonValue) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unknown_field(condition: Condition, sites: Sequence[Site]) -> Problem:
    known = dict.fromkeys((SERIAL_KEY, *FIELDS, *(name for site in sites for name in site.extra)))
    near = difflib.get_close_matches(condition.field[:_SHOWN_AT_MOST].casefold(), known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"fields are {', '.join(map(visible, known))}"
    return _problem(condition.text, f"no site has a field {_shown(condition.field)}", remedy)


def _problem(text: str, message: str, remedy: str) -> Problem:
    return Problem("BAD_REQUEST", f"{_shown(text)}: {message}", remedy)


def _shown(text: str) -> str:
    safe = visible(text)
    return f'"{safe if len(safe) <= _SHOWN_AT_MOST else safe[: _SHOWN_AT_MOST - 1] + "…"}"'
