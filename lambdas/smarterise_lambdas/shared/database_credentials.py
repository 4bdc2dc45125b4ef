"""Resolves the database URL (from a URL, a secret or IAM authentication) and the TLS parameters.

No error message contains a password.
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

_LOCAL_HOSTS: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})


class BadDatabaseUrl(RuntimeError):
    """The database URL is invalid: a configuration fault. The message does not contain the URL."""

    def __init__(self) -> None:
        form = "postgresql://user:password@host:port/name"
        super().__init__(f"the database URL is not of the form {form} (special characters percent-encoded)")


class BadDatabaseSecret(RuntimeError):
    """The database secret is invalid: a configuration fault. The message does not contain its content."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"the secret of DATABASE_SECRET_ARN has no {missing}: it must hold a URL, or a JSON object with"
            " username and password; host, port and dbname may also be set by DATABASE_HOST, DATABASE_PORT"
            " and DATABASE_NAME"
        )


def database_url() -> str:
    """Return the database URL, resolved on every call: passwords rotate, IAM tokens expire.

    Sources in this order: DATABASE_URL; the secret of DATABASE_SECRET_ARN, which contains a URL or the JSON
    object that RDS manages; DATABASE_HOST with DATABASE_USER, authenticated by IAM.

    Raises:
        MissingSetting: If none is set.
        BadDatabaseSecret: If the secret contains neither form.
        botocore.exceptions.BotoCoreError: If AWS cannot be reached.
        botocore.exceptions.ClientError: If AWS refuses to return the secret.
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
    """Return the libpq parameters of a URL, with certificate verification for remote servers.

    A URL with its own `sslmode` is used unchanged. Otherwise DATABASE_CA_FILE names the trusted certificate
    authorities: those of RDS for an instance, those of the system for RDS Proxy.

    Raises:
        BadDatabaseUrl: If the URL is invalid.
        MissingSetting: If the server is remote and no CA file is set.
    """
    try:
        parameters = conninfo_to_dict(url)
    except ProgrammingError:
        # The original message quotes the URL with its password, which must not be logged.
        raise BadDatabaseUrl from None
    if "sslmode" in parameters:
        return parameters
    authorities = os.environ.get(CA_FILE)
    if authorities:
        return {**parameters, "sslmode": "verify-full", "sslrootcert": authorities}
    host = str(parameters.get("host") or "")
    if host not in _LOCAL_HOSTS and not host.startswith("/"):
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
    # A secret managed by RDS contains only username and password.
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
