"""Tests of the FTP server settings: parsing, complete error reports, no passwords in messages."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from smarterise_lambdas.ftp_to_s3.config import BadServers, Dialect, Security, servers_from_environment
from smarterise_lambdas.shared.runtime import BadSetting, MissingSetting, number


def servers(**entries: Any) -> Any:
    return servers_from_environment({"FTP_SERVERS": json.dumps(entries)})


def test_defaults_are_careful() -> None:
    (server,) = servers(main={"url": "ftp://ftp.example"})
    assert (server.name, server.host, server.port, server.folder) == ("main", "ftp.example", 21, "")
    assert (server.user, server.security, server.dialect) == ("anonymous", Security.NONE, Dialect.MLSD)
    assert (server.connections, server.deletes_stored, server.quiet) == (8, False, timedelta(minutes=2))


def test_everything_can_be_set() -> None:
    (server,) = servers(
        north={
            "url": "ftps://ada%40x:p%2Fw@ftp.example:2121/gate%20ways/",
            "listing": "list",
            "connections": 3,
            "delete": True,
            "quiet_seconds": 30,
        }
    )
    assert (server.user, server.password, server.port, server.folder) == ("ada@x", "p/w", 2121, "/gate ways")
    assert (server.security, server.dialect, server.connections) == (Security.EXPLICIT, Dialect.LIST, 3)
    assert (server.deletes_stored, server.quiet) == (True, timedelta(seconds=30))
    assert server.location == "ftps://ftp.example:2121/gate ways"
    assert "p/w" not in repr(server)


def test_port_990_is_implicit_tls_unless_said_otherwise() -> None:
    assert servers(a={"url": "ftps://h:990"})[0].security is Security.IMPLICIT
    assert servers(a={"url": "ftps://h:990", "tls": "explicit"})[0].security is Security.EXPLICIT
    assert servers(a={"url": "ftps://h", "tls": "implicit"})[0].security is Security.IMPLICIT


def test_one_server_has_a_short_form() -> None:
    (server,) = servers_from_environment({"FTP_URL": "ftp://h/x", "FTP_SECRET_ARN": "arn:x"})
    assert (server.name, server.folder, server.secret_arn) == ("main", "/x", "arn:x")


def test_missing_settings_name_both_variables() -> None:
    with pytest.raises(MissingSetting, match="FTP_SERVERS or FTP_URL"):
        servers_from_environment({})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (3, "is not a JSON object"),
        ({}, "url is missing"),
        ({"url": 7}, "url is missing"),
        ({"url": "http://u:hunter2@h"}, "url is not an ftp:// or ftps:// URL"),
        ({"url": "ftp://u:hunter2@h:0x5/"}, "url "),
        ({"url": "ftp://u:hunter2@[::1/"}, "url "),
        ({"url": "ftp://u:hunter2@h/a%0ab"}, "line break"),
        ({"url": "ftp://h", "listing": "nlst"}, "listing is not one of mlsd, list"),
        ({"url": "ftp://h", "tls": "explicit"}, "tls requires an ftps:// URL"),
        ({"url": "ftps://h", "tls": "starttls"}, "tls is not one of explicit, implicit"),
        ({"url": "ftp://h", "connections": 0}, "connections is not an integer from 1 to 64"),
        ({"url": "ftp://h", "connections": True}, "connections is not an integer from 1 to 64"),
        ({"url": "ftp://h", "connections": "8"}, "connections is not an integer from 1 to 64"),
        ({"url": "ftp://h", "delete": "yes"}, "delete is neither true nor false"),
        ({"url": "ftp://h", "quiet_seconds": -1}, "quiet_seconds"),
        ({"url": "ftp://h", "secret_arn": 4}, "secret_arn is not a string"),
        ({"url": "ftp://h", "conections": 4}, "unknown option 'conections'"),
    ],
)
def test_every_error_is_reported_without_the_password(entry: Any, message: str) -> None:
    with pytest.raises(BadServers) as refused:
        servers(main=entry, **{"Not A Name": {"url": "ftp://h"}})
    assert message in str(refused.value)
    assert "a server name may have only" in str(refused.value), "all at once"
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"ftp://u:hunter2@h"'])
def test_what_is_no_object_of_servers_is_refused(text: str) -> None:
    with pytest.raises(BadServers, match=r"FTP_SERVERS is not (valid JSON|a JSON object)") as refused:
        servers_from_environment({"FTP_SERVERS": text})
    assert "hunter2" not in str(refused.value)


def test_a_number_of_the_environment_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert number("FTP_STABILITY_SECONDS", 15.0) == 15.0
    monkeypatch.setenv("FTP_STABILITY_SECONDS", "2.5")
    assert number("FTP_STABILITY_SECONDS", 15.0) == 2.5
    for wrong in ("soon", "-1", "nan", "inf"):
        monkeypatch.setenv("FTP_STABILITY_SECONDS", wrong)
        with pytest.raises(BadSetting, match="FTP_STABILITY_SECONDS"):
            number("FTP_STABILITY_SECONDS", 15.0)
