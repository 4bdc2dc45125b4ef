"""Backfills: what the lake keeps of a span is loaded once more, by the functions that load it anyway.

The plan counts what there is; carrying it out goes from object to object in the order of their keys and
keeps how far it has come. Whatever ends it, the same backfill goes on there, under the same plan, so that
the journal has one change of it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.ingest.manager_api import (
    BACKFILL_CHANGE,
    GATEWAYS_AT_MOST,
    GIVEN_UP_PREFIX,
    STREAM_PREFIX,
    IngestAction,
)
from smarterise_sdk.domain.ingest.status import DataPath
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.sites.plans import Plan, PlannedCall, Receipt, ReceiptState, StackChange, WritePath
from smarterise_sdk.domain.text import utc_text, visible
from smarterise_sdk.errors import InvalidDocument, SmarteriseError, UsageError
from smarterise_sdk.services.ingest.backfill_progress import Progress, ProgressFile, Scope, progress_of
from smarterise_sdk.services.ingest.object_loader import Loaded, ObjectLoading, batches
from smarterise_sdk.services.ingest.queries import IngestQuestions, in_parts, text, whole
from smarterise_sdk.services.journaling import Recording
from smarterise_sdk.services.sites.planner import check_reason
from smarterise_sdk.services.sites.verification import VerificationResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from smarterise_sdk.aws.broker import Broker, WriteGrant
    from smarterise_sdk.domain.json_text.types import JsonValue
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.services.sites.service import Sites
    from smarterise_sdk.settings.model import Settings

FAILURES_AT_MOST: Final = 3
"""So many batches one after another of which nothing is loaded end a backfill: it is not the objects."""
REPORT_EVERY_S: Final = 2.0
REPORT_EVERY_OBJECTS: Final = 20_000
"""How often it is told how far carrying out, and looking, have come."""
FAILED_AT_MOST: Final = 1000
"""So many objects that were not loaded are remembered, and tried again when it goes on."""
BACK: Final = "told by the loading functions, object by object"
_SETTLED: Final = frozenset({"loaded", "rejected"})
_SOURCES: Final = {DataPath.STREAM: "iot", DataPath.FTP: "ftp"}


@dataclass(frozen=True, slots=True)
class _Object:
    """An object of the lake that is to be loaded."""

    key: str
    size: int
    gateway_serial: str


@dataclass(frozen=True, slots=True)
class _Work:
    """What a plan is to load, by road and in the order of keys, and where its progress is kept."""

    objects: dict[DataPath, list[_Object]]
    scope: Scope
    progress: Progress


class Backfilling:
    """Plans backfills and carries them out.

    Args:
        broker: The door to AWS.
        settings: Names and environment.
        journal: Where changes are written down.
        sites: The site file: whose files there may be.
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
        sites: Callable[[], Sites],
        identity: Callable[[], Identity],
        loading: ObjectLoading | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._broker = broker
        self._settings = settings
        self._questions = IngestQuestions(broker, settings)
        self._sites = sites
        self._identity = identity
        self._recording = Recording(journal, settings.journal_bucket, identity=identity)
        self._loading = loading or ObjectLoading(broker, settings)
        self._now = now
        self._work: dict[str, _Work] = {}

    def plan(
        self,
        since: datetime,
        until: datetime,
        *,
        gateways: Sequence[str] = (),
        data_paths: Sequence[DataPath] = tuple(DataPath),
        reload: bool = False,
        reason: str = "",
        on_step: Callable[[str], None] | None = None,
    ) -> Plan:
        """Return what a backfill would load; nothing is changed.

        Of files those are left out that the ledger says are settled, unless `reload`. Of the stream all is
        loaded: what is there already is found to be the same.

        Args:
            since: Readings measured from then on, UTC.
            until: Readings measured before then, UTC.
            gateways: Of these sites; all if empty.
            data_paths: What came by these roads.
            reload: Load files that are settled too.
            reason: Why, for the journal.
            on_step: Told of each step, in words.

        Raises:
            UsageError: The span is none.
            SmarteriseError: It could not be looked.
        """
        check_reason(reason)
        if until <= since:
            raise UsageError("the span of the backfill is none", remedy="--to must be after --from")
        say = on_step or (lambda _: None)
        settings = self._settings
        scope = Scope(
            environment=settings.environment.name,
            endpoint_url=settings.endpoint_url or "",
            since=since,
            until=until,
            gateways=tuple(gateways),
            data_paths=tuple(data_paths),
            reload=reload,
        )
        progress = ProgressFile(settings.state_dir, scope).read()
        is_resumed = progress is not None and not progress.is_done
        if progress is None or progress.is_done:
            progress = Progress(os.urandom(4).hex())
        objects: dict[DataPath, list[_Object]] = {}
        settled = 0
        for data_path in data_paths:
            say(f"looking what the lake has of it ({data_path.value})")
            found, of_data_path = self._listed(scope, data_path, say)
            settled += of_data_path
            objects[data_path] = [each for each in found if progress.is_left(data_path, each.key)]
        plan = self._planned(scope, objects, progress, settled, is_resumed=is_resumed, reason=reason)
        self._work[plan.plan_id] = _Work(objects, scope, progress)
        return plan

    def apply(self, plan: Plan, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Carry out a plan that this very object made, and write it down in the journal.

        Args:
            plan: The plan.
            on_step: Told of each step, in words.

        Raises:
            UsageError: The plan is not of this object.
            WriteRefused: This is read-only, or another environment.
            Conflict: Another process carries it out (code `UNDER_WAY`).
            SmarteriseError: Nothing could be loaded; or the journal cannot be written (code `JOURNAL`).
        """
        if plan.is_empty:
            return Receipt(plan, ReceiptState.NOTHING_TO_DO, (), {}, "", None, (), None, None, "")
        work = self._work.get(plan.plan_id)
        if work is None:
            raise UsageError("the plan was made elsewhere", remedy="plan again")
        say = on_step or (lambda _: None)
        file = ProgressFile(self._settings.state_dir, work.scope)
        with self._broker.writing(plan) as grant, file.alone():

            def make(_: str) -> Receipt:
                file.write(work.progress)
                total, given_up = self._carried_out(grant, work, file, say)
                return self._receipt(plan, work, total, given_up, grant.request_ids)

            return self._recording.around(plan, grant, make)

    def observe(self, plan: Plan) -> Receipt:
        """Return what is known of a plan that was applied, now or long ago: what this machine has kept."""
        progress = progress_of(self._settings.state_dir, plan.plan_id)
        subjects = [change.subject for change in plan.stack_changes]
        if progress is not None and progress.is_done and not any(progress.failed.values()):
            verification = VerificationResult(tuple(subjects), {})
        else:
            why = "was ended before it was done: the same backfill goes on where it ended"
            verification = VerificationResult((), dict.fromkeys(subjects, why))
        observed_in = "what this machine keeps of how far it came"
        done, left = verification.verified, verification.unverified
        return Receipt(plan, verification.state, done, left, "", None, (), None, self._now(), observed_in)

    def _listed(
        self, scope: Scope, data_path: DataPath, say: Callable[[str], None]
    ) -> tuple[list[_Object], int]:
        """Return what the lake has of a road, in the order of keys, and how many files are settled."""
        parts: list[list[str]] = in_parts(scope.gateways, GATEWAYS_AT_MOST)
        if data_path is DataPath.FTP and not parts:
            parts = in_parts(self._all_gateways(scope.since), GATEWAYS_AT_MOST)
        found: list[_Object] = []
        settled = 0
        for part in parts or [[]]:
            if data_path is DataPath.FTP and not part:
                continue
            listed: list[JsonValue] = list(part)
            rows = self._questions.rows(
                IngestAction.OBJECTS,
                source=_SOURCES[data_path],
                since=scope.since.isoformat(),
                until=scope.until.isoformat(),
                gateways=listed,
            )
            for row in rows:
                key = str(row.get("key"))
                if text(row, "state") in _SETTLED and not scope.reload:
                    settled += 1
                else:
                    found.append(_Object(key, whole(row, "size"), _serial_of(data_path, key)))
                    if len(found) % REPORT_EVERY_OBJECTS == 0:
                        say(f"{len(found):,} objects so far")
        return sorted(found, key=lambda each: each.key), settled

    def _all_gateways(self, since: datetime) -> list[str]:
        response = self._questions.ask(IngestAction.GATEWAYS, since=utc_text(since))
        listed = response.get("gateways")
        known = dict.fromkeys(site.gateway_serial for site in self._sites().fetch().sites)
        heard_of = [str(one) for one in listed] if isinstance(listed, list) else []
        # What is called otherwise has no folder in the lake.
        return list(known | dict.fromkeys(filter(GATEWAY_SERIAL.match, heard_of)))

    def _carried_out(
        self, grant: WriteGrant, work: _Work, file: ProgressFile, say: Callable[[str], None]
    ) -> tuple[Loaded, str]:
        """Load everything; return what became of it, and why it was given up, if it was."""
        total, progress = Loaded(), work.progress
        count = sum(map(len, work.objects.values()))
        failures, seen, told_at = 0, 0, 0.0
        for data_path, objects in work.objects.items():
            for keys in batches(((each.key, each.size) for each in objects), data_path):
                try:
                    loaded = self._loading.load(grant, data_path, keys, reload=work.scope.reload)
                except SmarteriseError as error:
                    if not total.done:
                        raise
                    return total, str(error)
                total.add(loaded)
                seen += len(keys)
                failures = 0 if loaded.done else failures + 1
                _note(progress, data_path, keys, loaded)
                # With the last batch: whoever is killed after it has done everything.
                progress.is_done = seen == count and not any(progress.failed.values())
                file.write(progress)
                if seen == count or time.monotonic() - told_at >= REPORT_EVERY_S:
                    told_at = time.monotonic()
                    say(f"{seen:,} of {count:,} objects ({100 * seen // count} %): {total.summary()}")
                if failures >= FAILURES_AT_MOST:
                    why = next(iter(loaded.failed.values()), "")
                    if not total.done:
                        raise _given_up(seen, count, why)
                    return total, why
        return total, ""

    def _receipt(
        self, plan: Plan, work: _Work, total: Loaded, given_up: str, request_ids: Sequence[str]
    ) -> Receipt:
        now = self._now()
        done = set(total.done)
        open_: dict[str, str] = {}
        for data_path, objects in work.objects.items():
            for each in objects:
                if each.key not in done:
                    why = total.failed.get(each.key) or f"not reached: {given_up}"
                    open_.setdefault(_subject(data_path, each.gateway_serial), f"{visible(each.key)}: {why}")
        subjects = [change.subject for change in plan.stack_changes]
        verification = VerificationResult(tuple(one for one in subjects if one not in open_), open_)
        notes = [f"readings: {total.summary()}"]
        if open_:
            left = sum(map(len, work.objects.values())) - len(done)
            notes.append(f"{left:,} object(s) were not loaded; the same backfill goes on with them")
        ids, well, ill = tuple(request_ids), verification.verified, verification.unverified
        return Receipt(plan, verification.state, well, ill, "", None, ids, now, now, BACK, tuple(notes))

    def _planned(
        self,
        scope: Scope,
        objects: dict[DataPath, list[_Object]],
        progress: Progress,
        settled: int,
        *,
        is_resumed: bool,
        reason: str,
    ) -> Plan:
        notes: list[str] = []
        if is_resumed:
            notes.append("goes on where it was ended")
        if settled:
            notes.append(f"{settled:,} file(s) are settled and left as they are; --again loads them too")
        changes = tuple(_changes(objects))
        size = sum(each.size for of_data_path in objects.values() for each in of_data_path)
        count = sum(map(len, objects.values()))
        plan = Plan(
            plan_id=progress.plan_id,
            title=f"Backfill {utc_text(scope.since)} to {utc_text(scope.until)}"
            if changes
            else "Change nothing",
            environment=scope.environment,
            account=self._account(),
            region=self._settings.region or "",
            via=WritePath.LAMBDA,
            updates={},
            create=False,
            changes=(),
            unchanged=(),
            effects=(
                f"{count:,} object(s) of {size / 1e6:,.1f} MB are read; rows that are there already stay",
            )
            if changes
            else (),
            calls=tuple(self._calls(objects)),
            base_etag="",
            reason=reason,
            planned_at=self._now(),
            stack_changes=changes,
            notes=tuple(notes),
        )
        return self._recording.announced(plan)

    def _calls(self, objects: dict[DataPath, list[_Object]]) -> Iterator[PlannedCall]:
        for data_path, of_data_path in objects.items():
            if of_data_path:
                sized = [(each.key, each.size) for each in of_data_path]
                yield self._loading.announced(data_path, len(list(batches(sized, data_path))))

    def _account(self) -> str:
        try:
            return self._identity().account
        except SmarteriseError:
            # As with sites: a plan is of use without it.
            return ""


def _changes(objects: dict[DataPath, list[_Object]]) -> Iterator[StackChange]:
    for data_path, of_data_path in objects.items():
        counts = Counter(each.gateway_serial for each in of_data_path)
        for serial, count in sorted(counts.items()):
            before = "1 object in the lake" if count == 1 else f"{count:,} objects in the lake"
            yield StackChange(BACKFILL_CHANGE, _subject(data_path, serial), before, "loaded", serial)


def _title(scope: Scope) -> str:
    return f"Backfill {utc_text(scope.since)} to {utc_text(scope.until)}"


def _subject(data_path: DataPath, serial: str) -> str:
    return f"{serial} {data_path.value}" if serial else f"batches of the {data_path.value} that were given up"


def _serial_of(data_path: DataPath, key: str) -> str:
    if key.startswith(GIVEN_UP_PREFIX):
        return ""  # of several
    parts = key.removeprefix(STREAM_PREFIX).split("/") if data_path is DataPath.STREAM else key.split("/")
    place = 2 if data_path is DataPath.STREAM else 1
    return visible(parts[place]) if len(parts) > place + 1 else ""


def _note(progress: Progress, data_path: DataPath, keys: Sequence[str], loaded: Loaded) -> None:
    done = set(loaded.done)
    before = [key for key in progress.failed.get(data_path, []) if key not in done]
    failed = dict.fromkeys((*before, *(key for key in keys if key in loaded.failed)))
    progress.failed[data_path.value] = list(failed)[:FAILED_AT_MOST]
    progress.done_to[data_path.value] = max(progress.done_to.get(data_path, ""), keys[-1])
    for name, count in loaded.rows.items():
        progress.rows[name] = progress.rows.get(name, 0) + count


def _given_up(seen: int, count: int, why: str) -> SmarteriseError:
    return InvalidDocument(
        f"the backfill was given up after {seen:,} of {count:,} objects: none was loaded",
        why=why,
        remedy="put right what keeps the functions from loading; the same backfill goes on where it ended",
        code="BACKFILL_GIVEN_UP",
    )
