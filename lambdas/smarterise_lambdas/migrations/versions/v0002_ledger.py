"""File ledger, quarantine index, and the meters of each gateway."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply the migration."""
    run_beside(__file__)
