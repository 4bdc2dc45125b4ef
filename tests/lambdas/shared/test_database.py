"""The database connection of a function: kept, lost, reopened, slow, busy and after a failover."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

from smarterise_lambdas.migrate_database.privileges import grant_function_user
from smarterise_lambdas.shared.database import Connection, Database, SchemaBehind, connect, transaction
from smarterise_lambdas.shared.readings_table import LoadOutcome, Row, load_rows
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ROW = Row(Reading("AN1", "CLD1", AT, Source.IOT, {Quantity.VOLTAGE_A: 230.0}, None, True, "", ""), "b")
NEW = LoadOutcome(loaded=1, identical=0, superseded=0, differing=())
COMMIT = b"COMMIT\0"
KNOWN = LoadOutcome(loaded=0, identical=1, superseded=0, differing=())


def load(connection: Connection) -> LoadOutcome:
    return load_rows(connection, [ROW])


@pytest.fixture
def database(wire: Any) -> Iterator[Database]:
    database = Database(lambda: wire.url)
    yield database
    database.close()


def test_it_reconnects_after_an_outage(database_url: str) -> None:
    urls = iter(["postgresql://unknown@127.0.0.1:1/none", database_url])
    database = Database(lambda: next(urls))
    with pytest.raises(psycopg.OperationalError):
        database.run(load)
    assert database.run(load) == NEW
    database.close()
    database.close()


def test_without_the_schema_it_raises_and_keeps_no_connection(empty_database_url: str) -> None:
    database = Database(lambda: empty_database_url)
    with pytest.raises(SchemaBehind, match=r"has no schema; .*Fix: invoke the function migrate_database"):
        database.run(load)
    with connect(empty_database_url) as connection:
        others = b"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        assert connection.execute(others).fetchone() == (1,)


def test_the_connection_is_kept_between_invocations(database: Database) -> None:
    assert len({database.run(lambda connection: connection.info.backend_pid) for _ in range(3)}) == 1


def test_a_lost_connection_is_reopened(database: Database, database_url: str) -> None:
    pid = database.run(lambda connection: connection.info.backend_pid)
    with connect(database_url) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert database.run(load) == NEW


@pytest.mark.parametrize(
    ("timestamp", "delivered", "outcome"),
    [
        (b"COPY incoming", False, NEW),
        (b"INSERT INTO readings", True, NEW),
        (COMMIT, False, NEW),
        (COMMIT, True, KNOWN),  # it was committed, and the client does not know
    ],
)
def test_a_connection_lost_in_a_transaction_loads_each_row_once(
    wire: Any, database: Database, timestamp: bytes, delivered: bool, outcome: LoadOutcome
) -> None:
    database.run(lambda connection: connection.execute(b"SELECT 1") and connection.commit())
    wire.cut(timestamp, delivered=delivered)
    assert database.run(load) == outcome
    counted = database.run(lambda connection: connection.execute(b"SELECT count(*) FROM readings").fetchone())
    assert counted == (1,)


def test_the_first_connection_is_retried_too(wire: Any, database: Database) -> None:
    wire.cut(b"COPY incoming", delivered=False)
    assert database.run(load) == NEW


def test_a_server_that_keeps_disconnecting_raises(wire: Any, database: Database) -> None:
    def cut_off(connection: Connection) -> LoadOutcome:
        wire.cut(b"COPY incoming", delivered=True)
        return load(connection)

    with pytest.raises(psycopg.OperationalError):
        database.run(cut_off)
    assert database.run(load) == NEW


def test_after_a_failover_it_reconnects_to_the_primary(database: Database) -> None:
    pids = []

    def work(connection: Connection) -> LoadOutcome:
        pids.append(connection.info.backend_pid)
        if len(pids) == 1:  # as a server does that was demoted under an open session
            connection.execute(b"SET default_transaction_read_only = on")
            connection.commit()
        return load(connection)

    assert database.run(work) == NEW
    assert len(set(pids)) == 2


def test_a_read_only_server_is_not_used(database_url: str) -> None:
    with connect(database_url) as connection:
        connection.autocommit = True
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    with pytest.raises(psycopg.OperationalError, match="read-only"):
        Database(lambda: database_url).run(load)


def test_a_deadlock_victim_retries(database: Database) -> None:
    calls = []

    def work(connection: Connection) -> LoadOutcome:
        calls.append(connection.info.backend_pid)
        if len(calls) == 1:
            raise errors.DeadlockDetected
        return load(connection)

    assert database.run(work) == NEW
    assert len(set(calls)) == 1, "on the same connection"


@pytest.mark.parametrize("error", [errors.QueryCanceled, errors.TooManyConnections, errors.NotNullViolation])
def test_permanent_errors_are_not_retried(database: Database, error: type[psycopg.Error]) -> None:
    calls = []

    def work(_connection: Connection) -> None:
        calls.append(1)
        raise error

    with pytest.raises(error):
        database.run(work)
    assert calls == [1]


def test_a_database_without_free_connections_raises_and_recovers(database_url: str) -> None:
    with connect(database_url) as connection:
        connection.autocommit = True
        name = connection.info.dbname
        # Superusers have reserved connections, so the test uses another role.
        connection.execute(f"CREATE ROLE r_{name} LOGIN PASSWORD 'x'".encode())
        connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0".encode())
        server = database_url.rpartition("@")[2]
        database = Database(lambda: f"postgresql://r_{name}:x@{server}")
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            database.run(load)
        connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 9".encode())
        grant_function_user(connection, f"r_{name}")
        assert database.run(load) == NEW
        database.close()


def test_a_slow_statement_times_out(connection: Connection) -> None:
    started = time.monotonic()
    with pytest.raises(errors.QueryCanceled), transaction(connection, 0.2) as cursor:
        cursor.execute(b"SELECT pg_sleep(5)")
    assert time.monotonic() - started < 5


def test_waiting_for_a_lock_times_out(connection: Connection, database_url: str) -> None:
    with connect(database_url) as other, other.transaction():
        other.execute(b"LOCK TABLE readings")
        with pytest.raises(errors.LockNotAvailable), transaction(connection, 0.4) as cursor:
            cursor.execute(b"SELECT 1 FROM readings")


def test_the_limits_end_with_the_transaction(connection: Connection) -> None:
    with transaction(connection, 0.2) as cursor:
        assert cursor.execute(b"SHOW statement_timeout").fetchone() == ("200ms",)
    assert connection.execute(b"SHOW statement_timeout").fetchone() == ("0",)


def test_a_function_that_was_killed_leaves_no_locks(connection: Connection, database_url: str) -> None:
    locked, ended = threading.Event(), threading.Event()

    def freeze() -> None:
        with connect(database_url) as other, suppress(psycopg.Error), transaction(other, 0.3) as cursor:
            cursor.execute(b"LOCK TABLE readings")
            locked.set()
            ended.wait(10)

    frozen = threading.Thread(target=freeze)
    frozen.start()
    locked.wait(10)
    with transaction(connection, 5) as cursor:
        assert cursor.execute(b"SELECT count(*) FROM readings").fetchone() == (0,)
    ended.set()
    frozen.join()


def test_a_nested_transaction_is_rejected(connection: Connection) -> None:
    connection.execute(b"SELECT 1")
    with pytest.raises(AssertionError, match="already"), transaction(connection):
        pass
