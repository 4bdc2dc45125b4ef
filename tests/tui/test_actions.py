"""One table of actions: every entry works, no key means two things at once, help and bar tell it all."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from smarterise_tui.actions import ACTIONS, Scope, actions_of, bar_of, bindings_of
from smarterise_tui.app import SmarteriseConsole
from smarterise_tui.screens.checks import ChecksScreen
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.screens.fleet import FleetScreen
from smarterise_tui.screens.help import help_text
from smarterise_tui.screens.history import HistoryScreen
from smarterise_tui.screens.site import SiteScreen
from smarterise_tui.widgets.filter_line import FilterLine
from smarterise_tui.widgets.fleet_table import FleetTable
from smarterise_tui.widgets.record_list import RecordList

OWNERS = {
    Scope.APP: SmarteriseConsole,
    Scope.FLEET: FleetScreen,
    Scope.TABLE: FleetTable,
    Scope.FILTER: FilterLine,
    Scope.SITE: SiteScreen,
    Scope.CHECKS: ChecksScreen,
    Scope.HISTORY: HistoryScreen,
    Scope.LIST: RecordList,
    Scope.PLAN: PlanScreen,
    Scope.RECEIPT: PlanScreen,
    Scope.TEXT: TextScreen,
}
TOGETHER = [
    (Scope.APP, Scope.FLEET, Scope.TABLE),
    (Scope.APP, Scope.SITE),
    (Scope.APP, Scope.CHECKS),
    (Scope.APP, Scope.HISTORY, Scope.LIST),
    (Scope.PLAN, Scope.RECEIPT),
    (Scope.TEXT,),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_is_a_method_of_its_owner(action):
    name = action.action.partition("(")[0]
    assert callable(getattr(OWNERS[action.scope], f"action_{name}", None))


@pytest.mark.parametrize("owner", list(dict.fromkeys(OWNERS.values())), ids=lambda owner: owner.__name__)
def test_owners_bind_just_the_table(owner):
    own = [binding for binding in vars(owner)["BINDINGS"] if isinstance(binding, Binding)]
    assert own == bindings_of(*(scope for scope in Scope if OWNERS[scope] is owner))


@pytest.mark.parametrize("scopes", TOGETHER, ids=lambda scopes: scopes[-1].name)
def test_no_key_means_two_things_on_one_screen(scopes):
    keys = [key for action in actions_of(*scopes) for key in action.keys.split(",")]
    assert sorted(keys) == sorted(set(keys))


def test_ids_are_unique_but_for_one_method_with_several_arguments():
    assert len({(action.id, action.keys) for action in ACTIONS}) == len(ACTIONS)
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_help_tells_every_action():
    text = help_text().plain
    assert all(action.help in text and action.shown_as in text for action in ACTIONS)


def test_the_bar_is_in_its_own_order():
    labels = [label for _, label, _ in bar_of(Scope.APP, Scope.FLEET, Scope.TABLE)]
    assert labels[:5] == ["help", "filter", "tier", "mark", "open"]


def test_the_bar_has_one_key_each():
    keys = {label: key for key, label, _ in bar_of(Scope.APP, Scope.FLEET, Scope.TABLE)}
    assert (keys["checks"], keys["history"]) == ("c", "H")
    assert all(" " not in key for scope in Scope for key, _, _ in bar_of(scope))
