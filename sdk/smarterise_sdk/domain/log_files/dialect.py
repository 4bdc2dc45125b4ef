"""Detect the layout of a log file: delimiter, header, time column and known columns.

Gateways write one header above the rows; the export of their web page has a title, a header with units in
brackets and a comma at the end of each row. Installers choose the columns and their order, so columns are
identified by name only.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile
from smarterise_sdk.domain.readings.parameters import meaning_of
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smarterise_sdk.domain.readings.model import Quantity

HEADER_WITHIN: Final = 50
"""Number of lines that are searched for the header."""

_DELIMITERS: Final = (",", ";", "\t", "|")
_TIMESTAMP_NAMES: Final = (
    *("timestamp", "time stamp", "time_stamp", "datetime", "date time", "date/time", "date_time"),
    *("local time stamp", "local time", "localtime"),
)
_DATE, _TIME = "date", "time"
_HEADER_HINT = re.compile(r"time|date|stamp", re.IGNORECASE)
_UNIT_IN_BRACKETS = re.compile(r"(?P<name>[^\[(]*?)\s*[\[(]\s*(?P<unit>[^\])]*?)\s*[\])]\Z")
_NUMBER_IN_CELL = re.compile(r"(?:^|[,;\t|])[\s\"]*[+-]?[0-9]")
_SHOWN_AT_MOST: Final = 80


class BadQuotes(ValueError):
    """A line with unbalanced quotes."""


@dataclass(frozen=True, slots=True)
class Column:
    """A known column.

    Attributes:
        index: Position in a row, from 0.
        quantity: The measured quantity.
        scale: The factor that converts its numbers to the unit of the quantity.
    """

    index: int
    quantity: Quantity
    scale: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of the rows below a header.

    Attributes:
        header: The header line.
        delimiter: The delimiter between cells.
        width: Number of cells in a row; one more is allowed if it is blank.
        time: Position of the time, or positions of date and time if they are separate columns.
        columns: Known columns in file order; two may have the same quantity.
        unknown: Number of unknown columns.
    """

    header: str
    delimiter: str
    width: int
    time: tuple[int, ...]
    columns: tuple[Column, ...]
    unknown: int

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line, without the blank cell after a trailing delimiter.

        Raises:
            BadQuotes: If its quotes are unbalanced.
        """
        found = split_line(line, self.delimiter)
        if len(found) == self.width + 1 and not found[-1].strip():
            found.pop()
        return found

    def has_dot_decimals(self, line: str) -> bool:
        """Return whether a cell of a known column contains a decimal point."""
        try:
            cells = self.cells(line)
        except BadQuotes:
            return False
        return any("." in cells[column.index] for column in self.columns if column.index < len(cells))

    def timestamps(self, cells: Sequence[str], step: int) -> list[str]:
        """Return the timestamp texts of consecutive rows.

        Args:
            cells: The cells of all rows in one list.
            step: Number of cells per row.
        """
        if len(self.time) == 1:
            found = list(cells[self.time[0] :: step])
        else:
            dates, times = (cells[index::step] for index in self.time)
            found = [_timestamp(date, time) for date, time in zip(dates, times, strict=True)]
        if found and found[0] != found[0].strip():
            found = [text.strip() for text in found]
        return found


def looks_like_row(line: str) -> bool:
    """Return whether a line of a rejected file looks like a row, i.e. contains a number."""
    return _NUMBER_IN_CELL.search(line) is not None


def split_line(line: str, delimiter: str) -> list[str]:
    """Split a line into cells.

    Raises:
        BadQuotes: If its quotes are unbalanced.
    """
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise BadQuotes(str(error)) from error


def layout_of(line: str) -> Layout | None:
    """Return the layout of a header line; `None` without a time column or a known column."""
    if not _HEADER_HINT.search(line):
        return None
    found = [layout for layout in _layouts(line) if layout.time and layout.columns]
    return max(found, key=lambda layout: len(layout.columns), default=None)


def find_header(lines: Sequence[str]) -> tuple[int, Layout]:
    """Return the position of the header in the first lines of a file, and its layout.

    Raises:
        RejectedFile: If there is no header.
    """
    head = lines[:HEADER_WITHIN]
    for position, line in enumerate(head):
        layout = layout_of(line)
        if layout is not None:
            return position, layout
    raise _without_header(head)


def _layouts(line: str) -> Iterable[Layout]:
    for delimiter in _DELIMITERS:
        if delimiter not in line:
            continue
        try:
            names = [name.strip() for name in split_line(line, delimiter)]
        except BadQuotes:
            continue
        if len(names) > 1 and not names[-1]:
            names.pop()
        meanings = [_meaning(name) for name in names]
        columns = tuple(
            Column(index, *meaning) for index, meaning in enumerate(meanings) if meaning is not None
        )
        time = _time_of(names)
        unknown = len(names) - len(columns) - len(time)
        yield Layout(line, delimiter, len(names), time, columns, unknown)


def _meaning(name: str) -> tuple[Quantity, float] | None:
    found = _UNIT_IN_BRACKETS.match(name)
    return meaning_of(found["name"], found["unit"]) if found else meaning_of(name, "")


def _time_of(names: Sequence[str]) -> tuple[int, ...]:
    folded = [" ".join(name.casefold().split()) for name in names]
    for name in _TIMESTAMP_NAMES:
        if name in folded:
            return (folded.index(name),)
    return tuple(folded.index(name) for name in (_DATE, _TIME) if name in folded)


def _timestamp(date: str, time: str) -> str:
    date, time = date.strip(), time.strip()
    # Some loggers write the whole timestamp into the time column, beside a date column.
    return time if "-" in time or "/" in time else f"{date} {time}"


def _without_header(head: Sequence[str]) -> RejectedFile:
    layouts = [layout for line in head for layout in _layouts(line)]
    shown = visible(next((line for line in head if line.strip()), ""))[:_SHOWN_AT_MOST]
    if any(len(layout.columns) > 1 for layout in layouts):
        return RejectedFile(FileReason.NO_TIME_COLUMN, "the header has no time column")
    if any(layout.time and layout.width > 1 for layout in layouts):
        return RejectedFile(FileReason.NO_KNOWN_COLUMNS, "the header has no known column")
    text = f"no header in the first {HEADER_WITHIN} lines; the first line is {shown!r}"
    return RejectedFile(FileReason.NO_HEADER, text)
