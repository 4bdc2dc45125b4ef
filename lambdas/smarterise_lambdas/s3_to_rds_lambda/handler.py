"""AWS in and out of `s3_to_rds_lambda`: objects in, what became of each out."""

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
"""Left of an invocation for metrics, upkeep and the answer."""

logger = Logger(service="s3_to_rds_lambda")


@cache
def dependencies() -> Dependencies:
    """Return what loading needs; made on first use, kept between invocations."""
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
    """Return the function's turns at the upkeep of the database; kept between invocations."""
    return PeriodicMaintenance(dependencies().database, logger)


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Load the objects of one event.

    Raises:
        BadRequest: If the event asks for nothing that there is.
        LoadIncomplete: If S3, the database or time failed. What could be done was done nevertheless.
    """

    def remaining_s() -> float:
        return context.get_remaining_time_in_millis() / 1000 - SPARE_S

    request = read_request(event, required("DATA_LAKE_BUCKET"))
    told = load(request, dependencies(), now=datetime.now(UTC), remaining_s=remaining_s)
    raise_faults(told)
    maintenance().run_if_due(remaining_s())
    return {"files": [each.response() for each in told]}
