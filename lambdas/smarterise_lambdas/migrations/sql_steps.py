"""Runs the SQL file of a migration."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_beside(step: str) -> None:
    """Run the SQL file with the name of a migration module.

    Args:
        step: The module's `__file__`.
    """
    statements = Path(step).with_suffix(".sql").read_text(encoding="utf-8")
    # Without parameters, so that `%` and `:` in the SQL are literal.
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
