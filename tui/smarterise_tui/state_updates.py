"""State updates by messages: first the model, then the view, then the issues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_sdk.domain.outcome import Missing
from smarterise_tui.issues import DEGRADED, UNFINISHED, degradation, failure, missing_issues, unfinished
from smarterise_tui.poller import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.journal import JournalEntry
    from smarterise_sdk.services.sites.service import SitesSnapshot
    from smarterise_tui.messages import FetchFailed, HistoryFetched, LatestFetched
    from smarterise_tui.state import ConsoleState


def take_sites(state: ConsoleState, snapshot: SitesSnapshot) -> bool:
    """Update the sites; return whether there are new ones."""
    known = state.model.rows.keys()
    has_new_sites = any(site.gateway_serial not in known for site in snapshot.sites)
    state.now = state.clock()
    state.model.replace_sites(snapshot, state.now)
    state.view.rebuild(state.now)
    state.issues.set(Source.SITES, ())
    state.issues.set(DEGRADED, degradation(snapshot, state.settings))
    return has_new_sites


def take_latest(state: ConsoleState, message: LatestFetched) -> None:
    """Update latest values, and the ages of all sites."""
    state.now = state.clock()
    moved = state.model.take_latest(
        message.requested, message.long_lookback, message.metrics, message.outcome, state.now
    )
    moved |= state.model.pass_time(state.now)
    state.view.after_values(moved, state.now)
    _note_missing(state)


def take_history(state: ConsoleState, message: HistoryFetched) -> None:
    """Update the data of the sparklines."""
    state.model.take_history(message.requested, message.outcome, state.clock())
    missing = missing_issues(Source.HISTORY, message.outcome.missing, len(state.model.rows))
    state.issues.set(Source.HISTORY, missing)


def take_failure(state: ConsoleState, message: FetchFailed) -> None:
    """Record a failed request."""
    state.now = state.clock()
    if message.source == Source.LATEST:
        state.model.miss_latest(message.requested, Missing("", message.error, message.requested), state.now)
        state.view.rebuild(state.now)
        _note_missing(state)
        return
    if message.source == Source.HISTORY:
        state.model.miss_history(message.requested, state.now)
    state.issues.set(message.source, [failure(message.source, message.error)])


def take_unfinished(state: ConsoleState, changes: Sequence[JournalEntry]) -> None:
    """Record unresolved changes."""
    state.issues.set(UNFINISHED, unfinished(changes, state.settings))


def pass_time(state: ConsoleState) -> None:
    """Update all ages."""
    state.now = state.clock()
    state.view.after_values(state.model.pass_time(state.now), state.now)


def _note_missing(state: ConsoleState) -> None:
    """Record which sites have no values."""
    missing = state.model.missing
    state.issues.set(Source.LATEST, missing_issues(Source.LATEST, missing, len(state.model.rows)))
