"""AWS in and out of `kinesis_to_s3_rds`: a batch of the stream in, the records to send again out."""

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
from smarterise_lambdas.shared.database import PATIENCE_S, Database
from smarterise_lambdas.shared.maintenance import TURN_EVERY_S, UpkeepTurns
from smarterise_lambdas.shared.runtime import optional, required
from smarterise_lambdas.shared.site_cache import LOOK_AGAIN_SECONDS, SiteWatch
from smarterise_lambdas.shared.site_file import SiteFile
from smarterise_sdk.domain.stack.names import METRIC_NAMESPACE, StackNames

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SPARE_S: Final = 10.0
"""Left of an invocation for connecting, metrics and the answer."""
LEAST_PATIENCE_S: Final = 1.0

logger = Logger(service="kinesis_to_s3_rds")


@cache
def sinks() -> Sinks:
    """Return whose readings are taken, and where they go; made on first use, kept between invocations."""
    archive = Archive(clients.s3(), required("DATA_LAKE_BUCKET"))
    cloudwatch = clients.cloudwatch()
    put_metric_data.install(cloudwatch)
    publisher = Publisher(cloudwatch, optional("METRIC_NAMESPACE", METRIC_NAMESPACE))
    key = optional("SITE_CONFIG_KEY", StackNames().site_config_key)
    file = SiteFile(clients.s3(), required("SITE_CONFIG_BUCKET"), key)
    look_again = float(optional("SITE_CONFIG_LOOK_AGAIN_SECONDS", str(LOOK_AGAIN_SECONDS)))
    watch = SiteWatch(file, logger, look_again=look_again)
    return Sinks(watch, archive, Database(), publisher, logger)


@cache
def turns() -> UpkeepTurns:
    """Return the function's turns at the upkeep of the database; kept between invocations."""
    every = float(optional("UPKEEP_EVERY_SECONDS", str(TURN_EVERY_S)))
    return UpkeepTurns(sinks().database, logger, every_s=every)


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Handle one batch, and name the records that must come again; or load what is kept of the stream again.

    Raises:
        BadRequest: If it is neither.
    """
    if not isinstance(event, dict) or "Records" not in event:
        return _load_again(event, context)
    records = [record for entry in event["Records"] for record in stream_records(entry)]
    # What is done twice, because the server went away, has to fit in too.
    patience = max(LEAST_PATIENCE_S, min(PATIENCE_S, (_remaining_s(context) - SPARE_S) / 2))
    outcome = ingest(records, sinks(), now=datetime.now(UTC), patience_s=patience)
    if not outcome.faults:
        turns().take(_remaining_s(context) - SPARE_S)
    return outcome.to_answer()


def _load_again(event: Any, context: LambdaContext) -> dict[str, Any]:
    from smarterise_lambdas.kinesis_to_s3_rds.replay import keys_of, load_again  # the stream needs none of it

    return load_again(
        keys_of(event),
        sinks(),
        clients.s3(),
        now=datetime.now(UTC),
        patience_s=max(LEAST_PATIENCE_S, min(PATIENCE_S, (_remaining_s(context) - SPARE_S) / 2)),
        is_over=lambda: _remaining_s(context) < 1.5 * SPARE_S,
    )


def _remaining_s(context: LambdaContext) -> float:
    return context.get_remaining_time_in_millis() / 1000
