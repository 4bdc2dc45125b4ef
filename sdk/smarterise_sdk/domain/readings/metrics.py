"""CloudWatch metrics published by the stack: names, units and measured quantities."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from smarterise_sdk.domain.readings.model import Quantity, Reading

HIGH_RESOLUTION = timedelta(seconds=10)
"""Shortest period that is queried; streaming sites publish with a storage resolution of one second."""


class Metric(StrEnum):
    """Metrics per gateway, with the single dimension `GatewaySerial`."""

    VOLTAGE_A = "VoltagePhase_A"
    VOLTAGE_B = "VoltagePhase_B"
    VOLTAGE_C = "VoltagePhase_C"
    CURRENT_A = "CurrentPhase_A"
    CURRENT_B = "CurrentPhase_B"
    CURRENT_C = "CurrentPhase_C"
    VOLTAGE_UNBALANCE = "VoltageUnbalanceCalculated"
    ACTIVE_POWER = "ActivePowerTotal"
    POWER_FACTOR = "PowerFactorTotal"
    FREQUENCY = "Frequency"
    READING_AGE = "ReadingAge"


class PipelineMetric(StrEnum):
    """Metrics of the ingest pipeline, without dimensions."""

    ROWS_LOADED = "RowsLoaded"
    ROWS_REJECTED = "RowsRejected"
    READINGS_DROPPED = "ReadingsDropped"
    FILES_LOADED = "FilesLoaded"
    FILES_REJECTED = "FilesRejected"
    ROWS_MISPLACED = "RowsInDefaultPartition"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """Units and display format of a metric.

    Attributes:
        cloudwatch_unit: The `Unit` of PutMetricData (`None` for volts, which CloudWatch does not define).
        unit: The displayed unit.
        decimals: Displayed decimal places.
    """

    cloudwatch_unit: str
    unit: str
    decimals: int


METRICS: dict[Metric, MetricInfo] = {
    Metric.VOLTAGE_A: MetricInfo("None", "V", 1),
    Metric.VOLTAGE_B: MetricInfo("None", "V", 1),
    Metric.VOLTAGE_C: MetricInfo("None", "V", 1),
    Metric.CURRENT_A: MetricInfo("None", "A", 1),
    Metric.CURRENT_B: MetricInfo("None", "A", 1),
    Metric.CURRENT_C: MetricInfo("None", "A", 1),
    Metric.VOLTAGE_UNBALANCE: MetricInfo("Percent", "%", 2),
    Metric.ACTIVE_POWER: MetricInfo("None", "kW", 1),
    Metric.POWER_FACTOR: MetricInfo("None", "", 3),
    Metric.FREQUENCY: MetricInfo("None", "Hz", 2),
    Metric.READING_AGE: MetricInfo("Seconds", "s", 0),
}


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """A metric value and the start of its period, UTC."""

    value: float
    at: datetime

    def age(self, now: datetime) -> timedelta:
        """Return the age of the value at `now`."""
        return now - self.at


LatestPoints: TypeAlias = dict[str, dict[Metric, MetricPoint]]
"""Latest point of each metric that has one, by gateway serial."""

PointSeries: TypeAlias = dict[str, dict[Metric, tuple[MetricPoint, ...]]]
"""Points in order of time, by gateway serial and metric."""


METRIC_QUANTITIES: Final = {
    Metric.VOLTAGE_A: Quantity.VOLTAGE_A,
    Metric.VOLTAGE_B: Quantity.VOLTAGE_B,
    Metric.VOLTAGE_C: Quantity.VOLTAGE_C,
    Metric.CURRENT_A: Quantity.CURRENT_A,
    Metric.CURRENT_B: Quantity.CURRENT_B,
    Metric.CURRENT_C: Quantity.CURRENT_C,
    Metric.ACTIVE_POWER: Quantity.ACTIVE_POWER_TOTAL,
    Metric.POWER_FACTOR: Quantity.POWER_FACTOR_TOTAL,
    Metric.FREQUENCY: Quantity.FREQUENCY,
}
"""The measured quantity of each metric; metrics not listed are computed."""


def metric_values(reading: Reading, *, now: datetime) -> dict[Metric, float]:
    """Return the metric values to publish for a reading.

    Nothing is published for an offline meter: its values are old or zero, and a new data point would make
    the site appear to be working.

    Args:
        reading: The reading.
        now: Time of publishing, UTC; ages are never negative.
    """
    if not reading.device_online:
        return {}
    values = {
        metric: reading.values[quantity]
        for metric, quantity in METRIC_QUANTITIES.items()
        if quantity in reading.values
    }
    if reading.unbalance is not None:
        values[Metric.VOLTAGE_UNBALANCE] = reading.unbalance.value
    values[Metric.READING_AGE] = max(0.0, (now - reading.measured_at).total_seconds())
    return values
