"""What a sweep did and what went wrong: counted by many threads, returned, logged, and kept in the lake."""

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
"""Told in an answer one by one; all are counted."""

_LONGEST_MESSAGE = 500


class Count(StrEnum):
    """What is counted, files unless said otherwise."""

    LISTED = "listed"
    """Of the selected sites, on all servers."""
    STORED = "stored"
    """Put into the lake."""
    IDENTICAL = "identical"
    """Fetched, and in the lake already."""
    UNCHANGED = "unchanged"
    """Known from before and not fetched."""
    EMPTY = "empty"
    """Fetched, with nothing in them."""
    WAITING = "waiting"
    """May still grow."""
    DEFERRED = "deferred"
    """Left to the next sweep, for want of time or of a server."""
    DELETED = "deleted"
    """Deleted on their server, being in the lake."""
    DISPUTED = "disputed"
    """Stored although the server says another length than it sends, always the same bytes."""
    OTHERS = "others"
    """Of gateways that this sweep is not about."""
    UNFINISHED = "unfinished"
    """Still being written, by their names."""
    BYTES = "bytes"
    """Put into the lake: bytes."""


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that went wrong, on its own.

    Attributes:
        code: Stable word for it.
        server: Name of the server.
        message: What, for people.
        gateway_serial: Whose file; empty if of none.
        file: Its path on the server; empty if of none.
        is_fault: Whether the sweep failed for it: it is not the file's own fault, and might not come again.
    """

    code: str
    server: str
    message: str
    gateway_serial: str = ""
    file: str = ""
    is_fault: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as the answer tells it, safe to show."""
        told = asdict(self)
        return {
            name: visible(value)[:_LONGEST_MESSAGE] if isinstance(value, str) else value
            for name, value in told.items()
        }


class SweepStats:
    """Counts and troubles of one sweep; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Count] = Counter()
        self._issues: list[Issue] = []

    def count(self, what: Count, number: int = 1) -> None:
        """Add to a count."""
        with self._lock:
            self._counts[what] += number

    def issue(self, issue: Issue) -> None:
        """Note that something went wrong."""
        with self._lock:
            self._issues.append(issue)

    def __getitem__(self, what: Count) -> int:
        return self._counts[what]

    @property
    def issues(self) -> tuple[Issue, ...]:
        """All of them: those that the sweep failed for first, and of these what is more than one file's."""
        return tuple(sorted(self._issues, key=lambda issue: (not issue.is_fault, issue.file != "")))

    @property
    def faults(self) -> tuple[Issue, ...]:
        """Those that the sweep failed for."""
        return tuple(issue for issue in self.issues if issue.is_fault)

    def counts(self) -> dict[str, int]:
        """Return every count, by name."""
        return {what.value: self._counts[what] for what in Count}

    def response(self) -> dict[str, Any]:
        """Return all of it as the function answers."""
        return {
            **self.counts(),
            "is_complete": not self._counts[Count.DEFERRED] and not self.faults,
            "trouble_count": len(self._issues),
            "errors": [issue.to_json() for issue in self.issues[:MAX_ISSUES]],
        }


def summary(issues: Iterable[Issue], *, most: int = 5) -> str:
    """Return troubles in one line: the first few, and how many more."""
    told = [f"{each.code} {each.file or each.server}: {each.message}" for each in issues]
    more = f"; and {len(told) - most} more" if len(told) > most else ""
    return visible("; ".join(told[:most]) + more)


def report_of(stats: SweepStats, servers: Iterable[str], *, now: datetime) -> SweepReport:
    """Return the report on a sweep of servers, by their names."""
    faults = [
        SweepFault(
            fault.code, fault.server, fault.message, is_whole=not fault.file and not fault.gateway_serial
        )
        for fault in stats.faults
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
