"""Counts and issues of a sweep, and the sweep report that is stored in the data lake."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.ftp_to_s3.data_lake import FAULTS
from smarterise_sdk.domain.ingest.sweep_report import (
    FAULTS_AT_MOST,
    SweepFault,
    SweepReport,
    sweep_report_key,
)
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ftp_to_s3.event import Request
    from smarterise_lambdas.shared.runtime import Log

MAX_ISSUES: Final = 100
"""Issues listed in a response; all are counted."""

_MAX_MESSAGE_LENGTH = 500


class Count(StrEnum):
    """Counters of a sweep; they count files unless stated otherwise."""

    LISTED = "listed"
    """Files of the selected sites, on all servers."""
    STORED = "stored"
    """Stored in the data lake."""
    IDENTICAL = "identical"
    """Fetched, but already in the data lake."""
    UNCHANGED = "unchanged"
    """In the manifest and not fetched."""
    EMPTY = "empty"
    """Fetched and empty."""
    WAITING = "waiting"
    """May still be growing."""
    DEFERRED = "deferred"
    """Left to the next sweep because time, S3 or the server was not available."""
    DELETED = "deleted"
    """Deleted on their server after they were stored."""
    DISPUTED = "disputed"
    """Stored although the listed size differs from the size sent, which is the same each time."""
    OTHERS = "others"
    """Files of gateways that the sweep does not cover."""
    UNFINISHED = "unfinished"
    """Still being written, by their names."""
    BYTES = "bytes"
    """Bytes stored in the data lake."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One error of a sweep.

    Attributes:
        code: Stable error code.
        server: Name of the server.
        message: Description.
        gateway_serial: Serial of the gateway; empty if it concerns no single gateway.
        file: Path on the server; empty if it concerns no single file.
        is_fault: Whether it fails the sweep: it is not caused by the file and may be transient.
    """

    code: str
    server: str
    message: str
    gateway_serial: str = ""
    file: str = ""
    is_fault: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the issue as JSON, with control characters escaped."""
        return {
            name: visible(value)[:_MAX_MESSAGE_LENGTH] if isinstance(value, str) else value
            for name, value in asdict(self).items()
        }


class SweepStats:
    """Counts and issues of one sweep; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Count] = Counter()
        self._issues: list[Issue] = []

    def count(self, counter: Count, number: int = 1) -> None:
        """Increase a counter."""
        with self._lock:
            self._counts[counter] += number

    def issue(self, issue: Issue) -> None:
        """Record an issue."""
        with self._lock:
            self._issues.append(issue)

    def __getitem__(self, counter: Count) -> int:
        return self._counts[counter]

    @property
    def issues(self) -> tuple[Issue, ...]:
        """All issues: faults first, and within each group those of a server before those of a file."""
        return tuple(sorted(self._issues, key=lambda issue: (not issue.is_fault, issue.file != "")))

    @property
    def faults(self) -> tuple[Issue, ...]:
        """Issues that fail the sweep."""
        return tuple(issue for issue in self.issues if issue.is_fault)

    def counts(self) -> dict[str, int]:
        """Return every counter by name."""
        return {counter.value: self._counts[counter] for counter in Count}

    def response(self) -> dict[str, Any]:
        """Return counts and issues as the response of the function."""
        return {
            **self.counts(),
            "is_complete": not self._counts[Count.DEFERRED] and not self.faults,
            "error_count": len(self._issues),
            "errors": [issue.to_json() for issue in self.issues[:MAX_ISSUES]],
        }


def summary(issues: Iterable[Issue], *, most: int = 5) -> str:
    """Return issues as one line: the first few, and the number of the others."""
    lines = [f"{each.code} {each.file or each.server}: {each.message}" for each in issues]
    more = f"; and {len(lines) - most} more" if len(lines) > most else ""
    return visible("; ".join(lines[:most]) + more)


def build_report(stats: SweepStats, servers: Iterable[str], *, now: datetime) -> SweepReport:
    """Build the report on a sweep of the named servers."""
    faults = [
        SweepFault(
            fault.code, fault.server, fault.message, is_whole=not fault.file and not fault.gateway_serial
        )
        for fault in stats.faults
    ]
    whole = [fault for fault in faults if fault.is_whole]
    rest = [fault for fault in faults if not fault.is_whole]
    return SweepReport(now, tuple(servers), (*whole, *rest[:FAULTS_AT_MOST]), len(faults))


def store_report(s3: S3Client, bucket: str, request: Request, report: SweepReport, log: Log) -> None:
    """Store the report on a sweep in the data lake, once for each tier that it covered.

    A sweep of a single site is not reported. A failure to store the report does not fail the sweep: its
    content is in the log.
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
            log.warning("storing the sweep report failed", extra={"error": str(error)})
