"""Connections with TLS: in use, and refused where the server's name or authority is wrong."""

from __future__ import annotations

import datetime as dt
import ipaddress
import select
import socket
import socketserver
import ssl
import struct
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smarterise_lambdas.shared.database import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""SSLRequest: the first message of a client that uses TLS; the server responds with one byte."""


class Authority:
    """A certificate authority."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"{name}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._certificate(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, host: str) -> bytes:
        """Return the PEM of a server's certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            self._certificate(x509.Name([]), key)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=True
            )
            .sign(self._key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate.public_bytes(pem) + secret

    def _certificate(self, subject: x509.Name, key: Any) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )


class TlsServer(socketserver.ThreadingTCPServer):
    """Terminates TLS the way PostgreSQL does and forwards to a PostgreSQL built without TLS.

    The server that the lock brings is such a one. Connections without TLS are closed.

    Attributes:
        versions: The TLS version of each connection whose client has sent something through TLS.
    """

    daemon_threads = True  # a connection that a failed test left open keeps nothing from ending

    def __init__(self, database_url: str, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Forwarder)
        parts = urlsplit(database_url)
        self.database = (parts.hostname or "", parts.port or 0)
        self.url = database_url.replace(f":{parts.port}/", f":{self.server_address[1]}/")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.versions: list[str | None] = []


class _Forwarder(socketserver.BaseRequestHandler):
    server: TlsServer

    def handle(self) -> None:
        if self.request.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
            return
        self.request.sendall(b"S")
        with suppress(OSError):  # as when the client rejects the certificate
            tls = self.server.context.wrap_socket(self.request, server_side=True)
            with tls, socket.create_connection(self.server.database) as database:
                self._forward(tls, database)

    def _forward(self, tls: ssl.SSLSocket, database: socket.socket) -> None:
        is_first = True
        while True:
            readable = [tls] if tls.pending() else select.select([tls, database], [], [])[0]
            for source, target in ((tls, database), (database, tls)):
                if source not in readable:
                    continue
                data = source.recv(65536)
                if not data:
                    return
                if is_first:
                    self.server.versions.append(tls.version())
                    is_first = False
                target.sendall(data)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority that signed the server's certificate."""
    return Authority(tmp_path, "authority")


@pytest.fixture
def server(authority: Authority, database_url: str, tmp_path: Path) -> Iterator[TlsServer]:
    """A server with TLS, in front of a database of the test's own."""
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(authority.server("127.0.0.1"))
    with TlsServer(database_url, certificate) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_tls_is_used_with_a_server_that_proves_its_identity(
    server: TlsServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CA_FILE", str(authority.file))
    with connect(server.url) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute(b"SELECT 1").fetchone() == (1,)
    assert server.versions == ["TLSv1.3"]


def test_the_server_accepts_nothing_without_tls(server: TlsServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="server closed the connection"):
        psycopg.connect(server.url, sslmode="disable")
    assert server.versions == []


def test_a_server_with_another_name_is_refused(
    server: TlsServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CA_FILE", str(authority.file))
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        connect(server.url.replace("127.0.0.1", "localhost"))
    assert server.versions == [], "nothing was sent to it, not even the user's name"


def test_a_server_of_another_authority_is_refused(
    server: TlsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_CA_FILE", str(Authority(tmp_path, "another").file))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(server.url)
    assert server.versions == [], "nothing was sent to it, not even the user's name"
