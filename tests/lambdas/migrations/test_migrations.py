"""Migrations: on an empty and on an old database, concurrent, and failing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from smarterise_lambdas.migrations.runner import latest_version, migrate
from smarterise_lambdas.shared.database import (
    SCHEMA_VERSION,
    Connection,
    SchemaBehind,
    connect,
    require_schema,
    schema_version,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLES = b"""
    SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') ORDER BY 1
"""


def tables(url: str) -> Sequence[tuple[object, ...]]:
    with connect(url) as connection:
        return connection.execute(TABLES).fetchall()


def test_the_code_needs_the_latest_migration() -> None:
    assert latest_version() == SCHEMA_VERSION


def test_every_migration_is_applied_once(empty_database_url: str) -> None:
    assert migrate(empty_database_url) == ("", SCHEMA_VERSION)
    made = tables(empty_database_url)
    assert {"readings", "readings_default", "ingest_files", "quarantine", "meters"} <= {
        row[0] for row in made
    }
    assert migrate(empty_database_url) == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert tables(empty_database_url) == made


def test_a_database_older_than_the_migrations_keeps_its_rows(empty_database_url: str) -> None:
    migrate(empty_database_url, to="0001")
    with connect(empty_database_url) as connection:
        connection.execute(b"DROP TABLE schema_version")
        connection.execute(
            b"INSERT INTO readings (gateway_serial, measured_at, source, batch_id)"
            b" VALUES ('AN1', '2026-03-01T00:00:00Z', 'iot', 'x')"
        )
    assert migrate(empty_database_url) == ("", SCHEMA_VERSION)
    with connect(empty_database_url) as connection:
        assert connection.execute(b"SELECT gateway_serial, batch_id FROM readings").fetchall() == [
            ("AN1", "x")
        ]


def test_concurrent_migrations_are_safe(empty_database_url: str) -> None:
    program = (
        "import sys; from smarterise_lambdas.migrations.runner import migrate; print(migrate(sys.argv[1])[1])"
    )
    command = [sys.executable, "-W", "error", "-c", program, empty_database_url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    versions = [process.communicate()[0].strip() for process in running]
    assert versions == [SCHEMA_VERSION] * 3


def test_a_failed_migration_changes_nothing(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        connection.execute(b"CREATE VIEW meters AS SELECT 1")
    before = tables(empty_database_url)
    with pytest.raises(DBAPIError, match="meters"):
        migrate(empty_database_url)
    assert tables(empty_database_url) == before


def test_an_older_schema_raises_with_the_fix(empty_database_url: str) -> None:
    migrate(empty_database_url, to="0001")
    with connect(empty_database_url) as connection:
        message = f"is at version 0001; this function needs version {SCHEMA_VERSION}"
        message += r"\. Fix: invoke the function migrate_database"
        with pytest.raises(SchemaBehind, match=message):
            require_schema(connection)


def test_a_newer_schema_is_accepted(connection: Connection) -> None:
    connection.execute(b"UPDATE schema_version SET version_num = '9999'")
    connection.commit()
    require_schema(connection)
    assert schema_version(connection) == "9999"
