"""Known fields of a site and their allowed values, for the file and for updates."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.readings.voltage_quality import PROFILES
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smarterise_sdk.domain.json_text.types import JsonValue

SERIAL_KEY: Final = "gateway_serial"
"""Not a field: the serial of a site is its key. Listings include it, files may."""

_TIMEZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*\Z")
_LONGEST_TEXT = 200
_LARGEST_AMOUNT = 1_000_000
_TIERS = tuple(tier.value for tier in Tier)


@dataclass(frozen=True, slots=True)
class SiteField:
    """One known field.

    Attributes:
        expects: Description of the allowed values, for messages.
        accepts: Returns whether a value other than null is valid.
        read: Converts a valid value to that of `Site`.
        default: Value if the file has none; `None` if there is no default.
        nullable: Whether null is allowed and means absent.
    """

    expects: str
    accepts: Callable[[JsonValue], bool]
    read: Callable[[Any], Any]
    default: JsonValue = None
    nullable: bool = True


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _is_bool(value: JsonValue) -> bool:
    return isinstance(value, bool)


def _is_profile(value: JsonValue) -> bool:
    return isinstance(value, str) and value in PROFILES


def _is_timezone(value: JsonValue) -> bool:
    # Only the form of the name is checked: the known names differ between machines.
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and bool(_TIMEZONE.match(value))


def _is_amount(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LARGEST_AMOUNT


_RANGE = f"more than 0 and at most {_LARGEST_AMOUNT}"
_TEXT = f"text of at most {_LONGEST_TEXT} characters"

FIELDS: Final[Mapping[str, SiteField]] = MappingProxyType(
    {
        "tier": SiteField(" or ".join(_TIERS), lambda value: value in _TIERS, Tier, nullable=False),
        "enabled": SiteField("true or false", _is_bool, bool, default=True, nullable=False),
        "name": SiteField(_TEXT, _is_text, str, default=""),
        "asset_id": SiteField(_TEXT, _is_text, str, default=""),
        "nominal_voltage": SiteField(f"volts, {_RANGE}", _is_amount, float, default=230.0),
        "capacity_kva": SiteField(f"kVA, {_RANGE}", _is_amount, float),
        "timezone": SiteField("an IANA time zone such as Africa/Lagos", _is_timezone, str, default="UTC"),
        "quality_profile": SiteField(" or ".join(PROFILES), _is_profile, str, default="en50160"),
    }
)
"""All known fields, in display order."""


def field_problem(site: str, name: str, value: JsonValue) -> Problem | None:
    """Return the problem of a value of a known field; unknown fields accept any value.

    Args:
        site: Gateway serial, for the problem.
        name: The field.
        value: Its current or new value.
    """
    field = FIELDS.get(name)
    if field is None or (value is None and field.nullable):
        return None
    if value is not None and field.accepts(value):
        return None
    code = "INVALID_TIER" if name == "tier" else "INVALID_FIELD"
    message = f"{name} is {_shown(value)}; expected: {field.expects}"
    return Problem(code, message, _remedy(name, value), site=site, field=name)


def tier_missing(site: str, line: int | None = None) -> Problem:
    """Return the problem of a site without a tier."""
    remedy = f"Set tier to {' or '.join(_TIERS)}."
    return Problem("INVALID_TIER", "tier is missing", remedy, line=line, site=site, field="tier")


def _remedy(name: str, value: JsonValue) -> str:
    choices = {"tier": _TIERS, "quality_profile": tuple(PROFILES)}.get(name)
    if choices is None or not isinstance(value, str):
        return f"Correct {name}."
    folded = {choice.casefold().replace("-", "_"): choice for choice in choices}
    normalized = value.strip().casefold().replace("-", "_").replace(" ", "_")
    near = difflib.get_close_matches(normalized[:_LONGEST_TEXT], folded, n=1)
    return f'Did you mean "{folded[near[0]]}"?' if near else f"Set it to {' or '.join(choices)}."


def _shown(value: JsonValue) -> str:
    text = visible(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 60 else f"{text[:57]}…"
