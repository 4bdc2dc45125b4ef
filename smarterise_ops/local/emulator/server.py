"""The AWS endpoint of the stack: ministack in a separate process on 127.0.0.1, with IAM enforced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smarterise_ops.installation import install_command
from smarterise_ops.local.clients import ACCOUNT, REGION, ROOT_ACCESS_KEY
from smarterise_ops.local.servers.ports import LOOPBACK, free_port, is_free
from smarterise_ops.local.servers.processes import children_of, dying_with_parent, end_processes
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from pathlib import Path

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_PASSED_ON_PREFIXES = ("PYTHON", "COVERAGE_")
_HEALTH = "/_ministack/health"
_ATTEMPTS = 3
_START_SECONDS = 30.0
_STOP_SECONDS = 2.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class AwsServer:
    """A running emulator.

    Attributes:
        process: Its process.
        port: Its port.
        secret: The secret key of its root; kept out of `repr`.
    """

    process: subprocess.Popen[bytes]
    port: int
    secret: str = field(repr=False)

    @property
    def endpoint(self) -> str:
        """The URL clients use."""
        return f"http://{LOOPBACK}:{self.port}"


def spawn(work_dir: Path, log: Path, secret: str, port: int = 0) -> AwsServer:
    """Start the emulator's process; `ready_or_again` waits until it responds.

    Args:
        work_dir: Directory for its files.
        log: File for its output.
        secret: The secret key of its root, chosen by the caller.
        port: The port to listen on; 0: any free port.

    Raises:
        LocalStackError: If the port is in use.
    """
    if port and not is_free(port):
        raise _port_taken(port)
    chosen = port or free_port()
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "smarterise_ops.local.emulator.patches"],
            cwd=work_dir,
            env=_environment(work_dir, secret, chosen),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=dying_with_parent(signal.SIGKILL),
        )
    return AwsServer(process, chosen, secret)


def ready_or_again(server: AwsServer, work_dir: Path, log: Path, port: int = 0) -> AwsServer:
    """Wait until the emulator responds; restart it on another port if its port was taken.

    Args:
        server: What `spawn` returned.
        work_dir: As for `spawn`.
        log: As for `spawn`.
        port: As for `spawn`.

    Raises:
        LocalStackError: If the port is in use, or the emulator does not start.
    """
    for _ in range(_ATTEMPTS):
        if _wait_ready(server):
            return server
        stop(server)
        if is_free(server.port):  # the port was not the reason
            break
        server = spawn(work_dir, log, server.secret, port)
    stop(server)
    raise _failed(log)


def stop(server: AwsServer) -> None:
    """Kill the emulator and the workers of its functions.

    On SIGTERM the emulator would wait for its workers. A worker ends when its pipe from the emulator closes,
    but not while it is importing its function.
    """
    workers = children_of(server.process.pid)
    server.process.kill()
    server.process.wait()
    end_processes(workers, first=signal.SIGKILL, timeout=_STOP_SECONDS)


def _wait_ready(server: AwsServer) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        if _responds(server.endpoint + _HEALTH):
            return server.process.poll() is None
        time.sleep(_POLL_SECONDS)
    return False


def _failed(log: Path) -> LocalStackError:
    output = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return LocalStackError(
        "the AWS emulator (ministack) did not start",
        why=output[-1] if output else f"no response within {_START_SECONDS:.0f} s",
        remedy=f"install the pinned version: {install_command('local')}",
    )


def _port_taken(port: int) -> LocalStackError:
    return LocalStackError(
        f"port {port} of {LOOPBACK} is in use",
        why="another program listens there; perhaps another embedded stack",
        remedy="choose another with --port, or leave --port out to get a free one",
    )


def _environment(work_dir: Path, secret: str, port: int) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    return {
        **kept,
        "HOME": str(work_dir),
        "TMPDIR": str(work_dir),
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": LOOPBACK,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",
        "LOG_LEVEL": "WARNING",
    }


def _responds(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1.0) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
