"""Convert the rows of a log file to columns of numbers, and drop invalid rows."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from itertools import compress, islice
from operator import lt
from typing import TYPE_CHECKING, Final, TypeAlias

from smarterise_sdk.domain.log_files.rejects import RejectedRow, RowReason
from smarterise_sdk.domain.readings.model import (
    AMBIGUOUS_HOUR,
    CONFLICTING_VALUES,
    LINE_TO_LINE,
    LINE_TO_NEUTRAL,
    Quantity,
)
from smarterise_sdk.domain.readings.number_text import numbers, plain_numbers
from smarterise_sdk.domain.readings.parameters import scaled, scaled_column
from smarterise_sdk.domain.readings.quality import QualityFlag, clock_faults
from smarterise_sdk.domain.readings.timestamps import CLOCK_TOLERANCE, EARLIEST_CLOCK, count_of, datetime_at
from smarterise_sdk.domain.readings.voltage_quality import unbalance_columns
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smarterise_sdk.domain.log_files import dialect
    from smarterise_sdk.domain.log_files.dialect import Layout
    from smarterise_sdk.domain.readings.number_text import ReadTable
    from smarterise_sdk.domain.readings.voltage_quality import UnbalanceMethod, Voltages

Column: TypeAlias = "list[float | None] | array[float]"
"""The values of one quantity; an array if no value is missing."""

_EARLIEST: Final = count_of(EARLIEST_CLOCK)
_ROWS_BEFORE: Final = 100
"""Number of rows kept for the clock check of the next block."""


@dataclass(frozen=True, slots=True)
class RowBlock:
    """A block of rows of a file, as columns.

    Attributes:
        header: The header of the rows.
        lines: Line number of each row in the file, from 1.
        timestamps: Time of measurement of each row, in microseconds since `EPOCH`.
        values: Measured values in the unit of the quantity; `None` without a usable value.
        unbalances: Voltage unbalance of each row in percent; `None` if it cannot be computed.
        methods: Method of each unbalance.
        flags: Data quality flags, by position in the block.
        ignored: Number of cells of known columns without a usable value.
        rejected: Rejected lines of the block.
    """

    header: str
    lines: Sequence[int]
    timestamps: list[int]
    values: Mapping[Quantity, Column]
    unbalances: Sequence[float | None] = ()
    methods: Sequence[UnbalanceMethod | None] = ()
    flags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    ignored: int = 0
    rejected: tuple[RejectedRow, ...] = ()


@dataclass(slots=True)
class RawRows:
    """Lines with a valid cell count and timestamp, before their values are parsed.

    Attributes:
        layout: The layout of the lines.
        cells: The cells of all rows in one list; empty if there is a table.
        step: Number of cells per row.
        lines: Line number of each row in the file.
        texts: The lines.
        timestamps: Time of measurement of each row, in microseconds since `EPOCH`.
        ambiguous: Positions of rows with an ambiguous time.
        table: The cells of all rows except the first of each row, if all are plausible numbers.
    """

    layout: Layout
    cells: list[str]
    step: int
    lines: Sequence[int]
    texts: Sequence[str]
    timestamps: list[int]
    ambiguous: Sequence[int] = ()
    table: array[float] | None = None


class RowBuilder:
    """Builds the row blocks of one file, in file order.

    Args:
        received_at: Arrival time of the file, UTC; rows cannot be much later.
        nominal_voltage: Nominal line-to-neutral voltage of the site, V.
        decimal_comma: Whether `230,4` is a number.
        read_table: Parser of comma-separated numbers.
    """

    def __init__(
        self, received_at: datetime, nominal_voltage: float, read_table: ReadTable, *, decimal_comma: bool
    ) -> None:
        self._received_at = received_at
        self._latest = count_of(received_at + CLOCK_TOLERANCE)
        self._nominal_voltage = nominal_voltage
        self._decimal_comma = decimal_comma
        self._read_table = read_table
        self._before: list[tuple[int, float | None]] = []

    def block(
        self, raw: RawRows, rejected: Sequence[RejectedRow] = (), *, underscores: bool = True
    ) -> RowBlock:
        """Convert rows to columns.

        Args:
            raw: The rows.
            rejected: Rejected lines among them.
            underscores: Whether a cell may contain an underscore.
        """
        values: dict[Quantity, Column] = {}
        flags: dict[int, tuple[str, ...]] = dict.fromkeys(raw.ambiguous, (AMBIGUOUS_HOUR,))
        ignored = 0
        for known in raw.layout.columns:
            column = self._column(raw, known, underscores=underscores)
            ignored += _gaps(column)
            kept = values.setdefault(known.quantity, column)
            if kept is not column:
                for place in _merged(kept, column):
                    flags[place] = (*flags.get(place, ()), CONFLICTING_VALUES)
        block = RowBlock(
            header=raw.layout.header,
            lines=raw.lines,
            timestamps=raw.timestamps,
            values=values,
            flags=flags,
            ignored=ignored,
            rejected=tuple(rejected),
        )
        faults = self._implausible(raw.timestamps) | _without_value(values)
        block = _without(block, raw.texts, faults) if faults else block
        unbalances, methods = unbalance_columns(
            _phases(block, LINE_TO_LINE), _phases(block, LINE_TO_NEUTRAL), self._nominal_voltage
        )
        return replace(block, unbalances=unbalances, methods=methods, flags=self._with_clock_faults(block))

    def _column(self, raw: RawRows, known: dialect.Column, *, underscores: bool) -> Column:
        cells: list[str] = []
        if raw.table is not None:
            plain: array[float] | None = raw.table[known.index - 1 :: raw.step - 1]
        else:
            cells = raw.cells[known.index :: raw.step]
            plain = plain_numbers(",".join(cells), len(cells), self._read_table)
        if plain is not None:
            return plain if known.scale == 1 else array("d", scaled_column(plain, known.scale))
        column = numbers(cells, decimal_comma=self._decimal_comma, underscores=underscores)
        if known.scale == 1:
            return column
        return [None if value is None else scaled(value, known.scale) for value in column]

    def _with_clock_faults(self, block: RowBlock) -> Mapping[int, tuple[str, ...]]:
        """Return the flags of a block, with a clock fault where time steps back while the register rises."""
        timestamps = block.timestamps
        registers = block.values.get(Quantity.ENERGY_IMPORT) or [None] * len(timestamps)
        before = self._before
        last = zip(timestamps[-_ROWS_BEFORE:], registers[-_ROWS_BEFORE:], strict=True)
        self._before = [*before, *last][-_ROWS_BEFORE:]
        rising = all(map(lt, timestamps, islice(timestamps, 1, None)))
        if not timestamps or (rising and all(timestamp < timestamps[0] for timestamp, _ in before)):
            return block.flags
        known = [*before, *zip(timestamps, registers, strict=True)]
        faults = clock_faults(
            [datetime_at(timestamp) for timestamp, _ in known], [register for _, register in known]
        )
        flags = dict(block.flags)
        for place in sorted(fault - len(before) for fault in faults if fault >= len(before)):
            flags[place] = (*flags.get(place, ()), QualityFlag.CLOCK_FAULT.value)
        return flags

    def _implausible(self, timestamps: Sequence[int]) -> dict[int, tuple[RowReason, str]]:
        if not timestamps or (min(timestamps) >= _EARLIEST and max(timestamps) <= self._latest):
            return {}
        return {
            place: (RowReason.CLOCK_FAULT, self._describe(timestamp))
            for place, timestamp in enumerate(timestamps)
            if not _EARLIEST <= timestamp <= self._latest
        }

    def _describe(self, timestamp: int) -> str:
        text = f"timestamp {datetime_at(timestamp):%Y-%m-%d %H:%M:%S}Z"
        if timestamp < _EARLIEST:
            return f"{text} is too old: the gateway clock was reset"
        return f"{text} is in the future: file received at {self._received_at:%Y-%m-%d %H:%M:%S}Z"


def rejected_row(line: int, text: str, reason: RowReason, detail: str) -> RejectedRow:
    """Return a rejected row with control characters in its detail escaped."""
    return RejectedRow(line, text, reason, visible(detail))


def _phases(
    block: RowBlock, quantities: tuple[Quantity, Quantity, Quantity]
) -> tuple[Voltages, Voltages, Voltages]:
    nothing: Column = [None] * len(block.timestamps)
    first, second, third = (block.values.get(quantity, nothing) for quantity in quantities)
    return first, second, third


def _gaps(column: Column) -> int:
    return 0 if isinstance(column, array) else column.count(None)


def _merged(kept: Column, column: Column) -> list[int]:
    """Fill missing values from another column of the same quantity; return the conflicting positions."""
    conflicts: list[int] = []
    for place, (first, second) in enumerate(zip(kept, column, strict=True)):
        if first is not None:
            if second is not None and first != second:
                conflicts.append(place)
        elif not isinstance(kept, array):  # an array has no missing values
            kept[place] = second
    return conflicts


def _without_value(values: Mapping[Quantity, Column]) -> dict[int, tuple[RowReason, str]]:
    # If one column is complete, no row is empty.
    if not all(map(_gaps, values.values())):
        return {}
    text = "no known column has a usable value"
    return {
        place: (RowReason.NO_USABLE_VALUES, text)
        for place, row in enumerate(zip(*values.values(), strict=True))
        if row.count(None) == len(row)
    }


def _without(block: RowBlock, texts: Sequence[str], faults: Mapping[int, tuple[RowReason, str]]) -> RowBlock:
    """Return a block without its faulty rows, which are added to the rejected ones."""
    is_kept = [place not in faults for place in range(len(block.timestamps))]
    places = compress(range(len(is_kept)), is_kept)
    dropped = [rejected_row(block.lines[place], texts[place], *fault) for place, fault in faults.items()]
    values: dict[Quantity, Column] = {
        quantity: list(compress(column, is_kept)) for quantity, column in block.values.items()
    }
    return RowBlock(
        header=block.header,
        lines=list(compress(block.lines, is_kept)),
        timestamps=list(compress(block.timestamps, is_kept)),
        values=values,
        flags={new: block.flags[old] for new, old in enumerate(places) if old in block.flags},
        ignored=sum(map(_gaps, values.values())),
        rejected=tuple(sorted((*block.rejected, *dropped), key=lambda row: row.line)),
    )
