"""Readers of update files: each turns text into one `Record` per site, with line numbers.

A reader appends errors to `problems` and continues where possible, so that all are reported at once.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from smarterise_ops.output.csv_injection import unguarded
from smarterise_ops.output.formats import UpdateFormat
from smarterise_sdk.domain.json_text.strict import parse_json
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.fields import FIELDS, SERIAL_KEY
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue

MAX_UPDATE_BYTES: Final = 16 * 1024 * 1024
BAD: Final = "BAD_REQUEST"
_MAX_SHOWN = 80
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Record:
    """The requested values of one site.

    Attributes:
        serial: The gateway serial as given, not validated.
        fields: Field values.
        line: First line of the record; `None` for the command line.
        line_of: Returns the line of a field.
    """

    serial: JsonValue
    fields: JsonObject
    line: int | None = None
    line_of: Callable[[str], int | None] = lambda _: None


Reader = Callable[[str, str, "list[Problem]"], Iterator[Record]]


def shown(value: JsonValue) -> str:
    """Return a value for a message, truncated."""
    text = visible(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


# JSON and YAML: the same shapes -----------------------------------------------------------------

_SHAPES = "an object of sites by serial, or a list of objects with gateway_serial"
_LineOf = Callable[[Sequence["str | int"]], "int | None"]


def read_json(text: str, subject: str, problems: list[Problem]) -> Iterator[Record]:
    """Yield the records of a JSON document: the `updates` object of the Lambda, or a list of objects."""
    document = parse_json(text.encode(), subject, max_bytes=MAX_UPDATE_BYTES)
    yield from _records(document.value, document.line_of, problems)


def read_json_lines(text: str, subject: str, problems: list[Problem]) -> Iterator[Record]:
    """Yield the records of JSON lines: one object with `gateway_serial` per line."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line.encode(), subject, max_bytes=MAX_UPDATE_BYTES).value
        except InvalidInput as invalid:
            problems += [problem.at_line(number) for problem in invalid.problems]
            continue
        yield from _record(value, number, partial(_same_line, number), problems)


def read_yaml(text: str, subject: str, problems: list[Problem]) -> Iterator[Record]:
    """Yield the records of a YAML document of the same shapes as JSON."""
    value, lines = yaml_value(text, subject)
    yield from _records(value, lambda path: lines.get(tuple(path)), problems)


def _same_line(line: int, _field: str) -> int:
    return line


def _line_below(line_of: _LineOf, step: str | int, field: str) -> int | None:
    return line_of([step, field])


def _records(value: JsonValue, line_of: _LineOf, problems: list[Problem]) -> Iterator[Record]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _record(item, line_of([index]), partial(_line_below, line_of, index), problems)
    elif isinstance(value, dict) and isinstance(value.get(SERIAL_KEY), str):
        yield from _record(value, line_of([]), lambda name: line_of([name]), problems)
    elif isinstance(value, dict) and isinstance(value.get("sites"), dict):
        message, remedy = (
            "is a whole site file",
            "use `sites import`, or give only its sites",
        )
        problems.append(Problem(BAD, message, remedy, line=line_of(["sites"])))
    elif isinstance(value, dict):
        for serial, item in value.items():
            fields: JsonValue = {"tier": item} if isinstance(item, str) else item
            line = line_of([serial])
            if isinstance(fields, dict):
                yield Record(serial, fields, line, partial(_line_below, line_of, serial))
            else:
                message = f"invalid value of {shown(serial)}: {shown(item)}"
                problems.append(
                    Problem(BAD, message, 'give an object such as {"tier": "CRITICAL"}', line=line)
                )
    else:
        problems.append(Problem(BAD, f"invalid content: {shown(value)}", f"expected {_SHAPES}", line=1))


def _record(
    value: JsonValue, line: int | None, line_of: Callable[[str], int | None], problems: list[Problem]
) -> Iterator[Record]:
    if isinstance(value, dict) and SERIAL_KEY in value:
        fields = {name: item for name, item in value.items() if name != SERIAL_KEY}
        yield Record(value[SERIAL_KEY], fields, line, line_of)
    else:
        message = f"{shown(value)} is not an object with {SERIAL_KEY}"
        problems.append(Problem(BAD, message, f'e.g. {{"{SERIAL_KEY}": "…", "tier": "CRITICAL"}}', line=line))


# YAML -------------------------------------------------------------------------------------------

# Numbers in both JSON and YAML 1.1; everything else is text.
_JSON_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?\Z")
_YAML_WORDS: dict[str, bool | None] = {"null": None, "~": None, "": None, "true": True, "false": False}
_YAML_WORDS |= {"yes": True, "on": True, "no": False, "off": False}


def yaml_value(text: str, subject: str) -> tuple[JsonValue, Mapping[tuple[str | int, ...], int]]:
    """Parse the JSON subset of YAML: no tags, anchors or dates; keys are text as written.

    Built from the parser's events: PyYAML's own composer recurses in C, and deep nesting crashes the process.

    Raises:
        InvalidInput: If the text is not YAML or uses unsupported features.
    """
    import yaml

    builder = _YamlBuilder(subject)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.process(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _not_yaml(
            subject, error.problem or "cannot be read", mark.line + 1 if mark else None
        ) from error
    except yaml.YAMLError as error:
        raise _not_yaml(subject, str(error).partition("\n")[0], None) from error
    return builder.value, builder.lines


class _YamlBuilder:
    """Builds a value from YAML events and records line numbers."""

    def __init__(self, subject: str) -> None:
        self.value: JsonValue = None
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._subject = subject
        self._open: list[list[JsonValue] | JsonObject] = []
        self._path: list[str | int] = []
        self._key: str | None = None
        self._documents = 0

    def process(self, event: Any) -> None:
        """Process the next event."""
        name = type(event).__name__
        handler = self._HANDLERS.get(name)
        if handler is None:
            return
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise _not_yaml(self._subject, "anchors and aliases are not supported", line)
        handler(self, event, line)

    def _document(self, _event: Any, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _not_yaml(self._subject, "contains more than one document", line)

    def _scalar(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            raise _not_yaml(self._subject, f"the tag {event.tag[:60]} is not supported", line)
        if self._is_key_next():
            if event.value == "<<" and not event.style:
                raise _not_yaml(self._subject, "merge keys are not supported", line)
            self._set_key(event.value, line)
            return
        # The C parser marks plain scalars with an empty style, the Python one with None. Serials stay text.
        is_plain = not event.style and event.tag is None and self._key != SERIAL_KEY
        self._place(self._plain(event.value, line) if is_plain else event.value, line)

    def _container(self, event: Any, line: int) -> None:
        if self._is_key_next():
            raise _not_yaml(self._subject, "a key must be plain text", line)
        if event.tag is not None:
            raise _not_yaml(self._subject, f"the tag {event.tag[:60]} is not supported", line)
        if len(self._open) >= _MAX_DEPTH:
            raise _not_yaml(self._subject, f"is nested more than {_MAX_DEPTH} levels deep", line)
        container: list[JsonValue] | JsonObject = {} if type(event).__name__ == "MappingStartEvent" else []
        self._place(container, line)
        self._open.append(container)

    def _end(self, _event: Any, _line: int) -> None:
        self._open.pop()
        if self._path:
            self._path.pop()

    def _is_key_next(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1], dict) and self._key is None

    def _set_key(self, key: str, line: int) -> None:
        # Keys stay text: a serial of digits is not a number, and the site NO is not a boolean.
        if key in self._open[-1]:
            raise _not_yaml(self._subject, f"duplicate key {shown(key)}", line)
        self._key = key
        self.lines[*self._path, key] = line

    def _place(self, value: JsonValue, line: int) -> None:
        if not self._open:
            self.value = value
            self.lines[()] = line
            return
        parent = self._open[-1]
        step: str | int
        if isinstance(parent, dict):
            step, self._key = str(self._key), None
            parent[step] = value
        else:
            step = len(parent)
            parent.append(value)
            self.lines[*self._path, step] = line
        if isinstance(value, dict | list):
            self._path.append(step)

    def _plain(self, text: str, line: int) -> JsonValue:
        if text.lower() in _YAML_WORDS:
            return _YAML_WORDS[text.lower()]
        if _JSON_INTEGER.match(text):
            return int(text)
        if _JSON_NUMBER.match(text) and math.isfinite(float(text)):
            return float(text)
        if text.lower().lstrip("+-") in {".inf", ".nan"}:
            raise _not_yaml(self._subject, f"{text} is not a finite number", line)
        # 2026-01-01, 12:30, 0x1F, 1_000, 1e3: other types in YAML, text in a site.
        return text

    _HANDLERS: ClassVar[Mapping[str, Callable[[_YamlBuilder, Any, int], None]]] = {
        "DocumentStartEvent": _document,
        "ScalarEvent": _scalar,
        "AliasEvent": _scalar,
        "MappingStartEvent": _container,
        "SequenceStartEvent": _container,
        "MappingEndEvent": _end,
        "SequenceEndEvent": _end,
    }


def _not_yaml(subject: str, message: str, line: int | None) -> InvalidInput:
    return InvalidInput(subject, [Problem("NOT_YAML", visible(message), line=line)])


# CSV --------------------------------------------------------------------------------------------

_DELIMITERS = (",", ";", "\t")
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def read_csv(text: str, subject: str, problems: list[Problem]) -> Iterator[Record]:
    """Yield the records of CSV: a header with `gateway_serial`, one row per site; empty cells are ignored."""
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            row = [unguarded(cell) for cell in cells]
            begins, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header = _header(row, subject, begins)
            else:
                yield from _row(header, row, begins, problems)
    except csv.Error as error:
        problems.append(Problem("NOT_CSV", visible(str(error)), "check the quotes", line=reader.line_num))


def _header(row: Sequence[str], subject: str, line: int) -> list[str]:
    header = [cell.strip() for cell in row]
    while header and not header[-1]:
        header.pop()
    wrong = []
    if SERIAL_KEY not in header:
        remedy = f"start with a header such as {SERIAL_KEY},tier"
        wrong.append(Problem("NOT_CSV", f"the header has no {SERIAL_KEY}", remedy, line=line))
    elif len(header) == 1:
        remedy = f"e.g. {SERIAL_KEY},tier"
        wrong.append(Problem("NOT_CSV", f"the header has no field besides {SERIAL_KEY}", remedy, line=line))
    if "" in header:
        wrong.append(Problem("NOT_CSV", f"column {header.index('') + 1} has no name", line=line))
    wrong += (
        Problem("NOT_CSV", f"duplicate column {shown(name)}", line=line)
        for name in dict.fromkeys(header)
        if name and header.count(name) > 1
    )
    if wrong:
        raise InvalidInput(subject, wrong)
    return header


def _row(header: Sequence[str], row: Sequence[str], line: int, problems: list[Problem]) -> Iterator[Record]:
    cells = list(row)
    while len(cells) > len(header) and not cells[-1].strip():
        cells.pop()
    if len(cells) != len(header):
        message = f"the row has {len(cells)} cells, the header {len(header)}"
        problems.append(Problem("NOT_CSV", message, "check the commas and quotes", line=line))
        return
    texts = dict(zip(header, cells, strict=True))
    fields = {
        name: cell_value(name, cell) for name, cell in texts.items() if name != SERIAL_KEY and cell.strip()
    }
    yield Record(texts[SERIAL_KEY].strip(), fields, line, partial(_same_line, line))


def cell_value(name: str, cell: str) -> JsonValue:
    """Parse a CSV cell: known fields by their type, others as JSON or text."""
    known = FIELDS.get(name)
    if known is None:
        return _json_or_text(cell)
    if known.read is bool:
        return _TRUTH.get(cell.strip().lower(), cell)
    if known.read is float:
        value = _json_or_text(cell.strip())
        return value if isinstance(value, int | float) and not isinstance(value, bool) else cell
    return cell.strip() if name == "tier" else cell


def cell_text(name: str, value: JsonValue) -> str:
    """Return a field's value as a CSV cell that `cell_value` parses to the same value."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    is_plain = name in FIELDS or name == SERIAL_KEY or _json_or_text(value) == value
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _json_or_text(cell: str) -> JsonValue:
    try:
        return parse_json(cell.encode(errors="surrogatepass"), "cell", max_bytes=MAX_UPDATE_BYTES).value
    except InvalidInput:
        return cell


READERS: dict[UpdateFormat, Reader] = {
    UpdateFormat.CSV: read_csv,
    UpdateFormat.JSON: read_json,
    UpdateFormat.JSONL: read_json_lines,
    UpdateFormat.YAML: read_yaml,
}
