"""The file servers that a sweep visits, from the function's environment and from Secrets Manager.

`FTP_SERVERS` is a JSON object of servers by name; `FTP_URL` and `FTP_SECRET_ARN` together are the short form
for one server, `main`. What is wrong with them is told all at once.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from smarterise_lambdas.shared.runtime import MissingSetting
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DEFAULT_CONNECTIONS: Final = 8
MOST_CONNECTIONS: Final = 64
DEFAULT_QUIET: Final = timedelta(minutes=2)
ONLY_SERVER: Final = "main"

_FTP_PORT = 21
_IMPLICIT_PORT = 990
_OPTIONS = frozenset({"url", "secret_arn", "tls", "listing", "connections", "delete", "quiet_seconds"})
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Dialect(StrEnum):
    """How a server is asked what it has."""

    MLSD = "mlsd"
    LIST = "list"


class Security(StrEnum):
    """How a server speaks TLS."""

    NONE = "none"
    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


_TLS: Final = (Security.EXPLICIT, Security.IMPLICIT)


class BadServers(RuntimeError):
    """The servers' settings are wrong: a fault of the function's configuration."""


class NoCredentials(Exception):
    """A server's secret cannot be had, or does not hold what it should.

    Attributes:
        code: Stable word for it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class FtpServer:
    """One server.

    Attributes:
        name: What it is called, in manifests and messages.
        host: Host name or address.
        port: Port.
        security: Whether and how it speaks TLS.
        folder: Where the gateways' files are; empty for where a login begins.
        user: User name.
        password: Password; never shown.
        certificate: PEM that vouches for the server, for one that no public authority vouches for.
        secret_arn: Where user, password and certificate are kept; empty for in the URL.
        dialect: MLSD, or LIST for servers that know no better.
        connections: How many connections at most.
        is_emptied: Whether a file is deleted there once the lake has it for certain.
        quiet: How long a file must not have changed to be taken at first sight.
    """

    name: str
    host: str
    port: int
    security: Security
    folder: str
    user: str = "anonymous"
    password: str = ""
    certificate: str = ""
    secret_arn: str = ""
    dialect: Dialect = Dialect.MLSD
    connections: int = DEFAULT_CONNECTIONS
    is_emptied: bool = False
    quiet: timedelta = DEFAULT_QUIET

    def __repr__(self) -> str:
        return f"FtpServer({self.name!r}, {self.location!r})"

    @property
    def location(self) -> str:
        """Its URL without user and password."""
        scheme = "ftp" if self.security is Security.NONE else "ftps"
        return visible(f"{scheme}://{self.host}:{self.port}/{self.folder.lstrip('/')}")

    def opened(self, secret_text: Callable[[str], str]) -> FtpServer:
        """Return the server with what its secret holds; asked anew each time, as secrets rotate.

        Args:
            secret_text: Returns the text of a secret by its ARN; its own errors come through.

        Raises:
            NoCredentials: If the secret does not hold user and password.
        """
        if not self.secret_arn:
            return self
        user, password, certificate = _secret_parts(secret_text(self.secret_arn))
        return replace(self, user=user, password=password, certificate=certificate)


def servers_from_environment(environment: Mapping[str, str] = os.environ) -> tuple[FtpServer, ...]:
    """Return the servers.

    Raises:
        MissingSetting: If there are none.
        BadServers: With everything that is wrong.
    """
    listed = environment.get("FTP_SERVERS")
    if listed:
        try:
            entries = json.loads(listed)
        except ValueError as error:
            raise BadServers(f"FTP_SERVERS is no JSON: {error}") from None
        if not isinstance(entries, dict) or not entries:
            raise BadServers("FTP_SERVERS is no JSON object of servers by name")
    elif environment.get("FTP_URL"):
        entries = {ONLY_SERVER: {"url": environment["FTP_URL"]}}
        if environment.get("FTP_SECRET_ARN"):
            entries[ONLY_SERVER]["secret_arn"] = environment["FTP_SECRET_ARN"]
    else:
        raise MissingSetting("FTP_SERVERS", "FTP_URL")
    issues = [f"{name!r}: {issue}" for name, entry in entries.items() for issue in _issues(name, entry)]
    if issues:
        raise BadServers(f"FTP servers: {'; '.join(issues)}")
    return tuple(_server(name, entry) for name, entry in entries.items())


def _server(name: str, entry: Mapping[str, Any]) -> FtpServer:
    host, port, security, folder, user, password = _parts(entry["url"])
    security = Security(entry.get("tls", security))
    return FtpServer(
        name=name,
        host=host,
        port=port,
        security=security,
        folder=folder,
        user=user or "anonymous",
        password=password,
        secret_arn=entry.get("secret_arn", ""),
        dialect=Dialect(entry.get("listing", Dialect.MLSD)),
        connections=entry.get("connections", DEFAULT_CONNECTIONS),
        is_emptied=entry.get("delete", False),
        quiet=timedelta(seconds=entry.get("quiet_seconds", DEFAULT_QUIET.total_seconds())),
    )


def _parts(url: str) -> tuple[str, int, Security, str, str, str]:
    """Return host, port, security, folder, user and password of a URL.

    Raises:
        ValueError: If it is none of a file server.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"ftp", "ftps"} or not parts.hostname:
        raise ValueError("is no ftp:// or ftps:// URL with a host")
    port = parts.port or _FTP_PORT
    security = Security.NONE
    if parts.scheme == "ftps":
        security = Security.IMPLICIT if port == _IMPLICIT_PORT else Security.EXPLICIT
    folder = unquote(parts.path).rstrip("/")
    if any(character in folder for character in "\r\n\0"):
        raise ValueError("has a line's end in its path")
    return (
        parts.hostname,
        port,
        security,
        folder,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _issues(name: str, entry: object) -> Iterator[str]:
    if not name or not set(name) <= _NAME_CHARACTERS:
        yield "a server's name is made of small letters, digits, - and _"
    if not isinstance(entry, dict):
        yield "is no JSON object"
        return
    unknown = sorted(set(entry) - _OPTIONS)
    if unknown:
        yield f"there is no option {', '.join(map(repr, unknown))}; there are {', '.join(sorted(_OPTIONS))}"
    try:
        if not isinstance(entry.get("url"), str):
            raise ValueError("is missing")  # noqa: TRY004 -- told below, as is a wrong URL
        _parts(entry["url"])
    except ValueError as error:
        yield f"url {error}"  # never the URL itself: it may hold the password
    yield from _tls_issues(entry)
    if not isinstance(entry.get("secret_arn", ""), str):
        yield "secret_arn is no text"
    if entry.get("listing", Dialect.MLSD) not in set(Dialect):
        yield f"listing is not one of {', '.join(Dialect)}"
    connections = entry.get("connections", DEFAULT_CONNECTIONS)
    if (
        not _is_number(connections)
        or not isinstance(connections, int)
        or not 1 <= connections <= MOST_CONNECTIONS
    ):
        yield f"connections is no number from 1 to {MOST_CONNECTIONS}"
    if not isinstance(entry.get("delete", False), bool):
        yield "delete is neither true nor false"
    quiet = entry.get("quiet_seconds", 0)
    if not _is_number(quiet) or not 0 <= quiet <= timedelta(days=1).total_seconds():
        yield "quiet_seconds is no number from 0 to 86400"


def _tls_issues(entry: Mapping[str, Any]) -> Iterator[str]:
    if "tls" not in entry:
        return
    if entry["tls"] not in _TLS:
        yield f"tls is not one of {', '.join(_TLS)}"
    if not str(entry.get("url")).startswith("ftps:"):
        yield "tls is for ftps:// alone"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _secret_parts(secret: str) -> tuple[str, str, str]:
    """Return user, password and certificate from a secret: a JSON object with `username` and `password`.

    Raises:
        NoCredentials: If it is something else; its text is never part of the message.
    """
    try:
        held = json.loads(secret)
    except ValueError:
        held = None
    if not isinstance(held, dict):
        raise NoCredentials("SECRET_INVALID", "the secret is no JSON object with username and password")
    user, password, certificate = held.get("username"), held.get("password"), held.get("certificate", "")
    if not isinstance(user, str) or not user:
        raise NoCredentials("SECRET_INVALID", "the secret has no username that is a text")
    if not isinstance(password, str) or not password:
        raise NoCredentials("SECRET_INVALID", "the secret has no password that is a text")
    if not isinstance(certificate, str):
        raise NoCredentials("SECRET_INVALID", "the certificate of the secret is no text")
    return user, password, certificate
