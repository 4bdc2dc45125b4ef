"""Loads the files of one invocation: each is loaded, quarantined or reported as a fault.

A failing file does not stop the others. Faults of S3, the database or the deadline are raised at the end, so
that Lambda retries the event; the file ledger skips files that are already loaded.
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
"""Readings published per PutMetricData call: at most 1000 data points, 11 per reading."""
_NO_TIME: Final = "deadline exceeded"


class LoadIncomplete(RuntimeError):
    """Files failed for a reason other than their content; Lambda records and retries the event."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Dependencies of the function, cached between invocations."""

    s3: S3Client
    watch: SiteWatch
    archive: Archive
    database: Database
    publisher: Publisher
    log: Log


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """Result of one object.

    Attributes:
        key: Object key.
        state: State in the file ledger, or `superseded`, `gone`, `skipped`, `fault`.
        result: Result of the load, if it was attempted.
        reason: Why it was not loaded, or what is unusual about it.
    """

    key: str
    state: str
    result: FileResult | None = None
    reason: str = ""

    def response(self) -> dict[str, Any]:
        """Return the result as JSON, with control characters escaped."""
        response: dict[str, Any] = {"key": visible(self.key), "state": self.state}
        if self.result is not None:
            response |= {"rows": asdict(self.result.counts), "is_new": self.result.is_new}
        if self.reason:
            response["reason"] = visible(self.reason)
        return response


def load(
    request: Request, dependencies: Dependencies, *, now: datetime, remaining_s: Callable[[], float]
) -> list[ObjectResult]:
    """Load the objects of a request and publish their latest readings.

    Args:
        request: The objects.
        dependencies: Dependencies of the function.
        now: Current time, UTC.
        remaining_s: Returns the seconds left for loading.

    Returns:
        The result of each object, in the order of the request.
    """
    is_any = any(is_log_key(object_request.key) for object_request in request.objects)
    loader = FileLoader(
        database=dependencies.database,
        archive=dependencies.archive,
        # A reload usually follows a correction of the site file.
        sites=dependencies.watch.sites(at_once=request.reload) if is_any else None,
        now=now,
        timeout_s=TIMEOUT_S,
        is_over=lambda: remaining_s() <= 0,
        reload=request.reload,
    )
    results = [
        _load_object(object_request, loader, dependencies.s3, remaining_s)
        for object_request in request.objects
    ]
    new = [each.result for each in results if each.result is not None and each.result.is_new]
    unpublished = _publish(new, dependencies.publisher, now, remaining_s)
    _log(results, unpublished, dependencies.log)
    return results


def raise_faults(results: Iterable[ObjectResult]) -> None:
    """Raise an error if files must be retried.

    Raises:
        LoadIncomplete: If any result is a fault.
    """
    faults = [each for each in results if each.state == "fault"]
    if faults:
        shown = "; ".join(f"{visible(fault.key)}: {visible(fault.reason)}" for fault in faults[:5])
        raise LoadIncomplete(f"{len(faults)} files must be retried: {shown}")


def _load_object(
    object_request: ObjectRequest, loader: FileLoader, s3: S3Client, remaining_s: Callable[[], float]
) -> ObjectResult:
    if not is_log_key(object_request.key) or "\0" in object_request.key:
        return ObjectResult(object_request.key, "skipped", reason="not a log file")
    if remaining_s() <= 0:
        return ObjectResult(object_request.key, "fault", reason=_NO_TIME)
    reader = ObjectReader(s3, object_request)
    # Per file, so that the last one does not wait longer than the time left.
    loader = replace(loader, timeout_s=max(1.0, min(TIMEOUT_S, remaining_s())))
    try:
        result = loader.load(log_file_of(reader.open()), reader.chunks)
    except Superseded:
        return ObjectResult(
            object_request.key,
            "superseded",
            reason="the object was overwritten; the new content has its own event",
        )
    except Gone:
        return ObjectResult(object_request.key, "gone", reason="deleted before it was read")
    except (*FAULTS, OutOfTime, SitesUnknown) as error:
        return ObjectResult(object_request.key, "fault", reason=str(error))
    return ObjectResult(object_request.key, result.state.value, result, result.reason)


def _publish(
    results: Sequence[FileResult], publisher: Publisher, now: datetime, remaining_s: Callable[[], float]
) -> str:
    """Publish counts, then readings, the latest first; return a description of what was not published."""
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
        for batch in _batches(readings):
            if remaining_s() <= 0:
                return f"{len(batch) + len(list(readings))} readings: {_NO_TIME}"
            publisher.publish(batch, {}, now=now)
    except (ClientError, BotoCoreError) as error:
        return str(error)
    return ""


def _batches(readings: Iterator[Reading]) -> Iterator[list[Reading]]:
    while batch := list(islice(readings, READINGS_AT_ONCE)):
        yield batch


def _log(results: Iterable[ObjectResult], unpublished: str, log: Log) -> None:
    for each in results:
        extra: dict[str, object] = each.response()
        if each.state == "fault":
            log.error("file must be retried", extra=extra)
        elif each.state in (FileState.REJECTED.value, "gone"):
            log.warning("file not loaded", extra=extra)
        else:
            log.info("file processed", extra=extra)
    if unpublished:
        log.error("metrics not published", extra={"cause": unpublished})
