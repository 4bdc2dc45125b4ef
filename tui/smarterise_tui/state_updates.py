"""Takes answers into the state: the model first, then what is shown of it, then what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_sdk.domain.outcome import Gap
from smarterise_tui.issues import DEGRADED, UNFINISHED, degradation, failure, gap_troubles, unfinished
from smarterise_tui.poller import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_tui.contract import Change, SitesSnapshot
    from smarterise_tui.messages import FetchFailed, HistoryFetched, LatestFetched
    from smarterise_tui.state import ConsoleState


def take_sites(state: ConsoleState, snapshot: SitesSnapshot) -> bool:
    """Take the sites in; return whether there are some that were not known."""
    known = state.model.rows.keys()
    has_new_sites = any(site.gateway_serial not in known for site in snapshot.sites)
    state.now = state.clock()
    state.model.replace_sites(snapshot, state.now)
    state.view.rebuild(state.now)
    state.troubles.set(Source.SITES, ())
    state.troubles.set(DEGRADED, degradation(snapshot, state.settings))
    return has_new_sites


def take_latest(state: ConsoleState, message: LatestFetched) -> None:
    """Take newest values in; time has passed for the other sites too."""
    state.now = state.clock()
    moved = state.model.take_latest(
        message.asked, message.looked_far, message.metrics, message.outcome, state.now
    )
    moved |= state.model.pass_time(state.now)
    state.view.after_values(moved, state.now)
    _note_gaps(state)


def take_history(state: ConsoleState, message: HistoryFetched) -> None:
    """Take the past of the sparklines in."""
    state.model.take_history(message.asked, message.outcome, state.clock())
    gaps = gap_troubles(Source.HISTORY, message.outcome.gaps, len(state.model.rows))
    state.troubles.set(Source.HISTORY, gaps)


def take_failure(state: ConsoleState, message: FetchFailed) -> None:
    """Take in that something could not be had at all."""
    state.now = state.clock()
    if message.source == Source.LATEST:
        state.model.miss_latest(message.asked, Gap("", message.error, message.asked), state.now)
        state.view.rebuild(state.now)
        _note_gaps(state)
        return
    if message.source == Source.HISTORY:
        state.model.miss_history(message.asked, state.now)
    state.troubles.set(message.source, [failure(message.source, message.error)])


def take_unfinished(state: ConsoleState, changes: Sequence[Change]) -> None:
    """Take in of which changes it is not certain what became of them."""
    state.troubles.set(UNFINISHED, unfinished(changes, state.settings))


def pass_time(state: ConsoleState) -> None:
    """Let everything on screen grow older."""
    state.now = state.clock()
    state.view.after_values(state.model.pass_time(state.now), state.now)


def _note_gaps(state: ConsoleState) -> None:
    """Note which sites are without values: those asked just now, and those asked before."""
    gaps = state.model.gaps
    state.troubles.set(Source.LATEST, gap_troubles(Source.LATEST, gaps, len(state.model.rows)))
