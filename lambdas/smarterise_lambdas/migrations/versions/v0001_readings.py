"""The table of readings, its contradictions, and its partitions by month."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Take the step."""
    run_beside(__file__)
