"""Reading and import of whole sites for `sites import` and `sites validate`.

A file is a site file (`site-tiers.json`, or the same as YAML), or rows of sites in any format of updates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smarterise_ops.changes.site_updates import content_of, invalid_request, subject_of
from smarterise_ops.changes.update_file import format_of, guess_format, read_updates, text_of
from smarterise_ops.changes.update_formats import yaml_value
from smarterise_ops.changes.workflow import change_sites
from smarterise_ops.output.formats import UpdateFormat
from smarterise_ops.output.render import say_warning
from smarterise_sdk.domain.json_text.strict import parse_json
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.document import (
    MAX_DOCUMENT_BYTES,
    SiteTiers,
    parse_site_tiers,
    site_problems,
    site_tiers_of,
)
from smarterise_sdk.domain.sites.fields import SERIAL_KEY
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_ops.changes.workflow import Request
    from smarterise_ops.context import Invocation
    from smarterise_ops.exit_codes import ExitCode
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.plans import Plan

METADATA = ("schema_version", "updated_at", "updated_by", "reason", "version", "last_updated")
"""Metadata of the site file; each write sets it."""


@dataclass(frozen=True, slots=True)
class SitesRead:
    """The sites read from a file.

    Attributes:
        sites: Site objects by gateway serial; must not be used if there are problems.
        problems: All problems of the file.
        other_keys: Keys of a site file other_keys its sites and metadata.
        are_rows: Whether the sites are rows, where a cell cannot distinguish absent, null and blank text.
    """

    sites: Mapping[str, JsonObject]
    problems: tuple[Problem, ...] = ()
    other_keys: Mapping[str, JsonValue] = field(default_factory=dict)
    are_rows: bool = False

    def replacing(self, document: SiteTiers, *, prune: bool) -> dict[str, JsonObject | None]:
        """Return the new objects of a document's sites; `None` removes a site.

        Args:
            document: The current site file.
            prune: Remove sites that are not in this file.
        """
        known = document.site_objects
        whole: dict[str, JsonObject | None] = {
            serial: {**_not_in_rows(known.get(serial)), **entry} if self.are_rows else entry
            for serial, entry in self.sites.items()
        }
        return whole | dict.fromkeys(known.keys() - whole.keys()) if prune else whole


def read_sites(source: bytes, subject: str, form: UpdateFormat | None = None) -> SitesRead:
    """Read the sites of a file; errors are returned as `problems`.

    Args:
        source: The file's bytes.
        subject: Its name; the suffix determines the format unless `form` is given.
        form: The format, if known.
    """
    try:
        text = text_of(source, subject)
        chosen = form or format_of(subject) or guess_format(text)
        if chosen is UpdateFormat.JSON:
            value = parse_json(source, subject, max_bytes=MAX_DOCUMENT_BYTES).value
            if _is_site_file(value):
                return _of_document(parse_site_tiers(source, subject))
        elif chosen is UpdateFormat.YAML:
            value, lines = yaml_value(text, subject)
            if _is_site_file(value):
                return _of_yaml(value, lines, subject)
    except InvalidInput as invalid:
        return SitesRead({}, invalid.problems)
    return _of_rows(source, subject, chosen)


def import_from(
    run: Invocation, file: str, form: UpdateFormat | None, request: Request, *, prune: bool
) -> ExitCode:
    """Replace sites with those of a file.

    Args:
        run: The run.
        file: The file; `-` is standard input.
        form: Its format; by default determined by its name.
        request: Options of the change.
        prune: Remove sites that are not in the file.

    Raises:
        UsageError: If the file cannot be read.
        InvalidDocument: If the file has problems; nothing was written.
    """
    subject = subject_of(file)
    read = read_sites(content_of(file), subject, form)
    problems = read.problems or (
        () if read.sites else (Problem("EMPTY", "contains no site", "check the file name"),)
    )
    if problems:
        raise invalid_request(subject, problems)
    differing: list[str] = []

    def replacing(document: SiteTiers) -> dict[str, JsonObject | None]:
        differing[:] = [name for name, value in read.other_keys.items() if document.raw.get(name) != value]
        return read.replacing(document, prune=prune)

    def planned() -> Plan:
        plan = run.stack.sites.plan_replace(
            replacing,
            reason=request.reason,
            create=True,
            expect_etag=request.expect_etag,
            via=request.via,
        )
        if differing:
            say_warning(f"Only sites are imported; not changed: {', '.join(map(visible, differing))}")
        return plan

    return change_sites(run, planned, request)


def _is_site_file(value: JsonValue) -> bool:
    return isinstance(value, dict) and any(name in value for name in ("sites", *METADATA))


def _of_document(document: SiteTiers) -> SitesRead:
    sites = {serial: document.site_object(serial) for serial in document.sites}
    other_keys = {name: value for name, value in document.raw.items() if name not in ("sites", *METADATA)}
    return SitesRead(sites, other_keys=other_keys)


def _of_yaml(value: JsonValue, lines: Mapping[Any, int], subject: str) -> SitesRead:
    try:
        return _of_document(site_tiers_of(value, subject))
    except InvalidInput as invalid:
        problems = []
        for problem in invalid.problems:
            path = ("sites", problem.site, problem.field) if problem.site else (problem.field,)
            problems.append(problem.at_line(lines.get(path) or lines.get(path[:2])))
        return SitesRead({}, tuple(problems))


def _of_rows(source: bytes, subject: str, form: UpdateFormat) -> SitesRead:
    rows = read_updates(source, subject, form=form)
    sites = {serial: dict(fields) for serial, fields in rows.values.items()}
    problems = [*rows.problems]
    problems += (
        rows.located(problem) for serial, entry in sites.items() for problem in site_problems(serial, entry)
    )
    problems.sort(key=lambda problem: (problem.line is None, problem.line or 0))
    return SitesRead(sites, tuple(problems), are_rows=True)


def _not_in_rows(entry: JsonValue) -> JsonObject:
    """Return the fields of a site that rows cannot represent, to keep them."""
    known = entry if isinstance(entry, dict) else {}
    return {
        name: value
        for name, value in known.items()
        if value is None or name == SERIAL_KEY or (isinstance(value, str) and not value.strip())
    }
