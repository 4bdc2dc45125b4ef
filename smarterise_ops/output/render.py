"""Output of commands: data on stdout in the requested format, messages on stderr.

rich is imported for tables only, and yaml for YAML only.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from smarterise_ops.output.csv_injection import guarded
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.streams import STDOUT_FAILED, guard_output, write_text
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.problems import Problem


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a listing.

    Attributes:
        key: The row's key; also the name of the column in CSV.
        title: The table header; the key in capitals when empty.
        decimals: Decimals of numbers in a table; such columns are right-aligned.
    """

    key: str
    title: str = ""
    decimals: int | None = None

    @property
    def header(self) -> str:
        """The table header."""
        return self.title or self.key.upper()

    def cell(self, row: JsonObject) -> str:
        """Return the row's value as text for a table."""
        value = row.get(self.key)
        if self.decimals is not None and isinstance(value, float):
            return f"{value:.{self.decimals}f}"
        return _plain(value)


def prepare_streams() -> None:
    """Guard standard output and error against encoding and write errors.

    See `streams.guard_output`. An error of standard output is raised as a `SmarteriseError`.
    """
    guard_output(_raise_output_error)


def emit_rows(rows: Sequence[JsonObject], columns: Sequence[Column], form: OutputFormat) -> None:
    """Print a listing on stdout.

    Args:
        rows: One flat object per row; JSON, JSON lines and YAML contain all keys.
        columns: The columns of a table, in order; CSV appends the remaining keys.
        form: The format.
    """
    write_data(_ROWS[form](rows, columns))


def emit_object(item: JsonObject, form: OutputFormat) -> None:
    """Print one object on stdout; a table has one field per line."""
    write_data(_OBJECT[form](item))


def rows_as_data(rows: Sequence[JsonObject], form: OutputFormat) -> str:
    """Return a listing as file content."""
    return _csv(rows, (), finish=str) if form is OutputFormat.CSV else _ROWS[form](rows, ())


def object_as_data(item: JsonObject, form: OutputFormat) -> str:
    """Return an object as file content."""
    return _OBJECT[form](item)


def write_data(text: str) -> None:
    """Write text to stdout and flush; a closed pipe is not an error."""
    _write(sys.stdout, text)


def write_bytes(data: bytes) -> None:
    """Write raw bytes to stdout and flush; a closed pipe is not an error."""
    if not hasattr(sys.stdout, "buffer"):
        write_data(data.decode(errors="backslashreplace"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Print a message on stderr."""
    _write(sys.stderr, text + "\n")


def say_progress(text: str) -> None:
    """Print progress on stderr if it is a terminal."""
    if sys.stderr.isatty():
        say(visible(text))


def ask(question: str) -> str:
    """Prompt on stderr and return the stripped line from stdin; empty at end of input.

    Raises:
        UsageError: Standard input cannot be read.
    """
    _write(sys.stderr, question)
    try:
        return sys.stdin.readline().strip()
    except OSError as error:
        raise UsageError("standard input cannot be read", why=error.strerror or str(error)) from error


def say_warning(message: str, problems: Iterable[Problem] = ()) -> None:
    """Print a warning with its problems on stderr."""
    say("\n".join([f"▲ {visible(message)}", *(f"  - {problem_line(problem)}" for problem in problems)]))


def say_error(error: SmarteriseError) -> None:
    """Print an error with problems, reason and remedy on stderr."""
    say("\n".join(error_lines(error)))


def error_lines(error: SmarteriseError) -> list[str]:
    """Return the lines of an error message."""
    lines = [f"error: {visible(error.what)}"]
    lines += [f"  - {problem_line(problem)}" for problem in getattr(error, "problems", ())]
    for label, text in (("why", error.why), ("try", error.remedy)):
        if text:
            lines.append(f"{label}: {visible(text, keep=chr(10))}")
    if error.request_id:
        lines.append(f"request id: {visible(error.request_id)}")
    return lines


def problem_line(problem: Problem) -> str:
    """Return a problem with its location and remedy on one line."""
    remedy = f" ({visible(problem.remedy)})" if problem.remedy else ""
    return f"{visible(str(problem))}{remedy}"


def _write(stream: TextIO, text: str) -> None:
    write_text(stream, text, _raise_output_error if stream is sys.stdout else None)


def _raise_output_error(error: OSError) -> None:
    raise SmarteriseError(STDOUT_FAILED, why=error.strerror or str(error)) from error


def _plain(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (dict, list)):
        return visible(json.dumps(value, ensure_ascii=False))
    return visible(str(value))


# JSON ------------------------------------------------------------------------------------------


def _is_printable(text: str) -> bool:
    characters = "".join(set(text) - {"\n"})
    return visible(characters) == characters


def _json(value: object, *, indent: int | None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    has_unicode = "utf" in (sys.stdout.encoding or "").lower()
    if text.isascii() or (has_unicode and _is_printable(text)):
        return text
    return json.dumps(value, ensure_ascii=True, indent=indent)


def _json_lines(rows: Iterable[JsonObject]) -> str:
    return "".join(_json(row, indent=None) + "\n" for row in rows)


# YAML ------------------------------------------------------------------------------------------


def _yaml(value: object) -> str:
    import yaml

    def dumped(*, unicode: bool) -> str:
        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=unicode, width=110))

    text = dumped(unicode=True)
    # PyYAML writes some control characters raw and does not read U+0085 back.
    return text if _is_printable(text) else dumped(unicode=False)


# CSV -------------------------------------------------------------------------------------------


_NEEDS_QUOTES = re.compile(r'[,"\r\n]|\A\s|\s\Z')


def _csv(
    rows: Sequence[JsonObject], columns: Sequence[Column], finish: Callable[[str], str] | None = None
) -> str:
    header = dict.fromkeys(column.key for column in columns)
    for row in rows:
        header.update(dict.fromkeys(row))
    lines = [list(header), *([csv_cell(row.get(key)) for key in header] for row in rows)]
    # Control characters are escaped only on a terminal.
    escape = finish or (visible if sys.stdout.isatty() else str)
    # A row of one empty cell needs quotes: an empty line is not a row.
    return "".join(
        (",".join(_quoted(escape(guarded(cell))) for cell in line) or '""') + "\n" for line in lines
    )


def _quoted(cell: str) -> str:
    # Before Python 3.13 the csv module does not quote a lone carriage return and cannot read it back.
    if not _NEEDS_QUOTES.search(cell):
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def csv_cell(value: JsonValue) -> str:
    """Return a value as CSV text: strings unchanged, null as empty text, others as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# Tables ----------------------------------------------------------------------------------------

_GAP = "  "
_MIN_WIDTH = 10
"""Minimum width of a truncated column, cells."""


def _table(rows: Sequence[JsonObject], columns: Sequence[Column]) -> str:
    from rich.cells import cell_len, set_cell_size

    lines = [[column.header for column in columns]]
    lines += [[column.cell(row) for column in columns] for row in rows]
    widths = [max(cell_len(line[index]) for line in lines) for index in range(len(columns))]
    if sys.stdout.isatty():
        widths = _fitted(widths, _terminal_width())

    def aligned(text: str, index: int) -> str:
        if cell_len(text) > widths[index]:
            return set_cell_size(text, widths[index] - 1) + "…"
        padding = " " * (widths[index] - cell_len(text))
        return padding + text if columns[index].decimals is not None else text + padding

    return "".join(
        _GAP.join(aligned(text, index) for index, text in enumerate(line)).rstrip() + "\n" for line in lines
    )


def _fitted(widths: list[int], total: int) -> list[int]:
    fitted = list(widths)
    excess = sum(fitted) + len(_GAP) * (len(fitted) - 1) - total
    while excess > 0 and max(fitted) > _MIN_WIDTH:
        fitted[fitted.index(max(fitted))] -= 1
        excess -= 1
    return fitted


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _fields(item: JsonObject) -> str:
    width = max((len(key) for key in item), default=0)
    return "".join(f"{visible(key):<{width}}  {_plain(value)}".rstrip() + "\n" for key, value in item.items())


_ROWS: dict[OutputFormat, Callable[[Sequence[JsonObject], Sequence[Column]], str]] = {
    OutputFormat.TABLE: _table,
    OutputFormat.JSON: lambda rows, _: _json(list(rows), indent=2) + "\n",
    OutputFormat.JSONL: lambda rows, _: _json_lines(rows),
    OutputFormat.CSV: _csv,
    OutputFormat.YAML: lambda rows, _: _yaml(list(rows)),
}
_OBJECT: dict[OutputFormat, Callable[[JsonObject], str]] = {
    OutputFormat.TABLE: _fields,
    OutputFormat.JSON: lambda item: _json(item, indent=2) + "\n",
    OutputFormat.JSONL: lambda item: _json_lines([item]),
    OutputFormat.CSV: lambda item: _csv([item], ()),
    OutputFormat.YAML: _yaml,
}
