"""Readings into the table `readings`, as often as they come, with the same outcome.

The rule for two rows of one key (gateway, meter, moment):

- The stream wins over files: a row by `iot` replaces one by `ftp`, a row by `ftp` never one by `iot`.
  So the outcome does not depend on which arrived first.
- Within one source the first row wins. A later one with equal values is an identical duplicate and is
  counted; one with other values is counted as differing, and kept in `reading_conflicts` for people to see.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from smarterise_lambdas.shared.database import transaction
from smarterise_sdk.domain.readings.model import Quantity, Reading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    import psycopg

    from smarterise_lambdas.shared.database import Connection, Cursor

KEY: Final = ("gateway_serial", "device_serial", "measured_at")
CONTENT: Final = (
    *(quantity.value for quantity in Quantity),
    "voltage_unbalance",
    "unbalance_method",
    "device_online",
)
"""What two rows of one key are compared by. Not their flags: those say what was made of the row."""
COLUMNS: Final = (*KEY, "source", *CONTENT, "flags", "batch_id")
POSITION: Final = "position"
"""The staged column that tells which row came first."""

_TEXTS = ("gateway_serial", "device_serial", "source", "unbalance_method", "batch_id")
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(COLUMNS, "float8"),
        **dict.fromkeys(_TEXTS, "text"),
        "measured_at": "timestamptz",
        "device_online": "bool",
        "flags": "text[]",
        POSITION: "int4",
    }
)
"""PostgreSQL's type of every column that can be staged."""


@dataclass(frozen=True, slots=True)
class Row:
    """A reading on its way to the table, and the raw lake object it is kept in."""

    reading: Reading
    batch_id: str


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What became of some rows.

    Attributes:
        loaded: Rows that were new, or replaced one of a lesser source.
        identical: Rows that were there already.
        superseded: Rows that a better source has.
        differing: Positions of the rows that contradict the one kept of their source.
        replaced: Of those loaded, how many took the place of a row of a lesser source.
    """

    loaded: int
    identical: int
    superseded: int
    differing: tuple[int, ...]
    replaced: int = 0


class Stage:
    """Where the rows of one load wait, in the caller's transaction, until `settle` puts them into the table.

    A temporary table, made once a connection and emptied by each commit: one a load would bloat the
    catalogue.
    """

    def __init__(self, cursor: Cursor) -> None:
        """Make it ready.

        Args:
            cursor: Inside a transaction.
        """
        self._cursor = cursor
        cursor.execute(_STAGE)

    @contextmanager
    def copying(self, columns: Sequence[str] = (*COLUMNS, POSITION)) -> Iterator[psycopg.Copy]:
        """Open the way in, for rows or for what is binary already; may be opened several times.

        Args:
            columns: Those that are written, in this order; `POSITION` and all that is never null among them.
        """
        copy_in = sql.SQL("COPY incoming ({}) FROM STDIN (FORMAT BINARY)").format(_names(columns))
        with self._cursor.copy(copy_in) as copy:
            copy.set_types([TYPES[column] for column in columns])
            yield copy

    def clear(self) -> None:
        """Forget what is staged: it is settled, and the load goes on."""
        self._cursor.execute(b"TRUNCATE incoming")

    def settle(self, *, months: Collection[datetime] | None = None, in_order: bool = False) -> LoadOutcome:
        """Put what is staged into the table, and say what became of it.

        Args:
            months: A moment of each month that the rows are of; found out when it is not given.
            in_order: The rows were copied in the order of their keys, and no key comes twice: need not be
                sorted.

        Raises:
            psycopg.Error: If the database fails.
        """
        cursor = self._cursor
        ensure_months(cursor, self._months() if months is None else months)
        cursor.execute(_COUNT)
        (staged,) = cursor.fetchone() or (0,)
        cursor.execute(_UPSERT_IN_ORDER if in_order else _UPSERT)
        loaded, replaced = cursor.fetchone() or (0, 0)
        if loaded:
            cursor.execute(_NOTE_TIME_RANGES)
        if loaded == staged:
            return LoadOutcome(loaded, 0, 0, (), replaced)
        cursor.execute(_COMPARE)
        equal, superseded, differing = cursor.fetchone() or (0, 0, [])
        if differing:
            cursor.execute(_KEEP_CONFLICTS)
        return LoadOutcome(loaded, equal - loaded, superseded, tuple(sorted(differing)), replaced)

    def _months(self) -> list[datetime]:
        return [timestamp for (timestamp,) in self._cursor.execute(_MONTHS)]


def ensure_months(cursor: Cursor, months: Collection[datetime]) -> None:
    """See that the months of some moments have partitions.

    Raises:
        psycopg.Error: If the database fails.
    """
    for timestamp in sorted(set(map(month_of, months))):
        cursor.execute("SELECT ensure_readings_partition(%s)", [timestamp])


def load_rows(connection: Connection, rows: Sequence[Row]) -> LoadOutcome:
    """Load rows in a transaction of their own.

    Args:
        connection: Outside a transaction.
        rows: In the order they came; the first of a key wins.

    Raises:
        psycopg.Error: If the database fails; then nothing is loaded.
    """
    with transaction(connection) as cursor:
        return stage_rows(cursor, rows)


def stage_rows(cursor: Cursor, rows: Sequence[Row]) -> LoadOutcome:
    """Load rows in the caller's transaction.

    Args:
        cursor: Inside a transaction.
        rows: In the order they came; the first of a key wins.

    Raises:
        psycopg.Error: If the database fails.
    """
    stage = Stage(cursor)
    with stage.copying() as copy:
        for position, row in enumerate(rows):
            copy.write_row([*_cells(row), position])
    return stage.settle(months={month_of(row.reading.measured_at) for row in rows})


def month_of(timestamp: datetime) -> datetime:
    """Return the first moment of a moment's month; both UTC."""
    return timestamp.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _cells(row: Row) -> list[Any]:
    reading = row.reading
    unbalance = reading.unbalance
    return [
        reading.gateway_serial,
        reading.device_serial,
        reading.measured_at,
        reading.source.value,
        *(reading.values.get(quantity) for quantity in Quantity),
        unbalance.value if unbalance else None,
        unbalance.method.value if unbalance else None,
        reading.device_online,
        list(reading.flags),
        row.batch_id,
    ]


def _names(columns: Sequence[str], table: str | None = None) -> sql.Composed:
    prefix = (table,) if table else ()
    return sql.SQL(", ").join(sql.Identifier(*prefix, column) for column in columns)


_STAGE: Final = sql.SQL(
    "CREATE TEMP TABLE IF NOT EXISTS incoming ON COMMIT DELETE ROWS"
    " AS SELECT {columns}, 0 AS position FROM readings WITH NO DATA"
).format(columns=_names(COLUMNS))

# What is made of these readings, their quality and their aggregates, is to be found anew: `maintenance` does.
_NOTE_TIME_RANGES: Final = b"""
    INSERT INTO rollup_dirty (gateway_serial, device_serial, first_measured_at, last_measured_at)
    SELECT gateway_serial, device_serial, min(measured_at), max(measured_at) FROM incoming
    GROUP BY gateway_serial, device_serial, date_trunc('day', measured_at, 'UTC')
"""

_COUNT: Final = b"SELECT count(*) FROM incoming"

_MONTHS: Final = b"""
    SELECT DISTINCT date_trunc('month', measured_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM incoming
"""

# What is put in bears the moment its transaction began, what takes another row's place, a later one. (That a
# row was there before cannot be asked of a table of partitions in any other way.)
_ON_CONFLICT: Final = sql.SQL(
    """
    ON CONFLICT ({key}) DO UPDATE SET ({updated}) = ROW ({excluded}), ingested_at = clock_timestamp()
    WHERE readings.source = 'ftp' AND excluded.source = 'iot'
    RETURNING ingested_at <> now() AS has_replaced
    """
).format(
    key=_names(KEY),
    updated=_names(COLUMNS[len(KEY) :]),
    excluded=_names(COLUMNS[len(KEY) :], "excluded"),
)

# Sorted by key, so that two loaders of the same keys wait for each other and do not deadlock.
_UPSERT: Final = sql.SQL(
    """
    WITH put AS (
        INSERT INTO readings ({columns})
        SELECT DISTINCT ON ({key}) {columns} FROM incoming
        ORDER BY {key}, source = 'iot' DESC, position
        {on_conflict}
    )
    SELECT count(*), count(*) FILTER (WHERE has_replaced) FROM put
    """
).format(columns=_names(COLUMNS), key=_names(KEY), on_conflict=_ON_CONFLICT)

_UPSERT_IN_ORDER: Final = sql.SQL(
    """
    WITH put AS (INSERT INTO readings ({columns}) SELECT {columns} FROM incoming {on_conflict})
    SELECT count(*), count(*) FILTER (WHERE has_replaced) FROM put
    """
).format(columns=_names(COLUMNS), on_conflict=_ON_CONFLICT)

_SAME_SOURCE: Final = sql.SQL("incoming.source = readings.source")
_EQUAL: Final = sql.SQL("({left}) IS NOT DISTINCT FROM ({right})").format(
    left=_names(CONTENT, "incoming"), right=_names(CONTENT, "readings")
)

_COMPARE: Final = sql.SQL(
    """
    SELECT count(*) FILTER (WHERE {same_source} AND {equal}),
           count(*) FILTER (WHERE NOT {same_source}),
           coalesce(array_agg(position) FILTER (WHERE {same_source} AND NOT {equal}), '{{}}')
    FROM incoming JOIN readings USING ({key})
    """
).format(same_source=_SAME_SOURCE, equal=_EQUAL, key=_names(KEY))

_KEEP_CONFLICTS: Final = sql.SQL(
    """
    WITH differing AS (
        SELECT incoming.*, (to_jsonb(incoming) - '{position}' - 'batch_id' - 'flags') AS content
        FROM incoming JOIN readings USING ({key})
        WHERE {same_source} AND NOT {equal}
    )
    INSERT INTO reading_conflicts ({key}, source, content_hash, content, batch_id)
    SELECT {key}, source, md5(content::text), content, batch_id FROM differing
    ON CONFLICT DO NOTHING
    """
).format(key=_names(KEY), same_source=_SAME_SOURCE, equal=_EQUAL, position=sql.SQL(POSITION))
