"""Whether the rest of the stack follows the site file, and making it follow: by `site-config-manager`."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from smarterise_sdk.aws.errors import is_outcome_unknown, may_have_been_done
from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.sites.plans import Plan, PlannedCall, Receipt, ReceiptState, StackChange, WritePath
from smarterise_sdk.domain.stack.drift import DriftItem
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import SmarteriseError
from smarterise_sdk.services.journaling import Recording
from smarterise_sdk.services.sites.planner import check_reason
from smarterise_sdk.services.sites.responses import accepted, list_in, object_in, unexpected, version_in
from smarterise_sdk.services.sites.verification import VerificationResult

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
        issues: Sentences on what is left and what is unseen, and on a file that cannot be used.
        checked_alarms: How many alarms were looked at.
        checked_schedules: How many scheduled rules were looked at.
        as_of: When, UTC.
        unseen: What could not be looked at, and why.
        etag: ETag of the site file that was followed.
        version_id: Its S3 version, when the bucket keeps versions.
    """

    changes: tuple[StackChange, ...]
    left: tuple[DriftItem, ...]
    issues: tuple[str, ...]
    checked_alarms: int
    checked_schedules: int
    as_of: datetime
    unseen: tuple[str, ...] = ()
    etag: str = ""
    version_id: str | None = None

    @property
    def is_none(self) -> bool:
        """Whether everything was looked at, and all of it follows the file."""
        return not self.changes and not self.issues


class Reconciliation:
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
        responses = self._runs(partial(self._broker.invoke, self._function), {"dry_run": True})
        return self._drift_in(list(responses))

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
            effects=_effects(drift.changes),
            calls=(PlannedCall("lambda:InvokeFunction", f"function {self._function}"),),
            base_etag=drift.etag,
            reason=reason,
            planned_at=self._now(),
            stack_changes=drift.changes,
            notes=tuple(f"left as it is: {issue}" for issue in drift.issues),
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

    def observe(self, plan: Plan) -> Receipt:
        """Return what a look shows of a plan that was applied, now or long ago.

        Raises:
            SmarteriseError: It could not be looked.
        """
        drift = self.drift()
        return self._receipt(plan, (), drift, _evaluation(plan, drift), None, BACK)

    def _carried_out(self, plan: Plan, grant: WriteGrant, say: Callable[[str], None]) -> Receipt:
        say("applying")
        doubt: SmarteriseError | None = None
        applied_at: datetime | None = None
        planned = {change.subject for change in plan.stack_changes}
        for _ in range(ROUNDS_AT_MOST):
            responses: list[JsonObject] = []
            try:
                for response in self._runs(partial(grant.invoke, self._function), {}):
                    responses.append(response)
                    applied_at = self._now()  # at once: what came before a failure counts too
            except SmarteriseError as error:
                if not may_have_been_done(error) and applied_at is None:
                    raise
                doubt = error
                say(f"{error.what}: looking whether it was done all the same")
                break
            done = self._drift_items(responses)
            left = [row for row in done if row.change.subject in planned and not row.repaired]
            if not left or not any(row.repaired for row in done):
                break
            # The function does what it can in its time: as long as it gets on, it is asked again.
            say(f"{len(left)} left: going on")
        say("verifying (a second look)")
        text = f"{BACK}, after: {doubt.what}" if doubt is not None else BACK
        try:
            drift = self.drift()
        except SmarteriseError as error:
            reason = f"could not be looked at again: {error}"
            verification = VerificationResult((), {change.subject: reason for change in plan.stack_changes})
            return self._receipt(plan, grant.request_ids, None, verification, applied_at, text)
        verification = _evaluation(plan, drift)
        if doubt is not None and not verification.verified and not is_outcome_unknown(doubt):
            # There was an answer, so nothing is under way; and all is as it was.
            raise doubt
        return self._receipt(plan, grant.request_ids, drift, verification, applied_at, text)

    def _receipt(
        self,
        plan: Plan,
        request_ids: Sequence[str],
        drift: Drift | None,
        verification: VerificationResult,
        applied_at: datetime | None,
        text: str,
    ) -> Receipt:
        notes: list[str] = list(drift.issues) if drift is not None else []
        if drift is not None and plan.base_etag not in ("", drift.etag):
            notes.append("the site file has changed since the plan was made; the stack follows the newer one")
        return Receipt(
            plan,
            verification.state,
            verification.verified,
            verification.unverified,
            drift.etag if drift is not None else "",
            drift.version_id if drift is not None else None,
            tuple(request_ids),
            applied_at,
            drift.as_of if drift is not None else None,
            text,
            tuple(notes),
        )

    def _runs(self, invoke: Callable[[JsonObject], JsonObject], asked: JsonObject) -> Iterator[JsonObject]:
        """Yield the replies of as many runs as it takes: each ends in time and tells where to go on."""
        next_token = ""
        while True:
            event: JsonObject = {"action": "reconcile", **asked}
            response = accepted(
                invoke({**event, "next_token": next_token} if next_token else event), self._function
            )
            yield response
            following = response.get("next_token")
            # Nobody runs in a circle, whatever the function says.
            if not isinstance(following, str) or following in ("", next_token):
                return
            next_token = following

    def _drift_items(self, responses: Sequence[JsonObject]) -> list[DriftItem]:
        return [
            self._drift_item(row)
            for response in responses
            for row in list_in(response, "drift", self._function)
        ]

    def _drift_in(self, responses: Sequence[JsonObject]) -> Drift:
        rows = self._drift_items(responses)
        checked = [object_in(response, "checked", self._function) for response in responses]
        left = tuple(row for row in rows if row.issue)
        unseen = _unseen(responses, len(rows))
        response = responses[-1]
        etag = response.get("etag")
        return Drift(
            tuple(row.change for row in rows if row.can_repair),
            left,
            (*_degraded_in(response), *unseen, *_summary(left)),
            sum(_count(one.get("alarms")) for one in checked),
            sum(_count(one.get("schedules")) for one in checked),
            self._now(),
            unseen,
            etag if isinstance(etag, str) else "",
            version_in(response),
        )

    def _drift_item(self, row: JsonValue) -> DriftItem:
        if not isinstance(row, dict):
            unexpected(self._function, "drift", row)
        kind, subject, before, after, serial, issue = (
            visible(str(row.get(name) or ""))
            for name in ("kind", "subject", "before", "after", "gateway_serial", "error")
        )
        change = StackChange(kind, subject, before, after, serial)
        return DriftItem(change, issue, repaired=row.get("repaired") is True)

    def _account(self) -> str:
        try:
            return self._identity().account
        except SmarteriseError:
            # As with sites: a plan is of use without it.
            return ""


def _evaluation(plan: Plan, drift: Drift) -> VerificationResult:
    open_ = {change.subject: f"still {change.before}" for change in drift.changes}
    open_ |= {row.change.subject: f"still {row.change.before}: {row.issue}" for row in drift.left}
    subjects = [change.subject for change in plan.stack_changes]
    return VerificationResult(
        tuple(subject for subject in subjects if subject not in open_),
        {subject: open_[subject] for subject in subjects if subject in open_},
    )


def _unseen(responses: Sequence[JsonObject], told: int) -> tuple[str, ...]:
    listed: list[str] = []
    for response in responses:
        issues = response.get("errors")
        listed += [visible(str(one)) for one in issues] if isinstance(issues, list) else []
    if responses[-1].get("next_token"):
        listed.append("the look did not get on, so not every alarm was seen")
    beyond = sum(_count(response.get("drift_count")) for response in responses) - told
    if beyond > 0:
        listed.append(f"{beyond} more do not follow than one answer can tell: look again after reconciling")
    return tuple(listed)


def _degraded_in(response: JsonObject) -> tuple[str, ...]:
    note = response.get("degraded")
    message = note.get("message") if isinstance(note, dict) else None
    return (visible(str(message)),) if message else ()


def _summary(left: Sequence[DriftItem]) -> tuple[str, ...]:
    return tuple(f"{row.change.subject}: {row.change.before}; {row.issue}" for row in left)


def _count(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _title(changes: Sequence[StackChange]) -> str:
    if not changes:
        return "Change nothing"
    kinds = Counter(change.kind for change in changes)
    listed = " and ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items()))
    return f"Make {listed} follow the site file"


def _effects(changes: Sequence[StackChange]) -> tuple[str, ...]:
    ways = Counter((change.kind, change.before, change.after) for change in changes)
    sites = len({change.gateway_serial for change in changes if change.gateway_serial})
    sentences = [f"{kind}: {count} × {before} → {after}" for (kind, before, after), count in ways.items()]
    if sites:
        sentences.append(f"it concerns {'1 site' if sites == 1 else f'{sites} sites'}")
    return tuple(sentences)
