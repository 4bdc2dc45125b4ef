"""Protocols of the SDK as used by the console, implemented by `smarterise_sdk.stack.Stack` and test doubles.

All properties are read-only, so that the SDK's types match.
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
"""Latest point of each metric that has one, per gateway serial."""

SeriesOf: TypeAlias = dict[str, dict[Metric, tuple[MetricPoint, ...]]]
"""Points in order of time, per gateway serial and metric."""


class Identity(Protocol):
    """AWS identity."""

    @property
    def account(self) -> str:
        """Account id, 12 digits."""

    @property
    def name(self) -> str:
        """User or role session, short."""


class BrokerStats(Protocol):
    """Call statistics."""

    @property
    def calls_last_minute(self) -> int:
        """Calls of the last minute."""

    @property
    def throttled(self) -> int:
        """Number of throttled calls."""

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of call latency, ms; `None` before the first call."""

    @property
    def cost_usd_per_hour(self) -> float:
        """Cost per hour at the current rate, USD."""


class Broker(Protocol):
    """The broker of all AWS calls."""

    def stats(self) -> BrokerStats:
        """Return the statistics; makes no call."""


class Degraded(Protocol):
    """An invalid site file and its fallback version."""

    @property
    def message(self) -> str:
        """Description of the error."""

    @property
    def problems(self) -> Sequence[Problem]:
        """All problems of the current file."""

    @property
    def version_id(self) -> str | None:
        """S3 id of the fallback version."""


class SitesSnapshot(Protocol):
    """A snapshot of the site file."""

    @property
    def sites(self) -> Sequence[Site]:
        """Sites in the order of the file."""

    @property
    def etag(self) -> str:
        """ETag of the file."""

    @property
    def version_id(self) -> str | None:
        """S3 version of the file, if the bucket has versioning."""

    @property
    def read_at(self) -> datetime:
        """When it was read, UTC."""

    @property
    def degraded(self) -> Degraded | None:
        """Set if this is a fallback version."""


class Version(Protocol):
    """A version of the site file in its history."""

    @property
    def version_id(self) -> str:
        """S3 version id; empty without versioning."""

    @property
    def written_at(self) -> str:
        """When, as `2026-03-01T12:05:02Z`."""

    @property
    def is_latest(self) -> bool:
        """Whether it is the current one."""

    @property
    def kind(self) -> str:
        """The `VersionKind`."""

    @property
    def by(self) -> str:
        """Author, from the file."""

    @property
    def reason(self) -> str:
        """Reason, from the file."""

    @property
    def tiers(self) -> Mapping[str, str]:
        """New tier by serial of the first few sites whose tier changed."""

    @property
    def summary(self) -> str:
        """Changes or problems in one line."""

    @property
    def problems(self) -> Sequence[Problem]:
        """Problems of an invalid version."""

    @property
    def is_usable(self) -> bool:
        """Whether a rollback to it is possible."""


class VersionHistory(Protocol):
    """The latest versions of the site file."""

    @property
    def entries(self) -> Sequence[Version]:
        """Entries, latest first."""

    @property
    def is_versioned(self) -> bool:
        """Whether the bucket has versioning."""

    @property
    def is_complete(self) -> bool:
        """Whether all versions are included."""


class SitesService(Protocol):
    """Sites: read, plan and apply changes, history."""

    def fetch(self) -> SitesSnapshot:
        """Return all sites."""

    def plan_update(self, updates: Mapping[str, Mapping[str, JsonValue]], *, reason: str = "") -> Plan:
        """Return the plan of updates; writes nothing."""

    def plan_rollback(self, version_id: str, *, whole: bool = False) -> Plan:
        """Return the plan of a rollback; `whole` reverts all later changes."""

    def plan_repair(self, *, last_good: bool = False) -> Plan:
        """Return the plan of a repair: smallest edit, or last valid version."""

    def apply(self, plan: Plan, *, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Apply and verify a plan, reporting each step."""

    def history(self, *, limit: int = 20, gateway_serial: str | None = None) -> VersionHistory:
        """Return the latest versions; with a serial only those that changed this site."""

    def diff(self, before: str, after: str) -> Sequence[SiteChange]:
        """Return the differences between two versions."""


class Change(Protocol):
    """A change of the journal."""

    @property
    def plan_id(self) -> str:
        """Its id."""

    @property
    def at(self) -> datetime:
        """Start time, UTC."""

    @property
    def who(self) -> str:
        """ARN of the caller."""

    @property
    def operator(self) -> str:
        """User and machine."""

    @property
    def environment(self) -> str:
        """Environment."""

    @property
    def title(self) -> str:
        """One line."""

    @property
    def reason(self) -> str:
        """Reason."""

    @property
    def via(self) -> str:
        """Transport."""

    @property
    def changes(self) -> Sequence[SiteChange]:
        """Changes of sites; may be read from disk."""

    @property
    def stack_changes(self) -> Sequence[StackChange]:
        """Changes of other resources; may be read from disk."""

    @property
    def outcome(self) -> str:
        """Outcome: `verified`, ..., `in progress`, `no end`."""

    @property
    def undoes(self) -> str:
        """Id of the change that it undoes, or empty."""

    @property
    def undone_by(self) -> str:
        """Id of the change that undid it, or empty."""


class ChangesRead(Protocol):
    """The content of the journal."""

    @property
    def entries(self) -> Sequence[Change]:
        """Entries, latest first."""

    @property
    def damaged_lines(self) -> Sequence[int]:
        """Numbers of invalid lines."""


class ChangesService(Protocol):
    """Changes made from this machine: list, undo and resolve."""

    def list(self) -> ChangesRead:
        """Return the changes of this environment; makes no AWS call."""

    def plan_undo(self, plan_id: str) -> Plan:
        """Return the plan of an undo."""

    def unresolved(self) -> Sequence[Change]:
        """Return the unresolved changes; makes no AWS call."""

    def resolve(self, plan_id: str) -> Receipt:
        """Resolve a change and record its outcome."""


class ReconciliationService(Protocol):
    """Reconciliation of alarm actions and schedules with the site file."""

    def plan_reconcile(self) -> Plan:
        """Return the plan of a reconciliation; writes nothing."""

    def apply(self, plan: Plan, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Apply and verify a plan, reporting each step."""


class MetricsService(Protocol):
    """Values of sites."""

    def latest(
        self,
        sites: Sequence[Site],
        metrics: Sequence[Metric] | None = None,
        *,
        lookback: timedelta | None = None,
    ) -> Outcome[Latest]:
        """Return the latest points and missing values; `lookback` limits the time range."""

    def series(
        self, serials: Sequence[str], metrics: Sequence[Metric], *, since: timedelta, period: timedelta
    ) -> Outcome[SeriesOf]:
        """Return points of a time range and missing values."""


class Finding(Protocol):
    """Finding of a check."""

    @property
    def check_id(self) -> str:
        """Stable id of the check."""

    @property
    def title(self) -> str:
        """One line."""

    @property
    def severity(self) -> str:
        """Severity."""

    @property
    def status(self) -> str:
        """`ok`, `warn`, `fail`, `skip` or `unknown`."""

    @property
    def subject(self) -> str:
        """Subject."""

    @property
    def observed(self) -> str:
        """Observed state."""

    @property
    def expected(self) -> str:
        """Expected state."""

    @property
    def evidence(self) -> Sequence[str]:
        """Evidence."""

    @property
    def remedy(self) -> str:
        """Remedy."""


class CheckReport(Protocol):
    """All findings of a run."""

    @property
    def findings(self) -> Sequence[Finding]:
        """Findings in the order of the checks."""


class ChecksService(Protocol):
    """The checks."""

    def run(self, only: Sequence[str] | None = None) -> CheckReport:
        """Run checks; by default all."""


class ConsoleStack(Protocol):
    """One stack with its services."""

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
        """Reconciliation."""

    @property
    def metrics(self) -> MetricsService:
        """Values."""

    @property
    def checks(self) -> ChecksService:
        """Checks."""

    def identity(self) -> Identity:
        """Return the AWS identity."""

    def close(self) -> None:
        """Close all resources."""
