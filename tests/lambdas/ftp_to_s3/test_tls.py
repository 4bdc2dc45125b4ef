"""FTPS: explicit and implicit, certificates that are believed or not, and sessions that servers insist on."""

from __future__ import annotations

import ftplib
import json
import ssl
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from smarterise_lambdas.ftp_to_s3.handler import SweepIncomplete

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = [f"AN54101471-logger1-2025-03-20T{hour:02d}-00-00-0400-1min.csv" for hour in range(12)]


@pytest.fixture
def secret(bucket: str, certificate: Path) -> str:
    """The ARN of a secret with user, password and the certificate to believe."""
    pem = certificate.read_text()
    text = json.dumps(
        {
            "username": "gateways",
            "password": "pass word+1",
            "certificate": pem[pem.index("-----BEGIN CERTIFICATE") :],
        }
    )
    return str(boto3.client("secretsmanager").create_secret(Name=f"{bucket}-tls", SecretString=text)["ARN"])


@pytest.mark.parametrize("is_implicit", [False, True], ids=["explicit", "implicit"])
def test_data_connections_take_up_the_session_that_the_server_insists_on(
    sweeps: Any, make_server: Callable[..., Any], secret: str, is_implicit: bool
) -> None:
    server = make_server(tls=True, implicit=is_implicit)
    server.faults.wants_reuse = True
    for name in NAMES:
        server.put(name, name.encode() * 20_000)
    sweeps.configure({"main": {"url": server.url, "secret_arn": secret, "tls": server.tls, "delete": True}})

    response = sweeps.sweep()

    assert (response["stored"], response["deleted"], response["errors"]) == (12, 12, [])
    assert sweeps.bodies() == sorted(name.encode() * 20_000 for name in NAMES)
    assert len(server.reused) == 13
    assert all(server.reused)


def test_a_client_without_that_is_refused_by_the_same_server(
    make_server: Callable[..., Any], certificate: Path
) -> None:
    server = make_server(tls=True)
    server.faults.wants_reuse = True
    server.put(NAMES[0])
    context = ssl.create_default_context(cafile=str(certificate))
    with ftplib.FTP_TLS(context=context) as client:
        client.connect("localhost", server.port)
        client.login("gateways", "pass word+1")
        client.prot_p()
        with pytest.raises((ftplib.Error, OSError)):
            client.retrbinary(f"RETR {NAMES[0]}", lambda _block: None)
    assert server.reused == [False]


def test_an_untrusted_certificate_is_rejected(sweeps: Any, make_server: Callable[..., Any]) -> None:
    server, good = make_server(tls=True), make_server()
    good.put(NAMES[0])
    sweeps.visit(server, good)
    with pytest.raises(SweepIncomplete, match=r"TLS_REFUSED main: .*CERTIFICATE_VERIFY_FAILED"):
        sweeps.sweep()
    assert len(sweeps.stored_keys()) == 1


def test_a_certificate_for_another_host_is_not_believed(
    sweeps: Any, make_server: Callable[..., Any], secret: str
) -> None:
    server = make_server(tls=True)
    url = server.url.replace("localhost", "127.0.0.1")
    sweeps.configure({"main": {"url": url, "secret_arn": secret}})
    with pytest.raises(SweepIncomplete, match=r"TLS_REFUSED main: .*not valid for '127.0.0.1'"):
        sweeps.sweep()


def test_a_server_that_speaks_no_tls_is_not_spoken_to_without(sweeps: Any, server: Any) -> None:
    server.put(NAMES[0])
    sweeps.configure({"main": {"url": server.url.replace("ftp:", "ftps:")}})
    with pytest.raises(SweepIncomplete, match=r"(TLS_REFUSED|LOGIN_REFUSED) main: 50"):
        sweeps.sweep()
    assert server.passwords == []


def test_a_server_that_wants_tls_does_not_see_the_password_without(
    sweeps: Any, make_server: Callable[..., Any]
) -> None:
    server = make_server(tls=True)
    sweeps.configure({"main": {"url": server.url.replace("ftps:", "ftp:")}})
    with pytest.raises(SweepIncomplete, match="LOGIN_REFUSED main: 550 SSL/TLS required"):
        sweeps.sweep()
    assert server.passwords == []


def test_an_invalid_certificate_in_the_secret_is_reported(
    sweeps: Any, make_server: Callable[..., Any], bucket: str
) -> None:
    server = make_server(tls=True)
    text = json.dumps({"username": "u", "password": "p", "certificate": "not PEM"})
    arn = boto3.client("secretsmanager").create_secret(Name=f"{bucket}-pem", SecretString=text)["ARN"]
    sweeps.configure({"main": {"url": server.url, "secret_arn": arn}})
    with pytest.raises(SweepIncomplete, match="TLS_REFUSED main"):
        sweeps.sweep()
