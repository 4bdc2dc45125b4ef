"""Any sequence of changes, undos, hand edits and crashes leaves a sound file, a true journal, and a history
that replays to it.

S3 is moto's, in this process, so that hundreds of steps take seconds; the function is the real one, called
where boto3 would call it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import hypothesis.strategies as st
import pytest
from hypothesis import settings as limits
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto import mock_aws

from smarterise_lambdas.site_config_manager.dependencies import Dependencies
from smarterise_lambdas.site_config_manager.dispatch import dispatch
from smarterise_lambdas.site_config_manager.writer import ConfigStore
from smarterise_sdk.aws.broker import Broker
from smarterise_sdk.aws.session import ClientFactory
from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.sites.document import parse_site_tiers
from smarterise_sdk.domain.sites.history import FileVersion, VersionKind, history_of
from smarterise_sdk.domain.sites.plans import Plan, ReceiptState, WritePath
from smarterise_sdk.domain.sites.updates import is_same_entry
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, SmarteriseError, UsageError
from smarterise_sdk.journal.entries import JournalOutcome
from smarterise_sdk.services.resolution import OutcomeResolver
from smarterise_sdk.services.sites.verification import compare
from smarterise_sdk.settings import Environment, EnvironmentKind, Settings
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = StackNames()
PLACE = {"Bucket": NAMES.site_config_bucket, "Key": NAMES.site_config_key}
STAMPS = {"schema_version", "updated_at", "updated_by", "reason", "sites"}
SERIALS = ("AAA1", "BBB2")
"""Few, so that changes meet."""

UNKNOWN = st.one_of(
    st.integers(0, 3), st.booleans(), st.just({"deep": [1, True, None]}), st.sampled_from(["x", "ü"])
)
ENTRIES = st.builds(
    lambda tier, known, unknown: {"tier": tier, **known, **unknown},
    st.sampled_from(["CRITICAL", "NON_CRITICAL"]),
    st.fixed_dictionaries(
        {}, optional={"enabled": st.booleans(), "name": st.sampled_from(["Yaba", "Ikeja"])}
    ),
    st.dictionaries(st.sampled_from(["crew", "ftp_password", "note"]), UNKNOWN, max_size=2),
)
LIMITS = limits(max_examples=30, stateful_step_count=25)
TIERS = st.sampled_from(["CRITICAL", "NON_CRITICAL"])
POINTS = (
    "before the line",
    "within the line",
    "after the line",
    "after the write",
    "before the end",
    "within the end",
)
REPLACEMENTS = st.dictionaries(st.sampled_from(SERIALS), st.none() | ENTRIES, min_size=1)
VIA = st.sampled_from(WritePath)
OFTEN = st.sampled_from([True, True, False])
LATELY = st.integers(0, 3)
PICK = st.integers(0, 10**6)


class Died(BaseException):
    """The process is no more."""


class Function:
    """`site-config-manager` where boto3 would call it."""

    def __init__(self, s3: Any) -> None:
        self._dependencies = Dependencies(
            store=ConfigStore(s3, PLACE["Bucket"], PLACE["Key"]),
            alarms=None,  # type: ignore[arg-type]  # nobody reconciles here
            schedules=NoSchedules(),  # type: ignore[arg-type]
            names=NAMES,
            remaining_ms=lambda: 60_000,
            now=utc_now,
        )

    def invoke(self, *, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803  # boto3's name
        response = dispatch(json.loads(Payload), self._dependencies)
        return {"Payload": io.BytesIO(json.dumps(response).encode())}

    def close(self) -> None:
        """Have nothing to close."""


class NoSchedules:
    """No scheduled rules."""

    def cached(self) -> tuple[()]:
        """Return none."""
        return ()


class World:
    """One bucket and one set of clients for all examples."""

    def __init__(self, folder: Path) -> None:
        self.s3 = boto3.client("s3", region_name="eu-west-2")
        region = {"LocationConstraint": "eu-west-2"}
        self.s3.create_bucket(Bucket=PLACE["Bucket"], CreateBucketConfiguration=region)
        on = {"Status": "Enabled"}
        self.s3.put_bucket_versioning(Bucket=PLACE["Bucket"], VersioningConfiguration=on)
        self.settings = Settings(
            Environment("dev", EnvironmentKind.DEV, "green"),
            None,
            "eu-west-2",
            None,
            False,
            NAMES,
            folder / "journal",
        )
        self._bodies: dict[str, bytes] = {}
        self._factory = ClientFactory(self.settings)
        self._factory._clients["lambda", False] = Function(self.s3)  # type: ignore[assignment]

    def process(self) -> Stack:
        """Return a stack such as a new process has."""
        stack = Stack(self.settings)
        stack._factory = self._factory
        stack._broker = Broker(self._factory, read_only=False, sleep=lambda _: None)
        return stack

    def begin(self) -> None:
        """Forget all that was."""
        listed = self.s3.list_object_versions(Bucket=PLACE["Bucket"])
        for version in listed.get("Versions", ()):
            self.s3.delete_object(**PLACE, VersionId=version["VersionId"])
        (self.settings.journal_dir / "journal.jsonl").unlink(missing_ok=True)

    def put(self, body: bytes) -> None:
        """Upload a file by hand."""
        self.s3.put_object(**PLACE, Body=body)

    def current(self) -> tuple[bytes, str]:
        """Return the file and its ETag."""
        got = self.s3.get_object(**PLACE)
        return got["Body"].read(), got["ETag"]

    def versions(self) -> list[FileVersion]:
        """Return the file's versions, the newest first."""
        listed = self.s3.list_object_versions(Bucket=PLACE["Bucket"], Prefix=PLACE["Key"])["Versions"]
        return [FileVersion(one["VersionId"], one["LastModified"], one["IsLatest"]) for one in listed]

    def body_of(self, version: FileVersion) -> bytes:
        """Return a version's content."""
        if version.version_id not in self._bodies:
            got = self.s3.get_object(**PLACE, VersionId=version.version_id)
            self._bodies[version.version_id] = got["Body"].read()
        return self._bodies[version.version_id]


class AnySequence(RuleBasedStateMachine):
    """What an operator, another one with an editor, and bad luck can do."""

    world: World
    plans = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.stack = self.world.process()
        self.sites: dict[str, Any] = {}
        self.top: dict[str, Any] = {}
        self.broken: bytes | None = None
        self.written: dict[str, bool] = {}
        self.changed: dict[str, Plan] = {}
        self.kinds: list[frozenset[VersionKind]] = []
        self.edits = 0
        self.deaths = 0

    @initialize(sites=st.dictionaries(st.sampled_from(SERIALS), ENTRIES, min_size=1), owner=UNKNOWN)
    def somebody_begins(self, sites: dict[str, Any], owner: Any) -> None:
        self.world.put(json.dumps({"schema_version": 1, "owner": owner, "sites": sites}).encode())
        self.sites, self.top = sites, {"owner": owner}
        self.kinds.append(frozenset({VersionKind.FIRST}))

    # Plans: carried out at once, or kept until much has happened ------------------------------------

    @rule(target=plans, at_once=OFTEN, serial=st.sampled_from(SERIALS), tier=TIERS, via=VIA)
    def plan_switch(self, at_once: bool, serial: str, tier: str, via: WritePath) -> Any:
        how = {"create": serial not in self.sites, "via": via}
        updates = {serial: {"tier": tier}}
        return self._planned(
            lambda why: self.stack.sites.plan_update(updates, reason=why, **how), at_once=at_once
        )

    @precondition(lambda self: self.sites)
    @rule(target=plans, at_once=OFTEN, pick=PICK, value=UNKNOWN, via=VIA)
    def plan_field(self, at_once: bool, pick: int, value: Any, via: WritePath) -> Any:
        serial = list(self.sites)[pick % len(self.sites)]
        unknown = [name for name in self.sites[serial] if name not in ("tier", "enabled", "name")]
        fields = {unknown[pick % len(unknown)]: value} if unknown else {"enabled": bool(pick % 2)}
        return self._planned(
            lambda why: self.stack.sites.plan_update({serial: fields}, reason=why, via=via), at_once=at_once
        )

    @rule(target=plans, at_once=OFTEN, entries=REPLACEMENTS, via=VIA)
    def plan_add_and_remove(self, at_once: bool, entries: dict[str, Any], via: WritePath) -> Any:
        return self._planned(
            lambda why: self.stack.sites.plan_replace(entries, reason=why, via=via), at_once=at_once
        )

    @rule(target=plans, at_once=OFTEN, pick=PICK, whole=st.booleans(), via=VIA)
    def plan_rollback(self, at_once: bool, pick: int, whole: bool, via: WritePath) -> Any:
        versions = self.world.versions()
        version_id = versions[pick % len(versions)].version_id
        return self._planned(
            lambda why: self.stack.sites.plan_rollback(version_id, whole=whole, reason=why, via=via),
            at_once=at_once,
        )

    @rule(target=plans, at_once=OFTEN, last_good=st.booleans())
    def plan_repair(self, at_once: bool, last_good: bool) -> Any:
        was_broken = self.broken is not None
        plan = self._planned(
            lambda why: self.stack.sites.plan_repair(last_good=last_good, reason=why), mends=True
        )
        if not isinstance(plan, Plan):
            return plan
        assert plan.is_empty is not was_broken
        return self._kept_or_done(plan, at_once=at_once)

    @precondition(lambda self: self.written)
    @rule(target=plans, at_once=OFTEN, pick=LATELY)
    def plan_undo(self, at_once: bool, pick: int) -> Any:
        return self.undo(list(self.written)[-1 - pick % len(self.written)], at_once=at_once)

    def undo(self, plan_id: str, *, at_once: bool) -> Any:
        entry = self.stack.changes.find(plan_id)
        self.edits += 1
        refusal: SmarteriseError
        try:
            plan = self.stack.changes.plan_undo(plan_id, reason=f"reason {self.edits}")
        except (UsageError, Conflict, InvalidDocument) as refused:
            refusal = refused
        else:
            assert self.broken is None
            self._takes_back(plan)
            return self._kept_or_done(plan, at_once=at_once)
        if refusal.code == "NOT_UNDOABLE":
            is_unknown = bool(entry.masked_serials) and not self.written[plan_id]
            assert entry.outcome is JournalOutcome.FAILED or entry.repairs_file or is_unknown
        elif refusal.code == "MOVED_ON":
            assert self.broken is None
            assert refusal.why
        else:
            assert self.broken is not None
        return multiple()

    def _planned(self, make: Callable[[str], Plan], *, mends: bool = False, at_once: bool = False) -> Any:
        """Return a plan; while the file is broken every one is refused that does not mend it."""
        self.edits += 1
        try:
            plan = make(f"reason {self.edits}")
        except InvalidDocument:
            # Nor can one go back to a version that is broken, and of some files nothing can be made.
            return multiple()
        assert self.broken is None or mends
        return self._kept_or_done(plan, at_once=at_once)

    def _kept_or_done(self, plan: Plan, *, at_once: bool) -> Any:
        if not at_once:
            return plan
        self.apply(plan)
        return multiple()

    # What becomes of them -------------------------------------------------------------------------

    @rule(plan=plans)
    def apply_later(self, plan: Plan) -> None:
        self.apply(plan)

    def apply(self, plan: Plan) -> None:
        is_current = plan.base_etag == self.world.current()[1]
        try:
            receipt = self.stack.sites.apply(plan)
        except (Conflict, InvalidDocument):
            assert not plan.is_empty
            assert not is_current
            self._tried(plan, written=False)
            return
        if plan.is_empty:
            assert receipt.state is ReceiptState.NOTHING_TO_DO
            return
        assert is_current
        assert receipt.state is ReceiptState.VERIFIED, receipt.unverified
        self._tried(plan, written=True)

    @precondition(lambda self: self.sites and self.broken is None)
    @rule(pick=PICK, value=UNKNOWN, via=VIA, point=st.sampled_from(POINTS[2:]), is_settled=st.booleans())
    def change_and_die(self, pick: int, value: Any, via: WritePath, point: str, is_settled: bool) -> None:
        serial = list(self.sites)[pick % len(self.sites)]
        self.edits += 1
        entry = {**self.sites[serial], "crew": value, "shift": self.edits}
        plan = self.stack.sites.plan_replace({serial: entry}, reason=f"reason {self.edits}", via=via)
        self.apply_and_die(plan, point)
        if is_settled:
            self.settle(pick=0, at_once=True)

    @rule(plan=plans, point=st.sampled_from(POINTS))
    def apply_later_and_die(self, plan: Plan, point: str) -> None:
        self.apply_and_die(plan, point)

    def apply_and_die(self, plan: Plan, point: str) -> None:
        is_current = plan.base_etag == self.world.current()[1]
        if plan.is_empty:
            return
        is_tried = point not in ("before the line", "within the line")
        with self._dying(point):
            try:
                self.stack.sites.apply(plan)
            except Died:
                pass
            except (Conflict, InvalidDocument):
                assert not is_current
                assert point in ("after the write", "before the end")
            else:
                raise AssertionError(f"it survived {point}")
        self.stack = self.world.process()
        if is_tried:
            self._tried(plan, written=is_current and point != "after the line")
            self.deaths += 1

    @precondition(lambda self: self.deaths)
    @rule(pick=PICK, at_once=st.booleans())
    def settle_later(self, pick: int, at_once: bool) -> None:
        self.settle(pick=pick, at_once=at_once)

    def settle(self, *, pick: int, at_once: bool) -> None:
        unresolved = self.stack.changes.unresolved()
        if not unresolved:
            return
        entry = unresolved[pick % len(unresolved)]
        later = timedelta(0) if at_once else timedelta(minutes=3)
        before = self.world.current()
        settler = OutcomeResolver(
            self.stack.broker,
            self.world.settings,
            self.stack.journal,
            reconciliation=lambda: self.stack.reconciliation,
            identity=self.stack.identity,
            now=lambda: utc_now() + later,
        )
        state = settler.resolve(entry).state
        may_arrive = at_once and entry.base_etag == before[1]
        if self.written[entry.plan_id]:
            assert state is ReceiptState.VERIFIED
        elif may_arrive:
            assert state is ReceiptState.UNVERIFIED
        elif state is ReceiptState.VERIFIED:
            # Somebody else did exactly the same, on exactly the same file.
            assert self._is_right_after_its_base(entry.plan_id)
        else:
            assert state is ReceiptState.NOT_WRITTEN
        is_open = entry.plan_id in {one.plan_id for one in self.stack.changes.unresolved()}
        assert is_open is (state is ReceiptState.UNVERIFIED)
        assert self.world.current() == before, "looking changes nothing"

    # Somebody with an editor ----------------------------------------------------------------------

    @rule(serial=st.sampled_from(SERIALS), entry=st.none() | ENTRIES, owner=UNKNOWN)
    def edit_by_hand(self, serial: str, entry: Any, owner: Any) -> None:
        sites = dict(self.sites)
        sites.pop(serial, None)
        if entry is not None:
            sites[serial] = entry
        self._upload(self._stamps(), sites, {"owner": owner})

    @precondition(lambda self: self.sites and self.broken is None)
    @rule(
        pick=PICK, name=st.sampled_from(["tier", "name", "crew", "ftp_password"]), value=UNKNOWN, tier=TIERS
    )
    def edit_a_field_by_hand(self, pick: int, name: str, value: Any, tier: str) -> None:
        serial = list(self.sites)[pick % len(self.sites)]
        known = {"tier": tier, "name": "Apapa"}
        entry = {**self.sites[serial], name: known.get(name, value)}
        self._upload(self._stamps(), {**self.sites, serial: entry}, self.top)

    @precondition(lambda self: self.broken is None)
    @rule(undone=st.booleans())
    def edit_beside_the_last_change(self, undone: bool) -> None:
        """Change another field of a site that was just changed, and perhaps take the change back."""
        last = next((one for one in reversed(self.written) if self.written[one]), None)
        sites = [one.gateway_serial for one in self.changed[last].changes if one.after] if last else []
        if not sites or sites[0] not in self.sites:
            return
        serial = sites[0]
        entry = {**self.sites[serial], "beside": self.edits}
        self._upload(self._stamps(), {**self.sites, serial: entry}, self.top)
        if undone:
            self.undo(str(last), at_once=True)

    @rule(pick=PICK)
    def put_an_old_version_back_by_hand(self, pick: int) -> None:
        good = [body for body in map(self.world.body_of, self.world.versions()) if _raw(body)]
        self.world.put(good[pick % len(good)])
        raw = _raw(good[pick % len(good)])
        assert raw is not None
        self.sites, self.broken = raw["sites"], None
        self.top = {name: value for name, value in raw.items() if name not in STAMPS}
        # By its stamp it is the change that it once was, if another one came before it.
        self.kinds.append(frozenset({VersionKind.HAND_EDIT, VersionKind.CHANGE}))

    @precondition(lambda self: self.broken is None)
    @rule(kind=st.sampled_from(["cut", "tier", "comma", "junk", "empty"]), pick=PICK)
    def break_by_hand(self, kind: str, pick: int) -> None:
        text = json.dumps({**self._stamps(), **self.top, "sites": self.sites}, indent=1, ensure_ascii=False)
        broken = {
            "cut": text[: 1 + pick % (len(text) - 1)],
            "tier": text.replace('CRITICAL"', 'CRITICL"', 1),
            "comma": text[:-2] + ",\n}",
            "junk": "\x00<html>",
            "empty": "",
        }[kind].encode()
        if _raw(broken) is not None:
            return
        self.world.put(broken)
        self.broken = broken
        self.kinds.append(frozenset({VersionKind.BROKEN}))

    def _upload(self, stamps: dict[str, Any], sites: dict[str, Any], top: dict[str, Any]) -> None:
        self.edits += 1
        body = json.dumps({**stamps, **top, "sites": sites, "edits": self.edits}).encode()
        assert _raw(body) is not None
        self.world.put(body)
        self.sites, self.top, self.broken = sites, {**top, "edits": self.edits}, None
        self.kinds.append(frozenset({VersionKind.HAND_EDIT}))

    def _stamps(self) -> dict[str, Any]:
        """Return the stamps of the last good version: whoever edits by hand leaves them as they are."""
        good = next(raw for raw in map(_raw, map(self.world.body_of, self.world.versions())) if raw)
        return {name: value for name, value in good.items() if name in STAMPS and name != "sites"}

    # What always holds ----------------------------------------------------------------------------

    @invariant()
    def the_file_is_sound_or_left_alone_and_lacks_nothing(self) -> None:
        if not self.kinds:
            return
        body, _ = self.world.current()
        if self.broken is not None:
            assert body == self.broken
            return
        raw = parse_site_tiers(body).raw
        assert is_same_entry(raw["sites"], self.sites)
        assert is_same_entry({name: raw[name] for name in raw if name not in STAMPS}, self.top)

    @invariant()
    def the_journal_says_nothing_that_is_not_so(self) -> None:
        entries = {entry.plan_id: entry for entry in self.stack.changes.list().entries}
        assert set(entries) == set(self.written)
        for plan_id, entry in entries.items():
            assert entry.outcome is not JournalOutcome.IN_PROGRESS
            if entry.outcome is JournalOutcome.FAILED:
                assert not self.written[plan_id]
            if entry.outcome is JournalOutcome.VERIFIED and not self.written[plan_id]:
                assert self._is_right_after_its_base(plan_id)

    def teardown(self) -> None:
        """Replay the history: each version by what is told to have changed from the one before."""
        if not self.kinds:
            return
        versions = self.world.versions()
        bodies = {version: self.world.body_of(version) for version in versions}
        entries = list(reversed(history_of(versions, bodies.get, limit=len(versions))))
        assert all(entry.kind in kinds for entry, kinds in zip(entries, self.kinds, strict=True))
        sites = dict(_raw(bodies[versions[-1]])["sites"])  # type: ignore[index]
        for entry in entries:
            for change in entry.changes:
                assert is_same_entry(sites.get(change.gateway_serial), change.before)
                if change.after is None:
                    del sites[change.gateway_serial]
                else:
                    sites[change.gateway_serial] = change.after
        assert is_same_entry(sites, self.sites)

    # Helpers --------------------------------------------------------------------------------------

    def _tried(self, plan: Plan, *, written: bool) -> None:
        self.written[plan.plan_id] = self.written.get(plan.plan_id, False) or written
        self.changed[plan.plan_id] = plan
        if not written:
            return
        if plan.document is not None:
            self._repaired(plan.document)
        self.sites = _with(self.sites, plan)
        self.kinds.append(frozenset({VersionKind.CHANGE}))

    def _repaired(self, document: bytes) -> None:
        """Take over a mended file: it lacks nothing that could be read in the broken one."""
        raw = _raw(document)
        assert raw is not None
        assert self.broken is not None
        self.broken = None
        self.sites = raw["sites"]
        self.top = {name: value for name, value in raw.items() if name not in STAMPS}

    def _takes_back(self, plan: Plan) -> None:
        """Check an undo, field by field, against the change that it takes back."""
        now, then = self.sites, _with(self.sites, plan)
        for change in self.changed[plan.undoes].changes:
            serial = change.gateway_serial
            if change.before is None or change.after is None:
                assert is_same_entry(then.get(serial), change.before)
                continue
            touched = {field.field for field in change.fields}
            for name in {*now[serial], *then[serial], *change.before}:
                wanted = change.before if name in touched else now[serial]
                assert (name in then[serial]) is (name in wanted)
                assert is_same_entry(then[serial].get(name), wanted.get(name))

    def _is_right_after_its_base(self, plan_id: str) -> bool:
        plan = replace(self.changed[plan_id], document=None)
        bodies = [self.world.body_of(version) for version in self.world.versions()]
        followers = [newer for newer, older in pairwise(bodies) if _etag(older) == plan.base_etag]
        return any(_raw(one) and not compare(plan, parse_site_tiers(one)).unverified for one in followers)

    @contextmanager
    def _dying(self, point: str) -> Iterator[None]:
        """Have the process die at a point, for as long as the block lasts."""
        journal, data_paths = self.stack.journal, self.stack.sites._transports
        real, lines = os.write, [0]

        def die(*_: Any, **__: Any) -> Any:
            raise Died

        def and_die(call: Callable[..., Any]) -> Callable[..., Any]:
            def dying(*args: Any, **kwargs: Any) -> Any:
                call(*args, **kwargs)
                raise Died

            return dying

        def half_of_line(number: int) -> Callable[[int, Any], int]:
            def write(descriptor: int, data: Any) -> int:
                lines[0] += 1
                if lines[0] < number:
                    return real(descriptor, data)
                real(descriptor, bytes(data)[: len(data) // 2])
                raise Died

            return write

        if point == "before the line":
            patched = [mock.patch.object(journal, "intended", die)]
        elif point == "after the line":
            patched = [mock.patch.object(journal, "intended", and_die(journal.intended))]
        elif point == "after the write":
            ways = (data_paths.function, data_paths.s3)
            patched = [mock.patch.object(data_path, "write", and_die(data_path.write)) for data_path in ways]
        elif point == "before the end":
            patched = [mock.patch.object(journal, "done", die)]
        else:
            patched = [mock.patch.object(os, "write", half_of_line(1 if point == "within the line" else 2))]
        try:
            for patch in patched:
                patch.start()
            yield
        finally:
            for patch in patched:
                patch.stop()


def _with(sites: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Return sites with a plan's changes made to them."""
    changed = {change.gateway_serial: change.after for change in plan.changes}
    return {serial: entry for serial, entry in {**sites, **changed}.items() if entry is not None}


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def _raw(body: bytes) -> dict[str, Any] | None:
    try:
        return parse_site_tiers(body).raw
    except ValueError:
        return None


@pytest.mark.no_cover  # long enough as it is
def test_any_sequence(tmp_path: Path, keys: None) -> None:
    with mock_aws():
        machine = type("Sequence", (AnySequence,), {"world": World(tmp_path)})
        run_state_machine_as_test(machine, settings=LIMITS)


def test_the_function_in_this_process_is_the_real_one(tmp_path: Path, keys: None) -> None:
    with mock_aws():
        world = World(tmp_path)
        world.put(b'{"sites": {"AAA1": {"tier": "CRITICAL"}}}')
        stack = world.process()
        assert stack.sites.fetch().sites[0].gateway_serial == "AAA1"
        with pytest.raises(NotFound) as caught:
            stack.sites.get("BBB2")
        assert caught.value.code == "SITE_NOT_FOUND"
