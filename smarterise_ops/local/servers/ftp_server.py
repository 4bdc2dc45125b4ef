"""The FTP server process for simulated gateways: pyftpdlib on 127.0.0.1; run by `ftp`.

It reads its settings as one JSON object from standard input, and writes port and certificate as one line of
JSON. pyOpenSSL is imported only here: boto3 would use it too and start more slowly.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smarterise_ops.local.servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

_RIGHTS = "elradfmwMT"
_CERTIFICATE_LASTS = timedelta(days=365)
_IDLE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Settings of the server.

    Attributes:
        home: Directory of the files.
        user: User name.
        password: Password.
        pem: File for key and certificate; empty without TLS.
    """

    home: str
    user: str
    password: str
    pem: str = ""


def make_certificate(path: Path) -> str:
    """Write a new key with a self-signed certificate for 127.0.0.1; return the certificate as PEM.

    Args:
        path: The file, readable by its owner alone.
    """
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "embedded stack")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _CERTIFICATE_LASTS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    data: bytes = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private + data)
    return data.decode("ascii")


def serve(options: ServerSettings) -> None:
    """Serve until killed; report port and certificate on standard output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the modules that pyftpdlib is made of
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_user(options.user, options.password, options.home, perm=_RIGHTS)
    certificate = make_certificate(Path(options.pem)) if options.pem else ""
    settings = {
        "authorizer": authorizer,
        "banner": "embedded stack",
        "timeout": _IDLE_SECONDS,
        "unicode_errors": "surrogateescape",
        **(_tls_settings(options.pem) if options.pem else {}),
    }
    handler = type("Handler", (_base(tls=bool(options.pem)),), settings)
    server = FTPServer((LOOPBACK, 0), handler)
    _report({"port": server.address[1], "certificate": certificate})
    server.serve_forever()


def _base(*, tls: bool) -> Any:
    from pyftpdlib import handlers

    return handlers.TLS_FTPHandler if tls else handlers.FTPHandler


def _tls_settings(pem: str) -> Mapping[str, Any]:
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(pem)
    context.use_privatekey_file(pem)
    context.set_session_id(b"ftp")  # data connections may resume the session of the control connection
    return {"ssl_context": context, "tls_control_required": True, "tls_data_required": True}


def _report(data: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the server with the settings from standard input."""
    # One line per file would fill the disk.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    options = ServerSettings(**json.loads(sys.stdin.readline()))
    try:
        serve(options)
    except ModuleNotFoundError as missing:
        _report({"missing": missing.name})


if __name__ == "__main__":
    main()
