"""Notices in, letters out: left to the leader, or, leading, gathered for a while and told together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.alarm_notifier.batching import NOTICES_A_LETTER, Gathering
from smarterise_lambdas.alarm_notifier.digest import digest_of
from smarterise_lambdas.alarm_notifier.message import SITES_IN_FULL, Letter, letter_of
from smarterise_lambdas.shared.s3_document import Contended
from smarterise_lambdas.shared.site_cache import NoSites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from smarterise_lambdas.alarm_notifier.ses import Post
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
class Means:
    """What one invocation works with.

    Attributes:
        me: What tells this invocation from all others.
        gathering: The notices that wait.
        post: Where letters go.
        sites: Returns the sites; its errors cost a letter their names, and no more.
        values: Returns the last values of sites by serial; the same.
        names: What things are called.
        gather: How long the first notice waits for others.
        remaining_ms: What is left of the invocation, ms.
        log: Where lines for people go.
        now: Clock, UTC.
        pause: Waits so many seconds.
    """

    me: str
    gathering: Gathering
    post: Post
    sites: Callable[[], Mapping[str, Site]]
    values: Callable[[Sequence[str]], Mapping[str, Mapping[Metric, MetricPoint]]]
    names: StackNames
    gather: timedelta
    remaining_ms: Callable[[], int]
    log: Log
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep


class LetterNotSent(RuntimeError):
    """SES did not take a letter: AWS counts it, and tries again."""


class _LedInVain(Exception):
    """S3 failed while others counted on us."""


class LettersWaiting(RuntimeError):
    """There was no time for a letter that is due: AWS counts it, and tries again."""


def notify(notices: Sequence[Notice], means: Means) -> dict[str, Any]:
    """Have notices told, by us or by whoever leads; return what was done.

    When S3 fails, they are told at once and alone: better a storm of letters than none.

    Args:
        notices: What was delivered; may be none, then what waits is told.
        means: What to work with.

    Raises:
        LetterNotSent: If SES does not take a letter.
        LettersWaiting: If there was no time for one.
    """
    cause = ""
    is_leading = False
    try:
        known = means.gathering.standing().told
        new = [notice for notice in notices if notice.id not in known]
        means.gathering.leave(new)
        counts = {"notices": len(notices), "repeated": len(notices) - len(new)}
        return counts | _lead_while_any_wait(means)
    except _LedInVain as vain:
        cause, is_leading = str(vain.__cause__), True
    except (*_FAULTS, Contended) as error:
        cause = str(error)
    means.log.error("notices cannot be gathered; they are told alone", extra={"cause": cause})
    if notices:
        _send(notices, means, remarks=["This could not be gathered with what else was told: S3 failed."])
    if is_leading:
        raise LettersWaiting(f"notices of others wait, and S3 failed: {cause}")
    return {"notices": len(notices), "repeated": 0, "letters": int(bool(notices)), "told": len(notices)}


def _lead_while_any_wait(means: Means) -> dict[str, Any]:
    letters = told = 0
    while ids := means.gathering.waiting():
        now = means.now()
        standing = means.gathering.standing()
        if standing.is_led(now) and standing.leader != means.me:
            break  # whoever leads looks again after our notice was left
        if not set(ids) - set(standing.told):
            _settle(partial(means.gathering.forget, ids), means)
            break
        time_left = timedelta(milliseconds=means.remaining_ms()) - RESERVE
        if letters and time_left <= timedelta(0):
            raise LettersWaiting("notices wait for the next letter, and the time of the function is over")
        due = min(standing.next_letter(means.gather, now), now + max(time_left, timedelta(0)))
        if not means.gathering.lead(means.me, now=now, until=due + _GRACE):
            break
        means.pause((due - now).total_seconds())
        try:
            told += _tell(means)
        except (*_FAULTS, Contended) as error:
            raise _LedInVain from error
        letters += 1
    return {"letters": letters, "told": told}


def _tell(means: Means) -> int:
    """Send what waits as one letter, step down, and return how many notices it told."""
    gathering = means.gathering
    known = gathering.standing().told
    ids = gathering.waiting()
    fresh = [notice_id for notice_id in ids if notice_id not in known][:NOTICES_A_LETTER]
    notices = gathering.read(fresh)
    try:
        if notices:
            _send(notices, means)
    except LetterNotSent:
        _settle(lambda: gathering.step_down(means.me, (), now=means.now(), is_sent=False), means)
        raise
    now = means.now()
    _settle(lambda: gathering.step_down(means.me, fresh, now=now, is_sent=bool(notices)), means)
    _settle(lambda: gathering.forget([*fresh, *(each for each in ids if each in known)]), means)
    return len(notices)


def _settle(step: Callable[[], None], means: Means) -> None:
    """Do what comes after a letter: when it fails, somebody may be told twice, and nobody not at all."""
    try:
        step()
        return
    except (*_FAULTS, Contended) as error:
        cause = str(error)
    means.log.error("a letter could not be written down as sent", extra={"cause": cause})


def _send(notices: Sequence[Notice], means: Means, remarks: Iterable[str] = ()) -> None:
    letter = _written(notices, means, list(remarks))
    try:
        message_id = means.post.send(letter)
    except _FAULTS as error:
        raise LetterNotSent(f"SES did not take the letter: {error}") from error
    means.log.info("letter sent", extra={"message_id": message_id, "subject": letter.subject})


def _written(notices: Sequence[Notice], means: Means, remarks: list[str]) -> Letter:
    digest = digest_of(notices, means.names)
    sites: Mapping[str, Site] = {}
    values: Mapping[str, Mapping[Metric, MetricPoint]] = {}
    try:
        sites = means.sites()
    except (*_FAULTS, NoSites) as error:
        remarks.append(f"The sites' names could not be read: {error}")
    serials = list(dict.fromkeys(alarm.gateway_serial for alarm in digest.alone if alarm.gateway_serial))
    try:
        values = means.values(serials[:SITES_IN_FULL]) if serials else {}
    except _FAULTS as error:
        remarks.append(f"The last values could not be read: {error}")
    return letter_of(digest, sites, values, now=means.now(), remarks=remarks)
