"""The report on a sweep, kept in the lake's bucket for whoever misses files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from smarterise_lambdas.ftp_to_s3.lake import FAULTS
from smarterise_sdk.domain.sites import Tier
from smarterise_sdk.domain.sweeps import FAULTS_AT_MOST, SweepFault, SweepReport, sweep_report_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ftp_to_s3.request import Request
    from smarterise_lambdas.ftp_to_s3.tally import Tally
    from smarterise_lambdas.shared.logs import Log


def report_of(tally: Tally, servers: Iterable[str], *, now: datetime) -> SweepReport:
    """Return the report on a sweep of servers, by their names."""
    faults = [
        SweepFault(
            fault.code, fault.server, fault.message, is_whole=not fault.file and not fault.gateway_serial
        )
        for fault in tally.faults
    ]
    whole = [fault for fault in faults if fault.is_whole]
    rest = [fault for fault in faults if not fault.is_whole]
    return SweepReport(now, tuple(servers), (*whole, *rest[:FAULTS_AT_MOST]), len(faults))


def keep_report(s3: S3Client, bucket: str, request: Request, report: SweepReport, log: Log) -> None:
    """Keep the report on a sweep for each tier that it was about.

    A sweep for one site alone says nothing of the others, and is not reported. Nor does a report that
    cannot be kept make a sweep fail: what it would have told is in the log.
    """
    if request.gateway_serial is not None:
        return
    body = json.dumps(report.to_json()).encode("ascii")
    for tier in [request.tier] if request.tier else list(Tier):
        try:
            s3.put_object(
                Bucket=bucket, Key=sweep_report_key(tier), Body=body, ContentType="application/json"
            )
        except FAULTS as error:
            log.warning("the report on the sweep cannot be kept", extra={"error": str(error)})
