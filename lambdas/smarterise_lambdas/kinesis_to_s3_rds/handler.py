"""Lambda handler of `kinesis_to_s3_rds`: ingests a Kinesis batch and returns the records to retry."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from smarterise_lambdas.kinesis_to_s3_rds.batch import Sinks, ingest
from smarterise_lambdas.kinesis_to_s3_rds.records import stream_records
from smarterise_lambdas.shared import clients, put_metric_data
from smarterise_lambdas.shared.cloudwatch import Publisher
from smarterise_lambdas.shared.data_lake import Archive
from smarterise_lambdas.shared.database import TIMEOUT_S, Database
from smarterise_lambdas.shared.maintenance import MAINTENANCE_EVERY_S, PeriodicMaintenance
from smarterise_lambdas.shared.runtime import optional, required
from smarterise_lambdas.shared.site_cache import REFRESH_SECONDS, SiteWatch
from smarterise_lambdas.shared.site_file import SiteFile
from smarterise_sdk.domain.stack.names import METRIC_NAMESPACE, StackNames

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SPARE_S: Final = 10.0
"""Time reserved for connecting, metrics and the response, seconds."""
MIN_TIMEOUT_S: Final = 1.0

logger = Logger(service="kinesis_to_s3_rds")


@cache
def sinks() -> Sinks:
    """Create the dependencies on first use; cached between invocations."""
    archive = Archive(clients.s3(), required("DATA_LAKE_BUCKET"))
    cloudwatch = clients.cloudwatch()
    put_metric_data.install(cloudwatch)
    publisher = Publisher(cloudwatch, optional("METRIC_NAMESPACE", METRIC_NAMESPACE))
    key = optional("SITE_CONFIG_KEY", StackNames().site_config_key)
    file = SiteFile(clients.s3(), required("SITE_CONFIG_BUCKET"), key)
    refresh = float(optional("SITE_CONFIG_REFRESH_SECONDS", str(REFRESH_SECONDS)))
    watch = SiteWatch(file, logger, refresh=refresh)
    return Sinks(watch, archive, Database(), publisher, logger)


@cache
def maintenance() -> PeriodicMaintenance:
    """Create the periodic database maintenance; cached between invocations."""
    every = float(optional("MAINTENANCE_INTERVAL_SECONDS", str(MAINTENANCE_EVERY_S)))
    return PeriodicMaintenance(sinks().database, logger, every_s=every)


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Ingest a Kinesis batch and return its failed records; or replay stored objects of the stream.

    Raises:
        BadRequest: If the event is neither.
    """
    if not isinstance(event, dict) or "Records" not in event:
        return _replay(event, context)
    records = [record for entry in event["Records"] for record in stream_records(entry)]
    # Half of the time left, so that one retry after a lost database connection fits in.
    timeout = max(MIN_TIMEOUT_S, min(TIMEOUT_S, (_remaining_s(context) - SPARE_S) / 2))
    outcome = ingest(records, sinks(), now=datetime.now(UTC), timeout_s=timeout)
    if not outcome.faults:
        maintenance().run_if_due(_remaining_s(context) - SPARE_S)
    return outcome.to_response()


def _replay(event: Any, context: LambdaContext) -> dict[str, Any]:
    from smarterise_lambdas.kinesis_to_s3_rds.replay import keys_of, replay  # not needed for stream batches

    return replay(
        keys_of(event),
        sinks(),
        clients.s3(),
        now=datetime.now(UTC),
        timeout_s=max(MIN_TIMEOUT_S, min(TIMEOUT_S, (_remaining_s(context) - SPARE_S) / 2)),
        is_over=lambda: _remaining_s(context) < 1.5 * SPARE_S,
    )


def _remaining_s(context: LambdaContext) -> float:
    return context.get_remaining_time_in_millis() / 1000
