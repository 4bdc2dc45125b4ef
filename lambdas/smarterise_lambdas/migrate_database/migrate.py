"""What keeps the database in order: its schema, partitions ahead, and what loads left to be done."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.migrate_database.privileges import let_in
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
    """What can be asked for."""

    MIGRATE = "migrate"
    MAINTAIN = "maintain"


class BadAction(ValueError):
    """Something was asked for that there is not."""

    def __init__(self, told: object) -> None:
        known = " or ".join(f'"{action}"' for action in Action)
        super().__init__(f"action {visible(repr(told))[:80]} is not one of {known}")


def migrate_and_maintain(
    url: str, publisher: Publisher, log: Log, *, until: float, now: datetime, function_user: str = ""
) -> dict[str, Any]:
    """Bring the schema up to date, let the functions in, then do what `maintain` does.

    Args:
        url: Of the database, as the owner of its tables.
        publisher: Where counts go.
        log: Where it is told.
        function_user: Whom the functions log in as, if not as the owner.
        until: When to stop, by the monotonic clock.
        now: This moment, UTC.

    Raises:
        sqlalchemy.exc.DBAPIError: If a step of the schema fails; then none was taken.
        psycopg.Error: If the database fails.
    """
    before, after = migrate(url)
    log.info("schema is up to date", extra={"before": before, "after": after})
    if function_user:
        with connect(url) as connection:
            is_new = let_in(connection, function_user)
        log.info("the functions' user has its rights", extra={"user": function_user, "is_new": is_new})
    response = maintain(url, publisher, log, until=until, now=now)
    return {**response, "action": Action.MIGRATE.value, "before": before, "after": after}


def maintain(url: str, publisher: Publisher, log: Log, *, until: float, now: datetime) -> dict[str, Any]:
    """Make partitions ahead, look at the one where nothing should be, and do what loads left to be done.

    Args:
        url: Of the database, as the owner of its tables.
        publisher: Where counts go.
        log: Where it is told.
        until: When to stop, by the monotonic clock.
        now: This moment, UTC.

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
    """Return what is in the default partition: no load puts rows there."""
    with transaction(connection) as cursor:
        found = cursor.execute(_MISPLACED).fetchone()
    rows, first, last = found or (0, None, None)
    told = {"rows": rows, "first": first and utc_text(first), "last": last and utc_text(last)}
    if rows:
        log.error("rows in readings_default: somebody loads without making partitions", extra=told)
    return told


_MISPLACED: Final = b"SELECT count(*), min(measured_at), max(measured_at) FROM readings_default"
