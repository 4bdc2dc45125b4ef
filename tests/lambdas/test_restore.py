"""The restore runbook: a database backup, and the data lake's objects since."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from smarterise_lambdas.kinesis_to_s3_rds import handler as stream_handler
from smarterise_lambdas.migrations.runner import migrate
from smarterise_ops.local.servers.postgres_binaries import find_binaries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READINGS = "SELECT gateway_serial, measured_at, voltage_a, batch_id FROM readings ORDER BY measured_at"
KEPT = "SELECT position, reason, state FROM quarantine ORDER BY position"
MORNING = 1772366400


def program(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [find_binaries().program(name), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def after_the_loss(
    pipeline: Any, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Have the functions work on another, empty database from now on, as after a loss."""

    def lose() -> str:
        stream_handler.sinks().database.close()
        stream_handler.sinks.cache_clear()
        stream_handler.maintenance.cache_clear()
        monkeypatch.setenv("DATABASE_URL", empty_database_url)
        pipeline.database_url = empty_database_url
        return empty_database_url

    return lose


def replay(pipeline: Any, prefix: str) -> dict[str, Any]:
    response = pipeline.handle({"action": "load", "keys": pipeline.keys(prefix)})
    return dict(json.loads(json.dumps(response)))


def test_a_backup_and_the_data_lake_restore_everything(
    pipeline: Any, message: Any, after_the_loss: Any, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    pipeline.deliver(*(message(at=MORNING + 60 * number) for number in range(5)))
    program("pg_dump", "--format=custom", f"--file={backup}", pipeline.database_url)
    pipeline.deliver(*(message(at=MORNING + 60 * number, voltage=229.0) for number in range(5, 9)), first=6)
    pipeline.deliver(b"not json", first=10)
    before = pipeline.query(READINGS), pipeline.query(KEPT)
    assert [len(rows) for rows in before] == [9, 1]

    restored = after_the_loss()
    program("pg_restore", "--no-owner", f"--dbname={restored}", str(backup))
    assert len(pipeline.query(READINGS)) == 5
    migrate(restored)  # as the deployment does after a restore
    response = replay(pipeline, "raw/source=iot/")

    assert response["rows"] == {"loaded": 4, "identical": 5, "superseded": 0, "differing": 0}
    replay(pipeline, "quarantine/source=iot/")
    assert (pipeline.query(READINGS), pipeline.query(KEPT)) == before
    # A second replay changes nothing.
    assert replay(pipeline, "raw/source=iot/")["rows"]["loaded"] == 0
    assert (pipeline.query(READINGS), pipeline.query(KEPT)) == before


def test_the_data_lake_alone_restores_the_readings(pipeline: Any, message: Any, after_the_loss: Any) -> None:
    pipeline.deliver(*(message(at=MORNING + 60 * number) for number in range(5)))
    before = pipeline.query(READINGS)
    migrate(after_the_loss())
    assert replay(pipeline, "raw/source=iot/")["rows"]["loaded"] == 5
    assert pipeline.query(READINGS) == before


def test_readings_that_arrive_before_the_replay_are_kept(
    pipeline: Any, message: Any, after_the_loss: Any
) -> None:
    pipeline.deliver(*(message(at=MORNING + 60 * number) for number in range(5)))
    restored = after_the_loss()
    migrate(restored)
    pipeline.deliver(message(at=MORNING + 60 * 5), first=6)
    with psycopg.connect(restored) as connection:
        assert connection.execute("SELECT count(*) FROM readings").fetchone() == (1,)
    response = replay(pipeline, "raw/source=iot/")
    assert (response["rows"]["loaded"], response["rows"]["identical"]) == (5, 1)
    assert len(pipeline.query(READINGS)) == 6
