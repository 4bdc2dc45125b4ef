"""Real servers for tests: an AWS emulator and PostgreSQL. They end with the test process, however it ends."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from smarterise_ops.local.registry import forget, register
from smarterise_ops.local.servers.ports import free_port
from smarterise_ops.local.servers.postgres import initialise, postgres_directory, start_server, stop_server
from smarterise_ops.local.servers.processes import children_of, dying_with_parent, end_processes, identity_of
from smarterise_ops.local.state import Phase, StackState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START_SECONDS = 60.0
STOP_SECONDS = 5.0


class AwsEmulator:
    """An AWS emulator in a process of its own.

    Args:
        directory: For its log and everything it writes; is made.
        program: What Python runs.
    """

    def __init__(self, directory: Path, *program: str) -> None:
        directory.mkdir(exist_ok=True)
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "HOME": str(directory)}
        log = directory / "server.log"
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [sys.executable, *(program or ("-m", "ministack"))],
                env=clean | settings,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )
        try:
            self._wait_until_it_listens(port, log)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and the workers of its functions."""
        workers = children_of(self._process.pid)
        self._process.kill()
        self._process.wait()
        end_processes(workers, first=signal.SIGKILL, timeout=STOP_SECONDS)

    def _wait_until_it_listens(self, port: int, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the AWS emulator did not start: {log.read_text(errors='replace')[-2000:]}")


class PostgresServer:
    """A PostgreSQL server that can be restarted. Committed data survives the restart.

    It is entered in the registry of stacks: as root its data is outside the test's own directory.

    Args:
        directory: For its log, and its data unless this process is root's; is made.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._log = directory / "postgres.log"
        own = identity_of(os.getpid())
        assert own is not None
        data = postgres_directory(directory)
        self._entry = StackState(
            stack_id=f"postgres-{secrets.token_hex(6)}",
            data_dir=directory,
            phase=Phase.READY,
            supervisor=own,
            extra_dirs=(data,),
        )
        register(self._entry)
        # The server ends with the thread that started it: that must be one which stays.
        self._starter = ThreadPoolExecutor(1)
        try:
            self._home = initialise(data)
            self._start()
        except BaseException:
            self._remove(data)
            raise

    @property
    def url(self) -> str:
        """The connection URL of its superuser, with the password."""
        return self._home.url(self._port)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self._port

    def restart(self) -> None:
        """Stop without notice, and start on another port."""
        stop_server(self._process)
        self._start()

    def stop(self) -> None:
        """Stop and remove all data."""
        stop_server(self._process)
        self._remove(self._home.directory)

    def _start(self) -> None:
        self._process, self._port = self._starter.submit(start_server, self._home, self._log).result()
        server = identity_of(self._process.pid)
        register(replace(self._entry, children={"postgres": server} if server else {}))

    def _remove(self, data: Path) -> None:
        self._starter.shutdown()
        shutil.rmtree(data)
        forget(self._entry.stack_id)


@pytest.fixture(scope="session")
def start_emulator() -> Callable[..., AwsEmulator]:
    """Start an AWS emulator: `start_emulator(directory, *program)`; the caller stops it."""
    return AwsEmulator


@pytest.fixture(scope="session")
def start_postgres() -> Callable[[Path], PostgresServer]:
    """Start a PostgreSQL server: `start_postgres(directory)`; the caller stops it."""
    return PostgresServer
