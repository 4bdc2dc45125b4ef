"""Publishes metric points to CloudWatch: only valid timestamps, at most 1000 points a call."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.readings.metrics import METRICS, PipelineMetric, metric_values
from smarterise_sdk.domain.stack.names import GATEWAY_DIMENSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDatumTypeDef

    from smarterise_sdk.domain.readings.model import Reading

POINTS_PER_CALL: Final = 1000
MAX_POINT_AGE: Final = timedelta(days=14)
MAX_POINT_LEAD: Final = timedelta(hours=2)

_MARGIN = timedelta(minutes=5)
"""Allows for call duration and clock skew: one timestamp out of bounds can fail the whole call."""


class Publisher:
    """Publishes metrics of readings and of the pipeline."""

    def __init__(self, cloudwatch: CloudWatchClient, namespace: str) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace

    def publish(
        self, readings: Iterable[Reading], counts: Mapping[PipelineMetric, int], *, now: datetime
    ) -> int:
        """Publish readings with their measurement time, and pipeline counts with the current time.

        Args:
            readings: Readings; those with a timestamp outside CloudWatch's limits are skipped.
            counts: Pipeline counts.
            now: Current time, UTC.

        Returns:
            Number of points sent.

        Raises:
            botocore.exceptions.BotoCoreError: If CloudWatch cannot be reached.
            botocore.exceptions.ClientError: If CloudWatch refuses.
        """
        data = [
            *(datum for reading in readings for datum in reading_data(reading, now=now)),
            *(_pipeline_datum(metric, count, now) for metric, count in counts.items()),
        ]
        for start in range(0, len(data), POINTS_PER_CALL):
            self._cloudwatch.put_metric_data(
                Namespace=self._namespace, MetricData=data[start : start + POINTS_PER_CALL]
            )
        return len(data)


def reading_data(reading: Reading, *, now: datetime) -> Iterator[MetricDatumTypeDef]:
    """Yield the points of a reading; none if its timestamp is outside CloudWatch's limits."""
    age = now - reading.measured_at
    if not (_MARGIN - MAX_POINT_LEAD <= age <= MAX_POINT_AGE - _MARGIN):
        return
    for metric, value in metric_values(reading, now=now).items():
        yield {
            "MetricName": metric.value,
            "Dimensions": [{"Name": GATEWAY_DIMENSION, "Value": reading.gateway_serial}],
            "Timestamp": reading.measured_at,
            "Value": value,
            "Unit": "Percent" if METRICS[metric].cloudwatch_unit == "Percent" else "None",
            "StorageResolution": 1,
        }


def _pipeline_datum(metric: PipelineMetric, count: int, now: datetime) -> MetricDatumTypeDef:
    return {"MetricName": metric.value, "Timestamp": now, "Value": float(count), "Unit": "Count"}
