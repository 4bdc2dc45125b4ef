"""Readings into the table `readings`, as often as they come, with the same outcome.

The rule for two rows of one key (gateway, meter, moment):

- The stream wins over files: a row by `iot` replaces one by `ftp`, a row by `ftp` never one by `iot`.
  So the outcome does not depend on which arrived first.
- Within one source the first row wins. A later one with equal values is an identical duplicate and is
  counted; one with other values is counted as differing, and kept in `reading_conflicts` for people to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from smarterise_sdk.domain.readings import Quantity, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from smarterise_lambdas.shared.database import Connection

KEY: Final = ("gateway_serial", "device_serial", "measured_at")
CONTENT: Final = (
    *(quantity.value for quantity in Quantity),
    "voltage_unbalance",
    "unbalance_method",
    "device_online",
    "flags",
)
"""What two rows of one key are compared by."""
COLUMNS: Final = (*KEY, "source", *CONTENT, "batch_id")

_POSITION = "position"


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
    """

    loaded: int
    identical: int
    superseded: int
    differing: tuple[int, ...]


def load_rows(connection: Connection, rows: Sequence[Row]) -> LoadOutcome:
    """Load rows in one transaction.

    Args:
        connection: Outside a transaction.
        rows: In the order they came; the first of a key wins.

    Raises:
        psycopg.Error: If the database fails; then nothing is loaded.
    """
    with connection.transaction(), connection.cursor() as cursor:
        # A hung lock must become an error while the function still has time to tell of it.
        cursor.execute("SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '20s'")
        for moment in {_month_of(row.reading.measured_at) for row in rows}:
            cursor.execute("SELECT ensure_readings_partition(%s)", [moment])
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for position, row in enumerate(rows):
                copy.write_row([*_cells(row), position])
        cursor.execute(_UPSERT)
        loaded = cursor.rowcount
        cursor.execute(_COMPARE)
        equal, superseded, differing = _one_row(cursor)
        if differing:
            cursor.execute(_KEEP_CONFLICTS)
    return LoadOutcome(loaded, equal - loaded, superseded, tuple(sorted(differing)))


def _month_of(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


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


def _one_row(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[int, int, list[int]]:
    equal, superseded, differing = cursor.fetchone() or (0, 0, [])
    return equal, superseded, differing


def _names(columns: Sequence[str], table: str | None = None) -> sql.Composed:
    prefix = (table,) if table else ()
    return sql.SQL(", ").join(sql.Identifier(*prefix, column) for column in columns)


# Made once a connection and emptied by each commit: a table a batch would bloat the catalogue.
_STAGE: Final = sql.SQL(
    "CREATE TEMP TABLE IF NOT EXISTS incoming ON COMMIT DELETE ROWS"
    " AS SELECT {columns}, 0 AS position FROM readings WITH NO DATA"
).format(columns=_names(COLUMNS))

_COPY: Final = sql.SQL("COPY incoming ({columns}) FROM STDIN").format(columns=_names((*COLUMNS, _POSITION)))

# Sorted by key, so that two loaders of the same keys wait for each other and do not deadlock.
_UPSERT: Final = sql.SQL(
    """
    INSERT INTO readings ({columns})
    SELECT DISTINCT ON ({key}) {columns} FROM incoming
    ORDER BY {key}, source = 'iot' DESC, position
    ON CONFLICT ({key}) DO UPDATE SET ({updated}) = ROW ({excluded}), ingested_at = now()
    WHERE readings.source = 'ftp' AND excluded.source = 'iot'
    """
).format(
    columns=_names(COLUMNS),
    key=_names(KEY),
    updated=_names(COLUMNS[len(KEY) :]),
    excluded=_names(COLUMNS[len(KEY) :], "excluded"),
)

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
        SELECT incoming.*, (to_jsonb(incoming) - '{position}' - 'batch_id') AS content
        FROM incoming JOIN readings USING ({key})
        WHERE {same_source} AND NOT {equal}
    )
    INSERT INTO reading_conflicts ({key}, source, content_hash, content, batch_id)
    SELECT {key}, source, md5(content::text), content, batch_id FROM differing
    ON CONFLICT DO NOTHING
    """
).format(key=_names(KEY), same_source=_SAME_SOURCE, equal=_EQUAL, position=sql.SQL(_POSITION))
