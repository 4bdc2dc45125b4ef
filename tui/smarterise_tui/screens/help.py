"""The help: keys, signs and filter syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from smarterise_sdk.domain.status import Status
from smarterise_tui.actions import Scope, actions_of
from smarterise_tui.fleet.filters import FIELDS
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.theme import status_class

if TYPE_CHECKING:
    from smarterise_tui.state import ConsoleState

_MEANINGS = {
    Status.OK: "values are current and within limits",
    Status.WARN: "a limit is exceeded",
    Status.FAIL: "outage, phase loss, or unbalance beyond the critical limit",
    Status.STALE: "no value for two cadences of the site's tier",
    Status.NO_DATA: "AWS has no values",
    Status.DENIED: "access denied by AWS",
    Status.LOADING: "request pending",
    Status.UNKNOWN: "unknown: site disabled, or request failed",
}


def help_screen(state: ConsoleState) -> TextScreen:
    """Return the help as a dialog."""
    return TextScreen(state, "Help", help_text())


def help_text() -> Content:
    """Return the text of the help."""
    blocks = [_keys(scope) for scope in Scope]
    blocks += [_signs(), _filter_words()]
    return Content("\n\n").join(blocks)


def _keys(scope: Scope) -> Content:
    lines = [
        Content.assemble((f"  {action.shown_as:<10}", "bold $accent"), action.help)
        for action in actions_of(scope)
    ]
    return Content("\n").join([Content.styled(scope.value, "bold"), *lines])


def _signs() -> Content:
    lines = [
        Content.assemble((f"  {status.label:<10}", f"$status-{status_class(status)}"), meaning)
        for status, meaning in _MEANINGS.items()
    ]
    return Content("\n").join([Content.styled("Signs", "bold"), *lines])


def _filter_words() -> Content:
    return Content.assemble(
        ("Filter", "bold"),
        '\n  All terms must match: text, field=value, field>number, !word, name="two words".',
        f"\n  Fields: {', '.join(FIELDS)}.",
    )
