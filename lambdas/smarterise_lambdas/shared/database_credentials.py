"""Where the database is and as whom a function logs in: by URL, by secret, or by IAM; and that TLS is had.

Nothing here, and no message of it, shows a password.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.runtime import MissingSetting, optional, required

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT: Final = "5432"
DEFAULT_NAME: Final = "postgres"
CA_FILE: Final = "DATABASE_CA_FILE"

_THIS_HOST: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})


class BadDatabaseUrl(RuntimeError):
    """The database's URL cannot be read: a fault of the function's configuration. Tells nothing of it."""

    def __init__(self) -> None:
        form = "postgresql://user:password@host:port/name"
        super().__init__(f"the database URL is not of the form {form} (special characters percent-encoded)")


class BadDatabaseSecret(RuntimeError):
    """The database's secret cannot be used: a fault of the configuration. Tells nothing of what is in it."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"the secret of DATABASE_SECRET_ARN has no {missing}: it must hold a URL, or a JSON object with"
            " username and password; host, port and dbname may also be set by DATABASE_HOST, DATABASE_PORT"
            " and DATABASE_NAME"
        )


def database_url() -> str:
    """Return the URL to connect by, read anew each time: passwords rotate, and tokens live for 15 minutes.

    It is DATABASE_URL if that is set; else made of the secret that DATABASE_SECRET_ARN names, which holds a
    URL or the object that RDS keeps; else of DATABASE_HOST and DATABASE_USER, who logs in by IAM.

    Raises:
        MissingSetting: If neither is set.
        BadDatabaseSecret: If the secret holds neither.
        botocore.exceptions.BotoCoreError: If AWS cannot be reached.
        botocore.exceptions.ClientError: If AWS refuses to show the secret.
    """
    if url := os.environ.get("DATABASE_URL"):
        return url
    if arn := os.environ.get("DATABASE_SECRET_ARN"):
        return _url_of_secret(clients.secret_text(arn))
    if os.environ.get("DATABASE_HOST"):
        host, port, user = _host(), _port(), required("DATABASE_USER")
        return _url(host, port, user, clients.database_token(host, int(port), user), _name())
    raise MissingSetting("DATABASE_URL", "DATABASE_SECRET_ARN", "DATABASE_HOST")


def connection_parameters(url: str) -> dict[str, Any]:
    """Return libpq's parameters for a URL, with TLS: who is not on this host must prove who he is.

    A URL that says `sslmode` itself is taken at its word. Else DATABASE_CA_FILE names the authorities that
    are believed: those of RDS for an instance, those of the system for RDS Proxy.

    Raises:
        BadDatabaseUrl: If it is none.
        MissingSetting: If the server is elsewhere, and nobody to believe is named.
    """
    try:
        parameters = conninfo_to_dict(url)
    except ProgrammingError:
        # Its message quotes the URL, and with it the password: neither may reach a log.
        raise BadDatabaseUrl from None
    if "sslmode" in parameters:
        return parameters
    authorities = os.environ.get(CA_FILE)
    if authorities:
        return {**parameters, "sslmode": "verify-full", "sslrootcert": authorities}
    host = str(parameters.get("host") or "")
    if host not in _THIS_HOST and not host.startswith("/"):
        raise MissingSetting(CA_FILE)
    return parameters


def _url_of_secret(secret: str) -> str:
    if secret.lstrip().startswith(("postgres://", "postgresql://")):
        return secret.strip()
    try:
        parts = json.loads(secret)
    except ValueError:
        parts = None
    if not isinstance(parts, dict):
        raise BadDatabaseSecret("URL and no JSON object")
    return _url(
        _part(parts, "host", _host()),
        _part(parts, "port", _port()),
        _part(parts, "username"),
        _part(parts, "password"),
        _part(parts, "dbname", _name()),
    )


def _part(parts: Mapping[str, Any], name: str, default: str = "") -> str:
    value = parts.get(name)
    # What RDS manages itself holds username and password alone.
    text = default if value is None else str(value)
    if not text:
        raise BadDatabaseSecret(name)
    return text


def _url(host: str, port: str, user: str, password: str, name: str) -> str:
    user, password, name = (quote(part, safe="") for part in (user, password, name))
    return f"postgresql://{user}:{password}@{host}:{port}/{name}"


def _host() -> str:
    return optional("DATABASE_HOST", "")


def _port() -> str:
    return optional("DATABASE_PORT", DEFAULT_PORT)


def _name() -> str:
    return optional("DATABASE_NAME", DEFAULT_NAME)
