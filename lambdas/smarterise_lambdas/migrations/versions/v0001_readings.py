"""Table of readings with monthly partitions, and table of conflicting readings."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the migration."""
    run_beside(__file__)
