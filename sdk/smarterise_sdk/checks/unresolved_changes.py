"""Whether it is known what became of every change made from this machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_sdk.checks.model import FindingStatus, Severity, Verdict, check, had
from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from smarterise_sdk.checks.collector import Asking, Checkable
    from smarterise_sdk.domain.outcome import Gap
    from smarterise_sdk.journal.entries import JournalEntry

SUBJECT = "changes"
_TOLD = 5
_READ = "the journal of this machine"


@dataclass(frozen=True, slots=True)
class ChangesFacts:
    """What the journal tells.

    Attributes:
        environment: Whose changes.
        at: When it was read.
        unsettled: Changes of which nobody knows what became, the newest first.
    """

    environment: str
    at: datetime
    unsettled: tuple[JournalEntry, ...] | Gap


def collect(stack: Checkable, ask: Asking) -> ChangesFacts:
    """Read the journal; AWS is not asked."""
    at = datetime.now(UTC)
    unsettled = ask.fact("journal", _READ, stack.changes.unsettled)
    return ChangesFacts(stack.settings.environment.name, at, unsettled)


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
def changes_settled(facts: ChangesFacts) -> Verdict:
    """Judge whether any change is open."""
    unsettled = had(facts.unsettled)
    subject = f"environment {facts.environment}"
    if not unsettled:
        return Verdict(FindingStatus.OK, subject, "every change has an end that is certain")
    told = [
        visible(f"{entry.plan_id} of {utc_text(entry.at)} ({entry.title}): {entry.outcome.value}")
        for entry in unsettled[:_TOLD]
    ]
    more = [f"and {len(unsettled) - _TOLD} more"] if len(unsettled) > _TOLD else []
    remedy = f"have it looked at again: smarterise-ops journal settle {unsettled[0].plan_id}"
    return Verdict(FindingStatus.FAIL, subject, "; ".join([*told, *more]), remedy)
