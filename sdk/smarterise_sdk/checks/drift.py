"""Whether what the site file asks for is carried out: alarm actions and collection schedules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_sdk.checks.model import Evaluation, FindingStatus, Severity, check, had
from smarterise_sdk.domain.outcome import Missing
from smarterise_sdk.domain.stack.drift import SCHEDULE
from smarterise_sdk.errors import InvalidDocument, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smarterise_sdk.checks.collector import Checkable, FactCollector
    from smarterise_sdk.domain.sites.plans import StackChange
    from smarterise_sdk.domain.stack.drift import DriftItem
    from smarterise_sdk.services.reconciliation import Drift

SUBJECT = "following"
_MAX_LISTED = 5


@dataclass(frozen=True, slots=True)
class DriftFacts:
    """What is known of what follows the site file.

    Attributes:
        function: Name of the function that makes it follow.
        at: When it was looked.
        drift: What the function found.
    """

    function: str
    at: datetime
    drift: Drift | Missing


def collect(stack: Checkable, ask: FactCollector) -> DriftFacts:
    """Have the function look; nothing is changed."""
    function = stack.settings.names.site_config_manager
    at = datetime.now(UTC)
    drift = ask.fact("lambda:InvokeFunction", f"function {function}", stack.reconciliation.drift)
    return DriftFacts(function, at, drift)


@check(
    "stack-follows-file",
    subject=SUBJECT,
    title="Alarm actions and schedules are as the site file asks",
    severity=Severity.HIGH,
    rationale="A tier that is not carried out misleads: a live site that nobody is called for, or files that "
    "nobody collects.",
    expected="actions on for live sites and off for the others, and an enabled schedule for each tier",
    remedy="see what would be put right: smarterise-ops sites reconcile --dry-run",
    reads=["lambda:InvokeFunction"],
)
def stack_matches_file(facts: DriftFacts) -> Evaluation:
    """Judge whether anything does not follow the file."""
    fact, name = facts.drift, facts.function
    error = fact.error if isinstance(fact, Missing) else None
    if isinstance(error, NotFound):
        return Evaluation(FindingStatus.SKIP, name, f"there is nothing to follow: {error}")
    if isinstance(error, InvalidDocument) and error.code == InvalidDocument.code:
        return Evaluation(FindingStatus.SKIP, name, "the site file cannot be used")
    drift = had(fact)
    if drift.changes:
        return Evaluation(FindingStatus.FAIL, name, _differing(drift.changes))
    uncollected = [row for row in drift.left if row.change.kind == SCHEDULE]
    if uncollected:
        return Evaluation(FindingStatus.FAIL, name, _left(uncollected), _remedies(uncollected))
    if drift.unseen:
        observed = f"could not be determined: {'; '.join(drift.unseen)}"
        return Evaluation(FindingStatus.UNKNOWN, name, observed, "give its role what it lacks")
    if drift.left:
        return Evaluation(FindingStatus.WARN, name, _left(drift.left), _remedies(drift.left))
    observe = f"{drift.checked_alarms} alarms and {drift.checked_schedules} scheduled rules follow"
    return Evaluation(FindingStatus.OK, name, observe)


def _left(rows: Iterable[DriftItem]) -> str:
    return _differing(row.change for row in rows)


def _remedies(rows: Iterable[DriftItem]) -> str:
    return "; ".join(list(dict.fromkeys(row.issue for row in rows))[:_MAX_LISTED])


def _differing(changes: Iterable[StackChange]) -> str:
    listed = tuple(changes)
    kinds = ", ".join(f"{kind} ({count})" for kind, count in Counter(one.kind for one in listed).items())
    told = [f"{one.subject} is {one.before}, should be {one.after}" for one in listed[:_MAX_LISTED]]
    more = [f"and {len(listed) - _MAX_LISTED} more"] if len(listed) > _MAX_LISTED else []
    return f"{kinds}: {'; '.join([*told, *more])}"
