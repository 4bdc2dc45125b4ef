"""Validate and apply changes to the site document, atomically.

Used by every writer: the Lambda function, the direct write to S3, and plans.
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
"""Finding a similar serial among 10,000 takes tens of milliseconds."""
_METADATA_KEYS = ("schema_version", "updated_at", "updated_by", "reason")


@dataclass(frozen=True, slots=True)
class UpdateSet:
    """Result of an update.

    Attributes:
        changed: Changes per site, in the requested order.
        unchanged: Serials that already have the requested values.
        document: The document with the changes, without new write metadata.
    """

    changed: tuple[SiteChange, ...]
    unchanged: tuple[str, ...]
    document: SiteTiers


def apply_updates(
    document: SiteTiers, updates: Mapping[str, Mapping[str, JsonValue]], *, create: bool = False
) -> UpdateSet:
    """Return a copy of the document with field values set.

    A field set to `null` is removed and gets its default. Setting the current or default value is not a
    change. Unknown fields can be changed only in sites that already have them, so that misspelled fields are
    rejected.

    Args:
        document: The current document.
        updates: Field values by gateway serial.
        create: Whether unknown serials create new sites.

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
    """Return a copy of the document with complete site objects replaced or removed.

    For objects from an earlier version or from another file: undo, rollback, import.

    Args:
        document: The current document.
        replacements: Complete site objects by gateway serial; `None` removes a site.

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
    """Return a copy of the document with fields set and objects replaced; see the two functions above.

    Raises:
        InvalidInput: With every problem; a site must not be in both.
    """
    twice = [serial for serial in replacements if serial in updates]
    if twice:
        message = "is both updated and replaced"
        raise InvalidInput(
            SUBJECT,
            [
                Problem("BAD_REQUEST", message, "Remove it from one of the two.", site=visible(serial)[:80])
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
    """Return whether two JSON values are equal at every depth."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def with_changes(document: SiteTiers, changes: Sequence[SiteChange]) -> SiteTiers:
    """Return a copy of the document with validated changes, without new write metadata."""
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


def with_metadata(document: SiteTiers, *, at: datetime, by: str, reason: str) -> SiteTiers:
    """Return a copy of the document with write metadata: time, author and reason.

    Keys of the older format are kept. The metadata always differs from that of the previous version: a
    version with unchanged metadata is recognized as uploaded by hand.

    Args:
        document: The document to write.
        at: Current time, aware.
        by: Caller ARN or name.
        reason: Reason; may be empty.
    """
    metadata: JsonObject = {
        "schema_version": SCHEMA_VERSION,
        "updated_at": utc_text(at.astimezone(UTC)),
        "updated_by": by,
        "reason": reason,
    }
    if all(document.raw.get(name) == value for name, value in metadata.items()):
        metadata["updated_at"] = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    missing: JsonObject = {name: metadata[name] for name in _METADATA_KEYS if name not in document.raw}
    raw: JsonObject = {**missing, **document.raw, **metadata}
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
            serial, 'To add a new site, set "create" (option --create, or command "sites add").'
        )
        return
    if existing is None and not GATEWAY_SERIAL.match(serial):
        message = f'"{shown}" is not a gateway serial'
        yield Problem("INVALID_FIELD", message, "A serial is 3 to 64 letters and digits.", site=shown)
    if not isinstance(fields, Mapping):
        remedy = 'Use an object of fields, e.g. {"tier": "CRITICAL"}.'
        yield Problem("BAD_REQUEST", "the update is not an object", remedy, site=shown)
        return
    if not fields and existing is not None:
        remedy = 'Set a field, e.g. {"tier": "CRITICAL"}.'
        yield Problem("BAD_REQUEST", "the update contains no field", remedy, site=shown)
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
        message, remedy = "the serial of a site cannot be changed", "Add a new site and disable this one."
    elif name in FIELDS:
        return field_problem(shown_site, name, value)
    elif name not in carried:
        near = difflib.get_close_matches(name[:80].casefold(), FIELDS, n=1)
        message = f'unknown field "{shown}"'
        remedy = f'Did you mean "{near[0]}"?' if near else f"Fields are {', '.join(FIELDS)}."
    elif _is_json(value):
        return None
    else:
        message, remedy = f"{shown} is not a valid JSON value", f"Correct {shown}."
    return Problem("INVALID_FIELD", message, remedy, site=shown_site, field=shown)


def _is_json(value: JsonValue) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _merged(before: JsonObject, fields: Mapping[str, JsonValue]) -> tuple[JsonObject, bool]:
    """Return a site object with fields set, and whether it changed."""
    after = dict(before)
    touched = False
    for name, value in fields.items():
        default = _default_of(name)
        current = default if after.get(name) is None else after[name]
        requested = default if value is None else value
        if name == SERIAL_KEY or same_json(current, requested):
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
    """Builds problems for unknown serials, with a suggestion of a similar one."""

    def __init__(self, known: Mapping[str, object]) -> None:
        self._known = known
        self._folded: dict[str, str] | None = None
        self._remaining = _SUGGESTIONS_AT_MOST

    def not_found(self, serial: str, otherwise: str) -> Problem:
        shown = visible(serial)[:80]
        near = self._near(serial)
        suggestion = f'Did you mean "{near}"? ' if near else ""
        message = f'site "{shown}" does not exist'
        return Problem("SITE_NOT_FOUND", message, f"{suggestion}{otherwise}", site=shown)

    def _near(self, serial: str) -> str | None:
        if self._folded is None:
            self._folded = {known.casefold(): known for known in self._known}
        folded = serial[:80].casefold()
        if folded in self._folded:
            return self._folded[folded]
        if self._remaining == 0:
            return None
        self._remaining -= 1
        near = difflib.get_close_matches(folded, self._folded, n=1, cutoff=0.75)
        return self._folded[near[0]] if near else None


def suggest_site(serial: str, known: Mapping[str, object]) -> Problem:
    """Return the problem for an unknown site, with a suggestion of a similar serial.

    Args:
        serial: The unknown serial.
        known: A mapping with the existing serials as keys.
    """
    return _Suggestions(known).not_found(serial, "List sites: smarterise-ops sites list")
