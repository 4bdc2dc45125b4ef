"""Whether it is known what became of every change made from this machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_sdk.checks.model import Evaluation, FindingStatus, Severity, check, had
from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from smarterise_sdk.checks.collector import Checkable, FactCollector
    from smarterise_sdk.domain.outcome import Missing
    from smarterise_sdk.journal.entries import JournalEntry

SUBJECT = "changes"
_MAX_LISTED = 5
_READ = "the journal of this machine"


@dataclass(frozen=True, slots=True)
class ChangesFacts:
    """What the journal tells.

    Attributes:
        environment: Whose changes.
        at: When it was read.
        unresolved: Changes of which nobody knows what became, the newest first.
    """

    environment: str
    at: datetime
    unresolved: tuple[JournalEntry, ...] | Missing


def collect(stack: Checkable, ask: FactCollector) -> ChangesFacts:
    """Read the journal; AWS is not asked."""
    at = datetime.now(UTC)
    unresolved = ask.fact("journal", _READ, stack.changes.unresolved)
    return ChangesFacts(stack.settings.environment.name, at, unresolved)


@check(
    "changes-settled",
    subject=SUBJECT,
    title="Of every change made from this machine it is known what became",
    severity=Severity.MEDIUM,
    rationale="A change whose end nobody saw may have been made or not; whoever goes on without looking "
    "builds on sand.",
    expected="no change without an end, or with one that could not be verified",
    remedy="see which: smarterise-ops journal list",
    reads=[_READ],
)
def changes_resolved(facts: ChangesFacts) -> Evaluation:
    """Judge whether any change is open."""
    unresolved = had(facts.unresolved)
    subject = f"environment {facts.environment}"
    if not unresolved:
        return Evaluation(FindingStatus.OK, subject, "every change has an end that is certain")
    told = [
        visible(f"{entry.plan_id} of {utc_text(entry.at)} ({entry.title}): {entry.outcome.value}")
        for entry in unresolved[:_MAX_LISTED]
    ]
    more = [f"and {len(unresolved) - _MAX_LISTED} more"] if len(unresolved) > _MAX_LISTED else []
    remedy = f"have it looked at again: smarterise-ops journal resolve {unresolved[0].plan_id}"
    return Evaluation(FindingStatus.FAIL, subject, "; ".join([*told, *more]), remedy)
