"""Parse log files into rows: regular blocks as a whole, irregular ones line by line.

Every line that is neither blank nor a header results in a row, or in a rejected row with a reason.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.log_files.clock import InvalidTimestamp, LogClock, NeedsRowParsing
from smarterise_sdk.domain.log_files.dialect import HEADER_WITHIN, BadQuotes, Layout, find_header, layout_of
from smarterise_sdk.domain.log_files.rejects import RejectedRow, RowReason
from smarterise_sdk.domain.log_files.rows import RawRows, RowBlock, RowBuilder, rejected_row
from smarterise_sdk.domain.readings.number_text import plain_numbers, table
from smarterise_sdk.domain.readings.timestamps import parse_timestamp

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from smarterise_sdk.domain.log_files.text import LineBlock
    from smarterise_sdk.domain.readings.number_text import ReadTable

_NEIGHBOURS: Final = 50
_HALF_ROW_REASONS: Final = {RowReason.FIELD_COUNT, RowReason.BAD_TIMESTAMP, RowReason.BAD_QUOTES}
_BLANKS: Final = ' \t"'
_TIMESTAMP_SHOWN: Final = 40
_DECIMALS = re.compile(r"\s*[+-]?[0-9]+[.,]([0-9]+)\s*\Z")
_DIGIT = re.compile(r"[0-9]")


class LogReader:
    """Parser of one file.

    Attributes:
        ends_early: Whether the file ends within a row or within its archive.

    Args:
        clock: The clock of this file.
        received_at: Arrival time of the file, UTC; rows cannot be much later.
        nominal_voltage: Nominal line-to-neutral voltage of the site, V.
        read_table: Parser of comma-separated numbers; it may reject more than `table`.
    """

    def __init__(
        self,
        clock: LogClock,
        received_at: datetime,
        nominal_voltage: float = 230.0,
        read_table: ReadTable = table,
    ) -> None:
        self.ends_early = False
        self._clock = clock
        self._received_at = received_at
        self._nominal_voltage = nominal_voltage
        self._read_table = read_table
        self._neighbours: list[str] = []

    def rows(self, blocks: Iterable[LineBlock]) -> Iterator[RowBlock]:
        """Yield the rows of a file, about one block for each block of lines.

        Raises:
            RejectedFile: If there is no header, or the UTC offset is unknown.
        """
        blocks = iter(blocks)
        head = _head(blocks)
        lines = [line for block in head for line in block.lines]
        position, self._layout = find_header(lines)
        has_points = any(map(self._layout.has_dot_decimals, lines[position + 1 : HEADER_WITHIN]))
        self._builder = RowBuilder(
            self._received_at, self._nominal_voltage, self._read_table, decimal_comma=not has_points
        )
        rejected = tuple(self._above_header(lines[:position]))
        if rejected:
            yield RowBlock(self._layout.header, (), [], {}, rejected=rejected)
        skipped = position + 1
        for block in chain(head, blocks):
            passed = min(skipped, len(block.lines))
            skipped -= passed
            yield from self._rows_of(block.first + passed, block.lines[passed:], is_cut=block.is_cut)

    def _rows_of(self, first: int, lines: list[str], *, is_cut: bool) -> Iterator[RowBlock]:
        whole, last = (lines[:-1], lines[-1:]) if is_cut else (lines, [])
        if whole:
            yield from self._parse_block(first, whole) or self._parse_lines(first, whole)
            self._neighbours = (self._neighbours + whole[-_NEIGHBOURS:])[-_NEIGHBOURS:]
        if is_cut:
            self.ends_early = not last
        for line in last:
            yield from self._parse_last_line(first + len(whole), line)

    def _parse_block(self, first: int, lines: list[str]) -> list[RowBlock] | None:
        """Return the rows of a regular block; `None` if a line needs parsing on its own."""
        layout = self._layout
        step, *others = {line.count(layout.delimiter) + 1 for line in lines}
        if others or not layout.width <= step <= layout.width + 1:
            return None
        places = range(first, first + len(lines))
        if layout.time == (0,) and 1 < step == layout.width:
            times, numbers = self._table(lines, step)
            if numbers is not None:
                try:
                    timestamps = self._clock.column(layout.timestamps(times, 1))
                except NeedsRowParsing:
                    return None
                return [
                    self._builder.block(RawRows(layout, [], step, places, lines, timestamps, table=numbers))
                ]
        text = layout.delimiter.join(lines)
        if '"' in text:
            return None
        cells = text.split(layout.delimiter)
        if step > layout.width and any(map(str.strip, cells[layout.width :: step])):
            return None
        try:
            timestamps = self._clock.column(layout.timestamps(cells, step))
        except NeedsRowParsing:
            return None
        raw = RawRows(layout, cells, step, places, lines, timestamps)
        return [self._builder.block(raw, underscores="_" in text)]

    def _table(self, lines: list[str], step: int) -> tuple[list[str], array[float] | None]:
        """Return the first cell of each line, and the other cells if all are plausible numbers."""
        delimiter = self._layout.delimiter
        times, rests = map(list, zip(*[line.split(delimiter, 1) for line in lines], strict=True))
        text = delimiter.join(rests)
        if delimiter != ",":
            if "," in text:
                return times, None
            text = text.replace(delimiter, ",")
        # All lines have the same number of cells, so the total count shows that each cell is one number.
        return times, plain_numbers(text, len(lines) * (step - 1), self._read_table)

    def _parse_lines(self, first: int, lines: Iterable[str]) -> list[RowBlock]:
        """Return the rows of lines parsed one by one; another header begins a new block."""
        done: list[RowBlock] = []
        section = _Section(self._layout)
        for number, line in enumerate(lines, first):
            if not line.strip(section.layout.delimiter + _BLANKS):
                continue
            try:
                section.add(number, line, self._clock)
            except _RejectedLine as error:
                layout = layout_of(line)
                if layout is None:
                    section.rejected.append(rejected_row(number, line, error.reason, error.detail))
                elif layout != section.layout:
                    done.append(section.block(self._builder))
                    self._layout = layout
                    section = _Section(layout)
        return [*done, section.block(self._builder)]

    def _parse_last_line(self, number: int, line: str) -> list[RowBlock]:
        """Parse the last line, which has no line end; reject it if it may be incomplete."""
        blocks = self._parse_lines(number, [line])
        last = blocks[-1]
        if last.rejected:
            detail = last.rejected[0].detail
            self.ends_early = last.rejected[0].reason in _HALF_ROW_REASONS
        else:
            detail = "the last cell may be incomplete"
            self.ends_early = bool(last.lines) and not self._ends_like_others(line)
        if not self.ends_early:
            return blocks
        half = rejected_row(number, line, RowReason.HALF_ROW, f"the file ends within this row: {detail}")
        return [RowBlock(last.header, (), [], {}, rejected=(half,))]

    def _ends_like_others(self, line: str) -> bool:
        delimiter = self._layout.delimiter
        shapes = {_shape(neighbour.rpartition(delimiter)[2]) for neighbour in self._neighbours}
        return shapes == {_shape(line.rpartition(delimiter)[2])}

    def _above_header(self, lines: Iterable[str]) -> Iterator[RejectedRow]:
        """Yield rows above the header as rejected rows."""
        layout = self._layout
        for number, line in enumerate(lines, 1):
            try:
                cells = layout.cells(line)
                if len(cells) == layout.width:
                    parse_timestamp(*layout.timestamps(cells, layout.width))
                    yield RejectedRow(number, line, RowReason.BEFORE_HEADER, "the row is above the header")
            except ValueError:
                continue


class _RejectedLine(Exception):
    """A line that is not a valid row."""

    def __init__(self, reason: RowReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Section:
    """Lines below one header, parsed one by one."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.rejected: list[RejectedRow] = []
        self._cells: list[str] = []
        self._lines: list[int] = []
        self._texts: list[str] = []
        self._timestamps: list[int] = []
        self._ambiguous: list[int] = []

    def add(self, number: int, line: str, clock: LogClock) -> None:
        """Parse and add a line.

        Raises:
            _RejectedLine: If it is not a valid row.
            RejectedFile: If the UTC offset is unknown.
        """
        layout = self.layout
        try:
            cells = layout.cells(line)
        except BadQuotes as error:
            raise _RejectedLine(RowReason.BAD_QUOTES, str(error)) from error
        if len(cells) != layout.width:
            raise _RejectedLine(RowReason.FIELD_COUNT, f"{len(cells)} cells; the header has {layout.width}")
        (timestamp,) = layout.timestamps(cells, layout.width)
        try:
            timed = clock.row(timestamp)
        except InvalidTimestamp as bad:
            raise _RejectedLine(
                bad.reason, f"invalid time {timestamp[:_TIMESTAMP_SHOWN]!r}: {bad.detail}"
            ) from bad
        if timed.is_ambiguous:
            self._ambiguous.append(len(self._timestamps))
        self._cells += cells
        self._lines.append(number)
        self._texts.append(line)
        self._timestamps.append(timed.count)

    def block(self, builder: RowBuilder) -> RowBlock:
        """Return the rows and rejected lines added so far."""
        raw = RawRows(
            self.layout,
            self._cells,
            self.layout.width,
            self._lines,
            self._texts,
            self._timestamps,
            self._ambiguous,
        )
        return builder.block(raw, self.rejected)


def _head(blocks: Iterator[LineBlock]) -> list[LineBlock]:
    """Return the first blocks, up to the line limit of the header search."""
    head: list[LineBlock] = []
    count = 0
    for block in blocks:
        head.append(block)
        count += len(block.lines)
        if count >= HEADER_WITHIN:
            break
    return head


def _shape(cell: str) -> str:
    """Return the format of a cell: its number of decimals, or its text without digits."""
    found = _DECIMALS.match(cell)
    if found:
        return "." + "0" * len(found[1])
    return _DIGIT.sub("0", cell) if ":" in cell else cell
