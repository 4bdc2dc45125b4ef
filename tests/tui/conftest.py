"""A scripted stack in memory and a clock that stands still, for the console's tests."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.aws.usage import BrokerStats
from smarterise_sdk.checks.model import Finding, FindingStatus, Severity
from smarterise_sdk.checks.runner import CheckReport
from smarterise_sdk.domain.outcome import Missing, Outcome
from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.sites.plans import (
    Plan,
    PlannedCall,
    Receipt,
    ReceiptState,
    SiteChange,
    WritePath,
)
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import Denied, WriteRefused
from smarterise_sdk.journal.entries import JournalEntry, JournalReading
from smarterise_sdk.services.identity import Identity
from smarterise_sdk.services.sites.file import Degraded
from smarterise_sdk.services.sites.history import HistoryRow, SiteHistory
from smarterise_sdk.services.sites.service import SitesSnapshot
from smarterise_sdk.settings.model import Environment, EnvironmentKind, Settings
from smarterise_tui.app import SmarteriseConsole
from smarterise_tui.poller import Cadence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.pilot import Pilot

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.problems import Problem
    from smarterise_sdk.journal.entries import LinePlace

START = datetime(2026, 3, 1, 12, 4, 31, tzinfo=UTC)
NEVER = Cadence(tick=86_400, sites=30)


class StillClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


IDENTITY = Identity(
    "123456789012", "arn:aws:sts::123456789012:assumed-role/ops/anna", "ops-anna", "eu-west-2"
)
STATS = BrokerStats(
    calls=120,
    calls_last_minute=41,
    joined=3,
    throttled=0,
    p95_ms=180.4,
    cost_usd=0.01,
    cost_usd_per_hour=0.031,
)


def finding(
    check_id: str,
    title: str,
    severity: str,
    status: str,
    subject: str,
    *,
    observed: str = "",
    **fields: Any,
) -> Finding:
    """A finding of a check."""
    defaults: dict[str, Any] = {"expected": "", "evidence": (), "remedy": ""}
    kinds = (Severity(severity), FindingStatus(status))
    return Finding(check_id, title, *kinds, subject, observed, **defaults | fields)


def version(version_id: str, **fields: Any) -> HistoryRow:
    """A version of the site file."""
    defaults: dict[str, Any] = {
        "written_at": "2026-03-01T10:04:31Z",
        "is_latest": False,
        "kind": "change",
        "by": IDENTITY.arn,
        "reason": "transformer works",
        "changed": 1,
        "gateway_serials": (),
        "tiers": {},
        "summary": "1 site: tier CRITICAL → NON_CRITICAL",
        "problems": (),
    }
    return HistoryRow(version_id, **defaults | fields)


def history(
    entries: tuple[HistoryRow, ...] = (), *, is_versioned: bool = True, is_complete: bool = True
) -> SiteHistory:
    """The versions of the site file."""
    return SiteHistory(entries, is_versioned, is_complete)


def change(
    plan_id: str,
    *,
    outcome: str = "verified",
    changes: tuple[SiteChange, ...] = (),
    undone_by: str = "",
    place: LinePlace | None = None,
    **fields: JsonValue,
) -> JournalEntry:
    """A change of the journal."""
    intended: JsonObject = {
        "at": "2026-03-01T11:04:31Z",
        "who": IDENTITY.arn,
        "operator": "anna@ops-1",
        "environment": "prod",
        "title": "Switch 1 site to NON_CRITICAL",
        "reason": "transformer works",
        "via": "lambda",
        "changes": [
            {"gateway_serial": one.gateway_serial, "before": one.before, "after": one.after}
            for one in changes
        ],
        **fields,
    }
    done: JsonObject | None = None if outcome in {"no end", "in progress"} else {"outcome": outcome}
    is_running = outcome == "in progress"
    return JournalEntry(plan_id, intended, done, is_running=is_running, undone_by=undone_by, place=place)


@dataclass
class ScriptedChanges:
    """The journal of a scripted stack."""

    stack: ScriptedStack
    entries: tuple[JournalEntry, ...] = ()
    damaged_lines: tuple[int, ...] = ()
    unfinished: tuple[JournalEntry, ...] = ()

    def list(self) -> JournalReading:
        self.stack._note("journal", None)
        return JournalReading(self.entries, self.damaged_lines)

    def unresolved(self) -> tuple[JournalEntry, ...]:
        self.stack._note("unresolved", None)
        return self.unfinished

    def resolve(self, plan_id: str) -> Receipt:
        self.stack._note("resolve", plan_id)
        self.unfinished = ()
        self.entries = tuple(
            replace(entry, done={"outcome": "verified"}, is_resolved=True)
            if entry.plan_id == plan_id
            else entry
            for entry in self.entries
        )
        plan = replace(self.stack.make_plan((), title="resolved"), plan_id=plan_id)
        now = self.stack.clock()
        return Receipt(plan, ReceiptState.VERIFIED, (), {}, "", None, (), None, now, "read back from S3")

    def plan_undo(self, plan_id: str) -> Plan:
        self.stack._note("plan undo", plan_id)
        undone = self.stack.applied[plan_id]
        changes = tuple(change.inverse for change in undone.changes)
        return replace(self.stack.make_plan(changes, title=f"Undo {plan_id}: {undone.title}"), undoes=plan_id)


def point_values(
    a: float = 231.4, b: float = 230.2, c: float = 229.8, u2: float = 0.4, kw: float = 112.6
) -> dict[Metric, float]:
    """Values of a healthy site, unless told otherwise."""
    return {
        Metric.VOLTAGE_A: a,
        Metric.VOLTAGE_B: b,
        Metric.VOLTAGE_C: c,
        Metric.CURRENT_A: 160.1,
        Metric.CURRENT_B: 158.7,
        Metric.CURRENT_C: 161.0,
        Metric.VOLTAGE_UNBALANCE: u2,
        Metric.ACTIVE_POWER: kw,
        Metric.POWER_FACTOR: 0.96,
        Metric.FREQUENCY: 50.01,
    }


@dataclass
class ScriptedStack:
    """A stack in memory. Tests set what it answers, and read what it was asked.

    Attributes:
        site_list: The site file.
        values: Values per serial; a site without an entry has none.
        ages: Seconds by which a site's values are old; 12 unless set.
        denied: Serials whose values AWS refuses.
        errors: What to raise, by name: fetch, latest, series, identity, plan, apply, checks, history, ...
        versions: What the history tells.
        differences: What a version changed.
        next_plan: Fields that plans have besides.
        applied: Plans that were applied, by their ids.
        receipt_state: What applying comes to.
        gate: Applying waits for it.
        requested: Every question, by name, in order.
    """

    clock: Callable[[], datetime]
    site_list: list[Site] = field(default_factory=list)
    values: dict[str, dict[Metric, float]] = field(default_factory=dict)
    ages: dict[str, float] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    errors: dict[str, Exception] = field(default_factory=dict)
    versions: SiteHistory = field(default_factory=history)
    differences: tuple[SiteChange, ...] = ()
    next_plan: dict[str, Any] = field(default_factory=dict)
    applied: dict[str, Plan] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    degraded: str = ""
    read_only: bool = False
    receipt_state: ReceiptState = ReceiptState.VERIFIED
    gate: threading.Event = field(default_factory=threading.Event)
    requested: list[tuple[str, Any]] = field(default_factory=list)
    version: int = 1
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.gate.set()
        self.sites = self.metrics = self.checks = self.broker = self
        self.reconciliation = self
        self.changes = ScriptedChanges(self)

    # What the console calls

    def identity(self) -> Identity:
        self._note("identity", None)
        return IDENTITY

    def stats(self) -> BrokerStats:
        return STATS

    def close(self) -> None:
        self.is_closed = True

    def fetch(self) -> SitesSnapshot:
        self._note("fetch", None)
        degraded = Degraded(self.degraded, self.problems, "v0-the-last-good") if self.degraded else None
        return SitesSnapshot(
            tuple(self.site_list),
            f'"etag{self.version}"',
            f"v{self.version}",
            self.clock(),
            WritePath.LAMBDA,
            degraded,
        )

    def latest(
        self,
        sites: Sequence[Site],
        metrics: Sequence[Metric] | None = None,
        *,
        lookback: timedelta | None = None,
    ) -> Outcome[dict[str, dict[Metric, MetricPoint]]]:
        serials = tuple(site.gateway_serial for site in sites)
        self._note("latest", (serials, tuple(metrics or ()), lookback))
        denied = tuple(serial for serial in serials if serial in self.denied)
        value = {serial: self._points(serial, metrics) for serial in serials if serial not in denied}
        return Outcome(value, self.clock(), self._gaps(denied))

    def series(
        self, serials: Sequence[str], metrics: Sequence[Metric], *, since: timedelta, period: timedelta
    ) -> Outcome[dict[str, dict[Metric, tuple[MetricPoint, ...]]]]:
        self._note("series", (tuple(serials), tuple(metrics), since, period))
        denied = tuple(serial for serial in serials if serial in self.denied)
        value = {
            serial: {
                metric: self._past(serial, metric, since, period)
                for metric in metrics
                if serial in self.values
            }
            for serial in serials
            if serial not in denied
        }
        return Outcome(value, self.clock(), self._gaps(denied))

    def plan_update(self, updates: Mapping[str, Mapping[str, Any]], *, reason: str = "") -> Plan:
        self._note("plan", updates)
        by_serial = {site.gateway_serial: site for site in self.site_list}
        changes, unchanged = [], []
        for serial, fields in updates.items():
            before = {"tier": by_serial[serial].tier.value}
            if before == fields:
                unchanged.append(serial)
            else:
                changes.append(SiteChange(serial, before, {**before, **fields}))
        count = f"{len(changes)} site" if len(changes) == 1 else f"{len(changes)} sites"
        plan = self.make_plan(tuple(changes), title=f"Switch {count}", reason=reason)
        effects = (f"{count}: stream off", f"{count}: alarm actions off")
        return replace(plan, updates=updates, unchanged=tuple(unchanged), effects=effects)

    def plan_rollback(self, version_id: str, *, whole: bool = False) -> Plan:
        self._note("plan rollback", (version_id, whole))
        return self.make_plan(self.differences, title=f"Roll back to {version_id}")

    def plan_repair(self, *, last_good: bool = False) -> Plan:
        self._note("plan repair", last_good)
        return replace(
            self.make_plan(self.differences, title="Repair the site file"),
            document=b"{}",
            notes=("the last valid version" if last_good else 'line 7: tier "CRITICL" → "CRITICAL"',),
        )

    def plan_reconcile(self) -> Plan:
        self._note("plan reconcile", None)
        return self.make_plan((), title="Make alarm actions (1) follow the site file")

    def make_plan(self, changes: tuple[SiteChange, ...], *, title: str, reason: str = "") -> Plan:
        """A plan of these changes, with the fields the test set besides."""
        plan = Plan(
            plan_id=f"{0x8F31C0DE + len(self.applied):08x}",
            title=title,
            environment="prod",
            account="123456789012",
            region="eu-west-2",
            via=WritePath.LAMBDA,
            updates={},
            create=False,
            changes=changes,
            unchanged=(),
            effects=(),
            calls=(PlannedCall("lambda:InvokeFunction", "site-config-manager"),),
            base_etag=f'"etag{self.version}"',
            reason=reason,
            planned_at=self.clock(),
        )
        return replace(plan, **self.next_plan)

    def history(self, *, limit: int = 20, gateway_serial: str | None = None) -> SiteHistory:
        self._note("history", (limit, gateway_serial))
        return self.versions

    def diff(self, before: str, after: str) -> tuple[SiteChange, ...]:
        self._note("diff", (before, after))
        return self.differences

    def apply(self, plan: Plan, *, on_step: Callable[[str], None] | None = None) -> Receipt:
        if self.read_only:
            raise WriteRefused(
                "this environment is read-only", remedy="start again with --no-read-only to change it"
            )
        say = on_step or (lambda _step: None)
        say("applying")
        self.gate.wait(10)
        self._note("apply", plan)
        after = {change.gateway_serial: change.after for change in plan.changes}
        self.site_list = [
            replace(site, tier=Tier(str(after[site.gateway_serial]["tier"])))
            if after.get(site.gateway_serial)
            else site
            for site in self.site_list
        ]
        self.version += 1
        self.applied[plan.plan_id] = plan
        say("verifying (read back from S3)")
        serials = tuple(change.gateway_serial for change in plan.changes)
        verified = serials if self.receipt_state is ReceiptState.VERIFIED else ()
        unverified = {} if verified else dict.fromkeys(serials, "reading back from S3 timed out")
        return Receipt(
            plan,
            self.receipt_state,
            verified,
            unverified,
            f'"etag{self.version}"',
            f"v{self.version}",
            ("req-1",),
            self.clock(),
            self.clock() if verified else None,
            "read back from S3" if verified else "",
        )

    def run(self, only: Sequence[str] | None = None) -> CheckReport:
        self._note("checks", only)
        return CheckReport(self.findings, self.clock(), self.clock())

    # How it answers

    def _note(self, name: str, about: Any) -> None:
        self.requested.append((name, about))
        if name in self.errors:
            raise self.errors[name]

    def times(self, name: str) -> int:
        """How often it was asked."""
        return sum(requested == name for requested, _ in self.requested)

    def last(self, name: str) -> Any:
        """What it was asked last."""
        return next(about for requested, about in reversed(self.requested) if requested == name)

    def _points(self, serial: str, metrics: Sequence[Metric] | None) -> dict[Metric, MetricPoint]:
        at = self.clock() - timedelta(seconds=self.ages.get(serial, 12))
        values = self.values.get(serial, {})
        return {m: MetricPoint(v, at) for m, v in values.items() if metrics is None or m in metrics}

    def _past(
        self, serial: str, metric: Metric, since: timedelta, period: timedelta
    ) -> tuple[MetricPoint, ...]:
        now_value = self.values[serial].get(metric)
        if now_value is None:
            return ()
        latest = self.clock() - timedelta(seconds=self.ages.get(serial, 12))
        count = int(since / period)
        return tuple(
            MetricPoint(max(now_value, 1.0) * (1 + 0.01 * ((n * 7) % 5 - 2)), latest - n * period)
            for n in range(count - 1, 0, -1)
        )

    def _gaps(self, denied: tuple[str, ...]) -> tuple[Missing, ...]:
        if not denied:
            return ()
        error = Denied(
            "cloudwatch:GetMetricData denied for role ops-anna",
            action="cloudwatch:GetMetricData",
            remedy="ask for cloudwatch:GetMetricData on the role ops-anna",
            request_id="7b1c",
        )
        return (Missing("cloudwatch:GetMetricData", error, denied),)


def make_settings(
    kind: EnvironmentKind = EnvironmentKind.PRODUCTION, *, name: str = "prod", read_only: bool = False
) -> Settings:
    """Settings of an environment."""
    colours = {EnvironmentKind.PRODUCTION: "red", EnvironmentKind.LOCAL: "cyan"}
    environment = Environment(name, kind, colours.get(kind, "yellow"))
    return Settings(environment, None, "eu-west-2", None, read_only, StackNames(), Path("unused"))


def demo_sites() -> list[Site]:
    """Eight sites, one in each state that can be told apart."""
    return [
        Site("AN54101471", Tier.CRITICAL, name="Ikeja Substation 3", capacity_kva=500, asset_id="TX-0117"),
        Site("AN10220456", Tier.CRITICAL, name="Lekki Phase 1", capacity_kva=315),
        Site("ehm21120333", Tier.CRITICAL, name="Yaba Market", capacity_kva=500),
        Site("AN10220999", Tier.NON_CRITICAL, name="Surulere", capacity_kva=200),
        Site("AN30000001", Tier.CRITICAL, name="Apapa Quay"),
        Site("AN30000002", Tier.NON_CRITICAL, name="Mushin 2"),
        Site("AN30000003", Tier.CRITICAL, enabled=False, name="Old Depot"),
        Site("AN30000004", Tier.CRITICAL, name="Ajah"),
    ]


@pytest.fixture
def clock() -> StillClock:
    """A clock that moves only when told."""
    return StillClock()


@pytest.fixture
def stack(clock: StillClock) -> ScriptedStack:
    """A stack with eight sites, each in another state."""
    scripted = ScriptedStack(clock, site_list=demo_sites())
    scripted.values = {
        "AN54101471": point_values(b=0.0, u2=50.0),
        "AN10220456": point_values(a=240.1, b=230.0, c=220.2, u2=2.51, kw=88.0),
        "ehm21120333": point_values(a=228.9, kw=140.2),
        "AN10220999": point_values(kw=31.5),
        "AN30000002": point_values(kw=12.0),
        "AN30000004": point_values(kw=55.5),
    }
    scripted.ages = {"ehm21120333": 7 * 60 + 5, "AN10220999": 25 * 60}
    scripted.denied = {"AN30000002"}
    return scripted


@pytest.fixture
def make_console(stack: ScriptedStack, clock: StillClock) -> Callable[..., SmarteriseConsole]:
    """Return a console on the scripted stack; production unless told otherwise."""

    def make(settings: Settings | None = None, cadence: Cadence = NEVER) -> SmarteriseConsole:
        return SmarteriseConsole(settings or make_settings(), lambda: stack, clock=clock, cadence=cadence)

    return make


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until every question is answered and every answer is on screen."""
    for _ in range(3):
        while any(not worker.is_finished for worker in pilot.app.workers):
            await asyncio.sleep(0.002)
        await pilot.pause()


@pytest.fixture
def make_finding() -> Callable[..., Finding]:
    """The `finding` function, for tests in other files."""
    return finding


@pytest.fixture
def make_version() -> Callable[..., HistoryRow]:
    """The `version` function, for tests in other files."""
    return version


@pytest.fixture
def make_history() -> Callable[..., SiteHistory]:
    """The `history` function, for tests in other files."""
    return history


@pytest.fixture
def make_change() -> Callable[..., JournalEntry]:
    """The `change` function, for tests in other files."""
    return change


@pytest.fixture
def settings_of() -> Callable[..., Settings]:
    """The `make_settings` function, for tests in other files."""

    def make(kind: str, **options: Any) -> Settings:
        return make_settings(EnvironmentKind(kind), **options)

    return make


@pytest.fixture
def settled() -> Callable[[Pilot[Any]], Any]:
    """The `settle` coroutine function, for tests in other files."""
    return settle
