"""Metric values published for a reading."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smarterise_sdk.domain.readings.metrics import (
    METRIC_QUANTITIES,
    METRICS,
    Metric,
    MetricPoint,
    metric_values,
)
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source
from smarterise_sdk.domain.readings.voltage_quality import Unbalance, UnbalanceMethod

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def reading(
    values: dict[Quantity, float], unbalance: Unbalance | None = None, *, online: bool = True
) -> Reading:
    return Reading("AN54101471", "CLD1", AT, Source.IOT, values, unbalance, online, "", "")


def test_every_metric_has_its_value() -> None:
    everything = {quantity: float(number) for number, quantity in enumerate(Quantity)}
    values = metric_values(
        reading(everything, Unbalance(1.5, UnbalanceMethod.U2)), now=AT + timedelta(seconds=42)
    )
    assert set(values) == set(Metric) == set(METRICS)
    assert values[Metric.VOLTAGE_UNBALANCE] == 1.5
    assert values[Metric.READING_AGE] == 42
    for metric, quantity in METRIC_QUANTITIES.items():
        assert values[metric] == everything[quantity]


def test_what_was_not_measured_is_not_published() -> None:
    values = metric_values(reading({Quantity.VOLTAGE_A: 0.0, Quantity.VOLTAGE_UNBALANCE_METER: 9.0}), now=AT)
    assert values == {Metric.VOLTAGE_A: 0.0, Metric.READING_AGE: 0.0}


def test_a_clock_ahead_has_no_negative_age() -> None:
    assert metric_values(reading({}), now=AT - timedelta(minutes=5))[Metric.READING_AGE] == 0


def test_a_meter_that_is_offline_publishes_nothing() -> None:
    assert metric_values(reading({Quantity.VOLTAGE_A: 230.0}, online=False), now=AT) == {}


@pytest.mark.parametrize("metric", Metric)
def test_the_catalogue_uses_units_that_cloudwatch_knows(metric: Metric) -> None:
    assert METRICS[metric].cloudwatch_unit in {"None", "Percent", "Seconds"}


def test_a_point_has_an_age() -> None:
    assert MetricPoint(1.0, AT).age(AT + timedelta(seconds=5)) == timedelta(seconds=5)
