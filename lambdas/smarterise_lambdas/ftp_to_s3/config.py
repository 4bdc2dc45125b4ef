"""FTP server settings from the function's environment variables and Secrets Manager.

`FTP_SERVERS` is a JSON object of servers by name. `FTP_URL` and `FTP_SECRET_ARN` are the short form for one
server named `main`. All errors in the settings are reported together.
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
MAX_CONNECTIONS: Final = 64
DEFAULT_QUIET: Final = timedelta(minutes=2)
DEFAULT_SERVER: Final = "main"

_FTP_PORT = 21
_IMPLICIT_PORT = 990
_OPTIONS = frozenset({"url", "secret_arn", "tls", "listing", "connections", "delete", "quiet_seconds"})
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class Dialect(StrEnum):
    """FTP command for listing a folder."""

    MLSD = "mlsd"
    LIST = "list"


class Security(StrEnum):
    """TLS mode of a server."""

    NONE = "none"
    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


_TLS: Final = (Security.EXPLICIT, Security.IMPLICIT)


class BadServers(RuntimeError):
    """The server settings in the function's environment are invalid."""


class NoCredentials(Exception):
    """The secret of a server is missing or invalid.

    Attributes:
        code: Stable error code.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class FtpServer:
    """One FTP server.

    Attributes:
        name: Name in manifests and messages.
        host: Host name or address.
        port: TCP port.
        security: TLS mode.
        folder: Folder of the gateways' files; empty for the login folder.
        user: User name.
        password: Password; never shown.
        certificate: CA or server certificate as PEM, for a server without a public CA.
        secret_arn: ARN of the secret with user, password and certificate; empty if they are in the URL.
        dialect: MLSD, or LIST for servers without MLSD.
        connections: Maximum number of connections.
        deletes_stored: Whether a file is deleted on the server after the data lake has it.
        quiet: Age since the last change at which a file is transferred without a second check.
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
    deletes_stored: bool = False
    quiet: timedelta = DEFAULT_QUIET

    def __repr__(self) -> str:
        return f"FtpServer({self.name!r}, {self.location!r})"

    @property
    def location(self) -> str:
        """URL without user and password."""
        scheme = "ftp" if self.security is Security.NONE else "ftps"
        return visible(f"{scheme}://{self.host}:{self.port}/{self.folder.lstrip('/')}")

    def with_credentials(self, secret_text: Callable[[str], str]) -> FtpServer:
        """Return the server with the credentials of its secret; read each time, as secrets rotate.

        Args:
            secret_text: Returns the text of a secret by its ARN; its errors are not caught.

        Raises:
            NoCredentials: If the secret has no valid user and password.
        """
        if not self.secret_arn:
            return self
        user, password, certificate = _secret_parts(secret_text(self.secret_arn))
        return replace(self, user=user, password=password, certificate=certificate)


def servers_from_environment(environment: Mapping[str, str] = os.environ) -> tuple[FtpServer, ...]:
    """Return the configured FTP servers.

    Raises:
        MissingSetting: If no server is configured.
        BadServers: If the settings are invalid; its message lists every error.
    """
    servers_json = environment.get("FTP_SERVERS")
    if servers_json:
        try:
            entries = json.loads(servers_json)
        except ValueError as error:
            raise BadServers(f"FTP_SERVERS is not valid JSON: {error}") from None
        if not isinstance(entries, dict) or not entries:
            raise BadServers("FTP_SERVERS is not a JSON object of servers by name")
    elif environment.get("FTP_URL"):
        entries = {DEFAULT_SERVER: {"url": environment["FTP_URL"]}}
        if environment.get("FTP_SECRET_ARN"):
            entries[DEFAULT_SERVER]["secret_arn"] = environment["FTP_SECRET_ARN"]
    else:
        raise MissingSetting("FTP_SERVERS", "FTP_URL")
    issues = [f"{name!r}: {issue}" for name, entry in entries.items() for issue in _issues(name, entry)]
    if issues:
        raise BadServers(f"invalid FTP servers: {'; '.join(issues)}")
    return tuple(_server(name, entry) for name, entry in entries.items())


def _server(name: str, entry: Mapping[str, Any]) -> FtpServer:
    host, port, security, folder, user, password = _parse_url(entry["url"])
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
        deletes_stored=entry.get("delete", False),
        quiet=timedelta(seconds=entry.get("quiet_seconds", DEFAULT_QUIET.total_seconds())),
    )


def _parse_url(url: str) -> tuple[str, int, Security, str, str, str]:
    """Return host, port, security, folder, user and password of a URL.

    Raises:
        ValueError: If it is not the URL of an FTP server.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"ftp", "ftps"} or not parts.hostname:
        raise ValueError("is not an ftp:// or ftps:// URL with a host")
    port = parts.port or _FTP_PORT
    security = Security.NONE
    if parts.scheme == "ftps":
        security = Security.IMPLICIT if port == _IMPLICIT_PORT else Security.EXPLICIT
    folder = unquote(parts.path).rstrip("/")
    if any(character in folder for character in "\r\n\0"):
        raise ValueError("has a line break in its path")
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
        yield "a server name may have only a-z, 0-9, - and _"
    if not isinstance(entry, dict):
        yield "is not a JSON object"
        return
    unknown = sorted(set(entry) - _OPTIONS)
    if unknown:
        yield f"unknown option {', '.join(map(repr, unknown))}; valid: {', '.join(sorted(_OPTIONS))}"
    try:
        if not isinstance(entry.get("url"), str):
            raise ValueError("is missing")  # noqa: TRY004 -- reported below like an invalid URL
        _parse_url(entry["url"])
    except ValueError as error:
        yield f"url {error}"  # never the URL itself: it may hold the password
    yield from _tls_issues(entry)
    if not isinstance(entry.get("secret_arn", ""), str):
        yield "secret_arn is not a string"
    if entry.get("listing", Dialect.MLSD) not in set(Dialect):
        yield f"listing is not one of {', '.join(Dialect)}"
    connections = entry.get("connections", DEFAULT_CONNECTIONS)
    if (
        not _is_number(connections)
        or not isinstance(connections, int)
        or not 1 <= connections <= MAX_CONNECTIONS
    ):
        yield f"connections is not an integer from 1 to {MAX_CONNECTIONS}"
    if not isinstance(entry.get("delete", False), bool):
        yield "delete is neither true nor false"
    quiet = entry.get("quiet_seconds", 0)
    if not _is_number(quiet) or not 0 <= quiet <= timedelta(days=1).total_seconds():
        yield "quiet_seconds is not a number from 0 to 86400"


def _tls_issues(entry: Mapping[str, Any]) -> Iterator[str]:
    if "tls" not in entry:
        return
    if entry["tls"] not in _TLS:
        yield f"tls is not one of {', '.join(_TLS)}"
    if not str(entry.get("url")).startswith("ftps:"):
        yield "tls requires an ftps:// URL"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _secret_parts(secret: str) -> tuple[str, str, str]:
    """Return user, password and certificate from a secret: a JSON object with `username` and `password`.

    Raises:
        NoCredentials: If it is invalid; its text is never part of the message.
    """
    try:
        data = json.loads(secret)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise NoCredentials("SECRET_INVALID", "the secret is not a JSON object with username and password")
    user, password, certificate = data.get("username"), data.get("password"), data.get("certificate", "")
    if not isinstance(user, str) or not user:
        raise NoCredentials("SECRET_INVALID", "username in the secret is missing or not a string")
    if not isinstance(password, str) or not password:
        raise NoCredentials("SECRET_INVALID", "password in the secret is missing or not a string")
    if not isinstance(certificate, str):
        raise NoCredentials("SECRET_INVALID", "certificate in the secret is not a string")
    return user, password, certificate
