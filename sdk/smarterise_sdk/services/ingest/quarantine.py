"""The quarantine: what could not be taken, why, its content; replayed when it can be, or discarded."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from smarterise_sdk.aws.errors import may_have_been_done
from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.ingest.manager_api import IDS_AT_MOST, QUARANTINE_CHANGE, IngestAction
from smarterise_sdk.domain.ingest.quarantine_content import ContentKind, kind_of
from smarterise_sdk.domain.ingest.status import DataPath
from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.plans import Plan, PlannedCall, Receipt, ReceiptState, StackChange, WritePath
from smarterise_sdk.errors import InvalidDocument, SmarteriseError, UsageError
from smarterise_sdk.journal.store import operator
from smarterise_sdk.services.ingest.object_loader import ObjectLoading, batches
from smarterise_sdk.services.ingest.quarantine_reader import QuarantineReading, Selection
from smarterise_sdk.services.ingest.queries import in_parts, text, whole
from smarterise_sdk.services.journaling import Recording
from smarterise_sdk.services.sites.planner import check_reason
from smarterise_sdk.services.sites.verification import VerificationResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker, WriteGrant
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.settings.model import Settings

KEPT: Final = "kept"
REPLAYED: Final = "replayed"
DISCARDED: Final = "discarded"
STILL_REJECTED: Final = "STILL_REJECTED"
BACK: Final = "looked up in the quarantine's index"


@dataclass(frozen=True, slots=True)
class _Target:
    """What is to be loaded for an entry to be replayed."""

    data_path: DataPath
    bucket: str
    key: str


class Quarantine:
    """The quarantine.

    Args:
        broker: The door to AWS.
        settings: Names and environment.
        journal: Where changes are written down.
        identity: Tells who is asking; called only when a change is planned.
        loading: Has objects loaded.
        now: The clock, UTC.
    """

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        journal: Journal,
        *,
        identity: Callable[[], Identity],
        loading: ObjectLoading | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._broker = broker
        self._settings = settings
        self._reading = QuarantineReading(broker, settings)
        self._identity = identity
        self._recording = Recording(journal, settings.journal_bucket, identity=identity)
        self._loading = loading or ObjectLoading(broker, settings)
        self._now = now

    @property
    def reading(self) -> QuarantineReading:
        """Looks into it: lists entries, finds one, shows what it stands for."""
        return self._reading

    def plan_replay(self, selection: Selection, *, reason: str = "") -> Plan:
        """Return what replaying entries would do; nothing is changed.

        What was discarded is left out unless it is named, and what was replayed always.

        Args:
            selection: Which entries.
            reason: Why, for the journal.

        Raises:
            NotFound: There is no entry of an id (code `ENTRY_NOT_FOUND`).
            UsageError: Several begin so, or nothing narrows the choice.
            SmarteriseError: It could not be looked.
        """
        check_reason(reason)
        entries = self._selected(selection)
        todo = [entry for entry in entries if text(entry, "state") in (KEPT, DISCARDED)]
        targets = {target for entry in todo if (target := _target(entry)) is not None}
        calls = [
            self._loading.announced(data_path, len(list(batches(_sized(targets, data_path), data_path))))
            for data_path in DataPath
            if any(target.data_path is data_path for target in targets)
        ]
        lost = len(todo) - sum(_target(entry) is not None for entry in todo)
        notes = [f"{lost} entries do not tell what they are of: they are left as they are"] if lost else []
        effects = [
            f"{count} × {code}" for code, count in Counter(text(row, "reason") for row in todo).items()
        ]
        files = len({target for target in targets if target.data_path is DataPath.FTP})
        if files:
            effects.append(f"{files} file(s) are loaded again, whole: rows that are there already stay")
        return self._plan(
            f"Replay {_entries(len(todo))} of the quarantine", todo, REPLAYED, calls, reason, effects, notes
        )

    def plan_discard(self, selection: Selection, *, reason: str) -> Plan:
        """Return what discarding entries would do: they are marked so, and what they stand for stays.

        Args:
            selection: Which entries.
            reason: Why; kept with each.

        Raises:
            UsageError: There is no reason, several entries begin with an id, or nothing narrows the choice.
            NotFound: There is no entry of an id (code `ENTRY_NOT_FOUND`).
            SmarteriseError: It could not be looked.
        """
        if not reason.strip():
            raise UsageError(
                "what is discarded needs a reason",
                why="whoever looks later must know that somebody has looked",
                remedy='add --reason "why"',
            )
        check_reason(reason)
        todo = [entry for entry in self._selected(selection) if text(entry, "state") == KEPT]
        rows = sum(whole(entry, "rows") for entry in todo)
        call = PlannedCall(
            "lambda:InvokeFunction",
            f"function {self._reading.function}",
            len(in_parts([text(entry, "id") for entry in todo], IDS_AT_MOST)),
        )
        effects = [f"{rows:,} reading(s) are given up; their objects stay in S3, and can be replayed later"]
        title = f"Discard {_entries(len(todo))} of the quarantine"
        return self._plan(title, todo, DISCARDED, [call], reason, effects, [])

    def apply(self, plan: Plan, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Carry out a plan, look again, and write both down in the journal.

        Args:
            plan: The plan.
            on_step: Told of each step, in words.

        Raises:
            WriteRefused: This is read-only, or another environment.
            InvalidDocument: All that was to be replayed is rejected as before (code `STILL_REJECTED`).
            SmarteriseError: It failed; or the journal cannot be written (code `JOURNAL`).
        """
        say = on_step or (lambda _: None)
        if plan.is_empty:
            return Receipt(plan, ReceiptState.NOTHING_TO_DO, (), {}, "", None, (), None, None, "")
        is_replay = plan.stack_changes[0].after == REPLAYED
        with self._broker.writing(plan) as grant:

            def make(_: str) -> Receipt:
                found = self._replayed(plan, grant, say) if is_replay else self._discarded(plan, grant, say)
                return self._verified(plan, grant, found, say)

            return self._recording.around(plan, grant, make)

    def observe(self, plan: Plan) -> Receipt:
        """Return what a look shows of a plan that was applied, now or long ago.

        Raises:
            SmarteriseError: It could not be looked.
        """
        return _receipt(plan, self._evaluation(plan, {}), (), None, self._now())

    def _replayed(self, plan: Plan, grant: WriteGrant, say: Callable[[str], None]) -> dict[str, str]:
        """Have everything loaded that entries stand for; return what is to be said of those that failed."""
        entries = self._reading.each([change.subject for change in plan.stack_changes])
        targets = {text(entry, "id"): _target(entry) for entry in entries}
        told: dict[_Target, str] = {}
        is_begun = False
        for data_path, bucket, keys in _loads(target for target in targets.values() if target is not None):
            say(f"loading {len(keys)} object(s) again ({data_path.value})")
            try:
                failed = self._loading.load(grant, data_path, keys, reload=True, bucket=bucket).failed
            except SmarteriseError as error:
                if not is_begun and not may_have_been_done(error):
                    raise
                failed = dict.fromkeys(keys, str(error))
            is_begun = True
            told |= {_Target(data_path, bucket, key): why for key, why in failed.items()}
        return {
            entry_id: told[target]
            for entry_id, target in targets.items()
            if target is not None and target in told
        }

    def _discarded(self, plan: Plan, grant: WriteGrant, say: Callable[[str], None]) -> dict[str, str]:
        for ids in in_parts([change.subject for change in plan.stack_changes], IDS_AT_MOST):
            say(f"marking {len(ids)} entries")
            event: JsonObject = {
                "action": IngestAction.QUARANTINE_DISCARD.value,
                "ids": list(ids),
                "reason": plan.reason,
                "by": operator(),
            }
            grant.invoke(self._reading.function, event)
        return {}

    def _verified(
        self, plan: Plan, grant: WriteGrant, failed: dict[str, str], say: Callable[[str], None]
    ) -> Receipt:
        say("verifying (the index)")
        applied_at = self._now()
        try:
            verification = self._evaluation(plan, failed)
        except SmarteriseError as error:
            why = f"could not be looked up: {error}"
            verification = VerificationResult((), {change.subject: why for change in plan.stack_changes})
        else:
            if not verification.verified and not failed:
                raise _still_rejected(plan, verification)
        return _receipt(plan, verification, grant.request_ids, applied_at, self._now())

    def _evaluation(self, plan: Plan, failed: dict[str, str]) -> VerificationResult:
        subjects = [change.subject for change in plan.stack_changes]
        found = {text(row, "id"): row for row in self._reading.exactly(subjects)}
        open_: dict[str, str] = {}
        for change in plan.stack_changes:
            row = found.get(change.subject)
            if row is None:
                open_[change.subject] = "is not in the index any more"
            elif text(row, "state") != change.after:
                why = failed.get(change.subject) or f"{text(row, 'reason')}: {text(row, 'detail')}"
                open_[change.subject] = f"still {text(row, 'state')}: {why}"
        return VerificationResult(tuple(subject for subject in subjects if subject not in open_), open_)

    def _selected(self, selection: Selection) -> list[JsonObject]:
        if not selection.ids and selection == replace(Selection(), states=selection.states):
            raise UsageError(
                "nothing says which entries are meant",
                remedy="name ids as `quarantine list` shows them, or say --site, --code, --path or --from",
            )
        if selection.ids:
            return self._reading.each(selection.ids)
        return self._reading.entries(replace(selection, states=(KEPT,)))

    def _plan(
        self,
        title: str,
        entries: Sequence[JsonObject],
        after: str,
        calls: Iterable[PlannedCall],
        reason: str,
        effects: Iterable[str],
        notes: Iterable[str],
    ) -> Plan:
        plan = Plan(
            plan_id=os.urandom(4).hex(),
            title=title if entries else "Change nothing",
            environment=self._settings.environment.name,
            account=self._account(),
            region=self._settings.region or "",
            via=WritePath.LAMBDA,
            updates={},
            create=False,
            changes=(),
            unchanged=(),
            effects=tuple(effects) if entries else (),
            calls=tuple(calls) if entries else (),
            base_etag="",
            reason=reason,
            planned_at=self._now(),
            stack_changes=tuple(
                StackChange(
                    QUARANTINE_CHANGE,
                    text(entry, "id"),
                    f"{text(entry, 'state')}, {text(entry, 'reason')}",
                    after,
                    text(entry, "gateway_serial"),
                )
                for entry in entries
            ),
            notes=tuple(notes),
        )
        return self._recording.announced(plan)

    def _account(self) -> str:
        try:
            return self._identity().account
        except SmarteriseError:
            # As with sites: a plan is of use without it.
            return ""


def _receipt(
    plan: Plan,
    verification: VerificationResult,
    request_ids: Sequence[str],
    applied_at: datetime | None,
    verified_at: datetime,
) -> Receipt:
    ids = tuple(request_ids)
    done, left = verification.verified, verification.unverified
    return Receipt(plan, verification.state, done, left, "", None, ids, applied_at, verified_at, BACK)


def _target(entry: JsonObject) -> _Target | None:
    """Return what is to be loaded for an entry: of the stream its own object, of a file the file."""
    bucket, key = str(entry.get("bucket") or ""), str(entry.get("key") or "")
    if entry.get("source") == "iot":
        return _Target(DataPath.STREAM, bucket, key)
    if kind_of("ftp", key) is ContentKind.FILE:
        return _Target(DataPath.FTP, bucket, key)
    place, _, etag = str(entry.get("origin") or "").rpartition("#")
    where, _, of_file = place.removeprefix("s3://").partition("/")
    return _Target(DataPath.FTP, where, of_file) if place.startswith("s3://") and of_file and etag else None


def _loads(targets: Iterable[_Target]) -> Iterator[tuple[DataPath, str, list[str]]]:
    """Yield what is to be loaded together: of one road, and files of one bucket."""
    ordered = sorted(set(targets), key=lambda target: (target.data_path, target.bucket, target.key))
    for (data_path, bucket), group in groupby(ordered, key=lambda target: (target.data_path, target.bucket)):
        for keys in batches(_sized(group, data_path), data_path):
            yield data_path, bucket, keys


def _sized(targets: Iterable[_Target], data_path: DataPath) -> list[tuple[str, int]]:
    # The index tells no sizes: what is in quarantine is small, or is one file by itself.
    return sorted((target.key, 1) for target in targets if target.data_path is data_path)


def _still_rejected(plan: Plan, verification: VerificationResult) -> InvalidDocument:
    return InvalidDocument(
        f"nothing of {_entries(len(plan.stack_changes))} could be replayed",
        problems=[Problem(STILL_REJECTED, f"{name}: {why}") for name, why in verification.unverified.items()],
        why="it is rejected as before",
        remedy="look at one: smarterise-ops quarantine show ID; what cannot be mended can be discarded",
        code=STILL_REJECTED,
    )


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"
