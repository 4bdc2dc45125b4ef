"""Notices in, letters out: left to the leader, or, leading, gathered for a while and told together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.alarm_notifier.batching import NOTICES_PER_EMAIL, BatchingWindow
from smarterise_lambdas.alarm_notifier.digest import digest_of
from smarterise_lambdas.alarm_notifier.message import SITES_IN_FULL, Email, compose
from smarterise_lambdas.shared.s3_document import Contended
from smarterise_lambdas.shared.site_cache import NoSites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from smarterise_lambdas.alarm_notifier.ses import Mailer
    from smarterise_lambdas.alarm_notifier.sns_event import Notice
    from smarterise_lambdas.shared.runtime import Log
    from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
    from smarterise_sdk.domain.sites.model import Site
    from smarterise_sdk.domain.stack.names import StackNames

RESERVE: Final = timedelta(seconds=10)
"""Kept back of the function's time for the letter itself."""

_GRACE: Final = timedelta(seconds=30)
_FAULTS: Final = (ClientError, BotoCoreError)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What one invocation works with.

    Attributes:
        me: What tells this invocation from all others.
        batching: The notices that wait.
        mailer: Where letters go.
        sites: Returns the sites; its errors cost a letter their names, and no more.
        values: Returns the last values of sites by serial; the same.
        names: What things are called.
        batching_window: How long the first notice waits for others.
        remaining_ms: What is left of the invocation, ms.
        log: Where lines for people go.
        now: Clock, UTC.
        pause: Waits so many seconds.
    """

    me: str
    batching: BatchingWindow
    mailer: Mailer
    sites: Callable[[], Mapping[str, Site]]
    values: Callable[[Sequence[str]], Mapping[str, Mapping[Metric, MetricPoint]]]
    names: StackNames
    batching_window: timedelta
    remaining_ms: Callable[[], int]
    log: Log
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep


class EmailNotSent(RuntimeError):
    """SES did not take a letter: AWS counts it, and tries again."""


class _LedInVain(Exception):
    """S3 failed while others counted on us."""


class EmailsWaiting(RuntimeError):
    """There was no time for a letter that is due: AWS counts it, and tries again."""


def notify(notices: Sequence[Notice], dependencies: Dependencies) -> dict[str, Any]:
    """Have notices told, by us or by whoever leads; return what was done.

    When S3 fails, they are told at once and alone: better a storm of letters than none.

    Args:
        notices: What was delivered; may be none, then what waits is told.
        dependencies: What to work with.

    Raises:
        EmailNotSent: If SES does not take a letter.
        EmailsWaiting: If there was no time for one.
    """
    cause = ""
    is_leading = False
    try:
        known = dependencies.batching.standing().told
        new = [notice for notice in notices if notice.id not in known]
        dependencies.batching.leave(new)
        counts = {"notices": len(notices), "repeated": len(notices) - len(new)}
        return counts | _lead_while_any_wait(dependencies)
    except _LedInVain as vain:
        cause, is_leading = str(vain.__cause__), True
    except (*_FAULTS, Contended) as error:
        cause = str(error)
    dependencies.log.error("notices cannot be gathered; they are told alone", extra={"cause": cause})
    if notices:
        _send(
            notices, dependencies, remarks=["This could not be gathered with what else was told: S3 failed."]
        )
    if is_leading:
        raise EmailsWaiting(f"notices of others wait, and S3 failed: {cause}")
    return {"notices": len(notices), "repeated": 0, "emails": int(bool(notices)), "sent": len(notices)}


def _lead_while_any_wait(dependencies: Dependencies) -> dict[str, Any]:
    emails = told = 0
    while ids := dependencies.batching.waiting():
        now = dependencies.now()
        standing = dependencies.batching.standing()
        if standing.is_led(now) and standing.leader != dependencies.me:
            break  # whoever leads looks again after our notice was left
        if not set(ids) - set(standing.told):
            _settle(partial(dependencies.batching.forget, ids), dependencies)
            break
        time_left = timedelta(milliseconds=dependencies.remaining_ms()) - RESERVE
        if emails and time_left <= timedelta(0):
            raise EmailsWaiting("notices wait for the next letter, and the time of the function is over")
        due = min(standing.next_email(dependencies.batching_window, now), now + max(time_left, timedelta(0)))
        if not dependencies.batching.lead(dependencies.me, now=now, until=due + _GRACE):
            break
        dependencies.pause((due - now).total_seconds())
        try:
            told += _tell(dependencies)
        except (*_FAULTS, Contended) as error:
            raise _LedInVain from error
        emails += 1
    return {"emails": emails, "sent": told}


def _tell(dependencies: Dependencies) -> int:
    """Send what waits as one letter, step down, and return how many notices it told."""
    batching = dependencies.batching
    known = batching.standing().told
    ids = batching.waiting()
    fresh = [notice_id for notice_id in ids if notice_id not in known][:NOTICES_PER_EMAIL]
    notices = batching.read(fresh)
    try:
        if notices:
            _send(notices, dependencies)
    except EmailNotSent:
        _settle(
            lambda: batching.step_down(dependencies.me, (), now=dependencies.now(), is_sent=False),
            dependencies,
        )
        raise
    now = dependencies.now()
    _settle(lambda: batching.step_down(dependencies.me, fresh, now=now, is_sent=bool(notices)), dependencies)
    _settle(lambda: batching.forget([*fresh, *(each for each in ids if each in known)]), dependencies)
    return len(notices)


def _settle(step: Callable[[], None], dependencies: Dependencies) -> None:
    """Do what comes after a letter: when it fails, somebody may be told twice, and nobody not at all."""
    try:
        step()
        return
    except (*_FAULTS, Contended) as error:
        cause = str(error)
    dependencies.log.error("a letter could not be written down as sent", extra={"cause": cause})


def _send(notices: Sequence[Notice], dependencies: Dependencies, remarks: Iterable[str] = ()) -> None:
    email = _written(notices, dependencies, list(remarks))
    try:
        message_id = dependencies.mailer.send(email)
    except _FAULTS as error:
        raise EmailNotSent(f"SES did not take the letter: {error}") from error
    dependencies.log.info("letter sent", extra={"message_id": message_id, "subject": email.subject})


def _written(notices: Sequence[Notice], dependencies: Dependencies, remarks: list[str]) -> Email:
    digest = digest_of(notices, dependencies.names)
    sites: Mapping[str, Site] = {}
    values: Mapping[str, Mapping[Metric, MetricPoint]] = {}
    try:
        sites = dependencies.sites()
    except (*_FAULTS, NoSites) as error:
        remarks.append(f"The sites' names could not be read: {error}")
    serials = list(dict.fromkeys(alarm.gateway_serial for alarm in digest.alone if alarm.gateway_serial))
    try:
        values = dependencies.values(serials[:SITES_IN_FULL]) if serials else {}
    except _FAULTS as error:
        remarks.append(f"The last values could not be read: {error}")
    return compose(digest, sites, values, now=dependencies.now(), remarks=remarks)
