"""Messages of workers to the app, and of the app to the screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from smarterise_sdk.checks.runner import CheckReport
    from smarterise_sdk.domain.outcome import Outcome
    from smarterise_sdk.domain.readings.metrics import LatestPoints, Metric, PointSeries
    from smarterise_sdk.domain.sites.plans import Plan, Receipt, SiteChange, StackChange
    from smarterise_sdk.journal import JournalEntry, JournalReading
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.services.sites.history import SiteHistory
    from smarterise_sdk.services.sites.service import SitesSnapshot
    from smarterise_sdk.stack import Stack


@dataclass
class QuitRequested(Message):
    """The terminal closed, or a termination signal was received."""


@dataclass
class StackOpened(Message):
    """The SDK is loaded."""

    stack: Stack


@dataclass
class IdentityKnown(Message):
    """The AWS identity is known."""

    identity: Identity


@dataclass
class SitesFetched(Message):
    """All sites were read."""

    snapshot: SitesSnapshot


@dataclass
class LatestFetched(Message):
    """LatestPoints values were fetched; `long_lookback` are the sites with full lookback."""

    requested: tuple[str, ...]
    long_lookback: frozenset[str]
    metrics: frozenset[Metric]
    outcome: Outcome[LatestPoints]


@dataclass
class HistoryFetched(Message):
    """Data of the sparklines was fetched."""

    requested: tuple[str, ...]
    outcome: Outcome[PointSeries]


@dataclass
class SeriesFetched(Message):
    """The series of a site's plot was fetched."""

    serial: str
    window: timedelta
    outcome: Outcome[PointSeries]


@dataclass
class FetchFailed(Message):
    """A request failed. `source` is a `poller.Source`, `requested` are the sites."""

    source: str
    requested: tuple[str, ...]
    error: Exception


@dataclass
class FleetChanged(Message, bubble=False):
    """Values, sites or ages of the model have changed."""

    has_new_sites: bool = False


@dataclass
class PlanReady(Message):
    """A change was planned; nothing is written."""

    plan: Plan


@dataclass
class PlanFailed(Message):
    """Planning a change failed."""

    error: Exception


@dataclass
class StepReported(Message):
    """A step of applying a plan."""

    step: str


@dataclass
class ChangeApplied(Message):
    """A change was applied; see its receipt."""

    receipt: Receipt


@dataclass
class ChangeFailed(Message):
    """A change failed."""

    error: Exception


class RightsChanged(Message, bubble=False):
    """The permission to write has changed."""


@dataclass
class UnresolvedFound(Message):
    """The unresolved changes of the journal."""

    changes: Sequence[JournalEntry]


@dataclass
class VersionsRead(Message):
    """The versions of the site file were read."""

    history: SiteHistory


@dataclass
class VersionsFailed(Message):
    """Reading the versions of the site file failed."""

    error: Exception


@dataclass
class ChangesListed(Message):
    """The journal was read."""

    reading: JournalReading


@dataclass
class ChangesFailed(Message):
    """Reading the journal failed."""

    error: Exception


@dataclass
class DiffRead(Message):
    """The differences of a version or change."""

    changes: Sequence[SiteChange]
    stack_changes: Sequence[StackChange] = ()


@dataclass
class DiffFailed(Message):
    """Reading the differences failed."""

    error: Exception


@dataclass
class ChangeResolved(Message):
    """A change was resolved."""

    receipt: Receipt


@dataclass
class ResolveFailed(Message):
    """Resolving a change failed."""

    error: Exception


@dataclass
class TierSinceKnown(Message):
    """The versions that changed one site were read."""

    history: SiteHistory


class TierSinceUnknown(Message):
    """Reading the versions that changed one site failed."""


@dataclass
class ChecksFinished(Message):
    """The checks ran."""

    report: CheckReport


@dataclass
class ChecksFailed(Message):
    """The checks failed to run."""

    error: Exception


class ScreenShown(Message):
    """A screen came to the front."""
