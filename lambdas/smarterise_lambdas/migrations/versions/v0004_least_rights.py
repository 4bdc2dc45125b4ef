"""Functions need not own the tables: the owner's own function makes the partitions for them."""

from smarterise_lambdas.migrations.sql_steps import run_beside

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Take the step."""
    run_beside(__file__)
