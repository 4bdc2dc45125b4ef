"""FTP servers that are real, and as bad as one wants; and the function that sweeps them."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of the modules that it is made of
    from OpenSSL import SSL
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_DTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

from smarterise_lambdas.ftp_to_s3 import handler as ftp_handler
from smarterise_lambdas.shared import clients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER, PASSWORD = "gateways", "pass word+1"
OLD = time.time() - 3600
"""A file that was last changed then has stopped growing."""


@dataclass
class Faults:
    """How a server misbehaves. File names are without folders.

    Attributes:
        cuts: By file: after how many bytes both connections end, and how often.
        lies: By file: what is added to its size in listings, and when asked, if `lies_always`.
        lies_always: Whether it lies when asked for the one file, too.
        grows: By file: what is added to it whenever it is fetched.
        denied: Files that it lists and does not hand out.
        stalled: Files of which it sends nothing, ever.
        has_mlsd: Whether it knows MLSD and MLST.
        has_modify: Whether listings have the time of change.
        listing: LIST lines in place of its own.
        wants_reuse: Whether data connections must take up the control connection's TLS session.
        extra_lines: Lines added to the response to MLSD.
        delay: Delay of each response to RETR, seconds.
    """

    cuts: dict[str, tuple[int, int]] = field(default_factory=dict)
    lies: dict[str, int] = field(default_factory=dict)
    lies_always: bool = True
    grows: dict[str, bytes] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    stalled: set[str] = field(default_factory=set)
    has_mlsd: bool = True
    has_modify: bool = True
    listing: bytes | None = None
    wants_reuse: bool = False
    extra_lines: bytes = b""
    delay: float = 0.0


class Data:
    """What a data connection does wrong."""

    timeout = 5
    sent = 0

    def send(self: Any, data: bytes) -> int:
        handler = self.cmd_channel
        faults: Faults = handler.faults
        name = handler.sending
        if name in faults.stalled:
            return 0
        if name in faults.cuts:
            after, times = faults.cuts[name]
            if times:
                data = data[: max(0, after - self.sent)]
                if not data:
                    faults.cuts[name] = (after, times - 1)
                    self.cmd_channel.close()
                    return 0
        sent = super().send(data)  # type: ignore[misc]
        self.sent += sent
        return int(sent)


class PlainData(Data, DTPHandler):  # type: ignore[misc]
    """A data connection without TLS."""


class TlsData(Data, TLS_DTPHandler):  # type: ignore[misc]
    """A data connection with TLS; counts those that took up a session."""

    def handle_ssl_established(self) -> None:
        handler = self.cmd_channel
        is_reused = bool(SSL._lib.SSL_session_reused(self.socket._ssl))
        handler.owner.reused.append(is_reused)
        if handler.faults.wants_reuse and not is_reused:
            handler.respond("522 SSL connection failed: session reuse required")
            self.close()


class FileSystem(AbstractedFS):  # type: ignore[misc]
    """A file system whose sizes and times are not always true."""

    def getsize(self, path: str) -> int:
        size = super().getsize(path)
        return int(size + self._lie(path, is_listing=False))

    def format_mlsx(self, basedir: str, listing: list[str], *rest: Any, **options: Any) -> Iterator[bytes]:
        facts = [fact for fact in rest[1] if fact != "modify" or self.cmd_channel.faults.has_modify]
        is_listing = options.get("ignore_err", True)
        for name in listing:
            for line in super().format_mlsx(basedir, [name], rest[0], facts, **options):
                lie = self._lie(f"{basedir}/{name}", is_listing=is_listing)
                yield line if not lie else self._lying(line, lie)
        if is_listing:
            yield self.cmd_channel.faults.extra_lines

    @staticmethod
    def _lying(line: bytes, lie: int) -> bytes:
        facts, blank, name = line.partition(b" ")
        result = [
            b"size=%d" % (int(fact.partition(b"=")[2]) + lie) if fact.startswith(b"size=") else fact
            for fact in facts.split(b";")
        ]
        return b";".join(result) + blank + name

    def _lie(self, path: str, *, is_listing: bool) -> int:
        faults: Faults = self.cmd_channel.faults
        return faults.lies.get(Path(path).name, 0) if is_listing or faults.lies_always else 0


class Control:
    """What a control connection does wrong."""

    timeout = 30
    use_sendfile = False
    faults: Faults
    owner: FtpServer
    sending = ""
    greeted = False

    def ftp_MLSD(self: Any, path: str) -> Any:  # noqa: N802
        self.sending = ""
        if not self.faults.has_mlsd:
            return self.respond("500 MLSD: unknown command.")
        return super().ftp_MLSD(path)  # type: ignore[misc]

    def ftp_MLST(self: Any, path: str) -> Any:  # noqa: N802
        if not self.faults.has_mlsd:
            return self.respond("500 MLST: unknown command.")
        return super().ftp_MLST(path)  # type: ignore[misc]

    def ftp_LIST(self: Any, path: str) -> Any:  # noqa: N802
        self.sending = ""
        if self.faults.listing is None:
            return super().ftp_LIST(path)  # type: ignore[misc]
        return self.push_dtp_data(self.faults.listing, cmd="LIST")

    def ftp_RETR(self: Any, file: str) -> Any:  # noqa: N802
        name = Path(file).name
        self.sending = name
        self.owner.fetched.append(name)
        if name in self.faults.denied:
            return self.respond("550 Permission denied.")
        if name in self.faults.grows:
            with Path(file).open("ab") as grown:
                grown.write(self.faults.grows[name])
        if not self.faults.delay:
            return super().ftp_RETR(file)  # type: ignore[misc]
        return self.ioloop.call_later(self.faults.delay, super().ftp_RETR, file)  # type: ignore[misc]

    def ftp_DELE(self: Any, path: str) -> Any:  # noqa: N802
        self.owner.deleted.append(Path(path).name)
        return super().ftp_DELE(path)  # type: ignore[misc]

    def handle(self: Any) -> None:
        if not self.owner.is_implicit:
            super().handle()  # type: ignore[misc]
        elif not self.greeted:
            self.secure_connection(self.ssl_context)

    def handle_ssl_established(self: Any) -> None:
        if self.owner.is_implicit and not self.greeted:
            self.greeted = True
            super().handle()  # type: ignore[misc]

    def ftp_PASS(self: Any, line: str) -> Any:  # noqa: N802
        self.owner.passwords.append(line)
        return super().ftp_PASS(line)  # type: ignore[misc]

    def log(self, *arguments: Any, **options: Any) -> None:
        pass

    logline = log_transfer = log_cmd = log


class FtpServer:
    """One FTP server in a thread of its own, with a folder of its own.

    Attributes:
        root: The folder.
        faults: How it misbehaves; may be changed at any time.
        fetched: Names that were asked for, in order.
        deleted: Names that were to be deleted.
        reused: For each TLS data connection, whether it took up a session.
        passwords: Those that were sent to it.
        is_implicit: Whether it speaks TLS from the first byte.
        tls: The same as an option of the function.
    """

    def __init__(
        self, root: Path, *, certificate: Path | None = None, implicit: bool = False, most: int = 512
    ) -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.faults = Faults()
        self.fetched: list[str] = []
        self.deleted: list[str] = []
        self.reused: list[bool] = []
        self.passwords: list[str] = []
        self.is_implicit = implicit
        self.tls = "implicit" if implicit else "explicit"
        self._scheme = "ftps" if certificate else "ftp"
        self.authorizer = authorizer = DummyAuthorizer()
        authorizer.add_user(USER, PASSWORD, str(root), perm="elradfmw")
        base, data = (TLS_FTPHandler, TlsData) if certificate else (FTPHandler, PlainData)
        attributes = {
            "authorizer": authorizer,
            "abstracted_fs": FileSystem,
            "dtp_handler": data,
            "faults": self.faults,
            "owner": self,
            "banner": "ready",
            "auth_failed_timeout": 0,
            "unicode_errors": "surrogateescape",
        }
        if certificate:
            context = SSL.Context(SSL.TLS_SERVER_METHOD)
            context.use_certificate_chain_file(str(certificate))
            context.use_privatekey_file(str(certificate))
            context.set_session_id(b"ftp")
            attributes |= {"ssl_context": context, "tls_control_required": True, "tls_data_required": True}
        handler = type("Handler", (Control, base), attributes)
        self._server = FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop())
        self._server.max_cons_per_ip = most
        self.port = int(self._server.address[1])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError):
                self._server.serve_forever(timeout=0.02, blocking=False, handle_exit=False)
        self._server.close_all()

    @property
    def url(self) -> str:
        return f"{self._scheme}://gateways:pass%20word%2B1@localhost:{self.port}/"

    def put(self, name: str | bytes, content: bytes = b"Time,V1\n", *, at: float = OLD) -> bytes:
        """Put a file there; return its content."""
        path = self.root / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at, at))
        return content

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of `localhost`, self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(encoding))
    return path


@pytest.fixture
def make_server(tmp_path: Path, certificate: Path) -> Iterator[Callable[..., FtpServer]]:
    """Start FTP servers, as many as a test wants."""
    logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
    servers: list[FtpServer] = []

    def make(*, tls: bool = False, **options: Any) -> FtpServer:
        root = tmp_path / f"server{len(servers)}"
        servers.append(FtpServer(root, certificate=certificate if tls else None, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def server(make_server: Callable[..., FtpServer]) -> FtpServer:
    """One FTP server without TLS."""
    return make_server()


SITES = {
    "AN54101471": {"tier": "CRITICAL"},
    "AN5410147": {"tier": "CRITICAL"},
    "ehm21120333": {"tier": "NON_CRITICAL"},
    "AN00000009": {"tier": "NON_CRITICAL", "enabled": False},
}


@dataclass
class Sweeps:
    """The function, and eyes on what it leaves in the data lake."""

    bucket: str
    context: Any
    monkeypatch: pytest.MonkeyPatch

    def visit(self, *servers: FtpServer, **options: Any) -> None:
        """Set the servers of the function: `main`, `server1` and so on, with the same options."""
        self.configure(
            {
                "main" if not number else f"server{number}": {"url": server.url, **options}
                for number, server in enumerate(servers)
            }
        )

    def configure(self, servers: dict[str, dict[str, Any]]) -> None:
        self.monkeypatch.setenv("FTP_SERVERS", json.dumps(servers))

    def sites(self, sites: dict[str, Any]) -> None:
        body = json.dumps({"schema_version": 1, "sites": sites}).encode()
        clients.s3().put_object(Bucket=self.bucket, Key="site-tiers.json", Body=body)

    def sweep(self, event: Any = None, **fields: Any) -> dict[str, Any]:
        """Invoke the handler; its response must survive JSON."""
        event = fields if event is None else event
        return dict(json.loads(json.dumps(ftp_handler.handler(event, self.context))))

    def stored_keys(self, prefix: str = "ftp-backups/") -> list[str]:
        pages = clients.s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def body(self, key: str) -> bytes:
        return clients.s3().get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def bodies(self) -> list[bytes]:
        return sorted(self.body(key) for key in self.stored_keys())

    def metadata(self, key: str) -> dict[str, str]:
        return clients.s3().head_object(Bucket=self.bucket, Key=key)["Metadata"]

    def manifest(self, serial: str) -> dict[str, Any]:
        return dict(json.loads(self.body(f"ftp-manifests/{serial}.json")))

    def versions(self, prefix: str = "ftp-backups/") -> int:
        found = clients.s3().list_object_versions(Bucket=self.bucket, Prefix=prefix)
        return len(found.get("Versions", []))


@pytest.fixture
def sweeps(bucket: str, context: Any, monkeypatch: pytest.MonkeyPatch) -> Sweeps:
    """The function with four sites; its servers are still to be set."""
    made = Sweeps(bucket, context, monkeypatch)
    made.sites(SITES)
    monkeypatch.setenv("FTP_STABILITY_SECONDS", "0.2")
    monkeypatch.setenv("FTP_RESERVE_SECONDS", "1")
    return made
