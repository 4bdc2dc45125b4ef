"""Parse, validate and render the document `site-tiers.json`.

The file is edited by hand: the parser accepts the older format and unknown keys, and reports every problem
with its line. Changes to sites are validated in `updates`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.json_text.strict import JsonDocument, parse_json
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.sites.fields import FIELDS, SERIAL_KEY, field_problem, tier_missing
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue

MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
SCHEMA_VERSION: Final = 1
SUBJECT: Final = "site-tiers.json"

_NO_EXTRA: Final[Mapping[str, JsonValue]] = MappingProxyType({})
_SERIAL_REMEDY = "Write the serial as on the gateway's plate: 3 to 64 letters and digits."


@dataclass(frozen=True, slots=True)
class SiteTiers:
    """The whole document. It must not be modified; changes create a new document.

    Attributes:
        raw: The parsed JSON with all keys.
        sites: The sites by gateway serial, in file order.
    """

    raw: JsonObject
    sites: Mapping[str, Site]

    @property
    def schema_version(self) -> int:
        """The schema version; 0 for the older format, which has none."""
        version = self.raw.get("schema_version")
        return version if isinstance(version, int) else 0

    @property
    def updated_at(self) -> str:
        """Time of the last write according to the file, ISO 8601; empty if missing."""
        return self._text("updated_at") or self._text("last_updated")

    @property
    def updated_by(self) -> str:
        """Who wrote it last, according to the file; empty if missing."""
        return self._text("updated_by")

    @property
    def reason(self) -> str:
        """Reason of the last write, according to the file; empty if missing."""
        return self._text("reason")

    def site_object(self, gateway_serial: str) -> JsonObject:
        """Return the JSON object of a site.

        Raises:
            KeyError: If there is no such site.
        """
        site = self.site_objects[gateway_serial]
        if not isinstance(site, dict):
            raise TypeError(f"site {gateway_serial} is not an object in a validated document")
        return site

    @property
    def site_objects(self) -> JsonObject:
        """The JSON objects of the sites, by gateway serial."""
        sites = self.raw["sites"]
        if not isinstance(sites, dict):
            raise TypeError("sites is not an object in a validated document")
        return sites

    def _text(self, key: str) -> str:
        value = self.raw.get(key)
        return value if isinstance(value, str) else ""


def parse_site_tiers(source: bytes, subject: str = SUBJECT) -> SiteTiers:
    """Parse and validate the document.

    Args:
        source: The file's bytes, at most 16 MiB.
        subject: Name of the input in messages, e.g. with its version.

    Raises:
        InvalidInput: With every problem and its line, site and field.
    """
    document = parse_json(source, subject, max_bytes=MAX_DOCUMENT_BYTES)
    return _validated(document.value, subject, document)


def site_tiers_of(value: JsonValue, subject: str = SUBJECT) -> SiteTiers:
    """Validate an already parsed document, e.g. from the response of a function.

    Raises:
        InvalidInput: With every problem, its site and field.
    """
    return _validated(value, subject, None)


def new_site_tiers(sites: Mapping[str, JsonObject]) -> SiteTiers:
    """Return a new document with the given sites, without write metadata.

    Raises:
        InvalidInput: If a site is invalid.
    """
    raw: JsonObject = {"schema_version": SCHEMA_VERSION, "sites": dict(sites)}
    return _validated(raw, SUBJECT, None)


def render_site_tiers(document: SiteTiers) -> bytes:
    """Serialize the document: indented by 2, key order kept, UTF-8, with a final newline."""
    text = json.dumps(document.raw, indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate (from an escape in the file) cannot be encoded as UTF-8: write its escape again.
    return f"{text}\n".encode(errors="backslashreplace")


def site_of(gateway_serial: str, entry: JsonObject) -> Site:
    """Return the site of a valid JSON object; `null` means absent."""
    known: dict[str, Any] = {}
    extra: JsonObject = {}
    for name, value in entry.items():
        field = FIELDS.get(name)
        if field is None:
            extra[name] = value
        elif value is not None and name != "tier":
            known[name] = field.read(value)
    extra.pop(SERIAL_KEY, None)
    return Site(
        gateway_serial=gateway_serial,
        tier=Tier(str(entry["tier"])),
        extra=MappingProxyType(extra) if extra else _NO_EXTRA,
        **known,
    )


def _validated(value: JsonValue, subject: str, document: JsonDocument | None) -> SiteTiers:
    if not isinstance(value, dict):
        raise InvalidInput(subject, [Problem("INVALID_FIELD", "is not a JSON object", line=1)])
    entries = value.get("sites")
    if not isinstance(entries, dict):
        message = '"sites" is missing' if "sites" not in value else '"sites" is not an object'
        line = document.line_of(("sites",)) if document else None
        remedy = 'Add "sites" with one object per gateway serial.'
        raise InvalidInput(subject, [Problem("INVALID_FIELD", message, remedy, line=line, field="sites")])
    problems = [*_version_problems(value, document)]
    sites: dict[str, Site] = {}
    for serial, entry in entries.items():
        found = list(site_problems(serial, entry, document))
        if not found and isinstance(entry, dict):
            sites[serial] = site_of(serial, entry)
        problems += found
    if problems:
        raise InvalidInput(subject, problems)
    return SiteTiers(value, MappingProxyType(sites))


def _version_problems(value: JsonObject, document: JsonDocument | None) -> Iterator[Problem]:
    version = value.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION or isinstance(version, bool):
        yield Problem(
            "INVALID_FIELD",
            f"schema_version is {visible(json.dumps(version))[:40]}; this release supports {SCHEMA_VERSION}",
            "Use a newer release of the tools, or correct the number.",
            line=document.line_of(("schema_version",)) if document else None,
            field="schema_version",
        )


def site_problems(serial: str, entry: JsonValue, document: JsonDocument | None = None) -> Iterator[Problem]:
    """Yield the problems of the JSON object of one site.

    Args:
        serial: Its key in the file.
        entry: The object.
        document: The source, for line numbers; `None` if there is none.
    """
    shown = visible(serial)[:80]

    def line_of(*path: str) -> int | None:
        return document.line_of(("sites", serial, *path)) if document else None

    if not GATEWAY_SERIAL.match(serial):
        message = f'"{shown}" is not a gateway serial'
        yield Problem("INVALID_FIELD", message, _SERIAL_REMEDY, line=line_of(), site=shown)
    if not isinstance(entry, dict):
        remedy = 'Write an object, e.g. {"tier": "CRITICAL"}.'
        yield Problem("INVALID_FIELD", "is not an object", remedy, line=line_of(), site=shown)
        return
    if "tier" not in entry:
        yield tier_missing(shown, line_of())
    for name, value in entry.items():
        problem = field_problem(shown, name, value)
        if problem is not None:
            yield problem.at_line(line_of(name))
