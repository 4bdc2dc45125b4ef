"""What a check is, what it finds, and the decorator that makes one of a judging function.

A check judges facts that were collected before; it calls nobody. A fact that could not be had makes its
finding `unknown`, never `ok`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from smarterise_sdk.domain.outcome import Missing
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
class Evaluation:
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

    def __init__(self, missing: Missing) -> None:
        super().__init__(str(missing.error))
        self.missing = missing


def had(fact: T | Missing) -> T:
    """Return a fact.

    Raises:
        MissingFactError: It could not be had; the check's finding becomes `unknown`.
    """
    if isinstance(fact, Missing):
        raise MissingFactError(fact)
    return fact


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its metadata, the subject whose facts it judges, and the judging function."""

    meta: CheckMeta
    subject: str
    evaluate: Callable[[Any], Evaluation]

    def run(self, facts: Any, at: datetime) -> Finding:
        """Judge facts collected at a moment."""
        try:
            evaluation = self.evaluate(facts)
        except MissingFactError as missing:
            evaluation = _undetermined(missing.missing)
        evidence = tuple(f"{action} at {utc_text(at)}" for action in self.meta.reads)
        is_well = evaluation.status in (FindingStatus.OK, FindingStatus.SKIP)
        return Finding(
            self.meta.id,
            self.meta.title,
            self.meta.severity,
            evaluation.status,
            evaluation.subject,
            evaluation.observed,
            self.meta.expected,
            evidence,
            "" if is_well else evaluation.remedy or self.meta.remedy,
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
) -> Callable[[Callable[[T], Evaluation]], Check]:
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

    def made_of(evaluate: Callable[[T], Evaluation]) -> Check:
        if check_id in REGISTRY:
            raise ValueError(f"check id {check_id} is taken")
        meta = CheckMeta(check_id, title, severity, rationale, expected, remedy, tuple(reads))
        REGISTRY[check_id] = Check(meta, subject, evaluate)
        return REGISTRY[check_id]

    return made_of


def _undetermined(missing: Missing) -> Evaluation:
    text = str(missing.error)
    remedy = str(getattr(missing.error, "remedy", ""))
    subject = ", ".join(missing.scope) or missing.action
    return Evaluation(FindingStatus.UNKNOWN, subject, f"could not be determined: {text}", remedy)
