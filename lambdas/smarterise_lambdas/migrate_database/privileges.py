"""Grants the functions' database user the privileges to read and write rows, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

from smarterise_lambdas.shared.database import VERSION_TABLE, transaction

if TYPE_CHECKING:
    from smarterise_lambdas.shared.database import Connection

LOGIN_BY_IAM: Final = "rds_iam"
"""Role of RDS that allows a user to log in with an IAM token."""


def grant_function_user(connection: Connection, user: str) -> bool:
    """Create the functions' user if missing, and grant the privileges for loads and maintenance. Idempotent.

    Args:
        connection: As the owner of the tables, outside a transaction.
        user: User name.

    Returns:
        Whether the user was created.

    Raises:
        psycopg.Error: If the owner lacks the privilege, or the server fails.
    """
    with transaction(connection) as cursor:
        is_new = not cursor.execute(_HAS_ROLE, [user]).fetchone()
        name = sql.Identifier(user)
        if is_new:
            cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        if cursor.execute(_HAS_ROLE, [LOGIN_BY_IAM]).fetchone():
            cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(LOGIN_BY_IAM), name))
        database = sql.Identifier(connection.info.dbname)
        for grant in _GRANTS:
            cursor.execute(sql.SQL(grant).format(user=name, database=database, version=_VERSION))
    return is_new


_VERSION: Final = sql.Identifier(VERSION_TABLE)
_HAS_ROLE: Final = b"SELECT 1 FROM pg_roles WHERE rolname = %s"
_GRANTS: Final = (
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {user}",
    "GRANT USAGE ON SCHEMA public TO {user}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}",
    "REVOKE INSERT, UPDATE, DELETE ON {version} FROM {user}",
    "GRANT EXECUTE ON FUNCTION ensure_readings_partition(timestamptz) TO {user}",
)
