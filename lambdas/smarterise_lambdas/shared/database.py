"""PostgreSQL access of a function: one connection, timeouts within the invocation, schema version check.

A Lambda execution environment handles one event at a time, so it has one connection, kept between
invocations. Reserved concurrency bounds the number of connections.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from smarterise_lambdas.shared.database_credentials import connection_parameters, database_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
Cursor: TypeAlias = "psycopg.Cursor[tuple[Any, ...]]"
T = TypeVar("T")

SCHEMA_VERSION: Final = "0005"
"""The oldest schema that this code works with: the latest migration of `smarterise_lambdas.migrations`."""
VERSION_TABLE: Final = "schema_version"

TIMEOUT_S: Final = 20.0
"""Default statement timeout of a transaction, seconds."""
_LOCK_SHARE: Final = 0.5

_CONNECT: Final = {
    "connect_timeout": 5,
    # A silently lost server is detected in seconds, not after the system's default of two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # After a failover the address may resolve to a replica for a while.
    "target_session_attrs": "read-write",
    "application_name": "smarterise",
}
_RETRIED: Final = (errors.DeadlockDetected, errors.SerializationFailure)


class SchemaBehind(RuntimeError):
    """The database schema is older than this version needs: a deployment fault."""

    def __init__(self, version: str) -> None:
        state = f"is at version {version}" if version else "has no schema"
        super().__init__(
            f"the database {state}; this function needs version {SCHEMA_VERSION}."
            " Fix: invoke the function migrate_database"
        )


def connect(url: str) -> Connection:
    """Connect to a server that accepts writes.

    Raises:
        BadDatabaseUrl: If the URL is invalid.
        MissingSetting: If no CA file is set for a remote server.
        psycopg.OperationalError: If the server cannot be reached or refuses.
    """
    # No prepared statements: they would pin the session of an RDS Proxy.
    return psycopg.connect(**{**_CONNECT, **connection_parameters(url)}, prepare_threshold=None)


def schema_version(connection: Connection) -> str:
    """Return the schema version; `""` if the database has no schema, or one older than the migrations.

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
    """Check that the schema is at least the version that this code needs.

    Raises:
        SchemaBehind: If it is older.
        psycopg.Error: If the server fails.
    """
    version = schema_version(connection)
    if version < SCHEMA_VERSION:
        raise SchemaBehind(version)


@contextmanager
def transaction(connection: Connection, timeout_s: float = TIMEOUT_S) -> Iterator[Cursor]:
    """Open a transaction with timeouts, so that a stalled statement fails before the invocation ends.

    The timeouts are set for the transaction only, which does not pin the session of an RDS Proxy.

    Args:
        connection: Outside a transaction.
        timeout_s: Statement timeout, seconds; the lock timeout is half of it.
    """
    if connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        # A nested transaction would only be a savepoint, and its commit could still be lost.
        raise AssertionError("the connection is in a transaction already")
    with connection.transaction(), connection.cursor() as cursor:
        limits = {
            "statement_timeout": timeout_s,
            "lock_timeout": timeout_s * _LOCK_SHARE,
            # Releases the locks of a function that was killed.
            "idle_in_transaction_session_timeout": timeout_s,
        }
        names, values = zip(*limits.items(), strict=True)
        calls = sql.SQL(", ").join(
            sql.SQL("set_config({}, %s, true)").format(sql.Literal(name)) for name in names
        )
        cursor.execute(
            sql.SQL("SELECT {}").format(calls), [f"{max(1, int(value * 1000))}ms" for value in values]
        )
        yield cursor


class Database:
    """One connection, opened on first use, kept between invocations and reopened when lost."""

    def __init__(self, url: Callable[[], str] = database_url) -> None:
        self._url = url
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run work on the connection. Work must be one transaction that can be repeated safely.

        It is repeated once if the connection was lost (the commit status is unknown then), if the server
        turned out to be a replica, or after a deadlock or serialization failure.

        Raises:
            SchemaBehind: If the schema is older than this version needs.
            psycopg.Error: If the second attempt fails, or the error is of another kind.
        """
        try:
            return work(self._connected())
        except _RETRIED:
            pass
        except psycopg.Error as error:
            connection = self._connection
            if connection is None:  # the connection attempt itself failed
                raise
            if not (connection.closed or isinstance(error, errors.ReadOnlySqlTransaction)):
                raise
            self.close()
        return work(self._connected())

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = connect(self._url())
            try:
                require_schema(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection
