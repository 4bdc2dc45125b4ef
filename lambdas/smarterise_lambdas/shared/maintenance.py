"""What follows loads, a bounded piece at a time: quality flags, aggregates, and rows that can be named now.

Loads note which spans of which meters they touched. Whoever comes by here, one at a time, takes some of them
up, each piece in one transaction: cut off, a piece is simply done by the next.
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
"""How far a reading bears on others: a clock may run two hours ahead before its readings are refused."""
PIECE: Final = timedelta(days=2)
"""How much of meters' time one transaction takes up, with what must be read beside it."""
MAINTENANCE_EVERY_S: Final = 30.0
MAINTENANCE_TIMEOUT_S: Final = 2.0
"""How often a busy function takes a turn, and how long it may take, seconds."""
_TIME_RANGES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What was done.

    Attributes:
        time_ranges: How many noted spans were taken up.
        flagged: How many readings had their quality changed.
        named: How many gateways had their rows named.
        identical: Of the rows named, how many their meter had already.
        superseded: How many the stream had told better.
        differing: How many contradict the one that their meter has; those are kept as conflicts.
        is_done: False if time ran out, or somebody else is at it.
    """

    time_ranges: int = 0
    flagged: int = 0
    named: int = 0
    identical: int = 0
    superseded: int = 0
    differing: int = 0
    is_done: bool = True


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The quality of a reading that is to be changed."""

    time_range: TimeRange
    measured_at: datetime
    quality: tuple[str, ...]


def refresh(
    connection: Connection, *, until: float, clock: Callable[[], float] = time.monotonic
) -> Maintenance:
    """Do what loads have left to be done, as far as time allows.

    Args:
        connection: Outside a transaction.
        until: When no further piece is to be begun, by the clock. A piece takes well below a second.
        clock: The clock, seconds.

    Raises:
        psycopg.Error: If the database fails; what was done until then stays.
    """
    done = Maintenance()
    while clock() < until:
        named = name_rows(connection, at_most=1)
        if named:
            done = _with_named(done, named[0])
            continue
        piece = _do_piece(connection)
        if piece is None:
            return replace(done, is_done=False)
        taken, changed = piece
        if not taken:
            return done
        done = replace(done, time_ranges=done.time_ranges + taken, flagged=done.flagged + changed)
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
    """The share of the upkeep that a busy function does after its own work: a little, every now and then."""

    def __init__(
        self,
        database: Database,
        log: Log,
        *,
        every_s: float = MAINTENANCE_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make a function's turns.

        Args:
            database: Where.
            log: Where trouble is told.
            every_s: Seconds from one turn to the next.
            clock: Seconds that only rise.
        """
        self._database = database
        self._log = log
        self._every_s = every_s
        self._clock = clock
        self._last = -math.inf

    def take(self, spare_s: float) -> None:
        """Do some of the upkeep if it is time to. What goes wrong is told and let go: others do it too.

        Args:
            spare_s: Seconds that can be spared, at most.
        """
        now = self._clock()
        if now - self._last < self._every_s or spare_s <= 0:
            return
        self._last = now
        until = now + min(spare_s, MAINTENANCE_TIMEOUT_S)
        try:
            done = self._database.run(lambda connection: refresh(connection, until=until, clock=self._clock))
        except psycopg.Error as error:
            self._log.warning("upkeep was put off", extra={"cause": str(error)})
        else:
            if done.named:  # what becomes of rows is told, whoever decides it
                self._log.info("rows were given to their meters", extra={"maintenance": asdict(done)})


def _do_piece(connection: Connection) -> tuple[int, int] | None:
    with transaction(connection) as cursor:
        # Two who find the same bucket anew could each miss what the other saw, and the older one write last.
        if cursor.execute(_ALONE).fetchone() != (True,):
            return None
        taken = _taken(cursor)
        touched = merged([time_range for _, time_range in taken], CONTEXT_AFTER)
        changed = _judge(cursor, touched)
        beyond = [
            TimeRange(
                each.time_range.gateway_serial,
                each.time_range.device_serial,
                each.measured_at,
                each.measured_at,
            )
            for each in changed
        ]
        rollups.recompute(cursor, merged([*(time_range for _, time_range in taken), *beyond], timedelta(0)))
    return len(taken), len(changed)


def _taken(cursor: Cursor) -> list[tuple[int, TimeRange]]:
    """Return the oldest noted spans, a piece of them, and delete their entries."""
    noted = [(row[0], TimeRange(*row[1:])) for row in cursor.execute(_NOTED, [_TIME_RANGES_AT_ONCE])]
    taken: list[tuple[int, TimeRange]] = []
    meters: set[tuple[str, str]] = set()
    length = timedelta(0)
    for number, time_range in noted:
        meter = time_range.gateway_serial, time_range.device_serial
        length += time_range.length + (timedelta(0) if meter in meters else CONTEXT_BEFORE)
        if taken and length > PIECE:
            break
        meters.add(meter)
        taken.append((number, time_range))
    cursor.execute(_DELETE, [[number for number, _ in taken]])
    return taken


def _judge(cursor: Cursor, time_ranges: Sequence[TimeRange]) -> list[_Evaluation]:
    """Find the quality of the readings in these spans anew, and of those beside them; return what changed."""
    if not time_ranges:
        return []
    changed = [
        verdict
        for time_range, rows in _samples(cursor, time_ranges)
        for verdict in _verdicts(time_range, rows)
    ]
    if changed:
        cursor.execute(
            _JUDGE,
            [
                [verdict.time_range.gateway_serial for verdict in changed],
                [verdict.time_range.device_serial for verdict in changed],
                [verdict.measured_at for verdict in changed],
                # Arrays of arrays of unlike lengths there are not.
                [",".join(verdict.quality) for verdict in changed],
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


def _verdicts(time_range: TimeRange, rows: Sequence[tuple[Any, ...]]) -> Iterator[_Evaluation]:
    samples = [
        Sample(measured_at, arrived_at, energy, power, (a, b, c), is_sound)
        for _, measured_at, arrived_at, energy, power, a, b, c, is_sound, _ in rows
    ]
    # What is nearer to the ends of what was read is judged by too little of what is beside it.
    first, last = time_range.first - NEAR, time_range.last + CONTEXT_AFTER - NEAR
    for row, sample, found in zip(rows, samples, assess(samples), strict=True):
        quality = tuple(flag.value for flag in found)
        if first <= sample.measured_at <= last and quality != tuple(row[-1]):
            yield _Evaluation(time_range, sample.measured_at, quality)


_ALONE: Final = b"SELECT pg_try_advisory_xact_lock(hashtext('smarterise.upkeep'))"
_NOTED: Final = b"""
    SELECT id, gateway_serial, device_serial, first_measured_at, last_measured_at
    FROM rollup_dirty ORDER BY id LIMIT %s
"""
_DELETE: Final = b"DELETE FROM rollup_dirty WHERE id = ANY (%s)"
_SAMPLES: Final = sql.SQL(
    """
    SELECT wanted.number::integer, found.*
    FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
         WITH ORDINALITY AS wanted (gateway_serial, device_serial, first, last, number)
    CROSS JOIN LATERAL (
        (
            {of_meter} AND measured_at < wanted.first AND measured_at >= wanted.first - interval '31 days'
            ORDER BY measured_at DESC LIMIT 1
        )
        UNION ALL
        {of_meter} AND measured_at >= wanted.first AND measured_at <= wanted.last
    ) AS found
    ORDER BY wanted.number, found.measured_at
    """
).format(
    of_meter=sql.SQL(
        """
        SELECT measured_at, ingested_at, energy_import, active_power_total, voltage_a, voltage_b, voltage_c,
               device_online AND NOT 'clock_fault' = ANY (flags), quality
        FROM readings
        WHERE gateway_serial = wanted.gateway_serial AND device_serial = wanted.device_serial
        """
    )
)
_JUDGE: Final = b"""
    UPDATE readings SET quality = string_to_array(found.quality, ',')
    FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::text[])
         AS found (gateway_serial, device_serial, measured_at, quality)
    WHERE readings.gateway_serial = found.gateway_serial AND readings.device_serial = found.device_serial
      AND readings.measured_at = found.measured_at
"""
