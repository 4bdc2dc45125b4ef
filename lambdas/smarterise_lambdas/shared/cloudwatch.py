"""Metric points to CloudWatch: only those it takes, in calls of the size it takes."""

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

POINTS_A_CALL: Final = 1000
OLDEST_POINT: Final = timedelta(days=14)
OLDEST_POINT_AGE: Final = timedelta(hours=2)

_MARGIN = timedelta(minutes=5)
"""The call takes time, and clocks differ: one point out of bounds can sink all that are sent with it."""


class Publisher:
    """Publishes the metrics of readings, and of the pipeline itself."""

    def __init__(self, cloudwatch: CloudWatchClient, namespace: str) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace

    def publish(
        self, readings: Iterable[Reading], counts: Mapping[PipelineMetric, int], *, now: datetime
    ) -> int:
        """Publish readings at the moment they were measured, and counts at this one.

        Args:
            readings: What was measured; those outside what CloudWatch takes are left out.
            counts: Counts of the pipeline.
            now: This moment, UTC.

        Returns:
            How many points were sent.

        Raises:
            botocore.exceptions.BotoCoreError: If CloudWatch cannot be reached.
            botocore.exceptions.ClientError: If CloudWatch refuses.
        """
        data = [
            *(datum for reading in readings for datum in reading_data(reading, now=now)),
            *(_count_datum(metric, count, now) for metric, count in counts.items()),
        ]
        for start in range(0, len(data), POINTS_A_CALL):
            self._cloudwatch.put_metric_data(
                Namespace=self._namespace, MetricData=data[start : start + POINTS_A_CALL]
            )
        return len(data)


def reading_data(reading: Reading, *, now: datetime) -> Iterator[MetricDatumTypeDef]:
    """Yield the points of a reading; none if CloudWatch would not take them."""
    age = now - reading.measured_at
    if not (_MARGIN - OLDEST_POINT_AGE <= age <= OLDEST_POINT - _MARGIN):
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


def _count_datum(metric: PipelineMetric, count: int, now: datetime) -> MetricDatumTypeDef:
    return {"MetricName": metric.value, "Timestamp": now, "Value": float(count), "Unit": "Count"}
