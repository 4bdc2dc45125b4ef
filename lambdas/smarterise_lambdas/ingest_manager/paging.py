"""Pages through the file ledger and the quarantine index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from smarterise_lambdas.shared import quarantine
from smarterise_lambdas.shared.database import transaction
from smarterise_sdk.domain.problems import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_lambdas.ingest_manager.event import Request
    from smarterise_lambdas.shared.database import Connection


@dataclass(frozen=True, slots=True)
class _Table:
    """A listed table: its name, the returned columns and the sort columns, timestamp first."""

    name: str
    columns: tuple[str, ...]
    order: tuple[str, ...]


_FILE: Final = (
    *("bucket", "key", "etag", "size", "source", "gateway_serial", "state", "attempts"),
    *("rows_loaded", "rows_identical", "rows_superseded", "rows_differing", "rows_rejected"),
    *("first_measured_at", "last_measured_at", "received_at", "started_at", "finished_at", "reason"),
)
_ENTRY: Final = (
    *("id", "source", "gateway_serial", "bucket", "key", "origin", "position", "reason", "detail", "rows"),
    *("seen_at", "state", "replayed_at", "marked_at", "marked_by", "note"),
)
_FILES: Final = _Table("ingest_files", _FILE, ("received_at", "bucket", "key", "etag"))
_ENTRIES: Final = _Table("quarantine", _ENTRY, ("seen_at", "id"))
_END_OF_ID: Final = "g"
"""Sorts after every hexadecimal digit."""


def files(connection: Connection, request: Request) -> dict[str, Any]:
    """Return a page of the file ledger, the latest files first.

    Raises:
        psycopg.Error: If the database fails.
    """
    conditions, values = _conditions(request, "received_at")
    if request.keys:
        conditions.append(sql.SQL("key = ANY (%s)"))
        values.append(list(request.keys))
    return _page(connection, request, _FILES, conditions, values)


def entries(connection: Connection, request: Request) -> dict[str, Any]:
    """Return a page of the quarantine index, the latest entries first.

    Raises:
        psycopg.Error: If the database fails.
    """
    conditions, values = _conditions(request, "seen_at")
    if request.reasons:
        conditions.append(sql.SQL("reason = ANY (%s)"))
        values.append(list(request.reasons))
    if request.source is not None:
        conditions.append(sql.SQL("source = %s"))
        values.append(request.source.value)
    if request.ids:
        conditions.append(
            sql.SQL(
                "EXISTS (SELECT FROM unnest(%s::text[]) AS requested (prefix)"
                " WHERE id >= prefix AND id < prefix || %s)"
            )
        )
        values += [list(request.ids), _END_OF_ID]
    return _page(connection, request, _ENTRIES, conditions, values)


def discard(connection: Connection, request: Request, *, now: datetime) -> dict[str, Any]:
    """Mark quarantine entries as discarded; their objects are not deleted.

    Raises:
        psycopg.Error: If the database fails.
    """
    with transaction(connection):
        done = quarantine.discard(connection, request.ids, note=request.reason, by=request.by, at=now)
        states = {row[0]: row[1] for row in connection.execute(_STATES, [list(request.ids)])}
    return {"discarded": sorted(done), "states": states}


def entry(connection: Connection, entry_id: str) -> dict[str, Any] | None:
    """Return a quarantine entry by id; `None` if it does not exist.

    Raises:
        psycopg.Error: If the database fails.
    """
    statement = sql.SQL("SELECT {} FROM quarantine WHERE id = %s").format(_names(_ENTRY))
    with transaction(connection) as cursor:
        found = cursor.execute(statement, [entry_id]).fetchone()
    return None if found is None else dict(zip(_ENTRY, map(_plain, found), strict=True))


def states_of(connection: Connection, bucket: str, objects: Sequence[tuple[str, str]]) -> list[str]:
    """Return the ledger states of objects by key and ETag; empty for objects not in the ledger.

    Raises:
        psycopg.Error: If the database fails.
    """
    values = [[key for key, _ in objects], [etag for _, etag in objects], bucket]
    with transaction(connection) as cursor:
        return [row[0] for row in cursor.execute(_LEDGER_STATES, values)]


def _conditions(request: Request, timestamp: str) -> tuple[list[sql.Composable], list[Any]]:
    conditions: list[sql.Composable] = []
    values: list[Any] = []
    filters = (
        (request.since, "{} >= %s", timestamp),
        (request.until, "{} < %s", timestamp),
        (list(request.gateways), "{} = ANY (%s)", "gateway_serial"),
        (list(request.states), "{} = ANY (%s)", "state"),
    )
    for value, condition, column in filters:
        if value:
            conditions.append(sql.SQL(condition).format(sql.Identifier(column)))
            values.append(value)
    return conditions, values


def _page(
    connection: Connection,
    request: Request,
    table: _Table,
    conditions: list[sql.Composable],
    values: list[Any],
) -> dict[str, Any]:
    columns, order = table.columns, table.order
    if request.after:
        position = sql.SQL(", ").join([sql.SQL("%s::timestamptz"), *[sql.SQL("%s")] * (len(order) - 1)])
        conditions.append(sql.SQL("({}) < ({})").format(_names(order), position))
        values += _cursor(request, len(order))
    statement = sql.SQL("SELECT {columns} FROM {table}{where} ORDER BY {order} LIMIT %s").format(
        columns=_names(columns),
        table=sql.Identifier(table.name),
        where=sql.SQL(" WHERE ") + sql.SQL(" AND ").join(conditions) if conditions else sql.SQL(""),
        order=sql.SQL(", ").join(sql.SQL("{} DESC").format(sql.Identifier(column)) for column in order),
    )
    with transaction(connection) as cursor:
        rows = cursor.execute(statement, [*values, request.limit + 1]).fetchall()
    shown = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows[: request.limit]]
    last = shown[-1] if len(rows) > request.limit else None
    return {"rows": shown, "next": None if last is None else [last[column] for column in order]}


def _cursor(request: Request, length: int) -> list[Any]:
    try:
        timestamp, *rest = request.after
        if len(rest) != length - 1:
            raise ValueError
        return [datetime.fromisoformat(timestamp), *rest]
    except ValueError:
        remedy = "Send `next` of the previous page."
        problem = Problem("BAD_REQUEST", "it is not a page token", remedy, field="after")
        raise InvalidInput("the request", [problem]) from None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


_STATES: Final = b"SELECT id, state FROM quarantine WHERE id = ANY (%s)"
_LEDGER_STATES: Final = b"""
    SELECT coalesce(file.state, '')
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS object (key, etag, number)
    LEFT JOIN ingest_files AS file ON file.bucket = %s AND file.key = object.key AND file.etag = object.etag
    ORDER BY object.number
"""
