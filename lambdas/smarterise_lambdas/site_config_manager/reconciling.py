"""Make alarm actions and schedules follow the site file, or tell where they do not.

What cannot be looked at or put right is told with its reason, never passed over. While the current file
cannot be used, the last good one may switch something on but nothing off: a bad file never removes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.site_config_manager.alarms import batches
from smarterise_lambdas.site_config_manager.retrying import RESERVE_MS
from smarterise_lambdas.site_config_manager.serving import Served, served
from smarterise_sdk.domain.following import ALARM_ACTIONS, SCHEDULE, alarm_drift, schedule_drift, withheld

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smarterise_lambdas.site_config_manager.means import Means
    from smarterise_sdk.domain.following import Deviation, FoundAlarm, FoundRule
    from smarterise_sdk.domain.sites import JsonObject

T = TypeVar("T")

DRIFT_TOLD: Final = 20_000
"""What an answer can carry of it; `drift_count` tells how much there is."""
ROUNDS_AT_MOST: Final = 3

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
    """

    found: Served
    dry_run: bool
    drift: tuple[Deviation, ...]
    alarms: int
    schedules: int
    troubles: tuple[str, ...]

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
        )


def reconcile(means: Means, *, dry_run: bool) -> Reconciled:
    """Look, and unless it is a dry run put right what can be.

    Raises:
        Refusal: There is no file, or no version of it can be used.
        ClientError: If S3 does not let us look.
    """
    outcome = _round(means, dry_run=dry_run)
    for _ in range(ROUNDS_AT_MOST - 1):
        # Whoever ends last has to have followed the newest file, or an older run would undo a newer one.
        is_current = outcome.found.degraded is not None or means.store.etag() == outcome.found.file.etag
        if not outcome.repaired or is_current:
            break
        outcome = _round(means, dry_run=dry_run)
    return outcome


def _round(means: Means, *, dry_run: bool) -> Reconciled:
    found = served(means.store)
    sites = found.document.sites
    alarms, alarm_trouble = _alarms(means)
    rules, rule_trouble = _rules(means)
    drift = alarm_drift(sites, alarms, means.names)
    if rules is not None:
        drift += schedule_drift(sites, rules, means.names)
    if found.degraded is not None:
        drift = withheld(drift, _NOT_BY_AN_OLDER_FILE)
    troubles = [trouble for trouble in (alarm_trouble, rule_trouble) if trouble]
    if not dry_run:
        drift, failed = _put_right(drift, means)
        troubles += failed
    return Reconciled(found, dry_run, drift, len(alarms), len(rules or ()), tuple(troubles))


def _alarms(means: Means) -> tuple[list[FoundAlarm], str]:
    """Return the alarms, as many as could be had, and why not all."""
    alarms: list[FoundAlarm] = []
    token: str | None = None
    while True:
        try:
            page, token = _patiently(partial(means.alarms.page, token), means)
        except _FAULTS as error:
            return alarms, f"{_told('cloudwatch:DescribeAlarms', error)} (after {len(alarms)} alarms)"
        alarms += page
        if token is None:
            return alarms, ""


def _rules(means: Means) -> tuple[tuple[FoundRule, ...] | None, str]:
    """Return the scheduled rules, or why they could not be had."""
    try:
        return _patiently(means.schedules.found, means), ""
    except _FAULTS as error:
        return None, _told("events:ListRules", error)


def _put_right(drift: Sequence[Deviation], means: Means) -> tuple[tuple[Deviation, ...], list[str]]:
    """Return what became of each deviation, and why some could not be put right."""
    outcomes = {deviation.change.subject: deviation for deviation in drift}
    repairable = [deviation for deviation in drift if deviation.can_repair]
    alarms = [deviation for deviation in repairable if deviation.change.kind == ALARM_ACTIONS]
    troubles: list[str] = []
    # What is to be on comes first: when the time is short, silence is the worse of the two.
    for on in (True, False):
        work = [deviation for deviation in alarms if deviation.switches_off is not on]
        action = f"cloudwatch:{'Enable' if on else 'Disable'}AlarmActions"
        steps = [
            (batch, partial(means.alarms.switch, [one.change.subject for one in batch], on=on))
            for batch in batches(work)
        ]
        troubles += _done(steps, action, means, outcomes)
    rules = [deviation for deviation in repairable if deviation.change.kind == SCHEDULE]
    steps = [([rule], partial(means.schedules.enable, rule.change.subject)) for rule in rules]
    troubles += _done(steps, "events:EnableRule", means, outcomes)
    return tuple(outcomes.values()), troubles


def _done(
    steps: Sequence[tuple[Sequence[Deviation], Callable[[], None]]],
    action: str,
    means: Means,
    outcomes: dict[str, Deviation],
) -> list[str]:
    """Make calls of one kind, and note what became of the deviations each is for; return what went wrong.

    A call that fails leaves its own alone. One that tells that the others would fail too leaves all the rest.
    """
    troubles: list[str] = []
    final = ""
    for deviations, call in steps:
        trouble = final
        if not trouble:
            try:
                _patiently(call, means)
            except _FAULTS as error:
                trouble = _told(action, error)
                final = trouble if _is_final(error) else ""
                troubles.append(trouble)
        for deviation in deviations:
            subject = deviation.change.subject
            outcomes[subject] = deviation.left(trouble) if trouble else deviation.put_right()
    return troubles


def _patiently(call: Callable[[], T], means: Means) -> T:
    """Make a call, again and again while AWS throttles it and there is time.

    Raises:
        OutOfTime: There is none left.
        ClientError: AWS refuses.
        BotoCoreError: AWS cannot be reached.
    """
    if means.remaining_ms() > RESERVE_MS:
        for _ in means.tries():
            try:
                return call()
            except ClientError as error:
                if _code_of(error) not in _THROTTLED:
                    raise
    raise OutOfTime


def _told(action: str, error: Exception) -> str:
    return str(error) if isinstance(error, OutOfTime) else f"{action}: {error}"


def _is_final(error: Exception) -> bool:
    return not isinstance(error, ClientError) or _code_of(error) in _DENIED


def _code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
