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
from smarterise_lambdas.site_config_manager.reader import Served, served
from smarterise_sdk.domain.stack.drift import alarm_drift, schedule_drift, withheld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smarterise_lambdas.site_config_manager.dependencies import Means
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.stack.drift import Deviation

T = TypeVar("T")

DRIFT_TOLD: Final = 20_000
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
        troubles: What could not be looked at or put right, and why.
        resume: Where another run goes on; empty when this one came to the end.
    """

    found: Served
    dry_run: bool
    drift: tuple[Deviation, ...]
    alarms: int
    schedules: int
    troubles: tuple[str, ...]
    resume: str

    @property
    def repaired(self) -> int:
        """How much was put right."""
        return sum(deviation.repaired for deviation in self.drift)

    def answer(self) -> JsonObject:
        """Return the answer to the action."""
        return self.found.answer(
            "reconcile",
            dry_run=self.dry_run,
            drift=[deviation.to_row() for deviation in self.drift[:DRIFT_TOLD]],
            drift_count=len(self.drift),
            checked={"alarms": self.alarms, "schedules": self.schedules},
            troubles=list(self.troubles),
            resume=self.resume,
        )


def reconcile(means: Means, *, dry_run: bool, resume: str = "") -> Reconciled:
    """Look, and unless it is a dry run put right what can be.

    Args:
        means: What there is to work with.
        dry_run: Whether to look only.
        resume: Where an earlier run ended; empty to look at everything.

    Raises:
        Refusal: There is no file, or no version of it can be used.
        ClientError: If S3 does not let us look.
    """
    outcome = _round(means, resume, dry_run=dry_run)
    for _ in range(ROUNDS_AT_MOST - 1):
        # Whoever ends last has to have followed the newest file, or an older run would undo a newer one.
        is_current = outcome.found.degraded is not None or means.store.etag() == outcome.found.file.etag
        if not outcome.repaired or is_current:
            break
        outcome = _round(means, "", dry_run=dry_run)
    return outcome


def _round(means: Means, resume: str, *, dry_run: bool) -> Reconciled:
    run = _Run(means, served(means.store), dry_run=dry_run)
    if not resume:
        run.follow_schedules()
    run.follow_alarms(resume)
    return run.outcome()


class _Run:
    """One pass over schedules and alarms, by one reading of the file."""

    def __init__(self, means: Means, found: Served, *, dry_run: bool) -> None:
        self._means = means
        self._found = found
        self._dry_run = dry_run
        self._drift: list[Deviation] = []
        self._troubles: list[str] = []
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
            tuple(self._troubles),
            self._resume,
        )

    def follow_schedules(self) -> None:
        """See to the scheduled rules."""
        try:
            rules = self._patiently(self._means.schedules.found)
        except _FAULTS as error:
            self._troubles.append(_told("events:ListRules", error))
            return
        self._schedules = len(rules)
        sites, names = self._found.document.sites, self._means.names
        for rule in self._sifted(schedule_drift(sites, rules, names)):
            enable = partial(self._means.schedules.enable, rule.change.subject)
            self._put_right([rule], "events:EnableRule", enable)

    def follow_alarms(self, resume: str) -> None:
        """See to the alarms, page by page; their actions are switched in calls as full as can be."""
        waiting: dict[bool, list[Deviation]] = {True: [], False: []}
        at = resume
        while True:
            try:
                page, following = self._patiently(partial(self._means.alarms.page, at), reserve=REPAIR_MS)
            except _FAULTS as error:
                if isinstance(error, OutOfTime) and at:
                    self._resume = at
                else:
                    told = _told("cloudwatch:DescribeAlarms", error)
                    self._troubles.append(f"{told} (after {self._alarms} alarms)")
                break
            self._alarms += len(page)
            for deviation in self._sifted(alarm_drift(self._found.document.sites, page, self._means.names)):
                waiting[not deviation.switches_off].append(deviation)
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

    def _sifted(self, deviations: Iterable[Deviation]) -> list[Deviation]:
        """Return those deviations that are to be put right now; the others are noted."""
        if self._found.degraded is not None:
            deviations = withheld(deviations, _NOT_BY_AN_OLDER_FILE)
        work: list[Deviation] = []
        for deviation in deviations:
            (work if deviation.can_repair and not self._dry_run else self._drift).append(deviation)
        return work

    def _switch(self, deviations: list[Deviation], *, on: bool) -> None:
        """Switch the actions of at most a hundred alarms."""
        if deviations:
            names = [deviation.change.subject for deviation in deviations]
            action = f"cloudwatch:{'Enable' if on else 'Disable'}AlarmActions"
            self._put_right(deviations, action, partial(self._means.alarms.switch, names, on=on))

    def _put_right(self, deviations: list[Deviation], action: str, repair: Callable[[], None]) -> None:
        """Put some right in one call, and note what became of them.

        A call that fails leaves its own as they are. One whose failure tells that the next of its kind would
        fail too is not made again.
        """
        trouble = self._refused.get(action, "")
        if not trouble:
            try:
                self._patiently(repair)
            except _FAULTS as error:
                trouble = _told(action, error)
                self._troubles.append(trouble)
                if _is_final(error):
                    self._refused[action] = trouble
        self._drift += [
            deviation.left(trouble) if trouble else deviation.put_right() for deviation in deviations
        ]

    def _patiently(self, call: Callable[[], T], reserve: int = RESERVE_MS) -> T:
        return _patiently(call, self._means, reserve)


def _patiently(call: Callable[[], T], means: Means, reserve: int) -> T:
    """Make a call, again and again while AWS throttles it and there is time beyond the reserve.

    Raises:
        OutOfTime: There is none left.
        ClientError: AWS refuses.
        BotoCoreError: AWS cannot be reached.
    """
    if means.remaining_ms() > reserve:
        for _ in means.tries():
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
