"""The process of the FTP server that simulated gateways upload to: pyftpdlib, on 127.0.0.1. Run by `ftp`.

It is told on its standard input, as one JSON object, where files go and who may log in; it answers with one
line of JSON, the port and, with TLS, the certificate it made. pyOpenSSL is loaded here and nowhere else:
where it is loaded boto3 takes it too, and starts more slowly.
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
class ObjectRequest:
    """What the server is to be.

    Attributes:
        home: Where files go.
        user: Who may log in.
        password: And with what.
        pem: Where key and certificate are to be kept; empty for a server without TLS.
    """

    home: str
    user: str
    password: str
    pem: str = ""


def make_certificate(path: Path) -> str:
    """Write a new key with its certificate, signed by itself, for 127.0.0.1; return the certificate as PEM.

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
    told: bytes = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private + told)
    return told.decode("ascii")


def serve(wanted: ObjectRequest) -> None:
    """Serve until killed; tell on standard output where."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the modules that pyftpdlib is made of
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.servers import FTPServer

    authorizer = DummyAuthorizer()
    authorizer.add_user(wanted.user, wanted.password, wanted.home, perm=_RIGHTS)
    certificate = make_certificate(Path(wanted.pem)) if wanted.pem else ""
    settings = {
        "authorizer": authorizer,
        "banner": "embedded stack",
        "timeout": _IDLE_SECONDS,
        "unicode_errors": "surrogateescape",
        **(_tls_settings(wanted.pem) if wanted.pem else {}),
    }
    handler = type("Handler", (_base(tls=bool(wanted.pem)),), settings)
    server = FTPServer((LOOPBACK, 0), handler)
    _tell({"port": server.address[1], "certificate": certificate})
    server.serve_forever()


def _base(*, tls: bool) -> Any:
    from pyftpdlib import handlers

    return handlers.TLS_FTPHandler if tls else handlers.FTPHandler


def _tls_settings(pem: str) -> Mapping[str, Any]:
    from OpenSSL import SSL

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_chain_file(pem)
    context.use_privatekey_file(pem)
    context.set_session_id(b"ftp")  # data connections may take up the session of their control connection
    return {"ssl_context": context, "tls_control_required": True, "tls_data_required": True}


def _tell(told: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do as told on standard input."""
    # A line for every file of every gateway would fill the disk.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    wanted = ObjectRequest(**json.loads(sys.stdin.readline()))
    try:
        serve(wanted)
    except ModuleNotFoundError as missing:
        _tell({"missing": missing.name})


if __name__ == "__main__":
    main()
