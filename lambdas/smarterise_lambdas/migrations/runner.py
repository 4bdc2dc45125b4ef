"""Bring a database to the schema that the functions of this version need."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from smarterise_lambdas.shared.database import VERSION_TABLE, connect, schema_version


def migrate(url: str, to: str = "head") -> tuple[str, str]:
    """Take every missing step in one transaction; safe at any time, and by several processes at once.

    Args:
        url: Of the database, as a user who may make tables.
        to: The version to stop at.

    Returns:
        The versions before and after; the first is `""` for a database without a schema.

    Raises:
        BadDatabaseUrl: If the URL is none.
        psycopg.OperationalError: If the server cannot be reached or refuses.
        sqlalchemy.exc.DBAPIError: If a step fails; then none was taken.
    """
    before = _version(url)
    config = _config()
    config.attributes.update(connect=lambda: connect(url), version_table=VERSION_TABLE)
    command.upgrade(config, to)
    return before, _version(url)


def latest_version() -> str:
    """Return the version that `migrate` leads to."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _version(url: str) -> str:
    with connect(url) as connection:
        return schema_version(connection)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
