"""The PostgreSQL server of the stack: TCP on 127.0.0.1, password, no socket file, no durability."""

from __future__ import annotations

import secrets
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from smarterise_ops.local.servers.accounts import Account, server_account
from smarterise_ops.local.servers.paths import EXTRA_DIR_PREFIX
from smarterise_ops.local.servers.ports import LOOPBACK, free_port
from smarterise_ops.local.servers.postgres_binaries import PostgresBinaries, find_binaries, reachable_for
from smarterise_ops.local.servers.processes import dying_with_parent
from smarterise_sdk.errors import LocalStackError

USER = "smarterise"
DATABASE = "postgres"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "max_connections": "50",
    "shared_buffers": "32MB",
    "max_wal_size": "64MB",
    # The data is removed with the stack: no durability is needed.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # In the data directory rather than /dev/shm, so that nothing remains there.
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "jit": "off",
}
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 -- mkdtemp makes a private directory in it
_ATTEMPTS = 3
_START_SECONDS = 20.0
_STOP_SECONDS = 3.0
_POLL_SECONDS = 0.01
_PORT_TAKEN = "could not bind"


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """Directory, installation and account of a server.

    Attributes:
        directory: Its directory, private to `account`.
        binaries: Its installation.
        account: Its account; `None`: the current one.
        password: Password of the superuser `USER`.
    """

    directory: Path
    binaries: PostgresBinaries
    account: Account | None
    password: str

    @property
    def cluster(self) -> Path:
        """The data directory in PostgreSQL's sense."""
        return self.directory / "cluster"

    def url(self, port: int) -> str:
        """Return the connection URL, with the password."""
        return f"postgresql://{USER}:{quote(self.password, safe='')}@{LOOPBACK}:{port}/{DATABASE}"


def postgres_directory(data_dir: Path) -> Path:
    """Create and return the server's directory: in `data_dir`, or a temporary one for root.

    A data directory of root is not accessible for the server's account.

    Raises:
        LocalStackError: If the current account is root and there is no other account or directory.
    """
    account = server_account()
    if account is None:
        directory = data_dir / "postgres"
        directory.mkdir(mode=0o700)
        return directory
    for base in (Path(tempfile.gettempdir()), *_TEMPORARY):
        if base.is_dir() and account.can_enter(base):
            directory = Path(tempfile.mkdtemp(prefix=f"{EXTRA_DIR_PREFIX}postgres-", dir=base))
            account.own(directory)
            return directory
    raise LocalStackError(
        "PostgreSQL cannot be started",
        why=f"the account {account.name}, which it must run as, can enter no directory for temporary files",
        remedy="run the command as an ordinary user, or set TMPDIR to a world-accessible directory",
    )


def initialise(directory: Path) -> PostgresHome:
    """Create an empty cluster in `directory`.

    Raises:
        LocalStackError: If there is no PostgreSQL, or `initdb` fails.
    """
    account = server_account()
    binaries = reachable_for(find_binaries(), account, directory)
    home = PostgresHome(directory, binaries, account, secrets.token_urlsafe(18))
    password_file = directory / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(home.password, encoding="ascii")
    if account is not None:
        account.own(password_file)
    command = [
        binaries.program("initdb"),
        f"--pgdata={home.cluster}",
        f"--username={USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace", **_as(home)
        )
    except OSError as error:
        raise _failed(home, "initdb", f"{error.strerror}: {error.filename}") from error
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise _failed(home, "initdb", _last_lines(done.stderr or done.stdout))
    return home


def start_server(home: PostgresHome, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server and wait until it accepts connections; return the process and its port.

    Raises:
        LocalStackError: If it does not start.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        port = free_port()
        process = _spawn(home, port, log)
        if _wait_ready(home, process):
            return process, port
        stop_server(process)
        output = _last_lines(log.read_text(encoding="utf-8", errors="replace"))
        if attempt == _ATTEMPTS or _PORT_TAKEN not in output:
            raise _failed(home, "postgres", output or f"it was not ready after {_START_SECONDS:.0f} s")
    raise AssertionError("the loop returns or raises")


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """Stop the server immediately: its data is removed anyway."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _spawn(home: PostgresHome, port: int, log: Path) -> subprocess.Popen[bytes]:
    settings = {**_SETTINGS, "port": str(port)}
    command = [home.binaries.program("postgres"), "-D", str(home.cluster)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with log.open("wb") as sink:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=dying_with_parent(signal.SIGQUIT),
            **_as(home),
        )


def _wait_ready(home: PostgresHome, process: subprocess.Popen[bytes]) -> bool:
    pid_file = home.cluster / "postmaster.pid"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        lines = pid_file.read_text(encoding="ascii").splitlines() if pid_file.exists() else []
        if lines and lines[-1].strip() == "ready":
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _as(home: PostgresHome) -> dict[str, Any]:
    options = home.account.subprocess_options() if home.account is not None else {}
    # A clean environment: PGPORT etc. would be used as settings.
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(home.directory)}
    return {**options, "cwd": home.directory, "env": environment}


def _failed(home: PostgresHome, program: str, output: str) -> LocalStackError:
    return LocalStackError(
        f"PostgreSQL did not start: {program} of {home.binaries.origin} failed",
        why=output,
        remedy=f"run {home.binaries.program('postgres')} --version to check the installation",
    )


def _last_lines(text: str, count: int = 3) -> str:
    return "; ".join(line.strip() for line in text.strip().splitlines()[-count:])
