"""Quality of readings; aggregates of 10 minutes, an hour and a day; partitions ahead."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply the migration."""
    run_beside(__file__)
