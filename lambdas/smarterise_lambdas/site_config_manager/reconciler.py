"""Make alarm actions and schedules follow the site file, or tell where they do not.

What cannot be looked at or put right is told with its reason, never passed over. While the current file
cannot be used, the last good one may switch something on but nothing off: a bad file never removes anything.
A run whose time is over tells where to go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.shared.retry import RESERVE_MS
from smarterise_lambdas.shared.site_file import code_of
from smarterise_lambdas.site_config_manager.alarms import ALARMS_A_CALL
from smarterise_lambdas.site_config_manager.reader import LoadedDocument, served
from smarterise_sdk.domain.stack.drift import alarm_drift, schedule_drift, withheld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smarterise_lambdas.site_config_manager.dependencies import Dependencies
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.stack.drift import DriftItem

T = TypeVar("T")

MAX_DRIFT_ITEMS: Final = 20_000
"""What an answer can carry of it; `drift_count` tells how much there is."""
ROUNDS_AT_MOST: Final = 3
REPAIR_MS: Final = 8_000
"""Time kept back from looking, to put right what was found."""

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NOT_BY_AN_OLDER_FILE = "the site file cannot be used, and nothing is switched off by its last good version"


class OutOfTime(Exception):
    """The invocation has no time left for another call."""

    def __init__(self) -> None:
        super().__init__("the time of this run was over; run it again")


_FAULTS: Final = (ClientError, BotoCoreError, OutOfTime)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a run has found and done.

    Attributes:
        found: The file that was followed.
        dry_run: Whether it only looked.
        drift: Everything that did not follow the file.
        alarms: How many alarms were looked at.
        schedules: How many scheduled rules were looked at.
        issues: What could not be looked at or put right, and why.
        next_token: Where another run goes on; empty when this one came to the end.
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
        """How much was put right."""
        return sum(drift_item.repaired for drift_item in self.drift)

    def response(self) -> JsonObject:
        """Return the answer to the action."""
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
    """Look, and unless it is a dry run put right what can be.

    Args:
        dependencies: What there is to work with.
        dry_run: Whether to look only.
        next_token: Where an earlier run ended; empty to look at everything.

    Raises:
        RequestRejected: There is no file, or no version of it can be used.
        ClientError: If S3 does not let us look.
    """
    outcome = _round(dependencies, next_token, dry_run=dry_run)
    for _ in range(ROUNDS_AT_MOST - 1):
        # Whoever ends last has to have followed the newest file, or an older run would undo a newer one.
        is_current = (
            outcome.found.degraded is not None or dependencies.store.etag() == outcome.found.file.etag
        )
        if not outcome.repaired or is_current:
            break
        outcome = _round(dependencies, "", dry_run=dry_run)
    return outcome


def _round(dependencies: Dependencies, next_token: str, *, dry_run: bool) -> Reconciled:
    run = _Run(dependencies, served(dependencies.store), dry_run=dry_run)
    if not next_token:
        run.reconcile_schedules()
    run.reconcile_alarms(next_token)
    return run.outcome()


class _Run:
    """One pass over schedules and alarms, by one reading of the file."""

    def __init__(self, dependencies: Dependencies, found: LoadedDocument, *, dry_run: bool) -> None:
        self._dependencies = dependencies
        self._found = found
        self._dry_run = dry_run
        self._drift: list[DriftItem] = []
        self._issues: list[str] = []
        self._alarms = 0
        self._schedules = 0
        self._resume = ""
        self._refused: dict[str, str] = {}

    def outcome(self) -> Reconciled:
        """Return what was found and done."""
        return Reconciled(
            self._found,
            self._dry_run,
            tuple(self._drift),
            self._alarms,
            self._schedules,
            tuple(self._issues),
            self._resume,
        )

    def reconcile_schedules(self) -> None:
        """See to the scheduled rules."""
        try:
            rules = self._patiently(self._dependencies.schedules.found)
        except _FAULTS as error:
            self._issues.append(_told("events:ListRules", error))
            return
        self._schedules = len(rules)
        sites, names = self._found.document.sites, self._dependencies.names
        for rule in self._sifted(schedule_drift(sites, rules, names)):
            enable = partial(self._dependencies.schedules.enable, rule.change.subject)
            self._put_right([rule], "events:EnableRule", enable)

    def reconcile_alarms(self, next_token: str) -> None:
        """See to the alarms, page by page; their actions are switched in calls as full as can be."""
        waiting: dict[bool, list[DriftItem]] = {True: [], False: []}
        at = next_token
        while True:
            try:
                page, following = self._patiently(
                    partial(self._dependencies.alarms.page, at), reserve=REPAIR_MS
                )
            except _FAULTS as error:
                if isinstance(error, OutOfTime) and at:
                    self._resume = at
                else:
                    told = _told("cloudwatch:DescribeAlarms", error)
                    self._issues.append(f"{told} (after {self._alarms} alarms)")
                break
            self._alarms += len(page)
            for drift_item in self._sifted(
                alarm_drift(self._found.document.sites, page, self._dependencies.names)
            ):
                waiting[not drift_item.switches_off].append(drift_item)
            for on in (True, False):
                while len(waiting[on]) >= ALARMS_A_CALL:
                    full, waiting[on] = waiting[on][:ALARMS_A_CALL], waiting[on][ALARMS_A_CALL:]
                    self._switch(full, on=on)
            at = following
            if not at:
                break
        # What is to be on comes first: when the time is short, silence is the worse of the two.
        for on in (True, False):
            self._switch(waiting[on], on=on)

    def _sifted(self, drift_items: Iterable[DriftItem]) -> list[DriftItem]:
        """Return those deviations that are to be put right now; the others are noted."""
        if self._found.degraded is not None:
            drift_items = withheld(drift_items, _NOT_BY_AN_OLDER_FILE)
        work: list[DriftItem] = []
        for drift_item in drift_items:
            (work if drift_item.can_repair and not self._dry_run else self._drift).append(drift_item)
        return work

    def _switch(self, drift_items: list[DriftItem], *, on: bool) -> None:
        """Switch the actions of at most a hundred alarms."""
        if drift_items:
            names = [drift_item.change.subject for drift_item in drift_items]
            action = f"cloudwatch:{'Enable' if on else 'Disable'}AlarmActions"
            self._put_right(drift_items, action, partial(self._dependencies.alarms.switch, names, on=on))

    def _put_right(self, drift_items: list[DriftItem], action: str, repair: Callable[[], None]) -> None:
        """Put some right in one call, and note what became of them.

        A call that fails leaves its own as they are. One whose failure tells that the next of its kind would
        fail too is not made again.
        """
        issue = self._refused.get(action, "")
        if not issue:
            try:
                self._patiently(repair)
            except _FAULTS as error:
                issue = _told(action, error)
                self._issues.append(issue)
                if _is_final(error):
                    self._refused[action] = issue
        self._drift += [
            drift_item.left(issue) if issue else drift_item.put_right() for drift_item in drift_items
        ]

    def _patiently(self, call: Callable[[], T], reserve: int = RESERVE_MS) -> T:
        return _patiently(call, self._dependencies, reserve)


def _patiently(call: Callable[[], T], dependencies: Dependencies, reserve: int) -> T:
    """Make a call, again and again while AWS throttles it and there is time beyond the reserve.

    Raises:
        OutOfTime: There is none left.
        ClientError: AWS refuses.
        BotoCoreError: AWS cannot be reached.
    """
    if dependencies.remaining_ms() > reserve:
        for _ in dependencies.tries():
            try:
                return call()
            except ClientError as error:
                if code_of(error) not in _THROTTLED:
                    raise
    raise OutOfTime


def _told(action: str, error: Exception) -> str:
    return str(error) if isinstance(error, OutOfTime) else f"{action}: {error}"


def _is_final(error: Exception) -> bool:
    return not isinstance(error, ClientError) or code_of(error) in _DENIED
