"""The function migrate_database: schema, partitions, default partition and maintenance."""

from __future__ import annotations

import json
import math
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from smarterise_lambdas.migrate_database import handler as function
from smarterise_lambdas.migrate_database.migrate import BadAction
from smarterise_lambdas.shared import ledger, meters, quarantine
from smarterise_lambdas.shared.database import SCHEMA_VERSION, SchemaBehind, connect, require_schema
from smarterise_lambdas.shared.ledger import IngestFile
from smarterise_lambdas.shared.maintenance import refresh
from smarterise_lambdas.shared.quarantine import QuarantineEntry
from smarterise_lambdas.shared.readings_table import Row, load_rows
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DONE = {
    **dict.fromkeys(("time_ranges", "flagged", "named", "identical", "superseded", "differing"), 0),
    "is_done": True,
}


@pytest.fixture
def call(bucket: str, context: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Call the function on a database."""
    monkeypatch.setenv("METRIC_NAMESPACE", f"Test{uuid.uuid4().hex}")
    function.publisher.cache_clear()

    def invoke(url: str, event: Any = None) -> dict[str, Any]:
        monkeypatch.setenv("DATABASE_URL", url)
        return dict(json.loads(json.dumps(function.handler(event, context))))

    return invoke


def test_an_empty_database_gets_schema_and_partitions(empty_database_url: str, call: Any) -> None:
    assert call(empty_database_url) == {
        "ok": True,
        "action": "migrate",
        "before": "",
        "after": SCHEMA_VERSION,
        "version": SCHEMA_VERSION,
        "months_ahead": 2,
        "misplaced": {"rows": 0, "first": None, "last": None},
        "maintenance": DONE,
    }
    with connect(empty_database_url) as connection:
        found = connection.execute(
            b"SELECT count(*) FROM pg_inherits WHERE inhparent = 'readings'::regclass"
        ).fetchone()
        assert found == (4,), "this month, two ahead and the default"


def test_it_may_be_called_again(empty_database_url: str, call: Any) -> None:
    call(empty_database_url, {"action": "migrate"})
    again = call(empty_database_url, {"action": "migrate"})
    assert (again["before"], again["after"]) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_maintenance_is_done(database_url: str, call: Any) -> None:
    with connect(database_url) as connection:
        values = {Quantity.VOLTAGE_A: 230.0}
        load_rows(connection, [Row(Reading("AN1", "CLD1", AT, Source.IOT, values, None, True, "", ""), "b")])
        response = call(database_url, {"action": "maintain"})
        assert (response["action"], response["maintenance"]) == ("maintain", {**DONE, "time_ranges": 1})
        assert connection.execute(b"SELECT voltage_a FROM readings_10min").fetchall() == [(230.0,)]


def test_rows_in_the_default_partition_are_reported(
    database_url: str, call: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(function.publisher()._cloudwatch, "put_metric_data", lambda **call: sent.append(call))
    with connect(database_url) as connection:
        connection.execute(
            b"INSERT INTO readings (gateway_serial, measured_at, source, batch_id)"
            b" VALUES ('AN1', '2000-01-01', 'ftp', 'x')"
        )
    found = {"rows": 1, "first": "2000-01-01T00:00:00Z", "last": "2000-01-01T00:00:00Z"}
    assert call(database_url, {"action": "maintain"})["misplaced"] == found
    ((name, value),) = [(d["MetricName"], d["Value"]) for call in sent for d in call["MetricData"]]
    assert (name, value) == ("RowsInDefaultPartition", 1.0)


@pytest.fixture
def loader(empty_database_url: str, call: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database as the functions' user, whom the function has made."""
    user = f'lo"ader {uuid.uuid4().hex}'
    monkeypatch.setenv("DATABASE_FUNCTION_USER", user)
    for _ in range(2):
        call(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        password = sql.SQL("ALTER ROLE {} PASSWORD 'x'").format(sql.Identifier(user))
        connection.execute(password)
    return f"postgresql://{quote(user)}:x@{empty_database_url.rpartition('@')[2]}"


def test_the_functions_user_has_the_needed_privileges(loader: str) -> None:
    file = IngestFile("b", "k", "e", 1, Source.FTP, "AN1", AT)
    values = {Quantity.VOLTAGE_A: 230.0}
    with connect(loader) as connection:
        require_schema(connection)
        ledger.begin(connection, file)
        for month in (1, 2):  # of which there is no partition yet
            unnamed = Reading("AN1", "", AT.replace(month=month), Source.FTP, values, None, True, "", "")
            load_rows(connection, [Row(unnamed, "b")])
        with connection.transaction():
            assert ledger.claim(connection, file)
            ledger.finalize(connection, file, ledger.FileState.LOADED, ledger.RowCounts(2))
            meters.note_unnamed(connection, "AN1")
            meters.note_meters(connection, [("AN1", "CLD1")], seen_at=AT)
            quarantine.note(
                connection, [QuarantineEntry(Source.FTP, "AN1", "b", "k", file.origin, "", "X", "", AT)]
            )
        assert refresh(connection, until=math.inf).named == 1
        assert connection.execute(b"SELECT count(*) FROM readings_10min").fetchone() == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        b"DROP TABLE readings",
        b"ALTER TABLE readings ADD COLUMN x int",
        b"TRUNCATE readings",
        b"CREATE TABLE mine ()",
        b"UPDATE schema_version SET version_num = '0'",
        b"CREATE ROLE other",
    ],
)
def test_the_functions_user_has_no_other_privileges(loader: str, statement: bytes) -> None:
    with connect(loader) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_on_rds_the_functions_user_may_log_in_by_iam(
    empty_database_url: str, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = f"loader_{uuid.uuid4().hex}"
    monkeypatch.setenv("DATABASE_FUNCTION_USER", user)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(b"CREATE ROLE rds_iam")
        call(empty_database_url)
        member = connection.execute("SELECT pg_has_role(%s, 'rds_iam', 'member')", [user]).fetchone()
        connection.execute(b"DROP ROLE rds_iam")
    assert member == (True,)


def test_maintenance_needs_the_schema(empty_database_url: str, call: Any) -> None:
    with pytest.raises(SchemaBehind):
        call(empty_database_url, {"action": "maintain"})


def test_a_failed_migration_fails_the_function(empty_database_url: str, call: Any) -> None:
    with connect(empty_database_url) as connection:
        connection.execute(b"CREATE VIEW meters AS SELECT 1")
    with pytest.raises(DBAPIError):
        call(empty_database_url)


def test_an_unreachable_database_fails_the_function(call: Any) -> None:
    with pytest.raises(psycopg.OperationalError):
        call("postgresql://unknown@127.0.0.1:1/none")


@pytest.mark.parametrize("action", ["drop", "", 1, ["migrate"], "x\x1b[31m" * 100])
def test_an_unknown_action_is_rejected(database_url: str, call: Any, action: object) -> None:
    with pytest.raises(BadAction, match=r'unknown action .* Fix: use "migrate" or "maintain"') as refused:
        call(database_url, {"action": action})
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 150
