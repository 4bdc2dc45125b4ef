"""Lambda handler of `s3_to_rds_lambda`: loads objects and returns the result of each."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger

from smarterise_lambdas.s3_to_rds_lambda.event import read_request
from smarterise_lambdas.s3_to_rds_lambda.load import Dependencies, load, raise_faults
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.cloudwatch import Publisher
from smarterise_lambdas.shared.data_lake import Archive
from smarterise_lambdas.shared.database import Database
from smarterise_lambdas.shared.maintenance import PeriodicMaintenance
from smarterise_lambdas.shared.runtime import optional, required
from smarterise_lambdas.shared.site_cache import SiteWatch
from smarterise_lambdas.shared.site_file import SiteFile
from smarterise_sdk.domain.stack.names import METRIC_NAMESPACE, StackNames

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SPARE_S: Final = 10.0
"""Time reserved for metrics, maintenance and the response, seconds."""

logger = Logger(service="s3_to_rds_lambda")


@cache
def dependencies() -> Dependencies:
    """Create the dependencies on first use; cached between invocations."""
    file = SiteFile(
        clients.s3(),
        required("SITE_CONFIG_BUCKET"),
        optional("SITE_CONFIG_KEY", StackNames().site_config_key),
    )
    return Dependencies(
        s3=clients.s3(),
        watch=SiteWatch(file, logger),
        archive=Archive(clients.s3(), required("DATA_LAKE_BUCKET")),
        database=Database(),
        publisher=Publisher(clients.cloudwatch(), optional("METRIC_NAMESPACE", METRIC_NAMESPACE)),
        log=logger,
    )


@cache
def maintenance() -> PeriodicMaintenance:
    """Create the periodic database maintenance; cached between invocations."""
    return PeriodicMaintenance(dependencies().database, logger)


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Load the objects of one event.

    Raises:
        BadRequest: If the event is invalid.
        LoadIncomplete: If files failed because of S3, the database or the deadline; the others are loaded.
    """

    def remaining_s() -> float:
        return context.get_remaining_time_in_millis() / 1000 - SPARE_S

    request = read_request(event, required("DATA_LAKE_BUCKET"))
    results = load(request, dependencies(), now=datetime.now(UTC), remaining_s=remaining_s)
    raise_faults(results)
    maintenance().run_if_due(remaining_s())
    return {"files": [each.response() for each in results]}
