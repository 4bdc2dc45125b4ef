"""Everything a key can do, in one table: bindings, the key bar, and the help screen all come from it.

Each entry's `action` is a method `action_<name>` of the class that owns the scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from textual.binding import Binding, BindingType


class Scope(StrEnum):
    """Where a key works. The value is the heading in the help."""

    APP = "Everywhere but in dialogs"
    FLEET = "Fleet"
    TABLE = "Moving and marking"
    FILTER = "Filter line"
    SITE = "Site"
    CHECKS = "Checks"
    HISTORY = "History"
    LIST = "Moving in the history"
    PLAN = "A change: plan, confirm, apply"
    RECEIPT = "The receipt of a change"
    TEXT = "Help and details"


@dataclass(frozen=True, slots=True)
class ConsoleAction:
    """One thing a key can do.

    Attributes:
        scope: Where it works.
        keys: Textual key names, comma-separated.
        action: Name of the method, without `action_`.
        label: One or two words for the key bar.
        shown_as: How the keys are written for people, the usual one first: the key bar has that one alone.
        bar: Place in the key bar, lower is kept longer when narrow; `None` keeps it out.
        help: A sentence for the help screen.
        has_priority: Whether it works even while a text field has the focus.
    """

    scope: Scope
    keys: str
    action: str
    label: str
    shown_as: str
    bar: int | None
    help: str
    has_priority: bool = False

    @property
    def id(self) -> str:
        """Stable id, e.g. `fleet.switch_tier`."""
        return f"{self.scope.name.lower()}.{self.action}"


_Entry: TypeAlias = tuple[str, str, str, str, int | None, str]
"""Keys, method, label, keys as people write them, place in the bar, help."""

_TABLE: dict[Scope, tuple[_Entry, ...]] = {
    Scope.FLEET: (
        ("slash", "filter", "filter", "/", 1, "Show only some sites: words, tier=CRITICAL, u2>1.5, !word"),
        ("t", "switch_tier", "tier", "t", 2, "Switch the tier of the marked sites, else of this one"),
        ("s", "sort_next", "sort", "s", 5, "Sort by the next key; a click on a heading sorts by it"),
        ("S,shift+s", "sort_reverse", "reverse", "S", None, "Turn the order round"),
        ("escape", "back", "clear", "esc", None, "Clear the filter; when there is none, the marks"),
    ),
    Scope.TABLE: (
        ("enter", "open", "open", "enter", 4, "Open the site"),
        ("space", "mark", "mark", "space", 3, "Mark or unmark the site, and go down"),
        ("shift+up", "mark_and_move(-1)", "mark up", "shift ↑", None, "Mark, and go up"),
        ("shift+down", "mark_and_move(1)", "mark down", "shift ↓", None, "Mark, and go down"),
        ("v", "mark_range", "mark range", "v", None, "Mark all from the last mark to the cursor"),
        ("a", "mark_all", "mark all", "a", None, "Mark every site the filter shows"),
        ("u", "unmark_all", "unmark all", "u", None, "Take all marks away, hidden ones too"),
        ("up,k", "move(-1)", "up", "↑ k", None, "Go up"),
        ("down,j", "move(1)", "down", "↓ j", None, "Go down"),
        ("pageup,ctrl+b", "page(-1)", "page up", "PgUp", None, "Go a page up"),
        ("pagedown,ctrl+f", "page(1)", "page down", "PgDn", None, "Go a page down"),
        ("home,g", "to_first", "first", "home g", None, "Go to the first site"),
        ("end,G,shift+g", "to_last", "last", "end G", None, "Go to the last site"),
        ("left,h", "sideways(-1)", "left", "← h", None, "Scroll the columns left; the serial stays"),
        ("right,l", "sideways(1)", "right", "→ l", None, "Scroll the columns right; the serial stays"),
    ),
    Scope.FILTER: (
        ("down", "to_table", "go to the table", "enter ↓", 1, "Go to the table, filter as typed"),
        ("escape", "close", "filter as before", "esc", 2, "Leave the line, filter as before"),
    ),
    Scope.SITE: (
        ("escape,backspace", "back", "back", "esc", 1, "Go back to the fleet"),
        ("t", "switch_tier", "tier", "t", 2, "Switch the tier of this site"),
        ("w", "next_window", "window", "w", 3, "Plot another span: 30 minutes, 3 hours, 24 hours"),
    ),
    Scope.CHECKS: (
        ("escape,backspace", "back", "back", "esc", 1, "Go back to the fleet"),
        ("enter", "open", "details", "enter", 2, "Show what was seen, what was expected, what to do"),
        ("f", "reconcile", "reconcile", "f", 3, "Plan how to make alarms and schedules follow the site file"),
        ("up,k", "move(-1)", "up", "↑ k", None, "Go up"),
        ("down,j", "move(1)", "down", "↓ j", None, "Go down"),
    ),
    Scope.HISTORY: (
        ("escape,backspace", "back", "back", "esc", 1, "Go back to the fleet"),
        ("tab,shift+tab", "other_list", "other list", "tab", 2, "Go to the other list: versions, journal"),
        ("b", "roll_back", "roll back", "b", 4, "Versions: plan the way back to this one"),
        ("u", "undo", "undo", "u", 5, "Journal: plan the way back from this change"),
        ("s", "resolve", "resolve", "s", None, "Journal: resolve a change with unknown outcome"),
        ("m", "more", "more", "m", None, "Versions: look further back"),
    ),
    Scope.LIST: (
        ("enter", "open", "details", "enter", 3, "Show what a version or a change changed, and all about it"),
        ("up,k", "move(-1)", "up", "↑ k", None, "Go up"),
        ("down,j", "move(1)", "down", "↓ j", None, "Go down"),
        ("pageup,ctrl+b", "page(-1)", "page up", "PgUp", None, "Go a page up"),
        ("pagedown,ctrl+f", "page(1)", "page down", "PgDn", None, "Go a page down"),
        ("home,g", "to_first", "first", "home g", None, "Go to the newest"),
        ("end,G,shift+g", "to_last", "last", "end G", None, "Go to the oldest"),
    ),
    Scope.PLAN: (
        ("escape", "cancel", "close", "esc", 1, "Close; before applying nothing was changed"),
        ("ctrl+y", "copy_command", "copy command", "ctrl+y", 2, "Copy the command that does the same"),
        (
            "ctrl+t",
            "other_way",
            "instead",
            "ctrl+t",
            3,
            "Plan instead: the other tier, the last good version, all changes since",
        ),
        ("ctrl+r", "replan", "plan again", "ctrl+r", 4, "Read the sites again and plan again"),
        ("pageup", "scroll_text(-1)", "scroll up", "PgUp", None, "Scroll the plan up"),
        ("pagedown", "scroll_text(1)", "scroll down", "PgDn", None, "Scroll the plan down"),
    ),
    Scope.RECEIPT: (("u", "undo", "undo", "u", 0, "Plan the way back from the change just made"),),
    Scope.TEXT: (
        ("escape,q,question_mark", "close", "close", "esc", 1, "Close"),
        ("y,ctrl+y", "copy_all", "copy", "y", 2, "Copy the text"),
    ),
    Scope.APP: (
        ("question_mark", "show_help", "help", "?", 0, "Show this help"),
        ("1", "show_fleet", "fleet", "1", None, "Go to the fleet"),
        ("2", "show_site", "site", "2", None, "Go to the site under the cursor"),
        ("c,3", "show_checks", "checks", "c 3", 6, "Run the runbook's checks"),
        (
            "H,shift+h,4",
            "show_history",
            "history",
            "H 4",
            7,
            "Show the site file's versions and the journal",
        ),
        ("y,ctrl+y", "copy_command", "copy command", "y", 8, "Copy the command that shows the same"),
        ("e", "show_problems", "problems", "e", None, "Show what could not be had, and why"),
        ("r", "refresh_now", "refresh", "r", 10, "Ask AWS again now"),
        ("R,shift+r", "repair", "repair", "R", None, "Plan how to mend a broken site file"),
        ("ctrl+s", "save_screenshot", "screenshot", "ctrl+s", None, "Save the screen as SVG, here"),
        ("q", "close", "quit", "q", 9, "Quit"),
    ),
}
_WORKS_WHILE_TYPING = frozenset({Scope.PLAN})
ACTIONS = tuple(
    ConsoleAction(scope, *entry, has_priority=scope in _WORKS_WHILE_TYPING)
    for scope, entries in _TABLE.items()
    for entry in entries
)


def actions_of(*scopes: Scope) -> list[ConsoleAction]:
    """Return the actions of some scopes, in the order of the table."""
    return [action for action in ACTIONS if action.scope in scopes]


def bindings_of(*scopes: Scope) -> list[BindingType]:
    """Return the bindings of some scopes. Ids let a keymap of the operator override them."""
    return [
        Binding(
            action.keys, action.action, action.label, show=False, id=action.id, priority=action.has_priority
        )
        for action in actions_of(*scopes)
    ]


def bar_of(*scopes: Scope, without: str = "") -> list[tuple[str, str, int]]:
    """Return key, label and place of what the key bar shows for some scopes, in the bar's order."""
    shown = [
        (action.shown_as.split()[0], action.label, action.bar)
        for action in actions_of(*scopes)
        if action.bar is not None and action.action != without
    ]
    return sorted(shown, key=lambda entry: entry[2])
