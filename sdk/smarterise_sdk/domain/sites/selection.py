"""Sites by what they are: `tier=CRITICAL`, `name~Ikeja*`, `capacity_kva>100`; all that is said must hold.

A condition compares one field of the site file. What it cannot mean is told, never guessed: a misspelt
field must not select nothing, and with `!=` not the whole fleet.
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
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "tier": tuple(tier.value for tier in Tier),
    "quality_profile": tuple(PROFILES),
}
_SHOWN_AT_MOST = 80

_Test: TypeAlias = "Callable[[JsonValue], bool]"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        text: As it was written.
        field: The field it compares.
        holds: Tells of the field's value whether the condition holds; `None` stands for absent.
    """

    text: str
    field: str
    holds: Callable[[JsonValue], bool]

    def holds_for(self, site: Site) -> bool:
        """Whether it holds for a site."""
        return self.holds(_value(site, self.field))


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...]

    def matches(self, site: Site) -> bool:
        """Whether all of it holds for a site."""
        return all(condition.holds_for(site) for condition in self.conditions)

    def of(self, sites: Iterable[Site]) -> tuple[Site, ...]:
        """Return the sites for which all of it holds, in their order.

        Raises:
            InvalidInput: A field is neither known nor carried by any of the sites.
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
    """Understand conditions.

    `=` and `!=` compare the whole value, an empty one stands for absent. `~` and `!~` compare with a
    pattern of `*` and `?`, whatever the case. `<`, `>`, `<=` and `>=` compare numbers.

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
        except _UnclearError as unclear:
            problems.append(_problem(text, str(unclear), unclear.remedy))
    if problems:
        raise InvalidInput(SUBJECT, problems)
    return Selection(tuple(conditions))


class _UnclearError(ValueError):
    """A condition that cannot be understood: what is wrong with it, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def _condition(text: str) -> Condition:
    match = _CONDITION.match(text)
    if match is None:
        raise _UnclearError("is no condition", _EXAMPLE)
    field, how, value = match[1], match[2], match[3].strip()
    if value[:1] in ("=", "~"):
        # `==`, `=~` and their like from other languages; as the beginning of a value they are rare.
        meant = "~" if value[0] == "~" and how == "=" else how
        raise _UnclearError(
            f'there is no comparison "{how}{value[0]}"', f"write {field}{meant}{value[1:].strip()}"
        )
    return Condition(text, field, _test(field, how, value))


def _test(field: str, how: str, value: str) -> _Test:
    """Return what a condition asks of a value."""
    if how in ("~", "!~"):
        return _pattern(value, is_meant=how == "~")
    if not value:
        return _absent(how)
    known = FIELDS.get(field)
    if known is not None and known.read is float:
        return _number(field, how, value)
    if known is None and field != SERIAL_KEY:
        return _unknown_kind(how, value)
    if how in _ORDERS:
        raise _UnclearError(f"{field} is no number", "compare it with =, !=, ~ or !~")
    if known is not None and known.read is bool:
        return _boolean(field, how, value)
    if field in _WORDS:
        return _word(field, how, value)
    return lambda held: (held == value) is (how == "=")


def _pattern(pattern: str, *, is_meant: bool) -> _Test:
    # `[` is a letter like any other here: names have brackets more often than anybody wants a set.
    matches = re.compile(translate(pattern.casefold().replace("[", "[[]"))).match
    return lambda held: (matches(_text(held).casefold()) is not None) is is_meant


def _absent(how: str) -> _Test:
    if how in _ORDERS:
        raise _UnclearError("says nothing to compare with", _EXAMPLE)
    return lambda held: (held is None or held == "") is (how == "=")


def _number(field: str, how: str, value: str) -> _Test:
    limit = _as_number(value)
    if limit is None:
        raise _UnclearError(f"{field} is a number, not {_shown(value)}", f"e.g. {field}{how}100")
    compare = _NUMBERS[how]
    # Nothing is known of what is absent: it is neither more nor less, and not the same.
    return lambda held: compare(held, limit) if _is_number(held) else how == "!="


def _boolean(field: str, how: str, value: str) -> _Test:
    wanted = _BOOLEANS.get(value.casefold())
    if wanted is None:
        raise _UnclearError(
            f"{field} is true or false, not {_shown(value)}", f"{field}=true or {field}=false"
        )
    return lambda held: (held is wanted) is (how == "=")


def _word(field: str, how: str, value: str) -> _Test:
    choices = {choice.casefold(): choice for choice in _WORDS[field]}
    wanted = choices.get(value.casefold())
    if wanted is None:
        near = difflib.get_close_matches(value[:_SHOWN_AT_MOST].casefold(), choices, n=1)
        meant = f"did you mean {field}{how}{choices[near[0]]}?" if near else ""
        raise _UnclearError(
            f"there is no {field} {_shown(value)}", meant or f"it takes {', '.join(_WORDS[field])}"
        )
    return lambda held: (held == wanted) is (how == "=")


def _unknown_kind(how: str, value: str) -> _Test:
    """Return the test of a field we do not know: a number is compared as one, all else as text."""
    limit = _as_number(value)
    if how not in _ORDERS:
        return lambda held: (_text(held) == value or (_is_number(held) and held == limit)) is (how == "=")
    if limit is None:
        raise _UnclearError(f"{_shown(value)} is no number", "compare text with =, !=, ~ or !~")
    least, compare = limit, _NUMBERS[how]
    return lambda held: _is_number(held) and compare(held, least)


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
