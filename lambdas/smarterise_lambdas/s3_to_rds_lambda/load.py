"""The files of one invocation: each loaded or put into the quarantine; what failed for another reason, told.

One file never holds up the others. What is a fault of S3, of the database or of time is raised at the end, so
that AWS counts it and delivers the event again: what was done by then is known by the ledger.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.s3_to_rds_lambda.file_loader import (
    FAULTS,
    FileLoader,
    FileResult,
    OutOfTime,
    SitesUnknown,
)
from smarterise_lambdas.s3_to_rds_lambda.log_file import is_log_key, log_file_of
from smarterise_lambdas.s3_to_rds_lambda.s3_reader import Gone, ObjectReader, Superseded
from smarterise_lambdas.shared.ledger import FileState
from smarterise_sdk.domain.readings.metrics import PipelineMetric
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.s3_to_rds_lambda.event import ObjectRequest, Request
    from smarterise_lambdas.shared.cloudwatch import Publisher
    from smarterise_lambdas.shared.data_lake import Archive
    from smarterise_lambdas.shared.database import Database
    from smarterise_lambdas.shared.runtime import Log
    from smarterise_lambdas.shared.site_cache import SiteWatch
    from smarterise_sdk.domain.readings.model import Reading

TIMEOUT_S: Final = 30.0
READINGS_AT_ONCE: Final = 90
"""Published in one call, which takes a thousand points; a reading has at most eleven."""
_NO_TIME: Final = "there was no time left for it"


class LoadIncomplete(RuntimeError):
    """Some files could not be loaded for a reason that is not theirs: AWS counts it, and tries again."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What loading needs, kept between invocations."""

    s3: S3Client
    watch: SiteWatch
    archive: Archive
    database: Database
    publisher: Publisher
    log: Log


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """What became of one object.

    Attributes:
        key: Its key.
        state: That of the ledger, or `superseded`, `gone`, `skipped`, `fault`.
        result: What was made of it, if it came so far.
        reason: Why, if it was not simply loaded.
    """

    key: str
    state: str
    result: FileResult | None = None
    reason: str = ""

    def response(self) -> dict[str, Any]:
        """Return it as JSON, fit to be shown."""
        told: dict[str, Any] = {"key": visible(self.key), "state": self.state}
        if self.result is not None:
            told |= {"rows": asdict(self.result.counts), "is_new": self.result.is_new}
        if self.reason:
            told["reason"] = visible(self.reason)
        return told


def load(
    request: Request, dependencies: Dependencies, *, now: datetime, remaining_s: Callable[[], float]
) -> list[ObjectResult]:
    """Load what an invocation asks for.

    Args:
        request: Which objects.
        dependencies: What with.
        now: This moment, UTC.
        remaining_s: Seconds that are left for loading.

    Returns:
        What became of each object, in the order of the request.
    """
    is_any = any(is_log_key(object_request.key) for object_request in request.objects)
    loader = FileLoader(
        database=dependencies.database,
        archive=dependencies.archive,
        # Who asks for files again has mostly just corrected the site file.
        sites=dependencies.watch.sites(at_once=request.reload) if is_any else None,
        now=now,
        timeout_s=TIMEOUT_S,
        is_over=lambda: remaining_s() <= 0,
        reload=request.reload,
    )
    told = [_one(object_request, loader, dependencies.s3, remaining_s) for object_request in request.objects]
    results = [each.result for each in told if each.result is not None and each.result.is_new]
    unpublished = _publish(results, dependencies.publisher, now, remaining_s)
    _log(told, unpublished, dependencies.log)
    return told


def raise_faults(told: Iterable[ObjectResult]) -> None:
    """Raise what must come again.

    Raises:
        LoadIncomplete: If anything must.
    """
    faults = [each for each in told if each.state == "fault"]
    if faults:
        shown = "; ".join(f"{visible(fault.key)}: {visible(fault.reason)}" for fault in faults[:5])
        raise LoadIncomplete(f"{len(faults)} files must come again: {shown}")


def _one(
    object_request: ObjectRequest, loader: FileLoader, s3: S3Client, remaining_s: Callable[[], float]
) -> ObjectResult:
    if not is_log_key(object_request.key) or "\0" in object_request.key:
        return ObjectResult(object_request.key, "skipped", reason="it is no log file")
    if remaining_s() <= 0:
        return ObjectResult(object_request.key, "fault", reason=_NO_TIME)
    reader = ObjectReader(s3, object_request)
    # Each file's own: the last one must not wait for longer than there is time.
    loader = replace(loader, timeout_s=max(1.0, min(TIMEOUT_S, remaining_s())))
    try:
        result = loader.load(log_file_of(reader.open()), reader.chunks)
    except Superseded:
        return ObjectResult(
            object_request.key, "superseded", reason="another content is under its key, and has its own event"
        )
    except Gone:
        return ObjectResult(object_request.key, "gone", reason="it was deleted before it could be read")
    except (*FAULTS, OutOfTime, SitesUnknown) as error:
        return ObjectResult(object_request.key, "fault", reason=str(error))
    return ObjectResult(object_request.key, result.state.value, result, result.reason)


def _publish(
    results: Sequence[FileResult], publisher: Publisher, now: datetime, remaining_s: Callable[[], float]
) -> str:
    """Publish what was counted, then what was measured, the newest first; return what was not, and why."""
    if not results:
        return ""
    states = [result.state for result in results]
    counts = {
        PipelineMetric.ROWS_LOADED: sum(result.counts.loaded for result in results),
        PipelineMetric.ROWS_REJECTED: sum(result.counts.rejected for result in results),
        PipelineMetric.FILES_LOADED: states.count(FileState.LOADED),
        PipelineMetric.FILES_REJECTED: states.count(FileState.REJECTED),
    }
    readings = chain.from_iterable(result.latest for result in results)
    try:
        publisher.publish(islice(readings, READINGS_AT_ONCE), counts, now=now)
        for some in _batches(readings):
            if remaining_s() <= 0:
                return f"{len(some) + len(list(readings))} readings: {_NO_TIME}"
            publisher.publish(some, {}, now=now)
    except (ClientError, BotoCoreError) as error:
        return str(error)
    return ""


def _batches(readings: Iterator[Reading]) -> Iterator[list[Reading]]:
    while some := list(islice(readings, READINGS_AT_ONCE)):
        yield some


def _log(told: Iterable[ObjectResult], unpublished: str, log: Log) -> None:
    for each in told:
        extra: dict[str, object] = each.response()
        if each.state == "fault":
            log.error("a file must come again", extra=extra)
        elif each.state in (FileState.REJECTED.value, "gone"):
            log.warning("a file was not loaded", extra=extra)
        else:
            log.info("a file was handled", extra=extra)
    if unpublished:
        log.error("metrics were not published", extra={"cause": unpublished})
