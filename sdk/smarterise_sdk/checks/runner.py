"""Runs checks: collects the facts of each subject once, then has every check judge them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.checks.collector import FactCollector
from smarterise_sdk.checks.model import CheckMeta, Finding, FindingStatus
from smarterise_sdk.checks.registry import COLLECTORS, all_checks, chosen, find_check
from smarterise_sdk.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from smarterise_sdk.checks.collector import Checkable


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a run has found.

    Attributes:
        findings: In the order of the checks.
        started_at: When the run began, UTC.
        finished_at: When it ended, UTC.
    """

    findings: tuple[Finding, ...]
    started_at: datetime
    finished_at: datetime

    @property
    def counts(self) -> Mapping[FindingStatus, int]:
        """How many findings of each status, those without any included."""
        counted = Counter(finding.status for finding in self.findings)
        return {status: counted[status] for status in FindingStatus}


def run_checks(
    stack: Checkable, only: Sequence[str] | None = None, *, now: Callable[[], datetime] = utc_now
) -> CheckReport:
    """Run checks against a stack; nothing is changed by it.

    Args:
        stack: The stack.
        only: Ids of the checks to run; all when `None`.
        now: The clock, UTC.

    Raises:
        NotFound: A check of that id does not exist.
    """
    checks = chosen(only)
    started_at = now()
    subjects = dict.fromkeys(check.subject for check in checks)
    # One for all: what is out of reach for one subject is so for the next.
    ask = FactCollector()
    facts = {subject: COLLECTORS[subject](stack, ask) for subject in subjects}
    findings = tuple(check.run(facts[check.subject], facts[check.subject].at) for check in checks)
    return CheckReport(findings, started_at, now())


class Checks:
    """The checks of one stack.

    Args:
        stack: The stack.
    """

    def __init__(self, stack: Checkable) -> None:
        self._stack = stack

    def run(self, only: Sequence[str] | None = None) -> CheckReport:
        """Run checks, all unless some are named; see `run_checks`."""
        return run_checks(self._stack, only)

    def list(self) -> tuple[CheckMeta, ...]:
        """Return what is known of every check."""
        return tuple(check.meta for check in all_checks())

    def explain(self, check_id: str) -> CheckMeta:
        """Return what is known of one check.

        Raises:
            NotFound: There is none of that id.
        """
        return find_check(check_id).meta
