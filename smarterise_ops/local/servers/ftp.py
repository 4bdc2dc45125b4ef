"""Start, login and stop of the stack's FTP server process."""

from __future__ import annotations

import ftplib
import json
import secrets
import select
import signal
import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from smarterise_ops.installation import install_command
from smarterise_ops.local.servers.ports import LOOPBACK
from smarterise_ops.local.servers.processes import dying_with_parent
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from pathlib import Path

USER: Final = "gateways"
"""Every gateway logs in as this user."""
LOGIN_SECONDS: Final = 10.0

_START_SECONDS = 20.0
_STOP_SECONDS = 2.0
_PEM = "ftp-key.pem"
_CERTIFICATE = "ftp-certificate.pem"
_HOME = "ftp"


@dataclass(frozen=True, slots=True)
class FtpLogin:
    """Login of the server.

    Attributes:
        port: Port on 127.0.0.1.
        password: Password of `USER`.
        certificate: Its certificate as PEM; empty without TLS.
        ca_file: File of the certificate.
    """

    port: int
    password: str = field(repr=False)
    certificate: str = field(default="", repr=False)
    ca_file: str = ""

    @property
    def url(self) -> str:
        """Its URL, without user and password."""
        return f"{self._scheme}://{LOOPBACK}:{self.port}/"

    @property
    def url_with_password(self) -> str:
        """Its URL with user and password."""
        return f"{self._scheme}://{USER}:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/"

    def exports(self) -> dict[str, str]:
        """Return environment variables for clients."""
        data = {"SMARTERISE_FTP_URL": self.url_with_password}
        return data | ({"SMARTERISE_FTP_CA_FILE": self.ca_file} if self.ca_file else {})

    @property
    def secret(self) -> str:
        """The text of the secret that `ftp_to_s3` reads."""
        held = {"username": USER, "password": self.password}
        return json.dumps(held | ({"certificate": self.certificate} if self.certificate else {}))

    @property
    def _scheme(self) -> str:
        return "ftps" if self.certificate else "ftp"

    def connect(self) -> ftplib.FTP:
        """Return a connection, logged in, that must be closed.

        Raises:
            OSError: If it cannot be reached, or its certificate is another.
            ftplib.Error: If it refuses.
        """
        if not self.certificate:
            client = ftplib.FTP(timeout=LOGIN_SECONDS)  # noqa: S321 -- what real gateways speak
        else:
            context = ssl.create_default_context(cadata=self.certificate)
            client = ftplib.FTP_TLS(timeout=LOGIN_SECONDS, context=context)  # noqa: S321
        try:
            client.connect(LOOPBACK, self.port)
            client.login(USER, self.password)
            if isinstance(client, ftplib.FTP_TLS):
                client.prot_p()
        except BaseException:
            client.close()
            raise
        return client


@dataclass(frozen=True, slots=True)
class FtpServer:
    """A server process that may not listen yet.

    Attributes:
        process: Its process.
        password: Of `USER`.
        ca_file: File of its certificate, with TLS.
    """

    process: subprocess.Popen[bytes]
    password: str = field(repr=False)
    ca_file: Path


def spawn(data_dir: Path, log: Path, *, tls: bool) -> FtpServer:
    """Start the server's process; `ready` waits until it listens.

    Args:
        data_dir: Data directory of the stack.
        log: File for its output.
        tls: Whether it requires TLS.
    """
    home = data_dir / _HOME
    home.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    pem = str(data_dir / _PEM) if tls else ""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "smarterise_ops.local.servers.ftp_server"],
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            start_new_session=True,
            preexec_fn=dying_with_parent(signal.SIGKILL),
        )
    data = {"home": str(home), "user": USER, "password": password, "pem": pem}
    if process.stdin is not None:
        with process.stdin as stdin:  # the command line is world-readable
            stdin.write(json.dumps(data).encode() + b"\n")
    return FtpServer(process, password, data_dir / _CERTIFICATE)


def ready(server: FtpServer, log: Path) -> FtpLogin:
    """Wait until the server listens; return its login.

    Raises:
        LocalStackError: If it does not start.
    """
    data = _response(server.process)
    if "port" in data:
        return _login(server, data["port"], data["certificate"])
    stop(server)
    if "missing" in data:
        raise LocalStackError(
            "the FTP server did not start",
            why=f"{data['missing']} is not installed; TLS requires it",
            remedy=f"{install_command('local,ftps')}, or omit --ftps",
        )
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise LocalStackError(
        "the FTP server (pyftpdlib) did not start",
        why=lines[-1] if lines else f"it did not listen within {_START_SECONDS:.0f} s",
        remedy=f"install the pinned version: {install_command('local')}",
    )


def stop(server: FtpServer) -> None:
    """Stop the server."""
    if server.process.poll() is None:
        server.process.terminate()
    try:
        server.process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
    if server.process.stdout is not None:
        server.process.stdout.close()


def _login(server: FtpServer, port: int, certificate: str) -> FtpLogin:
    if not certificate:
        return FtpLogin(port, server.password)
    server.ca_file.write_text(certificate, encoding="ascii")
    return FtpLogin(port, server.password, certificate, str(server.ca_file))


def _response(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    out = process.stdout
    if out is None or not select.select([out], [], [], _START_SECONDS)[0]:
        return {}
    try:
        data = json.loads(out.readline())
    except ValueError:  # it has exited without a response
        return {}
    return data if isinstance(data, dict) else {}
