"""Whether the rest of the stack follows the site file, and making it follow: by `site-config-manager`."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from smarterise_sdk.aws.errors import is_without_answer, may_have_been_done
from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.sites.plans import Plan, PlannedCall, Receipt, ReceiptState, StackChange, WritePath
from smarterise_sdk.domain.stack.drift import Deviation
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import SmarteriseError
from smarterise_sdk.services.journaling import Recording
from smarterise_sdk.services.sites.planner import check_reason
from smarterise_sdk.services.sites.responses import accepted, list_in, object_in, unexpected, version_in
from smarterise_sdk.services.sites.verification import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker, WriteGrant
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.settings.model import Settings

ROUNDS_AT_MOST: Final = 5
"""How often the function is asked to go on where its time was over."""
BACK: Final = "looked again through site-config-manager"


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the stack does not follow the site file.

    Attributes:
        changes: What reconciling would put right.
        left: What it would leave as it is, each with its reason.
        troubles: Sentences on what is left and what is unseen, and on a file that cannot be used.
        checked_alarms: How many alarms were looked at.
        checked_schedules: How many scheduled rules were looked at.
        as_of: When, UTC.
        unseen: What could not be looked at, and why.
        etag: ETag of the site file that was followed.
        version_id: Its S3 version, when the bucket keeps versions.
    """

    changes: tuple[StackChange, ...]
    left: tuple[Deviation, ...]
    troubles: tuple[str, ...]
    checked_alarms: int
    checked_schedules: int
    as_of: datetime
    unseen: tuple[str, ...] = ()
    etag: str = ""
    version_id: str | None = None

    @property
    def is_none(self) -> bool:
        """Whether everything was looked at, and all of it follows the file."""
        return not self.changes and not self.troubles


class Following:
    """What is to follow the site file: alarm actions and collection schedules.

    Args:
        broker: The door to AWS.
        settings: Names and environment.
        journal: Where changes are written down.
        identity: Tells who is asking; called only when a change is planned.
        now: The clock, UTC.
    """

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        journal: Journal,
        *,
        identity: Callable[[], Identity],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._broker = broker
        self._settings = settings
        self._function = settings.names.site_config_manager
        self._identity = identity
        self._recording = Recording(journal, settings.journal_bucket, identity=identity)
        self._now = now

    def drift(self) -> Drift:
        """Look where the stack does not follow the site file; nothing is changed.

        Raises:
            SmarteriseError: It could not be looked.
        """
        replies = self._runs(partial(self._broker.invoke, self._function), {"dry_run": True})
        return self._drift_in(list(replies))

    def plan_reconcile(self, reason: str = "") -> Plan:
        """Return what it would change to make the stack follow the site file; nothing is changed.

        Raises:
            UsageError: The reason is too long.
            SmarteriseError: It could not be looked.
        """
        check_reason(reason)
        drift = self.drift()
        plan = Plan(
            plan_id=os.urandom(4).hex(),
            title=_title(drift.changes),
            environment=self._settings.environment.name,
            account=self._account(),
            region=self._settings.region or "",
            via=WritePath.LAMBDA,
            updates={},
            create=False,
            changes=(),
            unchanged=(),
            causes=_causes(drift.changes),
            calls=(PlannedCall("lambda:InvokeFunction", f"function {self._function}"),),
            base_etag=drift.etag,
            reason=reason,
            planned_at=self._now(),
            stack_changes=drift.changes,
            notes=tuple(f"left as it is: {trouble}" for trouble in drift.troubles),
        )
        return self._recording.announced(plan)

    def apply(self, plan: Plan, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Carry out a plan, look again, and write both down in the journal.

        Args:
            plan: The plan, as `plan_reconcile` made it.
            on_step: Told of each step, in words.

        Raises:
            WriteRefused: This is read-only, or another environment.
            SmarteriseError: It was refused or failed, and nothing was changed; or the journal cannot be
                written (code `JOURNAL`).
        """
        say = on_step or (lambda _: None)
        if plan.is_empty:
            return Receipt(plan, ReceiptState.NOTHING_TO_DO, (), {}, plan.base_etag, None, (), None, None, "")
        with self._broker.writing(plan) as grant:
            return self._recording.around(plan, grant, lambda _: self._carried_out(plan, grant, say))

    def looked_at(self, plan: Plan) -> Receipt:
        """Return what a look shows of a plan that was applied, now or long ago.

        Raises:
            SmarteriseError: It could not be looked.
        """
        drift = self.drift()
        return self._receipt(plan, (), drift, _verdict(plan, drift), None, BACK)

    def _carried_out(self, plan: Plan, grant: WriteGrant, say: Callable[[str], None]) -> Receipt:
        say("applying")
        doubt: SmarteriseError | None = None
        applied_at: datetime | None = None
        planned = {change.subject for change in plan.stack_changes}
        for _ in range(ROUNDS_AT_MOST):
            replies: list[JsonObject] = []
            try:
                for reply in self._runs(partial(grant.invoke, self._function), {}):
                    replies.append(reply)
                    applied_at = self._now()  # at once: what came before a failure counts too
            except SmarteriseError as error:
                if not may_have_been_done(error) and applied_at is None:
                    raise
                doubt = error
                say(f"{error.what}: looking whether it was done all the same")
                break
            done = self._deviations(replies)
            left = [row for row in done if row.change.subject in planned and not row.repaired]
            if not left or not any(row.repaired for row in done):
                break
            # The function does what it can in its time: as long as it gets on, it is asked again.
            say(f"{len(left)} left: going on")
        say("verifying (a second look)")
        words = f"{BACK}, after: {doubt.what}" if doubt is not None else BACK
        try:
            drift = self.drift()
        except SmarteriseError as error:
            reason = f"could not be looked at again: {error}"
            verdict = Verdict((), {change.subject: reason for change in plan.stack_changes})
            return self._receipt(plan, grant.request_ids, None, verdict, applied_at, words)
        verdict = _verdict(plan, drift)
        if doubt is not None and not verdict.verified and not is_without_answer(doubt):
            # There was an answer, so nothing is under way; and all is as it was.
            raise doubt
        return self._receipt(plan, grant.request_ids, drift, verdict, applied_at, words)

    def _receipt(
        self,
        plan: Plan,
        request_ids: Sequence[str],
        drift: Drift | None,
        verdict: Verdict,
        applied_at: datetime | None,
        words: str,
    ) -> Receipt:
        notes: list[str] = list(drift.troubles) if drift is not None else []
        if drift is not None and plan.base_etag not in ("", drift.etag):
            notes.append("the site file has changed since the plan was made; the stack follows the newer one")
        return Receipt(
            plan,
            verdict.state,
            verdict.verified,
            verdict.unverified,
            drift.etag if drift is not None else "",
            drift.version_id if drift is not None else None,
            tuple(request_ids),
            applied_at,
            drift.as_of if drift is not None else None,
            words,
            tuple(notes),
        )

    def _runs(self, invoke: Callable[[JsonObject], JsonObject], asked: JsonObject) -> Iterator[JsonObject]:
        """Yield the replies of as many runs as it takes: each ends in time and tells where to go on."""
        resume = ""
        while True:
            event: JsonObject = {"action": "reconcile", **asked}
            reply = accepted(invoke({**event, "resume": resume} if resume else event), self._function)
            yield reply
            following = reply.get("resume")
            # Nobody runs in a circle, whatever the function says.
            if not isinstance(following, str) or following in ("", resume):
                return
            resume = following

    def _deviations(self, replies: Sequence[JsonObject]) -> list[Deviation]:
        return [self._deviation(row) for reply in replies for row in list_in(reply, "drift", self._function)]

    def _drift_in(self, replies: Sequence[JsonObject]) -> Drift:
        rows = self._deviations(replies)
        checked = [object_in(reply, "checked", self._function) for reply in replies]
        left = tuple(row for row in rows if row.trouble)
        unseen = _unseen(replies, len(rows))
        reply = replies[-1]
        etag = reply.get("etag")
        return Drift(
            tuple(row.change for row in rows if row.can_repair),
            left,
            (*_degraded_in(reply), *unseen, *_in_words(left)),
            sum(_count(one.get("alarms")) for one in checked),
            sum(_count(one.get("schedules")) for one in checked),
            self._now(),
            unseen,
            etag if isinstance(etag, str) else "",
            version_in(reply),
        )

    def _deviation(self, row: JsonValue) -> Deviation:
        if not isinstance(row, dict):
            unexpected(self._function, "drift", row)
        kind, subject, before, after, serial, trouble = (
            visible(str(row.get(name) or ""))
            for name in ("kind", "subject", "before", "after", "gateway_serial", "trouble")
        )
        change = StackChange(kind, subject, before, after, serial)
        return Deviation(change, trouble, repaired=row.get("repaired") is True)

    def _account(self) -> str:
        try:
            return self._identity().account
        except SmarteriseError:
            # As with sites: a plan is of use without it.
            return ""


def _verdict(plan: Plan, drift: Drift) -> Verdict:
    open_ = {change.subject: f"still {change.before}" for change in drift.changes}
    open_ |= {row.change.subject: f"still {row.change.before}: {row.trouble}" for row in drift.left}
    subjects = [change.subject for change in plan.stack_changes]
    return Verdict(
        tuple(subject for subject in subjects if subject not in open_),
        {subject: open_[subject] for subject in subjects if subject in open_},
    )


def _unseen(replies: Sequence[JsonObject], told: int) -> tuple[str, ...]:
    listed: list[str] = []
    for reply in replies:
        troubles = reply.get("troubles")
        listed += [visible(str(one)) for one in troubles] if isinstance(troubles, list) else []
    if replies[-1].get("resume"):
        listed.append("the look did not get on, so not every alarm was seen")
    beyond = sum(_count(reply.get("drift_count")) for reply in replies) - told
    if beyond > 0:
        listed.append(f"{beyond} more do not follow than one answer can tell: look again after reconciling")
    return tuple(listed)


def _degraded_in(reply: JsonObject) -> tuple[str, ...]:
    note = reply.get("degraded")
    message = note.get("message") if isinstance(note, dict) else None
    return (visible(str(message)),) if message else ()


def _in_words(left: Sequence[Deviation]) -> tuple[str, ...]:
    return tuple(f"{row.change.subject}: {row.change.before}; {row.trouble}" for row in left)


def _count(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _title(changes: Sequence[StackChange]) -> str:
    if not changes:
        return "Change nothing"
    kinds = Counter(change.kind for change in changes)
    listed = " and ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
    return f"Make {listed} follow the site file"


def _causes(changes: Sequence[StackChange]) -> tuple[str, ...]:
    ways = Counter((change.kind, change.before, change.after) for change in changes)
    sites = len({change.gateway_serial for change in changes if change.gateway_serial})
    sentences = [f"{kind}: {count} × {before} → {after}" for (kind, before, after), count in ways.items()]
    if sites:
        sentences.append(f"it concerns {'1 site' if sites == 1 else f'{sites} sites'}")
    return tuple(sentences)
