"""The table of all actions: source of key bindings, key bar and help screen.

Each entry's `action` is a method `action_<name>` of the class that owns the scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from textual.binding import Binding, BindingType


class Scope(StrEnum):
    """Where a key works; the value is the heading in the help."""

    APP = "Everywhere except in dialogs"
    FLEET = "Fleet"
    TABLE = "Navigation and marks"
    FILTER = "Filter line"
    SITE = "Site"
    CHECKS = "Checks"
    HISTORY = "History"
    LIST = "Navigation in the history"
    PLAN = "Change: plan, confirm, apply"
    RECEIPT = "Receipt of a change"
    TEXT = "Help and details"


@dataclass(frozen=True, slots=True)
class ConsoleAction:
    """An action of the console with its keys and texts.

    Attributes:
        scope: Where it works.
        keys: Textual key names, comma-separated.
        action: Name of the method, without `action_`.
        label: One or two words for the key bar.
        shown_as: Keys as shown in the help, the main one first; the key bar shows only that one.
        bar: Position in the key bar, lower stays longer on narrow terminals; `None`: not in the bar.
        help: Description for the help screen.
        has_priority: Whether it also works while a text field has the focus.
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
"""Keys, method, label, keys as shown, position in the bar, help."""

_TABLE: dict[Scope, tuple[_Entry, ...]] = {
    Scope.FLEET: (
        ("slash", "filter", "filter", "/", 1, "Filter sites: text, tier=CRITICAL, u2>1.5, !text"),
        ("t", "switch_tier", "tier", "t", 2, "Change the tier of the marked sites, or of the current one"),
        ("s", "sort_next", "sort", "s", 5, "Sort by the next column; click a heading to sort by it"),
        ("S,shift+s", "sort_reverse", "reverse", "S", None, "Reverse sort"),
        ("escape", "back", "clear", "esc", None, "Clear the filter, or the marks if there is no filter"),
    ),
    Scope.TABLE: (
        ("enter", "open", "open", "enter", 4, "Open the site"),
        ("space", "mark", "mark", "space", 3, "Toggle the mark and move down"),
        ("shift+up", "mark_and_move(-1)", "mark up", "shift ↑", None, "Mark and move up"),
        ("shift+down", "mark_and_move(1)", "mark down", "shift ↓", None, "Mark and move down"),
        ("v", "mark_range", "mark range", "v", None, "Mark from the last mark to the cursor"),
        ("a", "mark_all", "mark all", "a", None, "Mark all sites shown"),
        ("u", "unmark_all", "unmark all", "u", None, "Clear all marks"),
        ("up,k", "move(-1)", "up", "↑ k", None, "Move up"),
        ("down,j", "move(1)", "down", "↓ j", None, "Move down"),
        ("pageup,ctrl+b", "page(-1)", "page up", "PgUp", None, "Page up"),
        ("pagedown,ctrl+f", "page(1)", "page down", "PgDn", None, "Page down"),
        ("home,g", "to_first", "first", "home g", None, "Go to the first site"),
        ("end,G,shift+g", "to_last", "last", "end G", None, "Go to the last site"),
        ("left,h", "sideways(-1)", "left", "← h", None, "Scroll columns left"),
        ("right,l", "sideways(1)", "right", "→ l", None, "Scroll columns right"),
    ),
    Scope.FILTER: (
        ("down", "to_table", "apply filter", "enter ↓", 1, "Apply the filter and go to the table"),
        ("escape", "close", "cancel", "esc", 2, "Close the line and restore the previous filter"),
    ),
    Scope.SITE: (
        ("escape,backspace", "back", "back", "esc", 1, "Go back to the fleet"),
        ("t", "switch_tier", "tier", "t", 2, "Change the tier of this site"),
        (
            "w",
            "next_window",
            "window",
            "w",
            3,
            "Change the time range: 30 minutes, 3 hours, 24 hours",
        ),
    ),
    Scope.CHECKS: (
        ("escape,backspace", "back", "back", "esc", 1, "Go back to the fleet"),
        ("enter", "open", "details", "enter", 2, "Show observed and expected state and the remedy"),
        ("f", "reconcile", "reconcile", "f", 3, "Plan a reconciliation of alarms and schedules"),
        ("up,k", "move(-1)", "up", "↑ k", None, "Move up"),
        ("down,j", "move(1)", "down", "↓ j", None, "Move down"),
    ),
    Scope.HISTORY: (
        ("escape,backspace", "back", "back", "esc", 1, "Go back to the fleet"),
        ("tab,shift+tab", "other_list", "other list", "tab", 2, "Switch between versions and journal"),
        ("b", "roll_back", "roll back", "b", 4, "Versions: plan a rollback to the selected version"),
        ("u", "undo", "undo", "u", 5, "Journal: plan an undo of the selected change"),
        ("s", "resolve", "resolve", "s", None, "Journal: resolve a change with unknown outcome"),
        ("m", "more", "more", "m", None, "Versions: load older versions"),
    ),
    Scope.LIST: (
        ("enter", "open", "details", "enter", 3, "Show details and differences"),
        ("up,k", "move(-1)", "up", "↑ k", None, "Move up"),
        ("down,j", "move(1)", "down", "↓ j", None, "Move down"),
        ("pageup,ctrl+b", "page(-1)", "page up", "PgUp", None, "Page up"),
        ("pagedown,ctrl+f", "page(1)", "page down", "PgDn", None, "Page down"),
        ("home,g", "to_first", "first", "home g", None, "Go to the latest"),
        ("end,G,shift+g", "to_last", "last", "end G", None, "Go to the oldest"),
    ),
    Scope.PLAN: (
        ("escape", "cancel", "close", "esc", 1, "Close; nothing is changed before applying"),
        ("ctrl+y", "copy_command", "copy command", "ctrl+y", 2, "Copy CLI command"),
        (
            "ctrl+t",
            "other_way",
            "instead",
            "ctrl+t",
            3,
            "Plan the alternative: other tier, last valid version, or all later changes",
        ),
        ("ctrl+r", "replan", "plan again", "ctrl+r", 4, "Read the site file and plan again"),
        ("pageup", "scroll_text(-1)", "scroll up", "PgUp", None, "Scroll the plan up"),
        ("pagedown", "scroll_text(1)", "scroll down", "PgDn", None, "Scroll the plan down"),
    ),
    Scope.RECEIPT: (("u", "undo", "undo", "u", 0, "Plan an undo of this change"),),
    Scope.TEXT: (
        ("escape,q,question_mark", "close", "close", "esc", 1, "Close"),
        ("y,ctrl+y", "copy_all", "copy", "y", 2, "Copy the text"),
    ),
    Scope.APP: (
        ("question_mark", "show_help", "help", "?", 0, "Show help"),
        ("1", "show_fleet", "fleet", "1", None, "Go to the fleet"),
        ("2", "show_site", "site", "2", None, "Go to the site under the cursor"),
        ("c,3", "show_checks", "checks", "c 3", 6, "Run the checks"),
        (
            "H,shift+h,4",
            "show_history",
            "history",
            "H 4",
            7,
            "Show site file versions and journal",
        ),
        ("y,ctrl+y", "copy_command", "copy command", "y", 8, "Copy CLI command"),
        ("e", "show_problems", "problems", "e", None, "Show failed requests"),
        ("r", "refresh_now", "refresh", "r", 10, "Refresh"),
        ("R,shift+r", "repair", "repair", "R", None, "Plan a repair of an invalid site file"),
        (
            "ctrl+s",
            "save_screenshot",
            "screenshot",
            "ctrl+s",
            None,
            "Save the screen as an SVG file",
        ),
        ("q", "quit", "quit", "q", 9, "Quit"),
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
    """Return the bindings of some scopes; their ids allow a custom keymap."""
    return [
        Binding(
            action.keys, action.action, action.label, show=False, id=action.id, priority=action.has_priority
        )
        for action in actions_of(*scopes)
    ]


def bar_of(*scopes: Scope, without: str = "") -> list[tuple[str, str, int]]:
    """Return key, label and position of the key bar entries of some scopes, in order."""
    shown = [
        (action.shown_as.split()[0], action.label, action.bar)
        for action in actions_of(*scopes)
        if action.bar is not None and action.action != without
    ]
    return sorted(shown, key=lambda entry: entry[2])
