"""What workers tell the app, and what the app tells the screens. Workers post these and do nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from datetime import timedelta

    from smarterise_sdk.domain.metrics import Metric
    from smarterise_sdk.domain.outcome import Outcome
    from smarterise_sdk.domain.plans import Plan, Receipt
    from smarterise_tui.contract import CheckReport, ConsoleStack, Identity, Latest, SeriesOf, SitesSnapshot


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
    """Newest values came, perhaps with gaps; `looked_far` are the sites not only looked at lately."""

    asked: tuple[str, ...]
    looked_far: frozenset[str]
    metrics: frozenset[Metric]
    outcome: Outcome[Latest]


@dataclass
class HistoryFetched(Message):
    """The past of the sparklines came, perhaps with gaps."""

    asked: tuple[str, ...]
    outcome: Outcome[SeriesOf]


@dataclass
class SeriesFetched(Message):
    """What a site's plot shows came."""

    serial: str
    window: timedelta
    outcome: Outcome[SeriesOf]


@dataclass
class FetchFailed(Message):
    """Something could not be read. `source` is one of `poller.Source`, `asked` the sites it was for."""

    source: str
    asked: tuple[str, ...]
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
class StepTold(Message):
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
