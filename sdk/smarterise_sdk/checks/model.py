"""What a check is, what it finds, and the decorator that makes one of a judging function.

A check judges facts that were collected before; it calls nobody. A fact that could not be had makes its
finding `unknown`, never `ok`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from smarterise_sdk.domain.outcome import Gap
from smarterise_sdk.domain.text import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

T = TypeVar("T")


class Severity(StrEnum):
    """How much a failure matters."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class FindingStatus(StrEnum):
    """What a check has come to."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    """Does not apply, because of something another check tells of."""
    UNKNOWN = "unknown"
    """Could not be determined: denied, unreachable, failed."""


@dataclass(frozen=True, slots=True)
class CheckMeta:
    """What is known of a check before it runs.

    Attributes:
        id: Stable, never used again for another check.
        title: What should be true, in one line.
        severity: How much it matters when it is not.
        rationale: Why it matters.
        expected: What it expects to see.
        remedy: What to do when it is not so; a command where there is one.
        reads: The IAM actions its facts need.
    """

    id: str
    title: str
    severity: Severity
    rationale: str
    expected: str
    remedy: str
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judging function says.

    Attributes:
        status: The outcome.
        subject: What it is about, e.g. `s3://smarterise-site-config`.
        observed: What was seen.
        remedy: A closer remedy than the check's own.
    """

    status: FindingStatus
    subject: str
    observed: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found.

    Attributes:
        check_id: The check.
        title: What should be true.
        severity: How much it matters when it is not.
        status: The outcome.
        subject: What it is about.
        observed: What was seen.
        expected: What should have been seen.
        evidence: The calls it rests on, and when they were made.
        remedy: What to do; empty when all is well.
    """

    check_id: str
    title: str
    severity: Severity
    status: FindingStatus
    subject: str
    observed: str
    expected: str
    evidence: tuple[str, ...]
    remedy: str


class MissingFactError(Exception):
    """A fact that a check needs could not be had."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(str(gap.error))
        self.gap = gap


def had(fact: T | Gap) -> T:
    """Return a fact.

    Raises:
        MissingFactError: It could not be had; the check's finding becomes `unknown`.
    """
    if isinstance(fact, Gap):
        raise MissingFactError(fact)
    return fact


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its metadata, the subject whose facts it judges, and the judging function."""

    meta: CheckMeta
    subject: str
    judge: Callable[[Any], Verdict]

    def run(self, facts: Any, at: datetime) -> Finding:
        """Judge facts collected at a moment."""
        try:
            verdict = self.judge(facts)
        except MissingFactError as missing:
            verdict = _undetermined(missing.gap)
        evidence = tuple(f"{action} at {utc_text(at)}" for action in self.meta.reads)
        is_well = verdict.status in (FindingStatus.OK, FindingStatus.SKIP)
        return Finding(
            self.meta.id,
            self.meta.title,
            self.meta.severity,
            verdict.status,
            verdict.subject,
            verdict.observed,
            self.meta.expected,
            evidence,
            "" if is_well else verdict.remedy or self.meta.remedy,
        )


REGISTRY: dict[str, Check] = {}
"""Every check, by id, in the order of definition. Ask `registry`, which loads the subjects first."""


def check(
    check_id: str,
    *,
    subject: str,
    title: str,
    severity: Severity,
    rationale: str,
    expected: str,
    remedy: str,
    reads: Sequence[str],
) -> Callable[[Callable[[T], Verdict]], Check]:
    """Make a check of a function from facts to a verdict, and register it.

    Args:
        check_id: Stable id.
        subject: Whose facts it judges, e.g. `site-config`.
        title: What should be true.
        severity: How much it matters when it is not.
        rationale: Why it matters.
        expected: What it expects to see.
        remedy: What to do when it is not so.
        reads: The IAM actions its facts need.

    Raises:
        ValueError: The id is taken.
    """

    def made_of(judge: Callable[[T], Verdict]) -> Check:
        if check_id in REGISTRY:
            raise ValueError(f"check id {check_id} is taken")
        meta = CheckMeta(check_id, title, severity, rationale, expected, remedy, tuple(reads))
        REGISTRY[check_id] = Check(meta, subject, judge)
        return REGISTRY[check_id]

    return made_of


def _undetermined(gap: Gap) -> Verdict:
    words = str(gap.error)
    remedy = str(getattr(gap.error, "remedy", ""))
    subject = ", ".join(gap.scope) or gap.action
    return Verdict(FindingStatus.UNKNOWN, subject, f"could not be determined: {words}", remedy)
