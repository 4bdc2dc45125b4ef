"""Export of all sites in a format that `sites import` restores exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_ops.changes.update_file import format_of
from smarterise_ops.changes.update_formats import cell_text
from smarterise_ops.files import STDIN, name_of, write_named
from smarterise_ops.notices import warn_if_degraded
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import emit_object, emit_rows, object_as_data, rows_as_data, say
from smarterise_sdk.domain.sites.fields import SERIAL_KEY
from smarterise_sdk.errors import UsageError

if TYPE_CHECKING:
    from smarterise_ops.context import Invocation
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.plans import WritePath

_WHOLE = (OutputFormat.JSON, OutputFormat.YAML)
"""Formats that contain the whole site file; the others contain rows."""


def export_to(run: Invocation, file: str | None, version: str, via: WritePath) -> None:
    """Write the sites of a version to a file, or to standard output.

    Raises:
        UsageError: If the format cannot be imported, or the file cannot be written.
        SmarteriseError: If the version cannot be read.
    """
    form = _format(run, file)
    found = run.stack.sites.version(version, via=via)
    warn_if_degraded(run, found.degraded)
    if file is None or file == STDIN:
        _print(found.document, form)
        return
    content = _text(found.document, form).encode(errors="backslashreplace")
    if write_named(file, content):
        say(f"● {len(found.document.sites)} sites written to {name_of(file)}")


def _format(run: Invocation, file: str | None) -> OutputFormat:
    if "output" not in run.shared:
        by_suffix = format_of(file or "")
        return OutputFormat(by_suffix.value) if by_suffix is not None else OutputFormat.JSON
    if run.output is OutputFormat.TABLE:
        raise UsageError(
            "A table cannot be imported",
            remedy="use -o json, yaml, csv or jsonl; to list the sites: " + run.another("sites", "list"),
        )
    return run.output


def _print(document: SiteTiers, form: OutputFormat) -> None:
    if form in _WHOLE:
        emit_object(document.raw, form)
    else:
        emit_rows(rows_of(document, form), (), form)


def _text(document: SiteTiers, form: OutputFormat) -> str:
    return (
        object_as_data(document.raw, form) if form in _WHOLE else rows_as_data(rows_of(document, form), form)
    )


def rows_of(document: SiteTiers, form: OutputFormat) -> list[JsonObject]:
    """Return the sites as rows; for CSV as cells that `sites import` restores exactly."""
    rows: list[JsonObject] = [
        {SERIAL_KEY: serial, **document.site_object(serial)} for serial in document.sites
    ]
    if form is not OutputFormat.CSV:
        return rows
    return [{name: cell_text(name, value) for name, value in row.items()} for row in rows]
