"""What workers tell the app, and what the app tells the screens. Workers post these and do nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from smarterise_sdk.domain.outcome import Outcome
    from smarterise_sdk.domain.readings.metrics import Metric
    from smarterise_sdk.domain.sites.plans import Plan, Receipt, SiteChange, StackChange
    from smarterise_tui.contract import (
        Change,
        ChangesRead,
        CheckReport,
        ConsoleStack,
        Identity,
        Latest,
        SeriesOf,
        SitesSnapshot,
        VersionHistory,
    )


@dataclass
class QuitRequested(Message):
    """The terminal is gone, or a signal says that it is time to end."""


@dataclass
class StackOpened(Message):
    """The SDK is loaded; calls can be made from now on."""

    stack: ConsoleStack


@dataclass
class IdentityKnown(Message):
    """AWS said who we are."""

    identity: Identity


@dataclass
class SitesFetched(Message):
    """All sites were read."""

    snapshot: SitesSnapshot


@dataclass
class LatestFetched(Message):
    """Newest values came, perhaps with gaps; `long_lookback` are the sites not only looked at lately."""

    requested: tuple[str, ...]
    long_lookback: frozenset[str]
    metrics: frozenset[Metric]
    outcome: Outcome[Latest]


@dataclass
class HistoryFetched(Message):
    """The past of the sparklines came, perhaps with gaps."""

    requested: tuple[str, ...]
    outcome: Outcome[SeriesOf]


@dataclass
class SeriesFetched(Message):
    """What a site's plot shows came."""

    serial: str
    window: timedelta
    outcome: Outcome[SeriesOf]


@dataclass
class FetchFailed(Message):
    """Something could not be read. `source` is one of `poller.Source`, `requested` the sites it was for."""

    source: str
    requested: tuple[str, ...]
    error: Exception


@dataclass
class FleetChanged(Message, bubble=False):
    """The model has new values, new sites or has grown older; the screen shows what differs."""

    has_new_sites: bool = False


@dataclass
class PlanReady(Message):
    """A change was planned; nothing is written."""

    plan: Plan


@dataclass
class PlanFailed(Message):
    """A change cannot be planned."""

    error: Exception


@dataclass
class StepReported(Message):
    """Applying went on by a step."""

    step: str


@dataclass
class ChangeApplied(Message):
    """A change was made, as far as the receipt says."""

    receipt: Receipt


@dataclass
class ChangeFailed(Message):
    """A change was not made."""

    error: Exception


class RightsChanged(Message, bubble=False):
    """Writing is allowed no more, or for another while."""


@dataclass
class UnresolvedFound(Message):
    """The journal was looked through for changes of which it is not certain what became of them."""

    changes: Sequence[Change]


@dataclass
class VersionsRead(Message):
    """The versions of the site file came."""

    history: VersionHistory


@dataclass
class VersionsFailed(Message):
    """The versions of the site file could not be had."""

    error: Exception


@dataclass
class ChangesListed(Message):
    """The journal was read."""

    reading: ChangesRead


@dataclass
class ChangesFailed(Message):
    """The journal could not be read."""

    error: Exception


@dataclass
class DiffRead(Message):
    """What a version or a change changed is known."""

    changes: Sequence[SiteChange]
    stack_changes: Sequence[StackChange] = ()


@dataclass
class DiffFailed(Message):
    """What a version or a change changed could not be had."""

    error: Exception


@dataclass
class ChangeResolved(Message):
    """It was looked what became of a change."""

    receipt: Receipt


@dataclass
class ResolveFailed(Message):
    """What became of a change could not be found out."""

    error: Exception


@dataclass
class TierSinceKnown(Message):
    """The versions that changed one site came."""

    history: VersionHistory


class TierSinceUnknown(Message):
    """The versions that changed one site could not be had: the site is shown without."""


@dataclass
class ChecksFinished(Message):
    """The checks ran."""

    report: CheckReport


@dataclass
class ChecksFailed(Message):
    """The checks could not run."""

    error: Exception


class ScreenShown(Message):
    """A screen came to the front."""
