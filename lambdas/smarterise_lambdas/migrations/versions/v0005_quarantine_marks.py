"""Who marked an entry of the quarantine, when and why."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Take the step."""
    run_beside(__file__)
