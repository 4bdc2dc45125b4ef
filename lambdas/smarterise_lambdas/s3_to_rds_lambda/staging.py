"""Blocks of rows into the table `readings`, a few thousand at a time, by the rule of `rows`."""

from __future__ import annotations

from dataclasses import astuple
from datetime import timedelta
from itertools import islice
from operator import add, lt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.shared.ledger import RowCounts
from smarterise_lambdas.shared.rows import POSITION, TYPES, Stage, month_of
from smarterise_sdk.domain.readings import Source
from smarterise_sdk.domain.stamps import moment_at
from smarterise_sdk.domain.voltage_quality import UnbalanceMethod

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from smarterise_lambdas.s3_to_rds_lambda.newest import Newest
    from smarterise_lambdas.shared.database import Cursor
    from smarterise_lambdas.shared.meters import MeterChoice
    from smarterise_lambdas.shared.rows import LoadOutcome
    from smarterise_sdk.domain.csv_rows import RowBlock

ROWS_AT_ONCE: Final = 4000
"""Staged before they are put into the table: enough to be quick, few enough to fit into its memory."""

# A count of microseconds since 2000 is, in binary, what PostgreSQL takes for a moment.
_TYPES: Final = MappingProxyType({**TYPES, "measured_at": "int8"})
_METHODS: Final = {method: method.value for method in UnbalanceMethod}
_FEW_MONTHS: Final = 3
_WEEK: Final = timedelta(days=7)


class RowSink:
    """Takes the rows of one file, in the caller's transaction.

    Args:
        cursor: Inside the transaction.
        gateway_serial: The site.
        meter: Whose rows they are.
        batch_id: What the file is known by in the table.
        newest: Told of what becomes a row.
    """

    def __init__(
        self, cursor: Cursor, gateway_serial: str, meter: MeterChoice, batch_id: str, newest: Newest
    ) -> None:
        constants: dict[str, Any] = {
            "gateway_serial": gateway_serial,
            "device_serial": meter.device_serial,
            "source": Source.FTP.value,
            "batch_id": batch_id,
            "flags": list(meter.flags),
        }
        self._cursor = cursor
        self._stage = Stage(cursor, constants)
        self._flags = meter.flags
        self._newest = newest
        self._staged = 0
        self._first, self._last = 0, 0
        self._is_rising = True
        self._months: set[datetime] = set()
        self._spans: list[int] = []
        self._counts = RowCounts()

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The first and the last moment that was measured, loaded or not; `None` without rows."""
        return (moment_at(min(self._spans)), moment_at(max(self._spans))) if self._spans else None

    def take(self, block: RowBlock) -> None:
        """Take some rows.

        Raises:
            psycopg.Error: If the database fails.
        """
        if not block.moments:
            return
        columns = [POSITION, "measured_at", *(quantity.value for quantity in block.values)]
        columns += ["voltage_unbalance", "unbalance_method", *(["flags"] if block.flags else [])]
        with self._stage.copying(columns, _TYPES) as copy:
            write = copy.write_row
            for row in self._cells(block):
                write(row)
        self._newest.stage(block)
        self._note_order(block.moments)
        if self._staged >= ROWS_AT_ONCE:
            self._settle()

    def finish(self) -> RowCounts:
        """Put what is left into the table; return what became of all rows.

        Raises:
            psycopg.Error: If the database fails.
        """
        if self._staged:
            self._settle()
        return self._counts

    def _cells(self, block: RowBlock) -> Iterator[tuple[Any, ...]]:
        found = block.unbalances
        unbalances = [unbalance.value if unbalance else None for unbalance in found]
        methods = [_METHODS[unbalance.method] if unbalance else None for unbalance in found]
        columns: list[Sequence[Any]] = [
            block.lines,
            block.moments,
            *block.values.values(),
            unbalances,
            methods,
        ]
        if block.flags:
            own = block.flags
            columns.append([[*self._flags, *own.get(place, ())] for place in range(len(block.moments))])
        return zip(*columns, strict=True)

    def _note_order(self, moments: Sequence[int]) -> None:
        lowest, highest = min(moments), max(moments)
        rising = all(map(lt, moments, islice(moments, 1, None)))
        if self._staged:
            self._is_rising = self._is_rising and rising and self._last < moments[0]
            self._first, self._last = min(self._first, lowest), max(self._last, highest)
        else:
            self._is_rising = rising
            self._first, self._last = lowest, highest
        self._staged += len(moments)

    def _settle(self) -> None:
        outcome = self._stage.settle(months=self._new_months(), in_order=self._is_rising)
        if self._newest.is_waiting:
            self._newest.keep(self._taken(outcome))
        self._stage.clear()
        self._counts = _sum(self._counts, RowCounts.of(outcome))
        self._spans = [*self._spans, self._first, self._last]
        self._spans = [min(self._spans), max(self._spans)]
        self._staged = 0

    def _taken(self, outcome: LoadOutcome) -> frozenset[int] | None:
        """Return the positions of rows that the table took; `None` if it took all."""
        if outcome.loaded == self._staged:
            return None
        if not outcome.loaded:
            return frozenset()
        self._cursor.execute(_TAKEN)
        return frozenset(position for (position,) in self._cursor)

    def _new_months(self) -> set[datetime] | None:
        """Return months that may have no partition yet; `None` if they are best looked for in the rows."""
        month, last = month_of(moment_at(self._first)), month_of(moment_at(self._last))
        found = {month}
        while month < last:
            if len(found) == _FEW_MONTHS:
                return None
            month = month_of(month.replace(day=28) + _WEEK)
            found.add(month)
        new = found - self._months
        self._months |= found
        return new


def _sum(one: RowCounts, other: RowCounts) -> RowCounts:
    return RowCounts(*map(add, astuple(one), astuple(other)))


# What this transaction put in bears its moment; of two staged rows of one key the first was taken.
_TAKEN: Final = b"""
    SELECT min(position) FROM incoming JOIN readings USING (gateway_serial, device_serial, measured_at)
    WHERE readings.batch_id = incoming.batch_id AND readings.ingested_at = now()
    GROUP BY measured_at
"""
