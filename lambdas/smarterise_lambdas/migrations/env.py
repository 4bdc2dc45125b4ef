"""Run by alembic, for `runner.migrate`: all steps in one transaction, one migrator at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import NullPool, create_engine

# Until a lock on a table is had, all who come after wait too: rather give up, and come again.
_LIMITS = "SET LOCAL lock_timeout = '10s'"
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('smarterise.schema'))"

_settings = context.config.attributes
_engine = create_engine("postgresql+psycopg://", creator=_settings["connect"], poolclass=NullPool)
with _engine.begin() as _connection:
    _connection.exec_driver_sql(_ALONE)
    _connection.exec_driver_sql(_LIMITS)
    context.configure(connection=_connection, version_table=_settings["version_table"])
    with context.begin_transaction():
        context.run_migrations()
