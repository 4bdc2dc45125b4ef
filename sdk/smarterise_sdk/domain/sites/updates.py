"""How the site document changes: all that is asked for, or nothing and every reason why.

The one rule book for every writer: the Lambda, the break-glass write to S3, and plans that only look.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue, same_json
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.sites.document import SCHEMA_VERSION, SiteTiers, site_of, site_problems
from smarterise_sdk.domain.sites.fields import FIELDS, SERIAL_KEY, field_problem, tier_missing
from smarterise_sdk.domain.sites.plans import SiteChange
from smarterise_sdk.domain.text import utc_text, visible

SUBJECT: Final = "the update"

_SUGGESTIONS_AT_MOST = 20
"""Looking for a close serial among 10,000 takes tens of milliseconds; a typo comes alone, not by hundreds."""
_STAMPS = ("schema_version", "updated_at", "updated_by", "reason")


@dataclass(frozen=True, slots=True)
class UpdateSet:
    """What an update amounts to.

    Attributes:
        changed: What differs, per site, in the order asked.
        unchanged: Serials that already are as asked.
        document: The document with the changes, not yet stamped.
    """

    changed: tuple[SiteChange, ...]
    unchanged: tuple[str, ...]
    document: SiteTiers


def apply_updates(
    document: SiteTiers, updates: Mapping[str, Mapping[str, JsonValue]], *, create: bool = False
) -> UpdateSet:
    """Return the document with field values set, leaving the given one as it is.

    A field set to `null` is removed, so that its default holds. Asking for what already holds, be it by
    default, is no change. Fields we do not know can be changed only where a site already has them: a
    misspelt field must not look like a success.

    Args:
        document: The current document.
        updates: Field values by gateway serial.
        create: Whether unknown serials are meant as new sites.

    Raises:
        InvalidInput: With every problem of every site: SITE_NOT_FOUND, INVALID_TIER, INVALID_FIELD,
            BAD_REQUEST.
    """
    entries = document.site_objects
    problems: list[Problem] = []
    changed: list[SiteChange] = []
    unchanged: list[str] = []
    suggestions = _Suggestions(entries)
    for serial, fields in updates.items():
        found = list(_problems_of(serial, fields, entries, suggestions, create=create))
        problems += found
        if found:
            continue
        before = document.site_object(serial) if serial in entries else None
        after, touched = _merged(before or {}, fields)
        if touched or before is None:
            changed.append(SiteChange(serial, before, after))
        else:
            unchanged.append(serial)
    if problems:
        raise InvalidInput(SUBJECT, problems)
    return UpdateSet(tuple(changed), tuple(unchanged), with_changes(document, changed))


def replace_sites(document: SiteTiers, replacements: Mapping[str, JsonObject | None]) -> UpdateSet:
    """Return the document with whole site objects put in place, exactly as given, or taken out.

    For values that have been in the file before, or come whole from another file: undo, rollback, import.

    Args:
        document: The current document.
        replacements: A site's whole object by gateway serial; `None` takes the site out.

    Raises:
        InvalidInput: With every problem of every object.
    """
    problems = [
        problem
        for serial, entry in replacements.items()
        if entry is not None
        for problem in site_problems(serial, entry)
    ]
    if problems:
        raise InvalidInput(SUBJECT, problems)
    changed: list[SiteChange] = []
    unchanged: list[str] = []
    for serial, after in replacements.items():
        before = document.site_object(serial) if serial in document.site_objects else None
        if before is None and after is None:
            unchanged.append(serial)
        elif before is None or after is None or not is_same_entry(before, after):
            changed.append(SiteChange(serial, before, after))
        else:
            unchanged.append(serial)
    return UpdateSet(tuple(changed), tuple(unchanged), with_changes(document, changed))


def edited(
    document: SiteTiers,
    updates: Mapping[str, Mapping[str, JsonValue]],
    replacements: Mapping[str, JsonObject | None],
    *,
    create: bool = False,
) -> UpdateSet:
    """Return the document with fields set and whole objects put in place; see the two functions above.

    Raises:
        InvalidInput: With every problem; a site may be in one of the two only.
    """
    twice = [serial for serial in replacements if serial in updates]
    if twice:
        message = "is both updated and replaced"
        raise InvalidInput(
            SUBJECT,
            [
                Problem("BAD_REQUEST", message, "Do one of the two.", site=visible(serial)[:80])
                for serial in twice
            ],
        )
    if not replacements:
        return apply_updates(document, updates, create=create)
    if not updates:
        return replace_sites(document, replacements)
    first = apply_updates(document, updates, create=create)
    second = replace_sites(first.document, replacements)
    return UpdateSet(first.changed + second.changed, first.unchanged + second.unchanged, second.document)


def is_same_entry(one: JsonValue, other: JsonValue) -> bool:
    """Return whether two objects of a file are the same to JSON at every depth."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def with_changes(document: SiteTiers, changes: Sequence[SiteChange]) -> SiteTiers:
    """Return the document with changes made to it that are known to be sound, unstamped."""
    if not changes:
        return document
    entries: JsonObject = dict(document.site_objects)
    sites = dict(document.sites)
    for change in changes:
        if change.after is None:
            del entries[change.gateway_serial], sites[change.gateway_serial]
        else:
            entries[change.gateway_serial] = change.after
            sites[change.gateway_serial] = site_of(change.gateway_serial, change.after)
    return SiteTiers({**document.raw, "sites": entries}, MappingProxyType(sites))


def stamped(document: SiteTiers, *, at: datetime, by: str, reason: str) -> SiteTiers:
    """Return the document with who wrote it, when and why; the older shape gains the keys of today's.

    Nothing is lost: keys of the older shape stay beside the new ones. No two versions in a row bear the same
    stamp, for it is by the stamp that a file uploaded by hand is told from one that was written.

    Args:
        document: The document about to be written.
        at: Now, with its zone.
        by: Caller ARN or name.
        reason: Why, in the writer's words; may be empty.
    """
    stamps: JsonObject = {
        "schema_version": SCHEMA_VERSION,
        "updated_at": utc_text(at.astimezone(UTC)),
        "updated_by": by,
        "reason": reason,
    }
    if all(document.raw.get(name) == value for name, value in stamps.items()):
        stamps["updated_at"] = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    missing: JsonObject = {name: stamps[name] for name in _STAMPS if name not in document.raw}
    raw: JsonObject = {**missing, **document.raw, **stamps}
    return SiteTiers(raw, document.sites)


def _problems_of(
    serial: str,
    fields: object,
    entries: JsonObject,
    suggestions: _Suggestions,
    *,
    create: bool,
) -> Iterator[Problem]:
    shown = visible(serial)[:80]
    existing = entries.get(serial)
    if existing is None and not create:
        yield suggestions.not_found(
            serial, 'For a new site say so with "create" ("--create", or "sites add").'
        )
        return
    if existing is None and not GATEWAY_SERIAL.match(serial):
        message = f'"{shown}" is not a gateway serial'
        yield Problem("INVALID_FIELD", message, "A serial is 3 to 64 letters and digits.", site=shown)
    if not isinstance(fields, Mapping):
        remedy = 'Give the fields as an object, e.g. {"tier": "CRITICAL"}.'
        yield Problem("BAD_REQUEST", "the update is not an object", remedy, site=shown)
        return
    if not fields and existing is not None:
        remedy = 'Name a field and its value, e.g. {"tier": "CRITICAL"}.'
        yield Problem("BAD_REQUEST", "the update names no field", remedy, site=shown)
    if existing is None and "tier" not in fields:
        yield tier_missing(shown)
    carried = existing if isinstance(existing, dict) else {}
    for name, value in fields.items():
        problem = _problem_of(serial, name, value, carried)
        if problem is not None:
            yield problem


def _problem_of(serial: str, name: str, value: JsonValue, carried: JsonObject) -> Problem | None:
    shown_site, shown = visible(serial)[:80], visible(name)[:80]
    if name == SERIAL_KEY:
        if value == serial:
            return None
        message, remedy = "a site's serial cannot be changed", "Create a new site and disable this one."
    elif name in FIELDS:
        return field_problem(shown_site, name, value)
    elif name not in carried:
        near = difflib.get_close_matches(name[:80].casefold(), FIELDS, n=1)
        message = f'there is no field "{shown}"'
        remedy = f'Did you mean "{near[0]}"?' if near else f"Fields are {', '.join(FIELDS)}."
    elif _is_json(value):
        return None
    else:
        message, remedy = f"{shown} holds something JSON cannot carry", f"Correct {shown}."
    return Problem("INVALID_FIELD", message, remedy, site=shown_site, field=shown)


def _is_json(value: JsonValue) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _merged(before: JsonObject, fields: Mapping[str, JsonValue]) -> tuple[JsonObject, bool]:
    """Return a site's object with the fields set, and whether that changed it."""
    after = dict(before)
    touched = False
    for name, value in fields.items():
        default = _default_of(name)
        held = default if after.get(name) is None else after[name]
        asked = default if value is None else value
        if name == SERIAL_KEY or same_json(held, asked):
            continue
        touched = True
        if value is None:
            after.pop(name, None)
        else:
            after[name] = value
    return after, touched


def _default_of(name: str) -> JsonValue:
    return FIELDS[name].default if name in FIELDS else None


class _Suggestions:
    """Words for a serial that is not in the document, with the one that was probably meant."""

    def __init__(self, known: Mapping[str, object]) -> None:
        self._known = known
        self._folded: dict[str, str] | None = None
        self._left = _SUGGESTIONS_AT_MOST

    def not_found(self, serial: str, otherwise: str) -> Problem:
        shown = visible(serial)[:80]
        near = self._near(serial)
        meant = f'Did you mean "{near}"? ' if near else ""
        return Problem("SITE_NOT_FOUND", f'there is no site "{shown}"', f"{meant}{otherwise}", site=shown)

    def _near(self, serial: str) -> str | None:
        if self._folded is None:
            self._folded = {known.casefold(): known for known in self._known}
        folded = serial[:80].casefold()
        if folded in self._folded:
            return self._folded[folded]
        if self._left == 0:
            return None
        self._left -= 1
        near = difflib.get_close_matches(folded, self._folded, n=1, cutoff=0.75)
        return self._folded[near[0]] if near else None


def suggest_site(serial: str, known: Mapping[str, object]) -> Problem:
    """Return the problem of asking for a site that is not there, with the one probably meant.

    Args:
        serial: What was asked for.
        known: Anything keyed by the serials there are.
    """
    return _Suggestions(known).not_found(serial, "smarterise-ops sites list shows those there are.")
