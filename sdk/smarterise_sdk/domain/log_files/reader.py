"""Log files to rows: what is plain a whole block at a time, what is odd line by line, and nothing lost.

Every line that is neither blank nor a header becomes a row, or a rejected row with a reason.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.log_files.clock import CloserLook, InvalidTimestamp, LogClock
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
_OF_HALF_ROWS: Final = {RowReason.FIELD_COUNT, RowReason.BAD_TIMESTAMP, RowReason.BAD_QUOTES}
_BLANKS: Final = ' \t"'
_TIMESTAMP_SHOWN: Final = 40
_DECIMALS = re.compile(r"\s*[+-]?[0-9]+[.,]([0-9]+)\s*\Z")
_DIGIT = re.compile(r"[0-9]")


class LogReader:
    """Reads one file, from its first line to its last.

    Attributes:
        ends_early: Whether the file turned out to end in the middle of a row or of its archive.

    Args:
        clock: The clock of this file.
        received_at: When the file came, UTC: no row of it can be much later.
        nominal_voltage: Nominal line-to-neutral voltage of the site, V.
        read_table: What reads plain numbers at once, if not `table`: it may refuse more.
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
        """Yield a file's rows, a block for each block of lines or so.

        Raises:
            RejectedFile: If there is no header, or nothing that makes its times moments.
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
            yield from self._quickly(first, whole) or self._slowly(first, whole)
            self._neighbours = (self._neighbours + whole[-_NEIGHBOURS:])[-_NEIGHBOURS:]
        if is_cut:
            self.ends_early = not last
        for line in last:
            yield from self._half_or_whole(first + len(whole), line)

    def _quickly(self, first: int, lines: list[str]) -> list[RowBlock] | None:
        """Return the rows of lines that are all plain; `None` if any is not."""
        layout = self._layout
        step, *others = {line.count(layout.delimiter) + 1 for line in lines}
        if others or not layout.width <= step <= layout.width + 1:
            return None
        places = range(first, first + len(lines))
        if layout.time == (0,) and 1 < step == layout.width:
            stamps, numbers = self._table(lines, step)
            if numbers is not None:
                try:
                    timestamps = self._clock.column(layout.stamps(stamps, 1))
                except CloserLook:
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
            timestamps = self._clock.column(layout.stamps(cells, step))
        except CloserLook:
            return None
        raw = RawRows(layout, cells, step, places, lines, timestamps)
        return [self._builder.block(raw, underscores="_" in text)]

    def _table(self, lines: list[str], step: int) -> tuple[list[str], array[float] | None]:
        """Return the first cells of lines, and the others if they are all plausible numbers."""
        delimiter = self._layout.delimiter
        stamps, rests = map(list, zip(*[line.split(delimiter, 1) for line in lines], strict=True))
        text = delimiter.join(rests)
        if delimiter != ",":
            if "," in text:
                return stamps, None
            text = text.replace(delimiter, ",")
        # All lines have as many cells, so a number a cell leaves none in another's place.
        return stamps, plain_numbers(text, len(lines) * (step - 1), self._read_table)

    def _slowly(self, first: int, lines: Iterable[str]) -> list[RowBlock]:
        """Return the rows of lines of which some are odd; another header among them begins another block."""
        done: list[RowBlock] = []
        section = _Section(self._layout)
        for number, line in enumerate(lines, first):
            if not line.strip(section.layout.delimiter + _BLANKS):
                continue
            try:
                section.add(number, line, self._clock)
            except _Odd as odd:
                layout = layout_of(line)
                if layout is None:
                    section.rejected.append(rejected_row(number, line, odd.reason, odd.detail))
                elif layout != section.layout:
                    done.append(section.block(self._builder))
                    self._layout = layout
                    section = _Section(layout)
        return [*done, section.block(self._builder)]

    def _half_or_whole(self, number: int, line: str) -> list[RowBlock]:
        """Return the file's last line, which has no end, as a row if it can be nothing else."""
        blocks = self._slowly(number, [line])
        last = blocks[-1]
        if last.rejected:
            detail = last.rejected[0].detail
            self.ends_early = last.rejected[0].reason in _OF_HALF_ROWS
        else:
            detail = "the last cell may be longer"
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
        """Yield rows above the header: a file that lacks its beginning must not lose them."""
        layout = self._layout
        for number, line in enumerate(lines, 1):
            try:
                cells = layout.cells(line)
                if len(cells) == layout.width:
                    parse_timestamp(*layout.stamps(cells, layout.width))
                    yield RejectedRow(number, line, RowReason.BEFORE_HEADER, "the header comes only below it")
            except ValueError:
                continue


class _Odd(Exception):
    """A line that is no row."""

    def __init__(self, reason: RowReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Section:
    """Lines under one header, gone through one by one."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.rejected: list[RejectedRow] = []
        self._cells: list[str] = []
        self._lines: list[int] = []
        self._texts: list[str] = []
        self._timestamps: list[int] = []
        self._ambiguous: list[int] = []

    def add(self, number: int, line: str, clock: LogClock) -> None:
        """Take a line.

        Raises:
            _Odd: If it is no row.
            RejectedFile: If nothing makes its time a moment.
        """
        layout = self.layout
        try:
            cells = layout.cells(line)
        except BadQuotes as error:
            raise _Odd(RowReason.BAD_QUOTES, str(error)) from error
        if len(cells) != layout.width:
            raise _Odd(RowReason.FIELD_COUNT, f"{len(cells)} cells under a header of {layout.width}")
        (timestamp,) = layout.stamps(cells, layout.width)
        try:
            timed = clock.row(timestamp)
        except InvalidTimestamp as bad:
            raise _Odd(
                bad.reason, f"the time {timestamp[:_TIMESTAMP_SHOWN]!r} is no moment: {bad.detail}"
            ) from bad
        if timed.is_ambiguous:
            self._ambiguous.append(len(self._timestamps))
        self._cells += cells
        self._lines.append(number)
        self._texts.append(line)
        self._timestamps.append(timed.count)

    def block(self, builder: RowBuilder) -> RowBlock:
        """Return what was taken."""
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
    """Return as many blocks as a header may be in."""
    head: list[LineBlock] = []
    count = 0
    for block in blocks:
        head.append(block)
        count += len(block.lines)
        if count >= HEADER_WITHIN:
            break
    return head


def _shape(cell: str) -> str:
    """Return what a cell that is whole shares with those above it: how many decimals, or all of its text."""
    found = _DECIMALS.match(cell)
    if found:
        return "." + "0" * len(found[1])
    return _DIGIT.sub("0", cell) if ":" in cell else cell
