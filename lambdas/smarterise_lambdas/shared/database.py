"""PostgreSQL for a function: one connection, patience within an invocation, a schema as new as the code.

An execution environment of Lambda handles one event at a time, so its pool is one connection, kept between
invocations. How many there are in all is how many environments run at once: reserved concurrency bounds it.
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
"""The oldest schema that this code can work with: the newest step of `smarterise_lambdas.migrations`."""
VERSION_TABLE: Final = "schema_version"

TIMEOUT_S: Final = 20.0
"""How long a transaction's statements may take each, unless its caller says."""
_LOCK_SHARE: Final = 0.5

_CONNECT: Final = {
    "connect_timeout": 5,
    # A server that went away without a word is noticed in seconds, not in the system's two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # After a failover the old address may lead to what is now a replica, for a while.
    "target_session_attrs": "read-write",
    "application_name": "smarterise",
}
_ONCE_MORE: Final = (errors.DeadlockDetected, errors.SerializationFailure)


class SchemaBehind(RuntimeError):
    """The database lacks what this version needs: a fault of the deployment."""

    def __init__(self, version: str) -> None:
        has = f"is at version {version}" if version else "has no schema"
        super().__init__(
            f"the database {has}, and this function needs {SCHEMA_VERSION}:"
            " invoke the function migrate_database, and it works from then on"
        )


def connect(url: str) -> Connection:
    """Return a new connection to a server that takes writes.

    Raises:
        BadDatabaseUrl: If the URL is none.
        MissingSetting: If nobody is named to believe the server's certificate.
        psycopg.OperationalError: If the server cannot be reached or refuses.
    """
    # No prepared statements: behind RDS Proxy they would pin the session.
    return psycopg.connect(**{**_CONNECT, **connection_parameters(url)}, prepare_threshold=None)


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


@contextmanager
def transaction(connection: Connection, timeout_s: float = TIMEOUT_S) -> Iterator[Cursor]:
    """Open a transaction that cannot outlive its function: what hangs becomes an error while one can tell.

    Set for the transaction alone, which a proxy allows without keeping the session to itself.

    Args:
        connection: Outside a transaction.
        timeout_s: How long each statement may take, seconds; a lock may take half of it.
    """
    if connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        # Within another one it would be a savepoint, and what looks committed would be lost.
        raise AssertionError("the connection is in a transaction already")
    with connection.transaction(), connection.cursor() as cursor:
        limits = {
            "statement_timeout": timeout_s,
            "lock_timeout": timeout_s * _LOCK_SHARE,
            # A function that was killed leaves its locks to nobody.
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
    """One connection, made on first use and kept between invocations; made anew when it has gone away."""

    def __init__(self, url: Callable[[], str] = database_url) -> None:
        self._url = url
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do work on the connection. Work must be one transaction, which may be repeated without harm.

        It is done a second time when the server went away in the middle of it, so that nobody can say
        whether it was committed, or turned out to be a replica, or chose it as the victim of a deadlock.

        Raises:
            SchemaBehind: If the database lacks what this version needs.
            psycopg.Error: If it fails again, or for another reason.
        """
        try:
            return work(self._connected())
        except _ONCE_MORE:
            pass
        except psycopg.Error as error:
            connection = self._connection
            if connection is None:  # could not be had at all
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
