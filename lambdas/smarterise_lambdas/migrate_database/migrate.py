"""Migrates the schema, creates partitions ahead, and runs pending maintenance."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.migrate_database.privileges import grant_function_user
from smarterise_lambdas.migrations.runner import migrate
from smarterise_lambdas.shared.database import connect, require_schema, schema_version, transaction
from smarterise_lambdas.shared.maintenance import refresh
from smarterise_sdk.domain.readings.metrics import PipelineMetric
from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from datetime import datetime

    from smarterise_lambdas.shared.cloudwatch import Publisher
    from smarterise_lambdas.shared.database import Connection
    from smarterise_lambdas.shared.runtime import Log

MONTHS_AHEAD: Final = 2


class Action(StrEnum):
    """Actions of the function."""

    MIGRATE = "migrate"
    MAINTAIN = "maintain"


class BadAction(ValueError):
    """The requested action is unknown."""

    def __init__(self, action: object) -> None:
        known = " or ".join(f'"{each}"' for each in Action)
        super().__init__(f"unknown action {visible(repr(action))[:80]}. Fix: use {known}")


def migrate_and_maintain(
    url: str, publisher: Publisher, log: Log, *, until: float, now: datetime, function_user: str = ""
) -> dict[str, Any]:
    """Migrate the schema, grant the functions' user its privileges, then run `maintain`.

    Args:
        url: Database URL of the owner of the tables.
        publisher: Publishes metrics.
        log: Logger.
        function_user: Database user of the functions, if not the owner.
        until: When to stop, by the monotonic clock.
        now: Current time, UTC.

    Raises:
        sqlalchemy.exc.DBAPIError: If a migration fails; then none is applied.
        psycopg.Error: If the database fails.
    """
    before, after = migrate(url)
    log.info("schema up to date", extra={"before": before, "after": after})
    if function_user:
        with connect(url) as connection:
            is_new = grant_function_user(connection, function_user)
        log.info("privileges granted to the functions' user", extra={"user": function_user, "is_new": is_new})
    response = maintain(url, publisher, log, until=until, now=now)
    return {**response, "action": Action.MIGRATE.value, "before": before, "after": after}


def maintain(url: str, publisher: Publisher, log: Log, *, until: float, now: datetime) -> dict[str, Any]:
    """Create partitions ahead, count rows in the default partition, and run pending maintenance.

    Args:
        url: Database URL of the owner of the tables.
        publisher: Publishes metrics.
        log: Logger.
        until: When to stop, by the monotonic clock.
        now: Current time, UTC.

    Raises:
        SchemaBehind: If the schema is older than this code.
        psycopg.Error: If the database fails.
    """
    with connect(url) as connection:
        require_schema(connection)
        with transaction(connection) as cursor:
            cursor.execute("SELECT ensure_readings_partitions_ahead(%s)", [MONTHS_AHEAD])
        misplaced = _misplaced(connection, log)
        maintenance = refresh(connection, until=until)
        version = schema_version(connection)
    publisher.publish([], {PipelineMetric.ROWS_MISPLACED: misplaced["rows"]}, now=now)
    log.info("database maintained", extra={"maintenance": asdict(maintenance), "version": version})
    return {
        "ok": True,
        "action": Action.MAINTAIN.value,
        "version": version,
        "months_ahead": MONTHS_AHEAD,
        "misplaced": misplaced,
        "maintenance": asdict(maintenance),
    }


def _misplaced(connection: Connection, log: Log) -> dict[str, Any]:
    """Return count and time range of the default partition, which must be empty."""
    with transaction(connection) as cursor:
        found = cursor.execute(_MISPLACED).fetchone()
    rows, first, last = found or (0, None, None)
    result = {"rows": rows, "first": first and utc_text(first), "last": last and utc_text(last)}
    if rows:
        log.error("rows in readings_default: a load did not create its partition", extra=result)
    return result


_MISPLACED: Final = b"SELECT count(*), min(measured_at), max(measured_at) FROM readings_default"
