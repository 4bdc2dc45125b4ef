"""Sends notices as e-mails: batched by the elected leader, or directly while S3 fails."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.alarm_notifier.batching import NOTICES_PER_EMAIL, BatchingWindow
from smarterise_lambdas.alarm_notifier.digest import digest_of
from smarterise_lambdas.alarm_notifier.message import MAX_DETAILED_SITES, Email, compose
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
"""Time of the invocation kept back for sending the e-mail."""

_LEASE_MARGIN: Final = timedelta(seconds=30)
_AWS_ERRORS: Final = (ClientError, BotoCoreError)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Dependencies of one invocation.

    Attributes:
        invocation_id: Id of this invocation.
        batching: The pending notices.
        mailer: Sends e-mails.
        sites: Returns the sites; on failure an e-mail is sent without site names.
        values: Returns the latest values of sites by serial; on failure an e-mail is sent without them.
        names: Resource names of the stack.
        batching_window: How long the first notice waits for others.
        remaining_ms: Remaining time of the invocation, ms.
        log: Logger.
        now: Clock, UTC.
        pause: Sleeps for so many seconds.
    """

    invocation_id: str
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
    """SES rejected an e-mail. Lambda counts the error and retries."""


class _LeaderFailed(Exception):
    """S3 failed while this invocation was the leader."""


class EmailsWaiting(RuntimeError):
    """A due e-mail was not sent for lack of time. Lambda counts the error and retries."""


def notify(notices: Sequence[Notice], dependencies: Dependencies) -> dict[str, Any]:
    """Send notices, through the current leader or as the leader; return counts.

    When S3 fails, the notices are sent at once without batching, so that none is lost.

    Args:
        notices: Delivered notices; without any, pending ones are sent.
        dependencies: Dependencies of the invocation.

    Raises:
        EmailNotSent: If SES rejects an e-mail.
        EmailsWaiting: If the time ran out before a pending e-mail was sent.
    """
    cause = ""
    is_leading = False
    try:
        known = dependencies.batching.state().sent
        new = [notice for notice in notices if notice.id not in known]
        dependencies.batching.add(new)
        counts = {"notices": len(notices), "repeated": len(notices) - len(new)}
        return counts | _lead_while_pending(dependencies)
    except _LeaderFailed as failure:
        cause, is_leading = str(failure.__cause__), True
    except (*_AWS_ERRORS, Contended) as error:
        cause = str(error)
    dependencies.log.error("batching failed; sending notices directly", extra={"cause": cause})
    if notices:
        _send(notices, dependencies, remarks=["Not batched with other notices: S3 failed."])
    if is_leading:
        raise EmailsWaiting(f"other notices are pending and S3 failed: {cause}")
    return {"notices": len(notices), "repeated": 0, "emails": int(bool(notices)), "sent": len(notices)}


def _lead_while_pending(dependencies: Dependencies) -> dict[str, Any]:
    emails = sent = 0
    while ids := dependencies.batching.pending():
        now = dependencies.now()
        state = dependencies.batching.state()
        if state.is_led(now) and state.leader != dependencies.invocation_id:
            break  # the leader checks again after this notice was stored
        if not set(ids) - set(state.sent):
            _finalize(partial(dependencies.batching.delete, ids), dependencies)
            break
        time_left = timedelta(milliseconds=dependencies.remaining_ms()) - RESERVE
        if emails and time_left <= timedelta(0):
            raise EmailsWaiting("notices are pending and the function ran out of time")
        due = min(state.next_email(dependencies.batching_window, now), now + max(time_left, timedelta(0)))
        if not dependencies.batching.try_lead(dependencies.invocation_id, now=now, until=due + _LEASE_MARGIN):
            break
        dependencies.pause((due - now).total_seconds())
        try:
            sent += _send_batch(dependencies)
        except (*_AWS_ERRORS, Contended) as error:
            raise _LeaderFailed from error
        emails += 1
    return {"emails": emails, "sent": sent}


def _send_batch(dependencies: Dependencies) -> int:
    """Send pending notices as one e-mail, step down, and return the number of notices sent."""
    batching = dependencies.batching
    known = batching.state().sent
    ids = batching.pending()
    fresh = [notice_id for notice_id in ids if notice_id not in known][:NOTICES_PER_EMAIL]
    notices = batching.read(fresh)
    try:
        if notices:
            _send(notices, dependencies)
    except EmailNotSent:
        _finalize(
            lambda: batching.step_down(dependencies.invocation_id, (), now=dependencies.now(), is_sent=False),
            dependencies,
        )
        raise
    now = dependencies.now()
    _finalize(
        lambda: batching.step_down(dependencies.invocation_id, fresh, now=now, is_sent=bool(notices)),
        dependencies,
    )
    _finalize(lambda: batching.delete([*fresh, *(each for each in ids if each in known)]), dependencies)
    return len(notices)


def _finalize(step: Callable[[], None], dependencies: Dependencies) -> None:
    """Run a step after sending; on failure a notice may be sent twice, never lost (at-least-once)."""
    try:
        step()
        return
    except (*_AWS_ERRORS, Contended) as error:
        cause = str(error)
    dependencies.log.error("sent e-mail not recorded", extra={"cause": cause})


def _send(notices: Sequence[Notice], dependencies: Dependencies, remarks: Iterable[str] = ()) -> None:
    email = _email_of(notices, dependencies, list(remarks))
    try:
        message_id = dependencies.mailer.send(email)
    except _AWS_ERRORS as error:
        raise EmailNotSent(f"e-mail not sent: SES rejected it: {error}") from error
    dependencies.log.info("e-mail sent", extra={"message_id": message_id, "subject": email.subject})


def _email_of(notices: Sequence[Notice], dependencies: Dependencies, remarks: list[str]) -> Email:
    digest = digest_of(notices, dependencies.names)
    sites: Mapping[str, Site] = {}
    values: Mapping[str, Mapping[Metric, MetricPoint]] = {}
    try:
        sites = dependencies.sites()
    except (*_AWS_ERRORS, NoSites) as error:
        remarks.append(f"Site names are missing: {error}")
    serials = list(dict.fromkeys(alarm.gateway_serial for alarm in digest.ungrouped if alarm.gateway_serial))
    try:
        values = dependencies.values(serials[:MAX_DETAILED_SITES]) if serials else {}
    except _AWS_ERRORS as error:
        remarks.append(f"Latest values are missing: {error}")
    return compose(digest, sites, values, now=dependencies.now(), remarks=remarks)
