"""All servers swept at the same time, each on its own: what one does is nothing to the others."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.ftp_to_s3.config import NoCredentials
from smarterise_lambdas.ftp_to_s3.connection_pool import Pool
from smarterise_lambdas.ftp_to_s3.data_lake import Lake
from smarterise_lambdas.ftp_to_s3.ftp_client import FtpSource
from smarterise_lambdas.ftp_to_s3.manifest import Books, Manifests
from smarterise_lambdas.ftp_to_s3.report import Tally, Trouble
from smarterise_lambdas.ftp_to_s3.server_sweep import Habits, ServerSweep
from smarterise_lambdas.ftp_to_s3.spool import Room
from smarterise_lambdas.ftp_to_s3.transfer import Taker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ftp_to_s3.config import FtpServer
    from smarterise_lambdas.ftp_to_s3.event import Scope
    from smarterise_lambdas.shared.deadline import Deadline
    from smarterise_lambdas.shared.runtime import Log

SETTLE: Final = timedelta(seconds=15)
"""How far apart the two looks are between which a young file must not have grown."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a sweep works with.

    Attributes:
        s3: S3's client.
        bucket: The lake's bucket.
        secret_text: Returns the text of a secret by its ARN.
        deadline: When to begin nothing new.
        log: Where lines for people go.
        settle: How far apart the two looks at a young file are.
        now: Clock, UTC.
        pause: Waits so many seconds.
    """

    s3: S3Client
    bucket: str
    secret_text: Callable[[str], str]
    deadline: Deadline
    log: Log
    settle: timedelta = SETTLE
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep


def sweep(servers: Sequence[FtpServer], scope: Scope, means: Means) -> Tally:
    """Sweep servers for the files of sites; return what was done, and what went wrong."""
    tally = Tally()
    if not scope.selected:
        return tally
    lake, room = Lake(means.s3, means.bucket), Room()
    opened = [server for each in servers if (server := _opened(each, means, tally)) is not None]
    sweeps = [_server_sweep(server, scope, means, tally, lake, room) for server in opened]
    with ThreadPoolExecutor(len(servers), "server") as threads:
        list(threads.map(ServerSweep.run, sweeps))
    return tally


def _opened(server: FtpServer, means: Means, tally: Tally) -> FtpServer | None:
    try:
        return server.opened(means.secret_text)
    except NoCredentials as error:
        trouble = Trouble(error.code, server.name, str(error), is_fault=True)
    except (ClientError, BotoCoreError) as error:
        message = f"the secret cannot be read: {error}"
        trouble = Trouble("SECRET_UNREADABLE", server.name, message, is_fault=True)
    tally.trouble(trouble)
    return None


def _server_sweep(
    server: FtpServer, scope: Scope, means: Means, tally: Tally, lake: Lake, room: Room
) -> ServerSweep:
    pool = Pool(FtpSource(server), server.connections, means.deadline, pause=means.pause)
    manifests = Manifests(means.s3, means.bucket, server.name)
    return ServerSweep(
        Taker(server.name, pool, lake, room, means.deadline, means.now, means.pause),
        Books(manifests, tally, server=server.name, now=means.now),
        scope,
        Habits(server.connections, server.quiet, means.settle, server.is_emptied),
        tally=tally,
        log=means.log,
        now=means.now,
        pause=means.pause,
    )
