"""Lambda handler of `migrate_database`: migration on deployment, maintenance on a schedule."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from smarterise_lambdas.migrate_database.migrate import Action, BadAction, maintain, migrate_and_maintain
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.cloudwatch import Publisher
from smarterise_lambdas.shared.database_credentials import database_url
from smarterise_lambdas.shared.runtime import optional
from smarterise_sdk.domain.stack.names import METRIC_NAMESPACE

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SPARE_S: Final = 10.0
"""Time reserved for finishing the current batch, metrics and the response, seconds."""

logger = Logger(service="migrate_database")


@cache
def publisher() -> Publisher:
    """Return the metrics publisher, cached between invocations."""
    return Publisher(clients.cloudwatch(), optional("METRIC_NAMESPACE", METRIC_NAMESPACE))


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Run `{"action": "migrate"}`, the default, or `{"action": "maintain"}`.

    Raises:
        BadAction: If the action is unknown.
        Exception: Any failure, so that a deployment stops.
    """
    action = _action_of(event)
    until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SPARE_S
    now = datetime.now(UTC)
    if action is Action.MAINTAIN:
        return maintain(database_url(), publisher(), logger, until=until, now=now)
    user = optional("DATABASE_FUNCTION_USER", "")
    return migrate_and_maintain(database_url(), publisher(), logger, until=until, now=now, function_user=user)


def _action_of(event: Any) -> Action:
    action = event.get("action") if isinstance(event, dict) else None
    try:
        return Action.MIGRATE if action is None else Action(action)
    except ValueError:
        raise BadAction(action) from None
