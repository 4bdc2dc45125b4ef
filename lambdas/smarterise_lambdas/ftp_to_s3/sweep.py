"""Sweeps all servers concurrently; a failing server does not affect the others."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.ftp_to_s3.config import NoCredentials
from smarterise_lambdas.ftp_to_s3.connection_pool import Pool
from smarterise_lambdas.ftp_to_s3.data_lake import DataLake
from smarterise_lambdas.ftp_to_s3.ftp_client import FtpSource
from smarterise_lambdas.ftp_to_s3.manifest import Manifests, ManifestWriter
from smarterise_lambdas.ftp_to_s3.report import Issue, SweepStats
from smarterise_lambdas.ftp_to_s3.server_sweep import ServerSweep, SweepOptions
from smarterise_lambdas.ftp_to_s3.spool import SpoolBudget
from smarterise_lambdas.ftp_to_s3.transfer import FileTransfer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ftp_to_s3.config import FtpServer
    from smarterise_lambdas.ftp_to_s3.event import Scope
    from smarterise_lambdas.shared.deadline import Deadline
    from smarterise_lambdas.shared.runtime import Log

STABILITY_WINDOW: Final = timedelta(seconds=15)
"""Time between the two listings in which a recently changed file must stay unchanged."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Dependencies of one sweep.

    Attributes:
        s3: S3 client.
        bucket: Bucket of the data lake.
        secret_text: Returns the text of a secret by its ARN.
        deadline: Deadline of the sweep.
        log: Logger.
        stability_window: Time between the two listings of a recently changed file.
        now: Clock, UTC.
        pause: Sleeps for a number of seconds.
    """

    s3: S3Client
    bucket: str
    secret_text: Callable[[str], str]
    deadline: Deadline
    log: Log
    stability_window: timedelta = STABILITY_WINDOW
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep


def sweep(servers: Sequence[FtpServer], scope: Scope, dependencies: Dependencies) -> SweepStats:
    """Sweep servers for the log files of sites; return counts and issues."""
    stats = SweepStats()
    if not scope.selected:
        return stats
    data_lake, budget = DataLake(dependencies.s3, dependencies.bucket), SpoolBudget()
    ready = [
        server for each in servers if (server := _with_credentials(each, dependencies, stats)) is not None
    ]
    sweeps = [_server_sweep(server, scope, dependencies, stats, data_lake, budget) for server in ready]
    with ThreadPoolExecutor(len(servers), "server") as threads:
        list(threads.map(ServerSweep.run, sweeps))
    return stats


def _with_credentials(server: FtpServer, dependencies: Dependencies, stats: SweepStats) -> FtpServer | None:
    try:
        return server.with_credentials(dependencies.secret_text)
    except NoCredentials as error:
        issue = Issue(error.code, server.name, str(error), is_fault=True)
    except (ClientError, BotoCoreError) as error:
        message = f"cannot read the secret: {error}"
        issue = Issue("SECRET_UNREADABLE", server.name, message, is_fault=True)
    stats.issue(issue)
    return None


def _server_sweep(
    server: FtpServer,
    scope: Scope,
    dependencies: Dependencies,
    stats: SweepStats,
    data_lake: DataLake,
    budget: SpoolBudget,
) -> ServerSweep:
    pool = Pool(FtpSource(server), server.connections, dependencies.deadline, pause=dependencies.pause)
    manifests = Manifests(dependencies.s3, dependencies.bucket, server.name)
    return ServerSweep(
        FileTransfer(
            server.name, pool, data_lake, budget, dependencies.deadline, dependencies.now, dependencies.pause
        ),
        ManifestWriter(manifests, stats, server=server.name, now=dependencies.now),
        scope,
        SweepOptions(server.connections, server.quiet, dependencies.stability_window, server.deletes_stored),
        stats=stats,
        log=dependencies.log,
        now=dependencies.now,
        pause=dependencies.pause,
    )
