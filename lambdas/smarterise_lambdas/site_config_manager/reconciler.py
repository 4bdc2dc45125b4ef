"""Reconciles alarm actions and schedules with the site file, or reports their drift.

Whatever cannot be read or repaired is reported with its reason. With a fallback version things are only
switched on, never off: an invalid file must not disable anything. A run that exceeds its deadline returns a
token to continue.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.shared.retry import RESERVE_MS
from smarterise_lambdas.shared.s3_errors import code_of
from smarterise_lambdas.site_config_manager.alarms import ALARMS_PER_CALL
from smarterise_lambdas.site_config_manager.reader import LoadedDocument, load_current
from smarterise_sdk.domain.stack.drift import alarm_drift, schedule_drift, withheld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smarterise_lambdas.site_config_manager.dependencies import Dependencies
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.stack.drift import DriftItem

T = TypeVar("T")

MAX_DRIFT_ITEMS: Final = 20_000
"""Maximum number of drift items in a response; `drift_count` is the total."""
MAX_ROUNDS: Final = 3
REPAIR_MS: Final = 8_000
"""Time reserved for repairs while listing alarms, ms."""

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_WITHHELD_REASON = "the site file is invalid; its fallback version does not switch anything off"


class OutOfTime(Exception):
    """The invocation has no time left for another call."""

    def __init__(self) -> None:
        super().__init__("deadline exceeded. Fix: run it again")


_ERRORS: Final = (ClientError, BotoCoreError, OutOfTime)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Result of a run.

    Attributes:
        found: The document that was applied.
        dry_run: Whether nothing was changed.
        drift: All drift items.
        alarms: Number of alarms checked.
        schedules: Number of scheduled rules checked.
        issues: What could not be read or repaired, and why.
        next_token: Where to continue; empty if the run was complete.
    """

    found: LoadedDocument
    dry_run: bool
    drift: tuple[DriftItem, ...]
    alarms: int
    schedules: int
    issues: tuple[str, ...]
    next_token: str

    @property
    def repaired(self) -> int:
        """Number of drift items repaired."""
        return sum(drift_item.repaired for drift_item in self.drift)

    def response(self) -> JsonObject:
        """Return the response to the action."""
        return self.found.response(
            "reconcile",
            dry_run=self.dry_run,
            drift=[drift_item.to_row() for drift_item in self.drift[:MAX_DRIFT_ITEMS]],
            drift_count=len(self.drift),
            checked={"alarms": self.alarms, "schedules": self.schedules},
            errors=list(self.issues),
            next_token=self.next_token,
        )


def reconcile(dependencies: Dependencies, *, dry_run: bool, next_token: str = "") -> Reconciled:
    """Find drift, and repair it unless this is a dry run.

    Args:
        dependencies: Dependencies of the invocation.
        dry_run: Whether to report drift only.
        next_token: Token of an earlier run to continue; empty to start from the beginning.

    Raises:
        RequestRejected: The file is missing, or no version of it is valid.
        ClientError: If S3 refuses.
    """
    outcome = _round(dependencies, next_token, dry_run=dry_run)
    for _ in range(MAX_ROUNDS - 1):
        # Repeat if the file changed since, so that the last run applies the latest version.
        is_current = (
            outcome.found.degraded is not None or dependencies.store.etag() == outcome.found.file.etag
        )
        if not outcome.repaired or is_current:
            break
        outcome = _round(dependencies, "", dry_run=dry_run)
    return outcome


def _round(dependencies: Dependencies, next_token: str, *, dry_run: bool) -> Reconciled:
    run = _Run(dependencies, load_current(dependencies.store), dry_run=dry_run)
    if not next_token:
        run.reconcile_schedules()
    run.reconcile_alarms(next_token)
    return run.outcome()


class _Run:
    """One pass over schedules and alarms with one snapshot of the site file."""

    def __init__(self, dependencies: Dependencies, found: LoadedDocument, *, dry_run: bool) -> None:
        self._dependencies = dependencies
        self._found = found
        self._dry_run = dry_run
        self._drift: list[DriftItem] = []
        self._issues: list[str] = []
        self._alarms = 0
        self._schedules = 0
        self._next_token = ""
        self._failed_actions: dict[str, str] = {}

    def outcome(self) -> Reconciled:
        """Return the result."""
        return Reconciled(
            self._found,
            self._dry_run,
            tuple(self._drift),
            self._alarms,
            self._schedules,
            tuple(self._issues),
            self._next_token,
        )

    def reconcile_schedules(self) -> None:
        """Reconcile the scheduled rules."""
        try:
            rules = self._with_retries(self._dependencies.schedules.read)
        except _ERRORS as error:
            self._issues.append(_error_text("events:ListRules", error))
            return
        self._schedules = len(rules)
        sites, names = self._found.document.sites, self._dependencies.names
        for rule in self._to_repair(schedule_drift(sites, rules, names)):
            enable = partial(self._dependencies.schedules.enable, rule.change.subject)
            self._repair([rule], "events:EnableRule", enable)

    def reconcile_alarms(self, next_token: str) -> None:
        """Reconcile the alarms page by page, switching their actions in calls of 100."""
        waiting: dict[bool, list[DriftItem]] = {True: [], False: []}
        at = next_token
        while True:
            try:
                page, following = self._with_retries(
                    partial(self._dependencies.alarms.page, at), reserve=REPAIR_MS
                )
            except _ERRORS as error:
                if isinstance(error, OutOfTime) and at:
                    self._next_token = at
                else:
                    text = _error_text("cloudwatch:DescribeAlarms", error)
                    self._issues.append(f"{text} (after {self._alarms} alarms)")
                break
            self._alarms += len(page)
            for drift_item in self._to_repair(
                alarm_drift(self._found.document.sites, page, self._dependencies.names)
            ):
                waiting[not drift_item.switches_off].append(drift_item)
            for on in (True, False):
                while len(waiting[on]) >= ALARMS_PER_CALL:
                    full, waiting[on] = waiting[on][:ALARMS_PER_CALL], waiting[on][ALARMS_PER_CALL:]
                    self._switch(full, on=on)
            at = following
            if not at:
                break
        # Enable first: when time is short, a missing notification is worse than a superfluous one.
        for on in (True, False):
            self._switch(waiting[on], on=on)

    def _to_repair(self, drift_items: Iterable[DriftItem]) -> list[DriftItem]:
        """Return the drift items to repair now; record the others."""
        if self._found.degraded is not None:
            drift_items = withheld(drift_items, _WITHHELD_REASON)
        work: list[DriftItem] = []
        for drift_item in drift_items:
            (work if drift_item.can_repair and not self._dry_run else self._drift).append(drift_item)
        return work

    def _switch(self, drift_items: list[DriftItem], *, on: bool) -> None:
        """Switch the actions of at most 100 alarms."""
        if drift_items:
            names = [drift_item.change.subject for drift_item in drift_items]
            action = f"cloudwatch:{'Enable' if on else 'Disable'}AlarmActions"
            self._repair(drift_items, action, partial(self._dependencies.alarms.switch, names, on=on))

    def _repair(self, drift_items: list[DriftItem], action: str, repair: Callable[[], None]) -> None:
        """Repair drift items in one call, and record the result.

        A failed call leaves its items unrepaired. After a final failure the same action is not called again.
        """
        issue = self._failed_actions.get(action, "")
        if not issue:
            try:
                self._with_retries(repair)
            except _ERRORS as error:
                issue = _error_text(action, error)
                self._issues.append(issue)
                if _is_final(error):
                    self._failed_actions[action] = issue
        self._drift += [
            drift_item.skipped(issue) if issue else drift_item.as_repaired() for drift_item in drift_items
        ]

    def _with_retries(self, call: Callable[[], T], reserve: int = RESERVE_MS) -> T:
        return _with_retries(call, self._dependencies, reserve)


def _with_retries(call: Callable[[], T], dependencies: Dependencies, reserve: int) -> T:
    """Make a call, with retries while AWS throttles it and time remains beyond the reserve.

    Raises:
        OutOfTime: If no time remains.
        ClientError: AWS refuses.
        BotoCoreError: AWS cannot be reached.
    """
    if dependencies.remaining_ms() > reserve:
        for _ in dependencies.retries():
            try:
                return call()
            except ClientError as error:
                if code_of(error) not in _THROTTLED:
                    raise
    raise OutOfTime


def _error_text(action: str, error: Exception) -> str:
    return str(error) if isinstance(error, OutOfTime) else f"{action}: {error}"


def _is_final(error: Exception) -> bool:
    return not isinstance(error, ClientError) or code_of(error) in _DENIED
