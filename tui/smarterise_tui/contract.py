"""What the console needs of a stack, and nothing more: `smarterise_sdk.stack.Stack` fits, a test double too.

Read-only properties throughout, so that richer types of the SDK fit as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from smarterise_sdk.domain.json_text.types import JsonValue
    from smarterise_sdk.domain.outcome import Outcome
    from smarterise_sdk.domain.problems import Problem
    from smarterise_sdk.domain.sites.model import Site
    from smarterise_sdk.domain.sites.plans import Plan, Receipt, SiteChange, StackChange

Latest: TypeAlias = dict[str, dict[Metric, MetricPoint]]
"""Newest point of each metric that has one, per gateway serial."""

SeriesOf: TypeAlias = dict[str, dict[Metric, tuple[MetricPoint, ...]]]
"""Points in order of time, per gateway serial and metric."""


class Identity(Protocol):
    """Who AWS says we are."""

    @property
    def account(self) -> str:
        """Account id, 12 digits."""

    @property
    def name(self) -> str:
        """User or role session, short."""


class BrokerStats(Protocol):
    """What our calls amount to."""

    @property
    def calls_last_minute(self) -> int:
        """Calls that left in the last minute."""

    @property
    def throttled(self) -> int:
        """Calls that AWS asked to slow down, so far."""

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of call latency, ms; `None` before the first call."""

    @property
    def cost_usd_per_hour(self) -> float:
        """What an hour at the present pace costs, USD."""


class Broker(Protocol):
    """Where all calls go through."""

    def stats(self) -> BrokerStats:
        """Return the figures; cheap, no call."""


class Degraded(Protocol):
    """The site file is wrong and the last good version is shown instead."""

    @property
    def message(self) -> str:
        """What is wrong, in a sentence."""

    @property
    def problems(self) -> Sequence[Problem]:
        """Everything wrong with the current file."""

    @property
    def version_id(self) -> str | None:
        """S3 version that is shown instead."""


class SitesSnapshot(Protocol):
    """All sites at one moment."""

    @property
    def sites(self) -> Sequence[Site]:
        """Sites in the order of the file."""

    @property
    def etag(self) -> str:
        """ETag of the file."""

    @property
    def version_id(self) -> str | None:
        """S3 version of the file, when the bucket keeps versions."""

    @property
    def read_at(self) -> datetime:
        """When it was read, UTC."""

    @property
    def degraded(self) -> Degraded | None:
        """Set when this is not what the file says now."""


class Version(Protocol):
    """A version of the site file, as its history tells it."""

    @property
    def version_id(self) -> str:
        """S3 version id; empty where the bucket keeps none."""

    @property
    def written_at(self) -> str:
        """When, as `2026-03-01T12:05:02Z`."""

    @property
    def is_latest(self) -> bool:
        """Whether it is the current one."""

    @property
    def kind(self) -> str:
        """What it is, a `VersionKind`."""

    @property
    def by(self) -> str:
        """Who wrote it, as the file says."""

    @property
    def reason(self) -> str:
        """Why, as the file says."""

    @property
    def tiers(self) -> Mapping[str, str]:
        """The tier that the first few sites came to, of those that got another one."""

    @property
    def summary(self) -> str:
        """What changed, or what is wrong, in one line."""

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong with it, when it cannot be used."""

    @property
    def is_usable(self) -> bool:
        """Whether one can go back to it."""


class VersionHistory(Protocol):
    """The newest versions of the site file."""

    @property
    def entries(self) -> Sequence[Version]:
        """The newest first."""

    @property
    def is_versioned(self) -> bool:
        """Whether the bucket keeps versions."""

    @property
    def is_complete(self) -> bool:
        """Whether there are no older ones than those told."""


class SitesService(Protocol):
    """Sites: read them, plan a change, apply it, look back."""

    def fetch(self) -> SitesSnapshot:
        """Return all sites."""

    def plan_update(self, updates: Mapping[str, Mapping[str, JsonValue]], *, reason: str = "") -> Plan:
        """Return what the updates would change; writes nothing."""

    def plan_rollback(self, version_id: str, *, whole: bool = False) -> Plan:
        """Return what going back to a version would change; `whole` takes back all later changes too."""

    def plan_repair(self, *, last_good: bool = False) -> Plan:
        """Return how to mend a broken file: the smallest fix, or the last good version."""

    def apply(self, plan: Plan, *, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Make the change, read it back, tell each step."""

    def history(self, *, limit: int = 20, gateway_serial: str | None = None) -> VersionHistory:
        """Return the newest versions as a log; with a serial only those that changed this site."""

    def diff(self, before: str, after: str) -> Sequence[SiteChange]:
        """Return what differs from one version to another."""


class Change(Protocol):
    """A change that was made, or begun, from this machine."""

    @property
    def plan_id(self) -> str:
        """Its id."""

    @property
    def at(self) -> datetime:
        """When it was begun, UTC."""

    @property
    def who(self) -> str:
        """ARN it was made as."""

    @property
    def operator(self) -> str:
        """User and machine."""

    @property
    def environment(self) -> str:
        """Where it was made."""

    @property
    def title(self) -> str:
        """One line."""

    @property
    def reason(self) -> str:
        """Why, in the operator's words."""

    @property
    def via(self) -> str:
        """The road it took."""

    @property
    def changes(self) -> Sequence[SiteChange]:
        """What it changed; it may have to be read from disk."""

    @property
    def stack_changes(self) -> Sequence[StackChange]:
        """What it changed in the rest of the stack; it may have to be read from disk."""

    @property
    def outcome(self) -> str:
        """What became of it: `verified`, ..., `in progress`, `no end`."""

    @property
    def undoes(self) -> str:
        """Id of the change it took back; empty for any other."""

    @property
    def undone_by(self) -> str:
        """Id of the change that took it back; empty while none did."""


class ChangesRead(Protocol):
    """The journal as it stands."""

    @property
    def entries(self) -> Sequence[Change]:
        """The newest first."""

    @property
    def damaged_lines(self) -> Sequence[int]:
        """Numbers of lines that cannot be read."""


class ChangesService(Protocol):
    """Changes made from this machine: look back at them, take them back."""

    def list(self) -> ChangesRead:
        """Return the changes of this environment; no call to AWS."""

    def plan_undo(self, plan_id: str) -> Plan:
        """Return what taking a change back would change."""

    def unresolved(self) -> Sequence[Change]:
        """Return the changes of which it is not certain what became of them; no call to AWS."""

    def resolve(self, plan_id: str) -> Receipt:
        """Look what became of a change, and write it down."""


class ReconciliationService(Protocol):
    """What is to follow the site file: alarm actions, schedules."""

    def plan_reconcile(self) -> Plan:
        """Return what would make it follow; writes nothing."""

    def apply(self, plan: Plan, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Make it follow, look again, tell each step."""


class MetricsService(Protocol):
    """Values of sites."""

    def latest(
        self,
        sites: Sequence[Site],
        metrics: Sequence[Metric] | None = None,
        *,
        lookback: timedelta | None = None,
    ) -> Outcome[Latest]:
        """Return the newest points, with the gaps; with `lookback` look only so far back."""

    def series(
        self, serials: Sequence[str], metrics: Sequence[Metric], *, since: timedelta, period: timedelta
    ) -> Outcome[SeriesOf]:
        """Return points over a span, with the gaps."""


class Finding(Protocol):
    """What one check found."""

    @property
    def check_id(self) -> str:
        """Stable id of the check."""

    @property
    def title(self) -> str:
        """One line."""

    @property
    def severity(self) -> str:
        """How much it matters."""

    @property
    def status(self) -> str:
        """`ok`, `warn`, `fail`, `skip` or `unknown`."""

    @property
    def subject(self) -> str:
        """What it is about."""

    @property
    def observed(self) -> str:
        """What was seen."""

    @property
    def expected(self) -> str:
        """What should have been seen."""

    @property
    def evidence(self) -> Sequence[str]:
        """What it rests on."""

    @property
    def remedy(self) -> str:
        """What to do."""


class CheckReport(Protocol):
    """All findings of a run."""

    @property
    def findings(self) -> Sequence[Finding]:
        """In the order of the checks."""


class ChecksService(Protocol):
    """The runbook checks."""

    def run(self, only: Sequence[str] | None = None) -> CheckReport:
        """Run checks, all unless some are named."""


class ConsoleStack(Protocol):
    """One stack, as the console knows it."""

    @property
    def broker(self) -> Broker:
        """Call figures."""

    @property
    def sites(self) -> SitesService:
        """Sites."""

    @property
    def changes(self) -> ChangesService:
        """Changes made from here."""

    @property
    def reconciliation(self) -> ReconciliationService:
        """What is to follow the site file."""

    @property
    def metrics(self) -> MetricsService:
        """Values."""

    @property
    def checks(self) -> ChecksService:
        """Checks."""

    def identity(self) -> Identity:
        """Return who AWS says we are."""

    def close(self) -> None:
        """Let go of everything held."""
