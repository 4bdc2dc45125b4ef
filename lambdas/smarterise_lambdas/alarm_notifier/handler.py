"""Lambda handler of `alarm_notifier`: sends notification e-mails for SNS events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from smarterise_lambdas.alarm_notifier.batching import BatchingWindow
from smarterise_lambdas.alarm_notifier.metrics import last_values
from smarterise_lambdas.alarm_notifier.notify import Dependencies, notify
from smarterise_lambdas.alarm_notifier.ses import Mailer
from smarterise_lambdas.alarm_notifier.sns_event import notice_of
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.runtime import MissingSetting, number, optional, required
from smarterise_lambdas.shared.site_cache import usable_sites
from smarterise_lambdas.shared.site_file import SiteFile
from smarterise_sdk.domain.stack.names import METRIC_NAMESPACE, StackNames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
    from smarterise_sdk.domain.sites.model import Site

logger = Logger(service="alarm_notifier")

BATCHING_SECONDS = 10.0
"""How long the first alarm waits for others, seconds; the interval grows while alarms continue."""


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Notify about the records of an SNS event; without records (a schedule), send pending notices.

    Raises:
        MissingSetting: If sender, recipients or bucket are not set.
        EmailNotSent: If SES rejects an e-mail.
        EmailsWaiting: If the time ran out before a pending e-mail was sent.
    """
    records = event.get("Records", []) if isinstance(event, dict) else []
    now = datetime.now(UTC)
    notices = [notice_of(record, now=now) for record in records if isinstance(record, dict)]
    response = notify(notices, _dependencies(context))
    logger.info("notices handled", extra=response)
    return response


def _dependencies(context: LambdaContext) -> Dependencies:
    return Dependencies(
        invocation_id=context.aws_request_id,
        batching=BatchingWindow(clients.s3(), required("DATA_LAKE_BUCKET")),
        mailer=Mailer(clients.sesv2, required("ALERT_SENDER"), _recipients()),
        sites=_sites,
        values=_values,
        names=StackNames(alarm_prefix=optional("ALARM_PREFIX", StackNames().alarm_prefix)),
        batching_window=timedelta(seconds=number("ALERT_BATCHING_SECONDS", BATCHING_SECONDS)),
        remaining_ms=context.get_remaining_time_in_millis,
        log=logger,
    )


def _recipients() -> tuple[str, ...]:
    recipients = tuple(part.strip() for part in required("ALERT_RECIPIENTS").split(",") if part.strip())
    if not recipients:
        raise MissingSetting("ALERT_RECIPIENTS")
    return recipients


def _sites() -> Mapping[str, Site]:
    key = optional("SITE_CONFIG_KEY", "site-tiers.json")
    return usable_sites(SiteFile(clients.s3(), required("SITE_CONFIG_BUCKET"), key), logger)


def _values(serials: Sequence[str]) -> Mapping[str, Mapping[Metric, MetricPoint]]:
    query = partial(last_values, clients.cloudwatch(), optional("METRIC_NAMESPACE", METRIC_NAMESPACE))
    return query(serials, now=datetime.now(UTC))
