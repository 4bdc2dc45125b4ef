"""Runs the schema migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from smarterise_lambdas.shared.database import VERSION_TABLE, connect, schema_version


def migrate(url: str, to: str = "head") -> tuple[str, str]:
    """Apply all missing migrations in one transaction. Safe to run concurrently and repeatedly.

    Args:
        url: Database URL of a user who may create tables.
        to: Target version.

    Returns:
        The versions before and after; the first is `""` for a database without a schema.

    Raises:
        BadDatabaseUrl: If the URL is invalid.
        psycopg.OperationalError: If the server cannot be reached or refuses.
        sqlalchemy.exc.DBAPIError: If a migration fails; then none is applied.
    """
    before = _version(url)
    config = _config()
    config.attributes.update(connect=lambda: connect(url), version_table=VERSION_TABLE)
    command.upgrade(config, to)
    return before, _version(url)


def latest_version() -> str:
    """Return the latest schema version."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _version(url: str) -> str:
    with connect(url) as connection:
        return schema_version(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
