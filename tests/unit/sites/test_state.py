"""Site states in the fleet table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.sites.state import evaluate
from smarterise_sdk.domain.status import Status

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A, B, C, UNBALANCE = Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C, Metric.VOLTAGE_UNBALANCE
SITE = Site("AN54101471", Tier.CRITICAL)


def points(values: dict[Metric, float], age: timedelta = timedelta(seconds=10)) -> dict[Metric, MetricPoint]:
    return {metric: MetricPoint(value, NOW - age) for metric, value in values.items()}


@pytest.mark.parametrize(
    ("values", "status", "text"),
    [
        ({A: 230, B: 231, C: 229, UNBALANCE: 0.5}, Status.OK, "ok"),
        ({A: 0, B: 0, C: 0}, Status.FAIL, "outage"),
        ({A: 22, B: 10, C: 0, UNBALANCE: 50}, Status.FAIL, "outage"),
        ({A: 230, B: 100, C: 230}, Status.FAIL, "phase loss"),
        ({A: 230, B: 0, C: 230, UNBALANCE: 50}, Status.FAIL, "phase loss"),
        ({A: 206, B: 230, C: 230}, Status.WARN, "undervoltage"),
        ({A: 254, B: 230, C: 230}, Status.WARN, "overvoltage"),
        ({A: 230, B: 230, C: 230, UNBALANCE: 1.99}, Status.OK, "ok"),
        ({A: 230, B: 230, C: 230, UNBALANCE: 2.0}, Status.WARN, "unbalance"),
        ({A: 230, B: 230, C: 230, UNBALANCE: 3.0}, Status.FAIL, "unbalance"),
        ({UNBALANCE: 3.5}, Status.FAIL, "unbalance"),
        ({Metric.FREQUENCY: 50.0}, Status.OK, "ok"),
    ],
)
def test_the_state_of_a_live_site(values: dict[Metric, float], status: Status, text: str) -> None:
    state = evaluate(SITE, points(values), NOW)
    assert (state.status, state.text, state.age) == (status, text, timedelta(seconds=10))


def test_it_is_evaluated_by_the_sites_own_voltage_and_profile() -> None:
    american = Site("AN1", Tier.CRITICAL, nominal_voltage=120.0, quality_profile="c84.1")
    assert evaluate(american, points({A: 120, B: 121, C: 119, UNBALANCE: 2.5}), NOW).status is Status.OK
    assert evaluate(american, points({A: 113, B: 120, C: 120}), NOW).text == "undervoltage"


@pytest.mark.parametrize(
    ("tier", "age", "text"),
    [
        (Tier.CRITICAL, timedelta(seconds=120), "ok"),
        (Tier.CRITICAL, timedelta(seconds=121), "stale 2m"),
        (Tier.NON_CRITICAL, timedelta(hours=2), "ok"),
        (Tier.NON_CRITICAL, timedelta(hours=3), "stale 3h"),
    ],
)
def test_stale_is_counted_in_cadences_of_the_tier(tier: Tier, age: timedelta, text: str) -> None:
    assert evaluate(Site("AN1", tier), points({A: 230}, age), NOW).text == text


def test_one_fresh_value_keeps_a_site_from_being_stale() -> None:
    mixed = {A: MetricPoint(230, NOW - timedelta(days=1)), B: MetricPoint(230, NOW)}
    assert evaluate(SITE, mixed, NOW).status is Status.OK


def test_a_site_without_values_has_no_data_and_a_disabled_one_is_not_evaluated() -> None:
    assert evaluate(SITE, {}, NOW).label == "∅ no data"
    disabled = Site("AN1", Tier.CRITICAL, enabled=False)
    assert evaluate(disabled, points({A: 0, B: 0, C: 0}), NOW).text == "disabled"
