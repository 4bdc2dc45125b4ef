"""AWS in and out of `site-config-manager`: the event to the logic, its answer back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from smarterise_lambdas.shared import aws
from smarterise_lambdas.shared.environment import optional, required
from smarterise_lambdas.site_config_manager.answers import action_of
from smarterise_lambdas.site_config_manager.logic import answer
from smarterise_lambdas.site_config_manager.retrying import Retries
from smarterise_lambdas.site_config_manager.store import ConfigStore

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="site-config-manager")


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Answer one direct invocation; see `answers` for the shapes."""
    key = optional("SITE_CONFIG_KEY", "site-tiers.json")
    store = ConfigStore(aws.s3(), required("SITE_CONFIG_BUCKET"), key)
    retries = Retries(context.get_remaining_time_in_millis)
    reply = answer(event, store, retries=retries, now=lambda: datetime.now(UTC))
    error = reply.get("error")
    if isinstance(error, dict):
        logger.warning("refused", extra={"action": action_of(event), "code": error["code"]})
    else:
        logger.info("answered", extra={"action": reply["action"], "tries": retries.made})
    return reply
