"""AWS in and out of `site-config-manager`: what a caller asks, or S3 tells, to the logic; its answer back."""

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
from smarterise_lambdas.site_config_manager.s3_event import carry_out, is_of_s3
from smarterise_lambdas.site_config_manager.schedules import Schedules
from smarterise_lambdas.site_config_manager.writer import ConfigStore
from smarterise_sdk.domain.stack.names import StackNames

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

DIRECT_MS: Final = 55_000
"""A caller waits for an answer no longer than a minute; what S3 tells of may take all the time there is."""

logger = Logger(service="site-config-manager")


def names() -> StackNames:
    """Return what things are called, as far as the function needs to know."""
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
    """Return the collection schedules, kept between invocations."""
    return Schedules(clients.events, of)


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Answer one direct invocation, or carry out what S3 tells of; see `responses` for the shapes."""
    called = names()
    from_s3 = is_of_s3(event)
    kept_ms = 0 if from_s3 else max(0, context.get_remaining_time_in_millis() - DIRECT_MS)
    dependencies = Dependencies(
        store=ConfigStore(clients.s3(), called.site_config_bucket, called.site_config_key),
        alarms=Alarms(clients.cloudwatch, called),
        schedules=schedules(called),
        names=called,
        remaining_ms=lambda: context.get_remaining_time_in_millis() - kept_ms,
        now=lambda: datetime.now(UTC),
    )
    if from_s3:
        return carry_out(event, dependencies, logger)
    result = dispatch(event, dependencies)
    error = result.get("error")
    if isinstance(error, dict):
        logger.warning("refused", extra={"action": action_of(event), "code": error["code"]})
    else:
        logger.info("answered", extra={"action": result["action"], "etag": result.get("etag")})
    return result
