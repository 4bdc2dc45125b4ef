"""Writes the rows of one file into the table `readings`, a few thousand at a time.

Rows in rising order of time whose time range is empty in the table are copied directly: there are no
conflicts for the rule of `readings_table` to decide. The range is checked first and enforced by the primary
key: if another loader writes the same rows concurrently, the COPY and its transaction fail. All other rows go
through a staging table, where that rule is applied.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import astuple
from datetime import timedelta
from itertools import chain, groupby, islice
from operator import add, lt
from typing import TYPE_CHECKING, Final

from psycopg import sql

from smarterise_lambdas.s3_to_rds_lambda.copy_format import BEGINNING, END
from smarterise_lambdas.shared.ledger import RowCounts
from smarterise_lambdas.shared.readings_table import Stage, ensure_months, month_of
from smarterise_sdk.domain.readings.timestamps import MICROSECOND, datetime_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from smarterise_lambdas.s3_to_rds_lambda.copy_format import Packed
    from smarterise_lambdas.s3_to_rds_lambda.latest_readings import LatestReadings
    from smarterise_lambdas.shared.database import Cursor
    from smarterise_lambdas.shared.readings_table import LoadOutcome

ROWS_AT_ONCE: Final = 8000
"""Rows written at once: a compromise between speed and memory."""

_MAX_MONTHS: Final = 3
_WEEK: Final = timedelta(days=7)

_DAY: Final = timedelta(days=1) // MICROSECOND


class RowSink:
    """Writes the rows of one file in the caller's transaction.

    Args:
        cursor: Cursor inside the transaction.
        gateway_serial: Serial of the gateway.
        device_serial: Serial of the meter; empty if unknown.
        latest: Collects the readings to publish.
        is_alone: Whether rows missing from the table may be copied directly. If another loader writes the
            same rows concurrently, the transaction fails.
    """

    def __init__(
        self,
        cursor: Cursor,
        gateway_serial: str,
        device_serial: str,
        latest: LatestReadings,
        *,
        is_alone: bool,
    ) -> None:
        self._cursor = cursor
        self._stage: Stage | None = None
        self._gateway_serial = gateway_serial
        self._device_serial = device_serial
        self._latest = latest
        self._is_alone = is_alone
        self._waiting: list[Packed] = []
        self._count = 0
        self._months: set[datetime] = set()
        self._time_ranges: list[int] = []
        self._counts = RowCounts()

    @property
    def time_range(self) -> tuple[datetime, datetime] | None:
        """First and last time of measurement, loaded or not; `None` without rows."""
        return (
            (datetime_at(min(self._time_ranges)), datetime_at(max(self._time_ranges)))
            if self._time_ranges
            else None
        )

    def write(self, packed: Packed) -> None:
        """Add rows and write them when enough are waiting.

        Raises:
            psycopg.errors.UniqueViolation: If another loader has written the same rows concurrently.
            psycopg.Error: If the database fails.
        """
        if not packed.rests:
            return
        self._waiting.append(packed)
        self._count += len(packed.rests)
        self._latest.stage(packed.block)
        if self._count >= ROWS_AT_ONCE:
            self._flush()

    def finish(self) -> RowCounts:
        """Write the remaining rows; return the counts of all rows.

        Raises:
            psycopg.errors.UniqueViolation: If another loader has written the same rows concurrently.
            psycopg.Error: If the database fails.
        """
        if self._waiting:
            self._flush()
        return self._counts

    def _flush(self) -> None:
        timestamps = list(chain.from_iterable(packed.block.timestamps for packed in self._waiting))
        first, last = min(timestamps), max(timestamps)
        is_rising = all(map(lt, timestamps, islice(timestamps, 1, None)))
        months = self._new_months(first, last)
        meter = self._gateway_serial, self._device_serial
        if (
            is_rising
            and self._is_alone
            and months is not None
            and not has_rows(self._cursor, *meter, first, last)
        ):
            ensure_months(self._cursor, months)
            copy_directly(self._cursor, self._waiting)
            note_days(self._cursor, *meter, timestamps)
            self._latest.keep()
            counts = RowCounts(loaded=len(timestamps))
        else:
            counts = self._flush_staged(months, in_order=is_rising)
        self._counts = RowCounts(*map(add, astuple(self._counts), astuple(counts)))
        self._time_ranges = [min([first, *self._time_ranges]), max([last, *self._time_ranges])]
        self._waiting.clear()
        self._count = 0

    def _flush_staged(self, months: set[datetime] | None, *, in_order: bool) -> RowCounts:
        stage = self._stage = self._stage or Stage(self._cursor)
        for columns, alike in groupby(self._waiting, lambda packed: packed.staged_columns):
            with stage.copying(columns) as copy:
                copy.write(BEGINNING)
                for packed in alike:
                    copy.write(packed.staged_rows)
                copy.write(END)
        outcome = stage.flush(months=months, in_order=in_order)
        if self._latest.is_waiting:
            self._latest.keep(self._loaded_positions(outcome))
        stage.clear()
        return RowCounts.of(outcome)

    def _loaded_positions(self, outcome: LoadOutcome) -> frozenset[int] | None:
        """Return the positions of the rows that were loaded; `None` if all were."""
        if outcome.loaded == self._count:
            return None
        if not outcome.loaded:
            return frozenset()
        self._cursor.execute(_LOADED_POSITIONS)
        return frozenset(position for (position,) in self._cursor)

    def _new_months(self, first: int, last: int) -> set[datetime] | None:
        """Return months that may have no partition yet; `None` if the staging table has to be queried."""
        month, until = month_of(datetime_at(first)), month_of(datetime_at(last))
        found = {month}
        while month < until:
            if len(found) == _MAX_MONTHS:
                return None
            month = month_of(month.replace(day=28) + _WEEK)
            found.add(month)
        new = found - self._months
        self._months |= found
        return new


# Rows of this transaction have ingested_at = now(); of two staged rows with one key the first was loaded.
_LOADED_POSITIONS: Final = b"""
    SELECT min(position) FROM incoming JOIN readings USING (gateway_serial, device_serial, measured_at)
    WHERE readings.batch_id = incoming.batch_id AND readings.ingested_at = now()
    GROUP BY measured_at
"""


def has_rows(cursor: Cursor, gateway_serial: str, device_serial: str, first: int, last: int) -> bool:
    """Return whether the table has a row of a meter in a time range, bounds included.

    Raises:
        psycopg.Error: If the database fails.
    """
    values = [gateway_serial, device_serial, datetime_at(first), datetime_at(last)]
    found = cursor.execute(_HAS_ROWS, values).fetchone()
    return found is not None and bool(found[0])


def copy_directly(cursor: Cursor, packed: Iterable[Packed]) -> None:
    """Copy rows into the table; the partitions of their months must exist.

    Raises:
        psycopg.errors.UniqueViolation: If the table has one of the rows.
        psycopg.Error: If the database fails.
    """
    for columns, alike in groupby(packed, lambda each: each.columns):
        copy_in = sql.SQL("COPY readings ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with cursor.copy(copy_in) as copy:
            copy.write(BEGINNING)
            for each in alike:
                copy.write(each.rows)
            copy.write(END)


def note_days(cursor: Cursor, gateway_serial: str, device_serial: str, timestamps: Sequence[int]) -> None:
    """Mark the days of new readings for the rollup maintenance, as `Stage.flush` does.

    Args:
        cursor: Cursor inside a transaction.
        gateway_serial: Serial of the gateway.
        device_serial: Serial of the meter.
        timestamps: Times of measurement, rising.

    Raises:
        psycopg.Error: If the database fails.
    """
    firsts, lasts = zip(*_days(timestamps), strict=True)
    values = [gateway_serial, device_serial, [*map(datetime_at, firsts)], [*map(datetime_at, lasts)]]
    cursor.execute(_NOTE_TIME_RANGES, values)


def _days(timestamps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last timestamp of each day, UTC."""
    start = 0
    while start < len(timestamps):
        until = bisect_left(timestamps, (timestamps[start] // _DAY + 1) * _DAY, start)
        yield timestamps[start], timestamps[until - 1]
        start = until


_HAS_ROWS: Final = b"""
    SELECT EXISTS (
        SELECT FROM readings
        WHERE gateway_serial = %s AND device_serial = %s AND measured_at BETWEEN %s AND %s
    )
"""
_NOTE_TIME_RANGES: Final = b"""
    INSERT INTO rollup_dirty (gateway_serial, device_serial, first_measured_at, last_measured_at)
    SELECT %s, %s, first, last FROM unnest(%s::timestamptz[], %s::timestamptz[]) AS days (first, last)
"""
