"""Lambda handler of `site-config-manager`: direct requests, and S3 events of the site file."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.runtime import optional, required
from smarterise_lambdas.site_config_manager.alarms import Alarms
from smarterise_lambdas.site_config_manager.dependencies import Dependencies
from smarterise_lambdas.site_config_manager.dispatch import dispatch
from smarterise_lambdas.site_config_manager.responses import action_of
from smarterise_lambdas.site_config_manager.s3_event import handle_s3_event, is_s3_event
from smarterise_lambdas.site_config_manager.schedules import Schedules
from smarterise_lambdas.site_config_manager.writer import ConfigStore
from smarterise_sdk.domain.stack.names import StackNames

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

DIRECT_TIMEOUT_MS: Final = 55_000
"""Time limit of a direct request, ms: callers wait at most a minute. S3 events may use the full timeout."""

logger = Logger(service="site-config-manager")


def names() -> StackNames:
    """Return the resource names that the function uses."""
    default = StackNames()
    return StackNames(
        site_config_bucket=required("SITE_CONFIG_BUCKET"),
        site_config_key=optional("SITE_CONFIG_KEY", default.site_config_key),
        ftp_to_s3=optional("FTP_FUNCTION", default.ftp_to_s3),
        critical_rule_prefix=optional("CRITICAL_RULE_PREFIX", default.critical_rule_prefix),
        non_critical_rule_prefix=optional("NON_CRITICAL_RULE_PREFIX", default.non_critical_rule_prefix),
        alarm_prefix=optional("ALARM_PREFIX", default.alarm_prefix),
    )


@cache
def schedules(of: StackNames) -> Schedules:
    """Return the collection schedules, cached between invocations."""
    return Schedules(clients.events, of)


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Handle a direct request or an S3 event; `responses` describes the result."""
    stack_names = names()
    from_s3 = is_s3_event(event)
    reserved_ms = 0 if from_s3 else max(0, context.get_remaining_time_in_millis() - DIRECT_TIMEOUT_MS)
    dependencies = Dependencies(
        store=ConfigStore(clients.s3(), stack_names.site_config_bucket, stack_names.site_config_key),
        alarms=Alarms(clients.cloudwatch, stack_names),
        schedules=schedules(stack_names),
        names=stack_names,
        remaining_ms=lambda: context.get_remaining_time_in_millis() - reserved_ms,
        now=lambda: datetime.now(UTC),
    )
    if from_s3:
        return handle_s3_event(event, dependencies, logger)
    result = dispatch(event, dependencies)
    error = result.get("error")
    if isinstance(error, dict):
        logger.warning("request rejected", extra={"action": action_of(event), "code": error["code"]})
    else:
        logger.info("request completed", extra={"action": result["action"], "etag": result.get("etag")})
    return result
