"""What a step does: run the SQL file beside it."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_beside(step: str) -> None:
    """Run the SQL file that has the name of a step's module.

    Args:
        step: The module's `__file__`.
    """
    statements = Path(step).with_suffix(".sql").read_text(encoding="utf-8")
    # Without parameters: `%` and `:` in the SQL are what they are.
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
