"""Lambda handler of `ftp_to_s3`: runs one sweep of the FTP servers and returns its counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from smarterise_lambdas.ftp_to_s3.config import servers_from_environment
from smarterise_lambdas.ftp_to_s3.event import read_request
from smarterise_lambdas.ftp_to_s3.report import build_report, store_report, summary
from smarterise_lambdas.ftp_to_s3.sweep import STABILITY_WINDOW, Dependencies, sweep
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.deadline import Deadline
from smarterise_lambdas.shared.runtime import number, optional, required
from smarterise_lambdas.shared.site_cache import usable_sites
from smarterise_lambdas.shared.site_file import SiteFile

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="ftp_to_s3")

RESERVE_SECONDS = 15.0
"""Time reserved for writing the manifests, seconds."""


class SweepIncomplete(RuntimeError):
    """The sweep failed for a reason other than a single file; the Lambda service records and retries it."""


@logger.inject_lambda_context
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Sweep the servers once.

    Raises:
        BadRequest: If the event is invalid or names a site that is unknown or disabled.
        SweepIncomplete: If a server, S3 or a secret failed; the rest of the sweep was completed.
    """
    request = read_request(event)
    servers = servers_from_environment()
    file = SiteFile(
        clients.s3(), required("SITE_CONFIG_BUCKET"), optional("SITE_CONFIG_KEY", "site-tiers.json")
    )
    scope = request.scope(usable_sites(file, logger))
    dependencies = Dependencies(
        s3=clients.s3(),
        bucket=required("DATA_LAKE_BUCKET"),
        secret_text=clients.secret_text,
        deadline=Deadline(
            context.get_remaining_time_in_millis, number("FTP_RESERVE_SECONDS", RESERVE_SECONDS)
        ),
        log=logger,
        stability_window=timedelta(seconds=number("FTP_STABILITY_SECONDS", STABILITY_WINDOW.total_seconds())),
    )
    stats = sweep(servers, scope, dependencies)
    for issue in stats.issues:
        logger.warning("sweep issue", extra={"error": issue.to_json()})
    response = {"sites": len(scope.selected), **stats.response()}
    logger.info("sweep finished", extra={name: value for name, value in response.items() if name != "errors"})
    report = build_report(stats, [server.name for server in servers], now=datetime.now(UTC))
    store_report(dependencies.s3, dependencies.bucket, request, report, logger)
    if stats.faults:
        raise SweepIncomplete(summary(stats.faults))
    return response
