"""The ledger of files, the index of the quarantine, and the meters behind each gateway."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Take the step."""
    run_beside(__file__)
