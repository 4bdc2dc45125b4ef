"""PostgreSQL: where it is, how it is connected to, and that its schema is as new as this code."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from urllib.parse import quote

import psycopg
from psycopg import sql

from smarterise_lambdas.shared import aws
from smarterise_lambdas.shared.environment import MissingSetting

if TYPE_CHECKING:
    from collections.abc import Callable

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
T = TypeVar("T")

SCHEMA_VERSION: Final = "0002"
"""The oldest schema that this code can work with: the newest step of `smarterise_lambdas.migrations`."""
VERSION_TABLE: Final = "schema_version"

_CONNECT_TIMEOUT_S: Final = 5


class BadDatabaseUrl(RuntimeError):
    """The database's URL cannot be read: a fault of the function's configuration. Tells nothing of it."""

    def __init__(self) -> None:
        form = "postgresql://user:password@host:port/name"
        super().__init__(f"the database URL is not of the form {form} (special characters percent-encoded)")


class SchemaBehind(RuntimeError):
    """The database lacks what this version needs: a fault of the deployment."""

    def __init__(self, version: str) -> None:
        has = f"is at version {version}" if version else "has no schema"
        super().__init__(
            f"the database {has}, and this function needs {SCHEMA_VERSION}:"
            " invoke the function migrate_database, and it works from then on"
        )


def database_url() -> str:
    """Return the URL from DATABASE_URL, else from the secret that DATABASE_SECRET_ARN names.

    The secret holds a URL, or the object that RDS keeps: username, password, host, port, dbname.

    Raises:
        MissingSetting: If neither variable is set.
    """
    url = os.environ.get("DATABASE_URL")
    if url:
        return url
    arn = os.environ.get("DATABASE_SECRET_ARN")
    if not arn:
        raise MissingSetting("DATABASE_URL", "DATABASE_SECRET_ARN")
    secret = aws.secret_text(arn)
    if not secret.lstrip().startswith("{"):
        return secret
    part = json.loads(secret)
    user, password = quote(part["username"], safe=""), quote(part["password"], safe="")
    name = part.get("dbname") or "postgres"
    return f"postgresql://{user}:{password}@{part['host']}:{part.get('port', 5432)}/{name}"


def connect(url: str) -> Connection:
    """Return a new connection.

    Raises:
        BadDatabaseUrl: If the URL is none.
        psycopg.OperationalError: If the server cannot be reached or refuses.
    """
    try:
        # No prepared statements: behind RDS Proxy they would pin the session.
        return psycopg.connect(
            url, connect_timeout=_CONNECT_TIMEOUT_S, prepare_threshold=None, application_name="smarterise"
        )
    except psycopg.ProgrammingError:
        # Its message quotes the URL, and with it the password: neither may reach a log.
        raise BadDatabaseUrl from None


def schema_version(connection: Connection) -> str:
    """Return the version of the schema; `""` if the database has none, or one older than the migrations.

    Raises:
        psycopg.Error: If the server fails.
    """
    with connection.transaction():
        found = connection.execute("SELECT to_regclass(%s)", [VERSION_TABLE]).fetchone()
        if found is None or found[0] is None:
            return ""
        statement = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))
        version = connection.execute(statement).fetchone()
    return version[0] if version else ""


def require_schema(connection: Connection) -> None:
    """See that the database has what this version of the code needs. A newer schema has it.

    Raises:
        SchemaBehind: If it has not.
        psycopg.Error: If the server fails.
    """
    version = schema_version(connection)
    if version < SCHEMA_VERSION:
        raise SchemaBehind(version)


class Database:
    """One connection, made on first use and kept between invocations; made anew when it has gone away."""

    def __init__(self, url: Callable[[], str] = database_url) -> None:
        self._url = url
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do work on the connection. Work must be one transaction: it may be done a second time.

        Raises:
            psycopg.Error: If it fails on a fresh connection too.
        """
        if self._connection is not None:
            try:
                return work(self._connection)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                # A server that restarted, or a proxy that tired of an idle connection, is no fault yet.
                self.close()
        return work(self._fresh())

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _fresh(self) -> Connection:
        connection = connect(self._url())
        try:
            require_schema(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection
