"""The rights of the user that functions log in as: to read and write rows, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

from smarterise_lambdas.shared.database import VERSION_TABLE, transaction

if TYPE_CHECKING:
    from smarterise_lambdas.shared.database import Connection

LOGIN_BY_IAM: Final = "rds_iam"
"""On RDS, membership of it is what lets a user log in with a token."""


def let_in(connection: Connection, user: str) -> bool:
    """Make the functions' user if there is none, and give it what loads and upkeep need. Safe to repeat.

    Args:
        connection: As the owner of the tables, outside a transaction.
        user: The user.

    Returns:
        Whether it was made.

    Raises:
        psycopg.Error: If the owner may not, or the server fails.
    """
    with transaction(connection) as cursor:
        is_new = not cursor.execute(_HAS_ROLE, [user]).fetchone()
        name = sql.Identifier(user)
        if is_new:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        if cursor.execute(_HAS_ROLE, [LOGIN_BY_IAM]).fetchone():
            cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(LOGIN_BY_IAM), name))
        database = sql.Identifier(connection.info.dbname)
        for right in _RIGHTS:
            cursor.execute(sql.SQL(right).format(user=name, database=database, version=_VERSION))
    return is_new


_VERSION: Final = sql.Identifier(VERSION_TABLE)
_HAS_ROLE: Final = b"SELECT 1 FROM pg_roles WHERE rolname = %s"
_RIGHTS: Final = (
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {user}",
    "GRANT USAGE ON SCHEMA public TO {user}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}",
    "REVOKE INSERT, UPDATE, DELETE ON {version} FROM {user}",
    "GRANT EXECUTE ON FUNCTION ensure_readings_partition(timestamptz) TO {user}",
)
