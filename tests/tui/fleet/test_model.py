"""Rows take answers in, grow old, and say who is to be asked when."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from smarterise_sdk.domain.outcome import Missing, Outcome
from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.status import Status
from smarterise_sdk.errors import Denied, RemoteFault, Throttled, Unreachable
from smarterise_tui.fleet.model import IN_TURN, FleetModel

VOLTAGES = (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C)
DENIED = Denied("denied", action="cloudwatch:GetMetricData")


@pytest.fixture
def load(stack, clock):
    """Return a model with these sites."""

    def load(*sites: Site) -> FleetModel:
        model = FleetModel()
        stack.site_list = list(sites)
        stack.version += 1
        model.replace_sites(stack.fetch(), clock())
        return model

    return load


def response(clock, *serials: str, age: float = 5, missing=(), volts=(230.0, 230.0, 230.0)):
    at = clock() - timedelta(seconds=age)
    points = {metric: MetricPoint(value, at) for metric, value in zip(VOLTAGES, volts, strict=True)}
    return Outcome(dict.fromkeys(serials, points), clock(), tuple(missing))


def take(model, clock, requested, outcome, *, far=()):
    model.note_requested(requested, clock())
    return model.take_latest(requested, far, VOLTAGES, outcome, clock())


def status(model, serial="A1"):
    return model.rows[serial].state.status


def test_a_site_is_loading_until_it_was_asked_then_no_data(load, clock):
    model = load(Site("A1", Tier.CRITICAL))
    assert status(model) is Status.LOADING
    take(model, clock, ["A1"], Outcome({"A1": {}}, clock()))
    assert status(model) is Status.NO_DATA


def test_a_site_that_goes_silent_keeps_its_values_and_grows_stale(load, clock):
    model = load(Site("A1", Tier.CRITICAL))
    take(model, clock, ["A1"], response(clock, "A1"))
    clock.advance(60)
    take(model, clock, ["A1"], Outcome({"A1": {}}, clock()))
    assert status(model) is Status.OK
    clock.advance(60)
    moved = model.pass_time(clock())
    assert moved == {"A1"}
    assert model.rows["A1"].state.text == "stale 2m"
    assert model.rows["A1"].value(Metric.VOLTAGE_A) == 230.0
    clock.advance(60)
    assert model.pass_time(clock()) == set()
    assert model.rows["A1"].state.text == "stale 3m"


def test_time_is_judged_by_the_tier(load, clock):
    model = load(Site("A1", Tier.NON_CRITICAL))
    take(model, clock, ["A1"], response(clock, "A1"))
    clock.advance(3600)
    assert model.pass_time(clock()) == set()
    assert status(model) is Status.OK


def test_a_metric_that_is_missing_in_an_answer_is_dropped(load, clock):
    model = load(Site("A1", Tier.CRITICAL))
    take(model, clock, ["A1"], response(clock, "A1"))
    only_a = {Metric.VOLTAGE_A: MetricPoint(231.0, clock())}
    take(model, clock, ["A1"], Outcome({"A1": only_a}, clock()), far=["A1"])
    assert set(model.rows["A1"].points) == {Metric.VOLTAGE_A}


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (DENIED, Status.DENIED, "denied"),
        (Throttled("slow down"), Status.UNKNOWN, "throttled"),
        (Unreachable("no response"), Status.UNKNOWN, "unreachable"),
        (RemoteFault("broken"), Status.UNKNOWN, "no response"),
    ],
)
def test_a_gap_is_told_by_its_kind_and_goes_with_the_next_answer(load, clock, error, expected, text):
    model = load(Site("A1", Tier.CRITICAL))
    gap = Missing("cloudwatch:GetMetricData", error, ("A1",))
    take(model, clock, ["A1"], Outcome({}, clock(), (gap,)))
    assert (status(model), model.rows["A1"].state.text) == (expected, text)
    assert model.missing == (gap,)
    take(model, clock, ["A1"], response(clock, "A1"))
    assert status(model) is Status.OK
    assert model.missing == ()


def test_values_beside_a_gap_are_shown_and_the_gap_is_still_told(load, clock):
    model = load(Site("A1", Tier.CRITICAL))
    gap = Missing("cloudwatch:GetMetricData", DENIED, ("A1",))
    take(model, clock, ["A1"], response(clock, "A1", missing=[gap]))
    assert status(model) is Status.OK
    assert model.missing == (gap,)


def test_sites_that_stay_keep_their_values_when_the_file_changes(load, stack, clock):
    model = load(Site("A1", Tier.CRITICAL), Site("A2", Tier.CRITICAL))
    take(model, clock, ["A1", "A2"], response(clock, "A1", "A2"))
    stack.site_list = [Site("A1", Tier.NON_CRITICAL), Site("A3", Tier.CRITICAL)]
    stack.version += 1
    model.replace_sites(stack.fetch(), clock())
    assert list(model.rows) == ["A1", "A3"]
    assert model.rows["A1"].site.tier is Tier.NON_CRITICAL
    assert model.rows["A1"].value(Metric.VOLTAGE_A) == 230.0
    assert status(model, "A3") is Status.LOADING


def test_a_disabled_site_says_so_and_is_never_asked(load, clock):
    model = load(Site("A1", Tier.CRITICAL, enabled=False))
    assert model.rows["A1"].state.text == "disabled"
    assert model.due([], clock(), everything=True) == []
    assert model.count_by_status.total() == 0
    assert model.count_by_tier.total() == 0
    assert model.disabled == 1


def test_streamed_sites_are_asked_every_tick_the_others_every_minute(load, clock):
    model = load(Site("A1", Tier.CRITICAL), Site("A2", Tier.NON_CRITICAL))

    def due():
        return [site.gateway_serial for site in model.due([], clock())]

    assert due() == ["A1", "A2"]
    take(model, clock, ["A1", "A2"], response(clock, "A1", "A2"))
    assert due() == []
    clock.advance(9.5)
    assert due() == ["A1"]
    clock.advance(50)
    assert due() == ["A1", "A2"]


def test_of_a_big_fleet_the_visible_are_asked_and_the_others_in_turn(load, clock):
    serials = [f"S{n:05}" for n in range(1_000)]
    model = load(*(Site(serial, Tier.CRITICAL) for serial in serials))
    visible = serials[900:920]
    first = [site.gateway_serial for site in model.due(visible, clock())]
    assert first == [*visible, *serials[:IN_TURN]]
    seen = set(first)
    for _ in range(9):
        seen.update(site.gateway_serial for site in model.due(visible, clock()))
    assert seen == set(serials)


def test_only_the_last_minute_is_looked_at_while_values_come_in(load, clock):
    model = load(Site("A1", Tier.CRITICAL), Site("A2", Tier.NON_CRITICAL))
    assert not model.is_recent_enough("A1", clock())
    take(model, clock, ["A1", "A2"], response(clock, "A1", "A2"), far=("A1", "A2"))
    assert model.is_recent_enough("A1", clock())
    assert not model.is_recent_enough("A2", clock())
    clock.advance(60)
    assert not model.is_recent_enough("A1", clock())


def test_history_is_asked_once_and_some_time_after_a_failure(load, clock):
    model = load(Site("A1", Tier.CRITICAL), Site("A2", Tier.CRITICAL))

    def wanted(*serials):
        return model.without_history(serials, clock())

    assert wanted("A1") == ["A1"]
    assert wanted("A1", "A2") == ["A2"]
    model.miss_history(["A2"], clock())
    assert wanted("A1", "A2") == []
    clock.advance(300)
    assert wanted("A1", "A2") == ["A2"]
    gap = Missing("cloudwatch:GetMetricData", DENIED, ("A2",))
    past = (MetricPoint(5.0, clock()),)
    outcome = Outcome({"A1": {Metric.ACTIVE_POWER: past}}, clock(), (gap,))
    model.take_history(["A1", "A2"], outcome, clock())
    assert model.rows["A1"].history is not None
    clock.advance(300)
    assert wanted("A1", "A2") == ["A2"]


@pytest.mark.parametrize("tier", list(Tier))
def test_a_past_that_is_newer_than_what_is_known_has_the_site_asked_again(load, clock, tier):
    model = load(Site("A1", tier), Site("A2", tier))
    take(model, clock, ["A1"], Outcome({}, clock()), far=["A1"])
    take(model, clock, ["A2"], response(clock, "A2"), far=["A2"])
    past = {Metric.ACTIVE_POWER: (MetricPoint(5.0, clock() - timedelta(seconds=40)),)}
    model.take_history(["A1", "A2"], Outcome({"A1": past, "A2": past}, clock()), clock())
    assert [site.gateway_serial for site in model.due((), clock())] == ["A1"]
    assert not model.is_recent_enough("A1", clock())


def test_values_that_came_together_have_their_past_asked_again(load, clock):
    model = load(Site("A1", Tier.NON_CRITICAL))

    def arrives():
        points = {Metric.ACTIVE_POWER: MetricPoint(5.0, clock())}
        take(model, clock, ["A1"], Outcome({"A1": points}, clock()), far=["A1"])
        return model.without_history(["A1"], clock())

    def past(*points):
        model.take_history(["A1"], Outcome({"A1": {Metric.ACTIVE_POWER: points}}, clock()), clock())

    assert arrives() == ["A1"]
    past()
    assert arrives() == ["A1"]  # there was no past, and now there is one
    past(MetricPoint(5.0, clock()))
    for _ in range(3):
        clock.advance(120)
        assert arrives() == []
    clock.advance(3600)
    assert arrives() == ["A1"]
    assert arrives() == []


def test_load_is_apparent_power_against_capacity(load, clock):
    model = load(Site("A1", Tier.CRITICAL, capacity_kva=100))
    at = clock()
    points = {Metric.ACTIVE_POWER: MetricPoint(-48.0, at), Metric.POWER_FACTOR: MetricPoint(0.96, at)}
    take(model, clock, ["A1"], Outcome({"A1": points}, at))
    assert model.rows["A1"].load_percent == pytest.approx(50.0)


def test_counts_kept_along_the_way_are_the_counts(load, stack, clock):
    chance = random.Random(7)
    sites = [Site(f"S{n:03}", chance.choice(list(Tier)), enabled=chance.random() > 0.2) for n in range(60)]
    model = load(*sites)
    gap = Missing("cloudwatch:GetMetricData", DENIED, tuple(site.gateway_serial for site in sites[:10]))
    for step in range(40):
        requested = [site.gateway_serial for site in chance.sample(sites, 15) if site.enabled]
        volts = (chance.choice([0.0, 200.0, 230.0]), 230.0, 230.0)
        answered = [serial for serial in requested if chance.random() > 0.3]
        outcome = response(clock, *answered, age=chance.choice([1, 500]), volts=volts)
        take(model, clock, requested, replace(outcome, missing=(gap,) if step % 3 else ()))
        clock.advance(chance.choice([1, 50, 200]))
        model.pass_time(clock())
        if step == 20:
            stack.site_list = sites[5:]
            stack.version += 1
            model.replace_sites(stack.fetch(), clock())
        enabled = [row for row in model.rows.values() if row.site.enabled]
        assert +model.count_by_status == Counter(row.state.status for row in enabled)
        assert model.count_by_tier == Counter(row.site.tier for row in enabled)
        assert {g.scope[0] for g in model.missing} == {
            row.serial for row in model.rows.values() if row.missing
        }


def test_what_a_near_look_lacks_is_kept(load, clock):
    model = load(Site("A1", Tier.CRITICAL))
    take(model, clock, ["A1"], response(clock, "A1"), far=["A1"])
    only_a = Outcome({"A1": {Metric.VOLTAGE_A: MetricPoint(231.0, clock())}}, clock())
    take(model, clock, ["A1"], only_a)
    assert set(model.rows["A1"].points) == set(VOLTAGES)
    take(model, clock, ["A1"], only_a, far=["A1"])
    assert set(model.rows["A1"].points) == {Metric.VOLTAGE_A}
