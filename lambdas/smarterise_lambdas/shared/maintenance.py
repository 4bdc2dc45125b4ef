"""Maintenance after loads, in bounded batches: quality flags, aggregates, and rows of newly known meters.

Loads record the time ranges of meters that they changed. One process at a time handles them, each batch in
one transaction: an interrupted batch is done by the next run.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from smarterise_lambdas.shared import rollups
from smarterise_lambdas.shared.database import transaction
from smarterise_lambdas.shared.meters import name_rows
from smarterise_lambdas.shared.rollups import TimeRange, merged
from smarterise_sdk.domain.readings.quality import NEAR, Sample, assess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from smarterise_lambdas.shared.database import Connection, Cursor, Database
    from smarterise_lambdas.shared.readings_table import LoadOutcome
    from smarterise_lambdas.shared.runtime import Log

CONTEXT_BEFORE: Final = timedelta(hours=1)
CONTEXT_AFTER: Final = timedelta(hours=3)
"""How far a reading affects others: readings up to two hours ahead of the clock are accepted."""
BATCH_SPAN: Final = timedelta(days=2)
"""Total duration of the time ranges of one transaction, with their context."""
MAINTENANCE_EVERY_S: Final = 30.0
MAINTENANCE_TIMEOUT_S: Final = 2.0
"""Interval and time limit of the maintenance that a loading function runs, seconds."""
_TIME_RANGES_PER_BATCH = 500


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Result of a maintenance run.

    Attributes:
        time_ranges: Number of time ranges handled.
        flagged: Number of readings whose quality changed.
        named: Number of gateways whose rows were assigned to a meter.
        identical: Assigned rows that the meter had already.
        superseded: Assigned rows that the meter has from the stream.
        differing: Assigned rows that differ from the meter's own; kept as conflicts.
        is_done: False if the time ran out, or another process is running maintenance.
    """

    time_ranges: int = 0
    flagged: int = 0
    named: int = 0
    identical: int = 0
    superseded: int = 0
    differing: int = 0
    is_done: bool = True


@dataclass(frozen=True, slots=True)
class _QualityChange:
    """New quality flags of a reading."""

    time_range: TimeRange
    measured_at: datetime
    quality: tuple[str, ...]


def refresh(
    connection: Connection, *, until: float, clock: Callable[[], float] = time.monotonic
) -> Maintenance:
    """Do the pending maintenance, as far as time allows.

    Args:
        connection: Outside a transaction.
        until: When to start no further batch, by the clock. A batch takes well below a second.
        clock: Monotonic clock, seconds.

    Raises:
        psycopg.Error: If the database fails; completed batches are kept.
    """
    done = Maintenance()
    while clock() < until:
        named = name_rows(connection, at_most=1)
        if named:
            done = _with_named(done, named[0])
            continue
        batch = _process_batch(connection)
        if batch is None:
            return replace(done, is_done=False)
        handled, changed = batch
        if not handled:
            return done
        done = replace(done, time_ranges=done.time_ranges + handled, flagged=done.flagged + changed)
    return replace(done, is_done=False)


def _with_named(done: Maintenance, outcome: LoadOutcome) -> Maintenance:
    return replace(
        done,
        named=done.named + 1,
        identical=done.identical + outcome.identical,
        superseded=done.superseded + outcome.superseded,
        differing=done.differing + len(outcome.differing),
    )


class PeriodicMaintenance:
    """Runs a little maintenance from time to time in a loading function, after its own work."""

    def __init__(
        self,
        database: Database,
        log: Log,
        *,
        every_s: float = MAINTENANCE_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the schedule.

        Args:
            database: Database to maintain.
            log: Logger.
            every_s: Interval between runs, seconds.
            clock: Monotonic clock, seconds.
        """
        self._database = database
        self._log = log
        self._every_s = every_s
        self._clock = clock
        self._last = -math.inf

    def run_if_due(self, spare_s: float) -> None:
        """Run some maintenance if it is due. Errors are logged only: the work stays pending.

        Args:
            spare_s: Time available, seconds.
        """
        now = self._clock()
        if now - self._last < self._every_s or spare_s <= 0:
            return
        self._last = now
        until = now + min(spare_s, MAINTENANCE_TIMEOUT_S)
        try:
            done = self._database.run(lambda connection: refresh(connection, until=until, clock=self._clock))
        except psycopg.Error as error:
            self._log.warning("maintenance postponed", extra={"cause": str(error)})
        else:
            if done.named:
                self._log.info("rows assigned to their meters", extra={"maintenance": asdict(done)})


def _process_batch(connection: Connection) -> tuple[int, int] | None:
    with transaction(connection) as cursor:
        # One process at a time: two could each miss rows of the other, and the older write last.
        if cursor.execute(_ALONE).fetchone() != (True,):
            return None
        noted = _take_noted(cursor)
        touched = merged([time_range for _, time_range in noted], CONTEXT_AFTER)
        changed = _assess_quality(cursor, touched)
        beyond = [
            TimeRange(
                each.time_range.gateway_serial,
                each.time_range.device_serial,
                each.measured_at,
                each.measured_at,
            )
            for each in changed
        ]
        rollups.recompute(cursor, merged([*(time_range for _, time_range in noted), *beyond], timedelta(0)))
    return len(noted), len(changed)


def _take_noted(cursor: Cursor) -> list[tuple[int, TimeRange]]:
    """Return a batch of the oldest recorded time ranges, and delete their entries."""
    noted = [(row[0], TimeRange(*row[1:])) for row in cursor.execute(_NOTED, [_TIME_RANGES_PER_BATCH])]
    batch: list[tuple[int, TimeRange]] = []
    meters: set[tuple[str, str]] = set()
    length = timedelta(0)
    for number, time_range in noted:
        meter = time_range.gateway_serial, time_range.device_serial
        length += time_range.length + (timedelta(0) if meter in meters else CONTEXT_BEFORE)
        if batch and length > BATCH_SPAN:
            break
        meters.add(meter)
        batch.append((number, time_range))
    cursor.execute(_DELETE, [[number for number, _ in batch]])
    return batch


def _assess_quality(cursor: Cursor, time_ranges: Sequence[TimeRange]) -> list[_QualityChange]:
    """Update the quality of the readings in and near these time ranges; return the changes."""
    if not time_ranges:
        return []
    changed = [
        change
        for time_range, rows in _samples(cursor, time_ranges)
        for change in _quality_changes(time_range, rows)
    ]
    if changed:
        cursor.execute(
            _UPDATE_QUALITY,
            [
                [change.time_range.gateway_serial for change in changed],
                [change.time_range.device_serial for change in changed],
                [change.measured_at for change in changed],
                # PostgreSQL has no arrays of arrays of different lengths.
                [",".join(change.quality) for change in changed],
            ],
        )
    return changed


def _samples(
    cursor: Cursor, time_ranges: Sequence[TimeRange]
) -> Iterator[tuple[TimeRange, list[tuple[Any, ...]]]]:
    with cursor.connection.cursor(binary=True) as reader:
        reader.execute(
            _SAMPLES,
            [
                [time_range.gateway_serial for time_range in time_ranges],
                [time_range.device_serial for time_range in time_ranges],
                [time_range.first - CONTEXT_BEFORE for time_range in time_ranges],
                [time_range.last + CONTEXT_AFTER for time_range in time_ranges],
            ],
        )
        for number, rows in groupby(reader, key=itemgetter(0)):
            yield time_ranges[number - 1], list(rows)


def _quality_changes(time_range: TimeRange, rows: Sequence[tuple[Any, ...]]) -> Iterator[_QualityChange]:
    samples = [
        Sample(measured_at, arrived_at, energy, power, (a, b, c), is_sound)
        for _, measured_at, arrived_at, energy, power, a, b, c, is_sound, _ in rows
    ]
    # Readings near the ends of the range read lack neighbours, so they are not assessed.
    first, last = time_range.first - NEAR, time_range.last + CONTEXT_AFTER - NEAR
    for row, sample, found in zip(rows, samples, assess(samples), strict=True):
        quality = tuple(flag.value for flag in found)
        if first <= sample.measured_at <= last and quality != tuple(row[-1]):
            yield _QualityChange(time_range, sample.measured_at, quality)


_ALONE: Final = b"SELECT pg_try_advisory_xact_lock(hashtext('smarterise.maintenance'))"
_NOTED: Final = b"""
    SELECT id, gateway_serial, device_serial, first_measured_at, last_measured_at
    FROM rollup_dirty ORDER BY id LIMIT %s
"""
_DELETE: Final = b"DELETE FROM rollup_dirty WHERE id = ANY (%s)"
_SAMPLES: Final = sql.SQL(
    """
    SELECT target.number::integer, found.*
    FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
         WITH ORDINALITY AS target (gateway_serial, device_serial, first, last, number)
    CROSS JOIN LATERAL (
        (
            {of_meter} AND measured_at < target.first AND measured_at >= target.first - interval '31 days'
            ORDER BY measured_at DESC LIMIT 1
        )
        UNION ALL
        {of_meter} AND measured_at >= target.first AND measured_at <= target.last
    ) AS found
    ORDER BY target.number, found.measured_at
    """
).format(
    of_meter=sql.SQL(
        """
        SELECT measured_at, ingested_at, energy_import, active_power_total, voltage_a, voltage_b, voltage_c,
               device_online AND NOT 'clock_fault' = ANY (flags), quality
        FROM readings
        WHERE gateway_serial = target.gateway_serial AND device_serial = target.device_serial
        """
    )
)
_UPDATE_QUALITY: Final = b"""
    UPDATE readings SET quality = string_to_array(found.quality, ',')
    FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[])
         AS found (gateway_serial, device_serial, measured_at, quality)
    WHERE readings.gateway_serial = found.gateway_serial AND readings.device_serial = found.device_serial
      AND readings.measured_at = found.measured_at
"""
