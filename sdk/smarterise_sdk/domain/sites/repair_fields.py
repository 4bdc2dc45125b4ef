"""Repair the sites of a file: correct clear misspellings, else restore the last valid value."""

from __future__ import annotations

import copy
import difflib
import json
import re
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.json_text.lenient import Fix
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.sites.document import site_problems
from smarterise_sdk.domain.sites.fields import FIELDS, field_problem
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smarterise_sdk.domain.json_text.lenient import Path
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.problems import Problem

FROM_GOOD: Final = "taken from the last valid version"

_MIN_SIMILARITY: Final = 0.75
_MIN_LEAD: Final = 0.1
"""A text is a misspelled tier if it is similar to one, and clearly more similar to it than to the other."""
_SHOWN: Final = 60
_TIERS: Final = tuple(tier.value for tier in Tier)


class SiteRepairer:
    """Repairs the sites of one file.

    Attributes:
        fixes: All edits.
        unresolved: Problems that need a decision by the operator.
    """

    def __init__(self, lines: Mapping[Path, int], good_sites: JsonObject) -> None:
        self.fixes: list[Fix] = []
        self.unresolved: list[Problem] = []
        self._lines = lines
        self._good_sites = good_sites

    def repaired(self, sites: JsonObject) -> JsonObject:
        """Return the repaired sites, in file order."""
        repaired: JsonObject = {}
        for key, entry in sites.items():
            serial = self._repaired_serial(key, sites)
            if serial is None:
                continue
            value = self._repaired_entry(key, serial, entry)
            if value is not None:
                repaired[serial] = value
        return repaired

    def _repaired_serial(self, key: str, sites: Mapping[str, object]) -> str | None:
        if GATEWAY_SERIAL.match(key):
            return key
        plain = re.sub(r"[^A-Za-z0-9]", "", key)
        # Only known serials are corrected: the intended spelling of a new one is unknown.
        if plain in self._good_sites and plain not in sites and _plain_once(plain, sites):
            self._fix(("sites", key), f'"{visible(key)[:_SHOWN]}" → "{plain}"')
            return plain
        self.unresolved += site_problems(key, {"tier": Tier.CRITICAL.value}, None)
        self.unresolved[-1] = self.unresolved[-1].at_line(self._lines.get(("sites", key)))
        return None

    def _repaired_entry(self, key: str, serial: str, entry: JsonValue) -> JsonObject | None:
        path = ("sites", key)
        good = self._good_sites.get(serial)
        carried: JsonObject = good if isinstance(good, dict) else {}
        if not isinstance(entry, dict):
            if not carried:
                [problem] = site_problems(serial, entry)
                self.unresolved.append(problem.at_line(self._lines.get(path)))
                return None
            tier = _nearest(entry, _TIERS)
            restored: JsonObject = {**copy.deepcopy(carried), **({"tier": tier} if tier else {})}
            self._fix(path, f"site {serial} is {shown(entry)}, not an object: {shown(restored)}")
            return restored
        repaired: JsonObject = {}
        for name, value in entry.items():
            kept, is_kept = self._repaired_field(serial, (*path, name), value, carried)
            if is_kept:
                repaired[name] = kept
        if "tier" not in repaired:
            repaired = self._with_tier(serial, path, repaired, carried, was_there="tier" in entry)
        return repaired

    def _with_tier(
        self, serial: str, path: Path, repaired: JsonObject, carried: JsonObject, *, was_there: bool
    ) -> JsonObject:
        if "tier" in carried:
            self._fix(path, f"site {serial}: tier missing, {carried['tier']} {FROM_GOOD}")
            return {"tier": carried["tier"], **repaired}
        if not was_there:
            [problem] = site_problems(serial, {})
            self.unresolved.append(problem.at_line(self._lines.get(path)))
        return repaired

    def _repaired_field(
        self, serial: str, path: Path, value: JsonValue, carried: JsonObject
    ) -> tuple[JsonValue, bool]:
        """Return the repaired value of a field, and whether the field is kept."""
        name = path[-1]
        problem = field_problem(serial, name, value)
        if problem is None:
            return value, True
        subject = f"site {serial}: {name} {shown(value)}"
        corrected = _corrected(name, value)
        if corrected is not None:
            self._fix(path, f"{subject} → {shown(corrected)}")
            return corrected, True
        if name in carried:
            self._fix(path, f"{subject} is invalid: {shown(carried[name])} {FROM_GOOD}")
            return carried[name], True
        if name == "tier":
            self.unresolved.append(problem.at_line(self._lines.get(path)))
        else:
            self._fix(path, f"{subject} is invalid: removed, the default applies")
        return None, False

    def _fix(self, path: Path, text: str) -> None:
        self.fixes.append(Fix(self._lines.get(path), text))


def _plain_once(plain: str, sites: Mapping[str, object]) -> bool:
    return sum(re.sub(r"[^A-Za-z0-9]", "", key) == plain for key in sites) == 1


def _corrected(name: str, value: JsonValue) -> JsonValue:
    """Return the clearly intended value for an invalid value of a field; `None` if it is not clear."""
    if not isinstance(value, str):
        return None
    if name == "tier":
        return _nearest(value, _TIERS)
    try:
        unquoted: JsonValue = json.loads(value.strip().casefold())
    except ValueError:
        return None
    is_scalar = isinstance(unquoted, bool | int | float)
    return unquoted if is_scalar and FIELDS[name].accepts(unquoted) else None


def _nearest(value: JsonValue, choices: Sequence[str]) -> str | None:
    if not isinstance(value, str):
        return None
    folded = re.sub(r"[^a-z]+", "_", value[:_SHOWN].casefold()).strip("_")
    ranked = sorted(
        ((difflib.SequenceMatcher(None, folded, choice.casefold()).ratio(), choice) for choice in choices),
        reverse=True,
    )
    (best, choice), (second, _) = ranked[:2]
    return choice if best >= _MIN_SIMILARITY and best - second >= _MIN_LEAD else None


def shown(value: JsonValue) -> str:
    """Return a value as JSON, shortened to fit into one line."""
    text = visible(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
