"""Tests that run until they are killed, for `tests/harness/test_interrupted_runs.py`."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from smarterise_lambdas.shared import clients
from smarterise_ops.local.client import start

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def run_on(request: pytest.FixtureRequest) -> Callable[[], None]:
    """Report that the test has all it needs, and wait for the end of the process."""

    def wait() -> None:
        (Path(os.environ["RUNNING_TESTS"]) / request.node.name).touch()
        threading.Event().wait()

    return wait


@pytest.mark.parametrize("worker", [0, 1])
def test_with_servers(bucket: str, database_url: str, run_on: Any, worker: int) -> None:
    clients.s3().put_object(Bucket=bucket, Key="key", Body=b"body")
    psycopg.connect(database_url).close()
    run_on()


def test_with_a_stack_that_outlives_its_starter(tmp_path: Path, run_on: Any) -> None:
    start(tmp_path / "stack", sites=2, simulator=False)
    run_on()


def test_that_ends() -> None:
    pass
