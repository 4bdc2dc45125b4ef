"""Parsing of update files and settings of `sites bulk-update` into one request.

Records requested values and their lines; the SDK validates sites and values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from smarterise_ops.changes.update_formats import BAD, MAX_UPDATE_BYTES, READERS, Record, cell_value, shown
from smarterise_ops.output.formats import UpdateFormat
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smarterise_sdk.domain.json_text.types import JsonValue
    from smarterise_sdk.domain.sites.model import Tier

_BY_SUFFIX = {
    ".csv": UpdateFormat.CSV,
    ".tsv": UpdateFormat.CSV,
    ".json": UpdateFormat.JSON,
    ".jsonl": UpdateFormat.JSONL,
    ".ndjson": UpdateFormat.JSONL,
    ".yaml": UpdateFormat.YAML,
    ".yml": UpdateFormat.YAML,
}
_YAML_BEGINS = re.compile(r"[#%-]|.*:(\s|$)")


@dataclass(frozen=True, slots=True)
class Updates:
    """Requested changes.

    Attributes:
        values: Field values by gateway serial.
        problems: Problems of the source itself.
        records: Records by serial, for line numbers.
    """

    values: Mapping[str, Mapping[str, JsonValue]]
    problems: tuple[Problem, ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict)

    def located(self, problem: Problem) -> Problem:
        """Return a problem of the SDK with its line in this source, if any."""
        record = self.records.get(problem.site or "")
        if record is None or problem.line is not None:
            return problem
        line = record.line_of(problem.field) if problem.field else None
        return problem.at_line(line or record.line)


def read_updates(
    source: bytes | None, subject: str, *, form: UpdateFormat | None = None, settings: Sequence[str] = ()
) -> Updates:
    """Read an update file and settings into one request; errors are returned as `problems`.

    Args:
        source: The file's bytes, or `None`.
        subject: Its name; the suffix determines the format unless `form` is given.
        form: The format, if known.
        settings: `SERIAL=TIER` each, from the command line.
    """
    problems: list[Problem] = []
    records: list[Record] = []
    if source is not None:
        try:
            text = text_of(source, subject)
            chosen = form or format_of(subject) or guess_format(text)
            records += READERS[chosen](text, subject, problems)
        except InvalidInput as invalid:
            problems += invalid.problems
    records += _settings(settings, problems)
    return _merged(records, problems)


def fields_of(
    settings: Sequence[str], problems: list[Problem], *, tier: Tier | None = None
) -> dict[str, JsonValue]:
    """Parse `NAME=VALUE` settings; an empty value clears the field.

    Args:
        settings: As typed. Values are parsed like CSV cells.
        problems: Problems are appended to it.
        tier: The tier, if given by an option.
    """
    fields: dict[str, JsonValue] = {} if tier is None else {"tier": tier.value}
    for text in settings:
        name, separator, value = text.partition("=")
        name = name.strip()
        if not name or not separator:
            message = f"--field {visible(text)} is not NAME=VALUE"
            problems.append(Problem(BAD, message, "e.g. --field capacity_kva=500"))
        elif name in fields:
            problems.append(Problem(BAD, f"{shown(name)} is given twice", "remove one"))
        else:
            fields[name] = cell_value(name, value) if value.strip() else None
    return fields


def format_of(name: str) -> UpdateFormat | None:
    """Return the format by a file's suffix, if known."""
    return _BY_SUFFIX.get(PurePath(name).suffix.lower())


def guess_format(text: str) -> UpdateFormat:
    """Guess the format of a text, for standard input and unknown suffixes."""
    body = text.lstrip()
    first, _, rest = body.partition("\n")
    if body.startswith("["):
        return UpdateFormat.JSON
    if body.startswith("{"):
        is_lines = bool(rest.strip()) and first.rstrip().endswith("}")
        return UpdateFormat.JSONL if is_lines else UpdateFormat.JSON
    return UpdateFormat.YAML if _YAML_BEGINS.match(first) else UpdateFormat.CSV


def text_of(source: bytes, subject: str) -> str:
    """Return the text of an update file.

    Raises:
        InvalidInput: If it is too large, empty or not UTF-8.
    """
    if len(source) > MAX_UPDATE_BYTES:
        message = f"is larger than {MAX_UPDATE_BYTES // 1024**2} MiB"
        raise InvalidInput(subject, [Problem("TOO_LARGE", message, "split it")])
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = f"byte {error.object[error.start]:#04x} is not UTF-8"
        raise InvalidInput(subject, [Problem("NOT_UTF8", message, "save it as UTF-8", line=line)]) from error
    if not text.strip():
        raise InvalidInput(subject, [Problem("EMPTY", "is empty")])
    return text


def _settings(settings: Iterable[str], problems: list[Problem]) -> Iterator[Record]:
    for text in settings:
        serial, _, tier = text.partition("=")
        if serial and tier:
            yield Record(serial.strip(), {"tier": tier.strip().upper()})
        else:
            message = f"--set {visible(text)} is not SERIAL=TIER"
            problems.append(Problem(BAD, message, "e.g. --set AN54101471=CRITICAL"))


def _merged(records: Iterable[Record], problems: list[Problem]) -> Updates:
    merged: dict[str, Record] = {}
    for record in records:
        serial = record.serial
        if not isinstance(serial, str) or not GATEWAY_SERIAL.match(serial):
            remedy = "3 to 64 alphanumeric characters, as on the gateway's plate"
            problems.append(
                Problem(BAD, f"{shown(serial)} is not a gateway serial", remedy, line=record.line)
            )
        elif serial in merged:
            first = merged[serial].line
            message = f"given twice; first on line {first}" if first else "given twice"
            problems.append(Problem(BAD, message, "remove one", line=record.line, site=serial))
        elif not record.fields:
            message, remedy = "no fields given", "give at least one field, e.g. tier"
            problems.append(Problem(BAD, message, remedy, line=record.line, site=serial))
        else:
            merged[serial] = record
    problems.sort(key=lambda problem: (problem.line is None, problem.line))
    values = {serial: record.fields for serial, record in merged.items()}
    return Updates(values, tuple(problems), merged)
