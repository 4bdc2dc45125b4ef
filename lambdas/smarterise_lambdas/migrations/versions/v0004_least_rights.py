"""Partition function with the owner's privileges, so that functions need not own the tables."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply the migration."""
    run_beside(__file__)
