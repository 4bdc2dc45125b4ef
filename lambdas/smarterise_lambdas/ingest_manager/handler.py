"""Lambda handler of `ingest-manager`: dispatches a request and returns the response."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from smarterise_lambdas.ingest_manager.data_lake import DataLake
from smarterise_lambdas.ingest_manager.dispatch import Dependencies, dispatch
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.database import Database
from smarterise_lambdas.shared.runtime import required

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="ingest-manager")


@cache
def dependencies() -> Dependencies:
    """Create the dependencies on first use; cached between invocations."""
    return Dependencies(Database(), DataLake(clients.s3(), required("DATA_LAKE_BUCKET")))


@logger.inject_lambda_context
def handler(event: Any, _context: LambdaContext) -> dict[str, Any]:
    """Handle one direct invocation; see `dispatch` for the responses."""
    result = dispatch(event, dependencies(), now=datetime.now(UTC))
    if result["ok"]:
        logger.info("request succeeded", extra={"action": result["action"]})
    else:
        logger.warning(
            "request rejected", extra={"action": result["action"], "code": result["error"]["code"]}
        )
    return result
