"""The document `site-tiers.json`: read tolerantly, told exactly where it is wrong, written unchanged.

People edit this file by hand, so a reader accepts the older shape and keys it does not know, and reports
every problem with its line. What may be written into a site is the business of `updates`.
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
    """The whole document. Both attributes are to be left as they are; changes make a new document.

    Attributes:
        raw: The parsed file, with every key that was in it.
        sites: The same, understood: one `Site` by gateway serial, in the order of the file.
    """

    raw: JsonObject
    sites: Mapping[str, Site]

    @property
    def schema_version(self) -> int:
        """The document's schema version; 0 for the older shape, which has none."""
        version = self.raw.get("schema_version")
        return version if isinstance(version, int) else 0

    @property
    def updated_at(self) -> str:
        """When it was last written, ISO 8601, as the file says; empty when it does not."""
        return self._text("updated_at") or self._text("last_updated")

    @property
    def updated_by(self) -> str:
        """Who wrote it last; empty when the file does not say."""
        return self._text("updated_by")

    @property
    def reason(self) -> str:
        """Why it was last written; empty when the file does not say."""
        return self._text("reason")

    def site_object(self, gateway_serial: str) -> JsonObject:
        """Return the file's own object of a site.

        Raises:
            KeyError: If there is no such site.
        """
        site = self.site_objects[gateway_serial]
        if not isinstance(site, dict):
            raise TypeError(f"site {gateway_serial} is no object in a document that was accepted")
        return site

    @property
    def site_objects(self) -> JsonObject:
        """The file's own objects, by gateway serial."""
        sites = self.raw["sites"]
        if not isinstance(sites, dict):
            raise TypeError("sites is no object in a document that was accepted")
        return sites

    def _text(self, key: str) -> str:
        value = self.raw.get(key)
        return value if isinstance(value, str) else ""


def parse_site_tiers(source: bytes, subject: str = SUBJECT) -> SiteTiers:
    """Read the document.

    Args:
        source: The file's bytes, at most 16 MiB.
        subject: What it is, for messages, e.g. with its version.

    Raises:
        InvalidInput: With every problem and its line, site and field.
    """
    document = parse_json(source, subject, max_bytes=MAX_DOCUMENT_BYTES)
    return _understood(document.value, subject, document)


def site_tiers_of(value: JsonValue, subject: str = SUBJECT) -> SiteTiers:
    """Return the document that an already parsed value is, e.g. one that a function has answered with.

    Raises:
        InvalidInput: With every problem, its site and field.
    """
    return _understood(value, subject, None)


def new_site_tiers(sites: Mapping[str, JsonObject]) -> SiteTiers:
    """Return a document of these sites, which nobody has stamped yet.

    Raises:
        InvalidInput: If a site is wrong.
    """
    raw: JsonObject = {"schema_version": SCHEMA_VERSION, "sites": dict(sites)}
    return _understood(raw, SUBJECT, None)


def render_site_tiers(document: SiteTiers) -> bytes:
    """Return the document as it is stored: indented by 2, its own key order, UTF-8, a newline at the end."""
    text = json.dumps(document.raw, indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate (from an escape in the file) has no UTF-8 form; its escape is what it was.
    return f"{text}\n".encode(errors="backslashreplace")


def site_of(gateway_serial: str, entry: JsonObject) -> Site:
    """Return the site that a sound object of the file describes; `null` stands for absent."""
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


def _understood(value: JsonValue, subject: str, document: JsonDocument | None) -> SiteTiers:
    if not isinstance(value, dict):
        raise InvalidInput(subject, [Problem("INVALID_FIELD", "is not a JSON object", line=1)])
    entries = value.get("sites")
    if not isinstance(entries, dict):
        message = '"sites" is missing' if "sites" not in value else '"sites" is not an object'
        line = document.line_of(("sites",)) if document else None
        remedy = 'Put every site under "sites", by its gateway serial.'
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
            f"schema_version is {visible(json.dumps(version))[:40]}; this release knows {SCHEMA_VERSION}",
            "Use a newer release of the tools, or correct the number.",
            line=document.line_of(("schema_version",)) if document else None,
            field="schema_version",
        )


def site_problems(serial: str, entry: JsonValue, document: JsonDocument | None = None) -> Iterator[Problem]:
    """Yield what is wrong with one site's object.

    Args:
        serial: Its key in the file.
        entry: The object.
        document: The source it is from, for the lines; `None` when there is none.
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
