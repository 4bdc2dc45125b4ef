"""The supervisor process of an embedded stack: starts, monitors and stops its servers.

`client` runs it as `python -m smarterise_ops.local.supervisor`. It records each started process in the state
file and the registry, so that the remains can be removed after a SIGKILL.
"""

from __future__ import annotations

import logging
import os
import secrets
import select
import signal
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smarterise_ops.local.emulator import server as aws_server
from smarterise_ops.local.options import LOGS, Options, parse
from smarterise_ops.local.pipeline import Pipeline
from smarterise_ops.local.registry import clear_away, register
from smarterise_ops.local.servers import ftp, postgres
from smarterise_ops.local.servers.processes import identity_of
from smarterise_ops.local.simulation.fleet import simulated_fleet
from smarterise_ops.local.state import Phase, StackState
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import LocalStackError, SmarteriseError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType

_WATCH_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """The supervisor was asked to stop."""


class Supervisor:
    """The lifecycle of one embedded stack."""

    def __init__(self, options: Options) -> None:
        own = identity_of(os.getpid())
        if own is None:
            raise AssertionError("this process runs")
        self._options = options
        self._names = StackNames()
        self._stop_requested, self._request_stop = os.pipe()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._state = StackState(
            stack_id=secrets.token_hex(6),
            data_dir=options.data_dir,
            phase=Phase.STARTING,
            supervisor=own,
            started_at=utc_text(datetime.now(UTC)),
            options=options.summary(),
            keep_data_dir=options.keep_data_dir,
        )

    def run(self) -> int:
        """Start all parts, run until asked to stop, stop them; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        self._state.claim()
        register(self._state)
        error: SmarteriseError | None = None
        with ExitStack() as running:
            try:
                self._start(running)
                self._note(phase=Phase.READY)
                self._keep()
            except Interrupted:
                self._note(phase=Phase.STOPPING)
            except SmarteriseError as known:
                error = known
            except Exception as unknown:  # noqa: BLE001 -- reported to the starting process
                _log.exception("the stack failed")
                error = LocalStackError(
                    "the embedded stack failed",
                    why=f"{type(unknown).__name__}: {unknown}",
                    remedy=f"see {self._options.data_dir / LOGS}",
                )
        if error is None:
            clear_away(self._state)
            return 0
        # The starting process reads the files; it or the next cleanup removes them.
        details = {"what": error.what, "why": error.why, "remedy": error.remedy}
        self._note(phase=Phase.FAILED, error=details)
        return 1

    def _start(self, running: ExitStack) -> None:
        threading.Thread(target=_import_slow_modules, daemon=True).start()
        aws = self._start_aws(running)
        files = self._start_ftp(running)
        database_url = self._start_postgres(running)
        login = ftp.ready(files, self._log_file("ftp"))
        aws = self._await_aws(running, aws)
        self._check_interrupted()
        pipeline = Pipeline(
            endpoint=aws.endpoint,
            secret=aws.secret,
            database_url=database_url,
            ftp=login,
            names=self._names,
            fleet=simulated_fleet(self._options.sites, self._options.seed),
        )
        pipeline.build()
        self._check_interrupted()
        speed = self._options.speed if self._options.simulator else None
        running.callback(pipeline.stop)
        pipeline.start(seed=self._options.seed, speed=speed)
        self._state = replace(self._state, exports=pipeline.exports())

    def _start_aws(self, running: ExitStack) -> aws_server.AwsServer:
        server = aws_server.spawn(
            self._work_dir(), self._log_file("ministack"), secrets.token_urlsafe(24), self._options.port
        )
        running.callback(aws_server.stop, server)
        self._note_child("ministack", server.process)
        return server

    def _await_aws(self, running: ExitStack, server: aws_server.AwsServer) -> aws_server.AwsServer:
        ready = aws_server.ready_or_again(
            server, self._work_dir(), self._log_file("ministack"), self._options.port
        )
        if ready is not server:
            running.callback(aws_server.stop, ready)
            self._note_child("ministack", ready.process)
        return ready

    def _start_ftp(self, running: ExitStack) -> ftp.FtpServer:
        server = ftp.spawn(self._options.data_dir, self._log_file("ftp"), tls=self._options.ftps)
        running.callback(ftp.stop, server)
        self._note_child("ftp", server.process)
        return server

    def _start_postgres(self, running: ExitStack) -> str:
        directory = postgres.postgres_directory(self._options.data_dir)
        if not directory.is_relative_to(self._options.data_dir):
            self._note(extra_dirs=(directory,))
        home = postgres.initialise(directory)
        process, port = postgres.start_server(home, self._log_file("postgres"))
        running.callback(postgres.stop_server, process)
        self._note_child("postgres", process)
        return home.url(port)

    def _keep(self) -> None:
        """Monitor the servers until asked to stop.

        Raises:
            Interrupted: If asked to stop.
            LocalStackError: If a server exited.
        """
        while True:
            self._check_interrupted(wait=_WATCH_SECONDS)
            for name, process in self._children.items():
                if process.poll() is not None:
                    raise LocalStackError(
                        f"{name} of the embedded stack exited unexpectedly with status {process.returncode}",
                        why=_last_line(self._log_file(name)),
                        remedy="start the stack again: smarterise-ops local up",
                    )

    def _check_interrupted(self, wait: float = 0.0) -> None:
        lifeline = [] if self._options.lifeline is None else [self._options.lifeline]
        if select.select([self._stop_requested, *lifeline], [], [], wait)[0]:
            raise Interrupted

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        os.write(self._request_stop, b"!")

    def _note(self, **changes: Any) -> None:
        """Save a change of the state in the state file and the registry."""
        self._state = replace(self._state, **changes)
        self._state.save()
        register(self._state)

    def _note_child(self, name: str, process: subprocess.Popen[bytes]) -> None:
        self._children[name] = process
        identity = identity_of(process.pid)
        if identity is not None:
            self._note(children={**self._state.children, name: identity})

    def _work_dir(self) -> Path:
        directory = self._options.data_dir / "ministack"
        directory.mkdir(exist_ok=True)
        return directory

    def _log_file(self, name: str) -> Path:
        return self._options.data_dir / LOGS / f"{name}.log"


def main(arguments: Sequence[str]) -> int:
    """Run a supervisor with the options of its command line."""
    options = parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # AWS settings of the operator must not redirect the stack's clients.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    return Supervisor(options).run()


def _import_slow_modules() -> None:
    """Import slow modules while the servers start."""
    import boto3
    import psycopg  # noqa: F401

    boto3.Session()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
