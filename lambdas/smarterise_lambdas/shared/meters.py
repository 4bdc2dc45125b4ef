"""Finds the meter of rows loaded from files: meters are known from the stream, files do not name theirs.

Rows of an unknown meter are loaded with the empty serial. Once the gateway has exactly one known meter, they
are assigned to it by the conflict rule of `readings_table`; with several, only the site file can name the
meter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from psycopg import sql

from smarterise_lambdas.shared.database import transaction
from smarterise_lambdas.shared.readings_table import COLUMNS, Stage
from smarterise_sdk.domain.readings.model import METER_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from smarterise_lambdas.shared.database import Connection
    from smarterise_lambdas.shared.readings_table import LoadOutcome

NO_METER: Final = ""
"""Device serial of rows whose meter is unknown."""


@dataclass(frozen=True, slots=True)
class MeterChoice:
    """The meter of a file's rows.

    Attributes:
        device_serial: The meter; empty if unknown.
        flags: Flags to set on each row.
    """

    device_serial: str
    flags: tuple[str, ...] = ()


def meter_of_file(known: Sequence[str], logger: str, loggers: Mapping[str, object]) -> MeterChoice:
    """Return the meter of a file's rows.

    Args:
        known: Known meters of the gateway.
        logger: Logger named in the file name; empty if none.
        loggers: Meter by logger, from the site file. Edited by hand: values that are not printable text
            are ignored.
    """
    device_serial = loggers.get(logger)
    if isinstance(device_serial, str) and device_serial and device_serial.isprintable():
        return MeterChoice(device_serial)
    if len(known) == 1:
        return MeterChoice(known[0])
    # With no known meter the stream may still identify it; with several it cannot.
    return MeterChoice(NO_METER, (METER_UNKNOWN,) if known else ())


def known_meters(connection: Connection, gateway_serial: str) -> tuple[str, ...]:
    """Return a gateway's meters, in the caller's transaction.

    Raises:
        psycopg.Error: If the database fails.
    """
    return tuple(serial for (serial,) in connection.execute(_KNOWN, [gateway_serial]))


def note_meters(connection: Connection, pairs: Collection[tuple[str, str]], *, seen_at: datetime) -> None:
    """Insert meters seen in messages, in the caller's transaction.

    Args:
        connection: Inside a transaction.
        pairs: Gateway and meter serials; pairs without a meter are ignored.
        seen_at: Time of the message, UTC.

    Raises:
        psycopg.Error: If the database fails.
    """
    named = sorted({(gateway, device) for gateway, device in pairs if device != NO_METER})
    if named:
        gateways, devices = map(list, zip(*named, strict=True))
        connection.execute(_NOTE, [seen_at, gateways, devices])


def note_unnamed(connection: Connection, gateway_serial: str) -> None:
    """Record that rows without a meter were loaded, in the same transaction.

    Raises:
        psycopg.Error: If the database fails.
    """
    connection.execute(_NOTE_UNNAMED, [gateway_serial])


def name_rows(connection: Connection, *, at_most: int = 10) -> list[LoadOutcome]:
    """Assign rows without a meter to the gateway's meter, where it has exactly one.

    Each gateway is one transaction: all its rows are assigned, or none.

    Args:
        connection: Outside a transaction.
        at_most: Maximum number of gateways.

    Returns:
        The outcome for each gateway, counting rows whose meter already had a row of that time.

    Raises:
        psycopg.Error: If the database fails.
    """
    done: list[LoadOutcome] = []
    while len(done) < at_most and (outcome := _name_rows_of_one(connection)) is not None:
        done.append(outcome)
    return done


def _name_rows_of_one(connection: Connection) -> LoadOutcome | None:
    with transaction(connection) as cursor:
        found = cursor.execute(_NAMEABLE).fetchone()
        if found is None:
            return None
        names = dict(zip(("gateway", "device"), found, strict=True))
        cursor.execute(_NOTE_TIME_RANGES, names)
        # Rows without a conflict are updated in place and keep their ingest time; the rest follow the rule.
        cursor.execute(_NAME, names)
        stage = Stage(cursor)
        cursor.execute(_STAGE_REST, names)
        cursor.execute(_DELETE_REST, names)
        outcome = stage.flush()
        cursor.execute(_NAME_CONFLICTS, names)
        cursor.execute(_FORGET, names)
    return outcome


_KNOWN: Final = (
    b"SELECT device_serial FROM meters WHERE gateway_serial = %s ORDER BY first_seen_at, device_serial"
)
_NOTE: Final = b"""
    INSERT INTO meters (gateway_serial, device_serial, first_seen_at)
    SELECT gateway, device, %s FROM unnest(%s::text[], %s::text[]) AS heard (gateway, device)
    ON CONFLICT DO NOTHING
"""
# The update without effect locks the entry until the rows are committed.
_NOTE_UNNAMED: Final = b"""
    INSERT INTO unnamed_rows (gateway_serial) VALUES (%s)
    ON CONFLICT (gateway_serial) DO UPDATE SET noted_at = now()
"""
_NAMEABLE: Final = b"""
    SELECT gateway_serial, known.device
    FROM unnamed_rows AS unnamed CROSS JOIN LATERAL (
        SELECT min(device_serial) AS device, count(*) AS devices
        FROM meters WHERE gateway_serial = unnamed.gateway_serial
    ) AS known
    WHERE known.devices = 1
    ORDER BY noted_at LIMIT 1 FOR UPDATE OF unnamed SKIP LOCKED
"""
_NOTE_TIME_RANGES: Final = b"""
    INSERT INTO rollup_dirty (gateway_serial, device_serial, first_measured_at, last_measured_at)
    SELECT gateway_serial, owner.device_serial, min(measured_at), max(measured_at)
    FROM readings CROSS JOIN (VALUES (''), (%(device)s)) AS owner (device_serial)
    WHERE gateway_serial = %(gateway)s AND readings.device_serial = ''
    GROUP BY gateway_serial, owner.device_serial, date_trunc('day', measured_at, 'UTC')
"""
_NAME: Final = b"""
    UPDATE readings SET device_serial = %(device)s
    WHERE gateway_serial = %(gateway)s AND device_serial = ''
      AND NOT EXISTS (
          SELECT FROM readings AS rival
          WHERE rival.gateway_serial = %(gateway)s AND rival.device_serial = %(device)s
            AND rival.measured_at = readings.measured_at
      )
"""
_STAGE_REST: Final = sql.SQL(
    """
    INSERT INTO incoming ({columns}, position)
    SELECT {values}, row_number() OVER (ORDER BY measured_at)
    FROM readings WHERE gateway_serial = %(gateway)s AND device_serial = ''
    """
).format(
    columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
    values=sql.SQL(", ").join(
        sql.Placeholder("device") if column == "device_serial" else sql.Identifier(column)
        for column in COLUMNS
    ),
)
_DELETE_REST: Final = b"DELETE FROM readings WHERE gateway_serial = %(gateway)s AND device_serial = ''"
_NAME_CONFLICTS: Final = b"""
    WITH moved AS (
        DELETE FROM reading_conflicts WHERE gateway_serial = %(gateway)s AND device_serial = '' RETURNING *
    )
    INSERT INTO reading_conflicts
        (gateway_serial, device_serial, measured_at, source, content_hash, content, batch_id, seen_at)
    SELECT gateway_serial, %(device)s, measured_at, source, content_hash, content, batch_id, seen_at
    FROM moved
    ON CONFLICT DO NOTHING
"""
_FORGET: Final = b"DELETE FROM unnamed_rows WHERE gateway_serial = %(gateway)s"
