"""Sites from a file, whole: what `sites import` puts in place and `sites validate` judges.

A file is a site file (`site-tiers.json`, or the same as YAML), or rows of sites in any format of updates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smarterise_ops.changes.site_updates import cannot, content_of, subject_of
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

STAMPS = ("schema_version", "updated_at", "updated_by", "reason", "version", "last_updated")
"""What a site file says of itself; every write says it anew."""


@dataclass(frozen=True, slots=True)
class SitesRead:
    """What a file says of sites.

    Attributes:
        sites: Each site's whole object, by gateway serial; none of it is to be used if there are problems.
        problems: Everything wrong with the file.
        beside: What a site file has beside its sites and stamps.
        are_rows: Whether the sites are rows: a cell cannot tell absent from null or from a blank text, and
            a row has its serial for itself.
    """

    sites: Mapping[str, JsonObject]
    problems: tuple[Problem, ...] = ()
    beside: Mapping[str, JsonValue] = field(default_factory=dict)
    are_rows: bool = False

    def replacing(self, document: SiteTiers, *, prune: bool) -> dict[str, JsonObject | None]:
        """Return the objects to put in place of those of a document; `None` takes a site out.

        Args:
            document: The file as it is.
            prune: Take out what this file does not name.
        """
        known = document.site_objects
        whole: dict[str, JsonObject | None] = {
            serial: {**_unsaid(known.get(serial)), **entry} if self.are_rows else entry
            for serial, entry in self.sites.items()
        }
        return whole | dict.fromkeys(known.keys() - whole.keys()) if prune else whole


def read_sites(source: bytes, subject: str, form: UpdateFormat | None = None) -> SitesRead:
    """Read the sites of a file; never raises, `problems` has what is wrong.

    Args:
        source: The file's bytes.
        subject: Its name; the suffix tells the format unless `form` does.
        form: The format, when it is known.
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
    except InvalidInput as refused:
        return SitesRead({}, refused.problems)
    return _of_rows(source, subject, chosen)


def import_from(
    run: Invocation, file: str, form: UpdateFormat | None, request: Request, *, prune: bool
) -> ExitCode:
    """Put the sites of a file in place.

    Args:
        run: The run.
        file: The file; `-` is standard input.
        form: Its format, when its name does not tell.
        request: How the change is to go.
        prune: Take out the sites that it does not name.

    Raises:
        UsageError: The file cannot be read.
        InvalidDocument: With every problem of the file; nothing was written.
    """
    subject = subject_of(file)
    read = read_sites(content_of(file), subject, form)
    problems = read.problems or (
        () if read.sites else (Problem("EMPTY", "names no site", "see whether it is the file you mean"),)
    )
    if problems:
        raise cannot(subject, problems)
    differing: list[str] = []

    def replacing(document: SiteTiers) -> dict[str, JsonObject | None]:
        differing[:] = [name for name, value in read.beside.items() if document.raw.get(name) != value]
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
            say_warning(f"only sites are imported; left as they are: {', '.join(map(visible, differing))}")
        return plan

    return change_sites(run, planned, request)


def _is_site_file(value: JsonValue) -> bool:
    return isinstance(value, dict) and any(name in value for name in ("sites", *STAMPS))


def _of_document(document: SiteTiers) -> SitesRead:
    sites = {serial: document.site_object(serial) for serial in document.sites}
    beside = {name: value for name, value in document.raw.items() if name not in ("sites", *STAMPS)}
    return SitesRead(sites, beside=beside)


def _of_yaml(value: JsonValue, lines: Mapping[Any, int], subject: str) -> SitesRead:
    try:
        return _of_document(site_tiers_of(value, subject))
    except InvalidInput as refused:
        problems = []
        for problem in refused.problems:
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


def _unsaid(entry: JsonValue) -> JsonObject:
    """Return of a site as it is what no row can say, so that it stays."""
    known = entry if isinstance(entry, dict) else {}
    return {
        name: value
        for name, value in known.items()
        if value is None or name == SERIAL_KEY or (isinstance(value, str) and not value.strip())
    }
