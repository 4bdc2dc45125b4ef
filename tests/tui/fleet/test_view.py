"""What the operator asked to see: order, filter, marks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smarterise_sdk.domain.outcome import Outcome
from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_tui.fleet.filters import parse_filter
from smarterise_tui.fleet.model import FleetModel
from smarterise_tui.fleet.sorting import SORT_KEYS
from smarterise_tui.fleet.view import FleetView

U2 = {"A1": 0.5, "A2": 3.5, "A3": 2.2}


@pytest.fixture
def view(stack, clock):
    model = FleetModel()
    stack.site_list = [Site(serial, Tier.CRITICAL, name=name) for serial, name in NAMES.items()]
    model.replace_sites(stack.fetch(), clock())
    view = FleetView(model)
    view.rebuild(clock())
    set_u2(view, clock, U2)
    return view


NAMES = {"A1": "Zaria", "A2": "Aba", "A3": "Kano", "A4": "Jos"}


def set_u2(view, clock, values):
    metrics = (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C, Metric.VOLTAGE_UNBALANCE)
    at = clock() - timedelta(seconds=5)
    points = {s: {m: MetricPoint(230.0, at) for m in metrics} for s in values}
    for serial, value in values.items():
        points[serial][Metric.VOLTAGE_UNBALANCE] = MetricPoint(value, at)
    outcome = Outcome({**points, **({"A4": {}} if "A4" not in values else {})}, clock())
    moved = view.model.take_latest(list(NAMES), (), metrics, outcome, clock())
    view.after_values(moved, clock())


def order(view):
    return [row.serial for row in view.rows]


def test_the_worst_comes_first(view):
    assert order(view) == ["A2", "A4", "A3", "A1"]  # fail, no data, warn, ok


def test_a_new_value_moves_its_site(view, clock):
    set_u2(view, clock, {**U2, "A1": 9.0})
    assert order(view) == ["A1", "A2", "A4", "A3"]
    assert [view.place_of(serial) for serial in order(view)] == [0, 1, 2, 3]
    assert view.place_of("A9") is None


def test_sorting_by_a_value_puts_the_greatest_first_and_the_unknown_last(view, clock):
    view.sort_by("u2", clock())
    assert order(view) == ["A2", "A3", "A1", "A4"]
    view.sort_by("u2", clock())
    assert order(view) == ["A1", "A3", "A2", "A4"]
    view.sort_by("name", clock())
    assert order(view) == ["A2", "A4", "A3", "A1"]
    view.reverse(clock())
    assert order(view) == ["A1", "A3", "A4", "A2"]


@pytest.mark.parametrize("key", SORT_KEYS)
def test_every_order_keeps_every_site(view, clock, key):
    view.sort_by(key, clock())
    assert sorted(order(view)) == sorted(NAMES)
    view.reverse(clock())
    assert sorted(order(view)) == sorted(NAMES)


def test_the_next_order_comes_round(view, clock):
    for _ in SORT_KEYS:
        view.sort_by_next(clock())
    assert view.sort.key == "worst"


def test_a_filter_follows_the_values(view, clock):
    view.set_filter(parse_filter("u2>2"), clock())
    assert order(view) == ["A2", "A3"]
    set_u2(view, clock, {**U2, "A1": 2.5})
    assert order(view) == ["A2", "A1", "A3"]


def test_marks_outlive_a_filter_and_are_told_apart(view, clock):
    view.toggle_mark("A1")
    view.toggle_mark("A2")
    view.set_filter(parse_filter("u2>2"), clock())
    assert view.hidden_marks == 1
    selection = view.selection("A3")
    assert selection.shown == ("A2",)
    assert selection.hidden == ("A1",)
    assert selection.serials == ("A2", "A1")


def test_without_marks_the_site_under_the_cursor_is_meant(view):
    assert view.selection("A3").serials == ("A3",)
    assert view.selection(None).serials == ()


def test_a_range_is_marked_in_either_direction(view):
    view.mark_range(2, 1)
    assert view.marks == {"A4", "A3"}
    view.mark_all_shown()
    assert view.marks == set(NAMES)
    view.toggle_mark("A1")
    assert "A1" not in view.marks


def test_marks_of_sites_that_are_gone_go_with_them(view, stack, clock):
    view.mark_all_shown()
    stack.site_list = stack.site_list[:1]
    stack.version += 1
    view.model.replace_sites(stack.fetch(), clock())
    view.rebuild(clock())
    assert view.marks == {"A1"}
