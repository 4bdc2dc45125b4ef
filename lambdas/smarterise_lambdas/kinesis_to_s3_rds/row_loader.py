"""Loads a batch into PostgreSQL: rows, their meters and the quarantine index in one transaction.

Rows that the database rejects because of their values are found by bisection and returned, so that they do
not block the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import psycopg

from smarterise_lambdas.shared import meters, quarantine
from smarterise_lambdas.shared.commit_status import CommitProbe
from smarterise_lambdas.shared.database import transaction
from smarterise_lambdas.shared.readings_table import LoadOutcome, Row, stage_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from smarterise_lambdas.shared.database import Connection, Database
    from smarterise_lambdas.shared.quarantine import QuarantineEntry

ROW_ERROR: Final = psycopg.DataError
"""Errors caused by the values of a row. Violations of added constraints are not caused by the row."""
_NOTHING: Final = LoadOutcome(0, 0, 0, ())


@dataclass(frozen=True, slots=True)
class Loaded:
    """Result of loading rows.

    Attributes:
        outcome: Outcome of the accepted rows; positions refer to the given rows.
        refused: Error of each rejected row, by position.
    """

    outcome: LoadOutcome
    refused: dict[int, str]


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads rows and quarantine entries within the limits of one invocation.

    Attributes:
        database: Target database.
        timeout_s: Statement timeout, seconds.
        now: Current time, UTC.
    """

    database: Database
    timeout_s: float
    now: datetime

    def load(self, rows: Sequence[Row], rejected: Sequence[QuarantineEntry]) -> Loaded:
        """Load rows and record rejected input in the quarantine index.

        Raises:
            psycopg.Error: If the database fails; the failed transaction leaves no trace.
            SchemaBehind: If the database schema is older than this version requires.
        """
        if not rows and not rejected:
            return Loaded(_NOTHING, {})
        try:
            return Loaded(self._run(rows, rejected), {})
        except ROW_ERROR:
            if rejected:
                self._run([], rejected)
            return self._bisect(rows, 0)

    def _bisect(self, rows: Sequence[Row], first: int) -> Loaded:
        try:
            outcome = self._run(rows, [])
        except ROW_ERROR as error:
            if len(rows) == 1:
                return Loaded(_NOTHING, {first: str(error)})
        else:
            return Loaded(_shift_positions(outcome, first), {})
        middle = len(rows) // 2
        one, other = self._bisect(rows[:middle], first), self._bisect(rows[middle:], first + middle)
        return Loaded(_sum(one.outcome, other.outcome), one.refused | other.refused)

    def _run(self, rows: Sequence[Row], rejected: Sequence[QuarantineEntry]) -> LoadOutcome:
        probe = CommitProbe[LoadOutcome]()
        return self.database.run(lambda connection: self._once(connection, rows, rejected, probe))

    def _once(
        self,
        connection: Connection,
        rows: Sequence[Row],
        rejected: Sequence[QuarantineEntry],
        probe: CommitProbe[LoadOutcome],
    ) -> LoadOutcome:
        done = probe.committed_outcome(connection, self.timeout_s)
        if done is not None:
            return done
        with transaction(connection, self.timeout_s) as cursor:
            quarantine.note(connection, rejected)
            if not rows:
                return _NOTHING
            pairs = {(row.reading.gateway_serial, row.reading.device_serial) for row in rows}
            meters.note_meters(connection, pairs, seen_at=self.now)
            outcome = stage_rows(cursor, rows)
            probe.record(cursor, outcome)
        return outcome


def _shift_positions(outcome: LoadOutcome, by: int) -> LoadOutcome:
    differing = tuple(position + by for position in outcome.differing)
    return replace(outcome, differing=differing)


def _sum(one: LoadOutcome, other: LoadOutcome) -> LoadOutcome:
    return LoadOutcome(
        one.loaded + other.loaded,
        one.identical + other.identical,
        one.superseded + other.superseded,
        one.differing + other.differing,
        one.replaced + other.replaced,
    )
