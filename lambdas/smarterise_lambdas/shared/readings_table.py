"""Loads readings into the table `readings`, idempotently.

Rule for two rows with the same key (gateway, meter, time):

- The stream wins over files: an `iot` row replaces an `ftp` row, never the reverse. The outcome does not
  depend on the order of arrival.
- Within one source the first row wins. A later row with equal values is counted as identical; one with other
  values is counted as differing and kept in `reading_conflicts` for inspection.
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
"""Columns by which two rows with the same key are compared. Flags are derived, so they are not compared."""
COLUMNS: Final = (*KEY, "source", *CONTENT, "flags", "batch_id")
POSITION: Final = "position"
"""Staging column with the order of arrival."""

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
"""PostgreSQL type of each staging column."""


@dataclass(frozen=True, slots=True)
class Row:
    """A reading to load, and the data lake object that contains it."""

    reading: Reading
    batch_id: str


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """Number of rows by outcome.

    Attributes:
        loaded: New rows, and rows that replaced one of lower priority.
        identical: Rows that existed with equal values.
        superseded: Rows that exist from a source of higher priority.
        differing: Positions of rows whose values differ from the existing row of the same source.
        replaced: Loaded rows that replaced a row of lower priority.
    """

    loaded: int
    identical: int
    superseded: int
    differing: tuple[int, ...]
    replaced: int = 0


class Stage:
    """Staging table of one load in the caller's transaction; `flush` moves its rows into `readings`.

    A temporary table, created once per connection and emptied by each commit: one per load would bloat the
    catalogue.
    """

    def __init__(self, cursor: Cursor) -> None:
        """Create the staging table if needed.

        Args:
            cursor: Inside a transaction.
        """
        self._cursor = cursor
        cursor.execute(_STAGE)

    @contextmanager
    def copying(self, columns: Sequence[str] = (*COLUMNS, POSITION)) -> Iterator[psycopg.Copy]:
        """Open a binary COPY into the staging table; may be used several times.

        Args:
            columns: Columns in the order written; must include `POSITION` and all columns that are NOT NULL.
        """
        copy_in = sql.SQL("COPY incoming ({}) FROM STDIN (FORMAT BINARY)").format(_names(columns))
        with self._cursor.copy(copy_in) as copy:
            copy.set_types([TYPES[column] for column in columns])
            yield copy

    def clear(self) -> None:
        """Empty the staging table after a flush, for more rows of the same load."""
        self._cursor.execute(b"TRUNCATE incoming")

    def flush(self, *, months: Collection[datetime] | None = None, in_order: bool = False) -> LoadOutcome:
        """Move the staged rows into `readings`, and return the outcome.

        Args:
            months: A time in each month of the rows; queried if not given.
            in_order: Whether the rows were copied in key order without duplicate keys; skips sorting.

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
    """Create the missing partitions for the months of these times.

    Raises:
        psycopg.Error: If the database fails.
    """
    for timestamp in sorted(set(map(month_of, months))):
        cursor.execute("SELECT ensure_readings_partition(%s)", [timestamp])


def load_rows(connection: Connection, rows: Sequence[Row]) -> LoadOutcome:
    """Load rows in a separate transaction.

    Args:
        connection: Outside a transaction.
        rows: In order of arrival; the first of a key wins.

    Raises:
        psycopg.Error: If the database fails; then nothing is loaded.
    """
    with transaction(connection) as cursor:
        return stage_rows(cursor, rows)


def stage_rows(cursor: Cursor, rows: Sequence[Row]) -> LoadOutcome:
    """Load rows in the caller's transaction.

    Args:
        cursor: Inside a transaction.
        rows: In order of arrival; the first of a key wins.

    Raises:
        psycopg.Error: If the database fails.
    """
    stage = Stage(cursor)
    with stage.copying() as copy:
        for position, row in enumerate(rows):
            copy.write_row([*_cells(row), position])
    return stage.flush(months={month_of(row.reading.measured_at) for row in rows})


def month_of(timestamp: datetime) -> datetime:
    """Return the start of a time's month; both UTC."""
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

# Marks quality and aggregates of these readings for recomputation by `maintenance`.
_NOTE_TIME_RANGES: Final = b"""
    INSERT INTO rollup_dirty (gateway_serial, device_serial, first_measured_at, last_measured_at)
    SELECT gateway_serial, device_serial, min(measured_at), max(measured_at) FROM incoming
    GROUP BY gateway_serial, device_serial, date_trunc('day', measured_at, 'UTC')
"""

_COUNT: Final = b"SELECT count(*) FROM incoming"

_MONTHS: Final = b"""
    SELECT DISTINCT date_trunc('month', measured_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM incoming
"""

# An inserted row has the transaction's start as ingest time, a replaced one a later time. (A partitioned
# table offers no other way to ask whether a row existed before.)
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

# Sorted by key, so that concurrent loads of the same keys do not deadlock.
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
