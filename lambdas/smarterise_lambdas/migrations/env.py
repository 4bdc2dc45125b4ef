"""Alembic environment, used by `runner.migrate`: all migrations in one transaction, one process at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import NullPool, create_engine

# A waiting table lock also blocks later statements on the table: give up soon, and retry later.
_LIMITS = "SET LOCAL lock_timeout = '10s'"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('smarterise.schema'))"

_settings = context.config.attributes
_engine = create_engine("postgresql+psycopg://", creator=_settings["connect"], poolclass=NullPool)
with _engine.begin() as _connection:
    _connection.exec_driver_sql(_LOCK)
    _connection.exec_driver_sql(_LIMITS)
    context.configure(connection=_connection, version_table=_settings["version_table"])
    with context.begin_transaction():
        context.run_migrations()
