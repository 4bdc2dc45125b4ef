"""A batch into PostgreSQL: rows, the meters they tell of, and the index of what was rejected, all or nothing.

What the database refuses for its own sake, whoever sends it, is found by halves and handed back, so that it
holds nothing else up.
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

OF_THE_ROW: Final = psycopg.DataError
"""What lies in the values of a row. A constraint that somebody added is no fault of theirs."""
_NOTHING: Final = LoadOutcome(0, 0, 0, ())


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of some rows.

    Attributes:
        outcome: Of those that the database took; positions are those of the rows that were given.
        refused: By position, why the database takes a row never.
    """

    outcome: LoadOutcome
    refused: dict[int, str]


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads with the patience of one invocation.

    Attributes:
        database: Where to.
        timeout_s: How long each statement may take, seconds.
        now: This moment, UTC.
    """

    database: Database
    timeout_s: float
    now: datetime

    def load(self, rows: Sequence[Row], rejected: Sequence[QuarantineEntry]) -> Loaded:
        """Load rows, and note what was rejected.

        Raises:
            psycopg.Error: If the database fails; then nothing of what failed is loaded or noted.
            SchemaBehind: If it lacks what this version needs.
        """
        if not rows and not rejected:
            return Loaded(_NOTHING, {})
        try:
            return Loaded(self._run(rows, rejected), {})
        except OF_THE_ROW:
            if rejected:
                self._run([], rejected)
            return self._by_halves(rows, 0)

    def _by_halves(self, rows: Sequence[Row], first: int) -> Loaded:
        try:
            outcome = self._run(rows, [])
        except OF_THE_ROW as error:
            if len(rows) == 1:
                return Loaded(_NOTHING, {first: str(error)})
        else:
            return Loaded(_moved(outcome, first), {})
        middle = len(rows) // 2
        one, other = self._by_halves(rows[:middle], first), self._by_halves(rows[middle:], first + middle)
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


def _moved(outcome: LoadOutcome, by: int) -> LoadOutcome:
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
