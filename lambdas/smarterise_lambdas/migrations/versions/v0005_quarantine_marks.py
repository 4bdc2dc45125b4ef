"""User, time and reason of a change of a quarantine entry."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply the migration."""
    run_beside(__file__)
