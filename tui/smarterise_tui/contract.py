"""What the console needs of a stack, and nothing more: `smarterise_sdk.stack.Stack` fits, a test double too.

Read-only properties throughout, so that richer types of the SDK fit as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from smarterise_sdk.domain.metrics import Metric, MetricPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from smarterise_sdk.domain.outcome import Outcome
    from smarterise_sdk.domain.plans import Plan, Receipt
    from smarterise_sdk.domain.sites import JsonValue, Site

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


class SitesService(Protocol):
    """Sites: read them, plan a change, apply it."""

    def fetch(self) -> SitesSnapshot:
        """Return all sites."""

    def plan_update(self, updates: Mapping[str, Mapping[str, JsonValue]], *, reason: str = "") -> Plan:
        """Return what the updates would change; writes nothing."""

    def apply(self, plan: Plan, *, on_step: Callable[[str], None] | None = None) -> Receipt:
        """Make the change, read it back, tell each step."""


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
    def metrics(self) -> MetricsService:
        """Values."""

    @property
    def checks(self) -> ChecksService:
        """Checks."""

    def identity(self) -> Identity:
        """Return who AWS says we are."""

    def close(self) -> None:
        """Let go of everything held."""
