"""AWS in and out of `kinesis_to_s3_rds`: a batch of the stream in, the records to send again out."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from smarterise_lambdas.kinesis_to_s3_rds.gate import LOOK_AGAIN_SECONDS, SiteWatch
from smarterise_lambdas.kinesis_to_s3_rds.ingest import Sinks, ingest
from smarterise_lambdas.kinesis_to_s3_rds.records import stream_record
from smarterise_lambdas.shared import aws
from smarterise_lambdas.shared.archive import Archive
from smarterise_lambdas.shared.database import Database
from smarterise_lambdas.shared.environment import optional, required
from smarterise_lambdas.shared.publishing import Publisher
from smarterise_lambdas.shared.site_file import SiteFile
from smarterise_sdk.domain.names import METRIC_NAMESPACE, StackNames

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="kinesis_to_s3_rds")
# A batch that fails whole is reported record by record too: the mapping then bisects and bounds its retries.
processor = BatchProcessor(EventType.KinesisDataStreams, raise_on_entire_batch_failure=False)


@cache
def sinks() -> Sinks:
    """Return whose readings are taken, and where they go; made on first use, kept between invocations."""
    archive = Archive(aws.s3(), required("DATA_LAKE_BUCKET"))
    publisher = Publisher(aws.cloudwatch(), optional("METRIC_NAMESPACE", METRIC_NAMESPACE))
    key = optional("SITE_CONFIG_KEY", StackNames().site_config_key)
    file = SiteFile(aws.s3(), required("SITE_CONFIG_BUCKET"), key)
    look_again = float(optional("SITE_CONFIG_LOOK_AGAIN_SECONDS", str(LOOK_AGAIN_SECONDS)))
    watch = SiteWatch(file, logger, look_again=look_again)
    return Sinks(watch, archive, Database(), publisher, logger)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Handle one batch; the answer names the records that must come again."""
    outcome = ingest([stream_record(entry) for entry in event["Records"]], sinks(), now=datetime.now(UTC))

    def settle(record: KinesisStreamRecord) -> None:
        outcome.settle(record.kinesis.sequence_number)

    return process_partial_response(event, settle, processor, context)
