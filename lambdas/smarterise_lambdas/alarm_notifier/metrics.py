"""Reads the latest metric values of sites from CloudWatch, 500 queries a call."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.stack.names import GATEWAY_DIMENSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

METRICS_SHOWN: Final = (
    Metric.VOLTAGE_A,
    Metric.VOLTAGE_B,
    Metric.VOLTAGE_C,
    Metric.CURRENT_A,
    Metric.CURRENT_B,
    Metric.CURRENT_C,
    Metric.VOLTAGE_UNBALANCE,
    Metric.ACTIVE_POWER,
    Metric.FREQUENCY,
)
LOOKBACK: Final = timedelta(hours=3)
_PERIOD_S: Final = 60
_QUERIES_PER_CALL: Final = 500


def last_values(
    cloudwatch: CloudWatchClient, namespace: str, serials: Sequence[str], *, now: datetime
) -> dict[str, dict[Metric, MetricPoint]]:
    """Return the latest value of each metric of each site within the lookback time.

    Args:
        cloudwatch: Client.
        namespace: Namespace of the metrics.
        serials: Gateway serials of the sites.
        now: Current time, UTC.

    Raises:
        botocore.exceptions.BotoCoreError: If CloudWatch cannot be reached.
        botocore.exceptions.ClientError: If CloudWatch refuses.
    """
    targets = {
        f"m{number}": pair for number, pair in enumerate((s, m) for s in serials for m in METRICS_SHOWN)
    }
    queries = [_query(query_id, namespace, *pair) for query_id, pair in targets.items()]
    found: dict[str, dict[Metric, MetricPoint]] = {}
    for start in range(0, len(queries), _QUERIES_PER_CALL):
        pages = cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries[start : start + _QUERIES_PER_CALL],
            StartTime=now - LOOKBACK,
            EndTime=now + timedelta(seconds=_PERIOD_S),
            ScanBy="TimestampDescending",
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                serial, metric = targets[result["Id"]]
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    latest = found.setdefault(serial, {}).get(metric)
                    if latest is None or at > latest.at:
                        found[serial][metric] = MetricPoint(value, at)
    return found


def _query(query_id: str, namespace: str, serial: str, metric: Metric) -> MetricDataQueryTypeDef:
    return {
        "Id": query_id,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric.value,
                "Dimensions": [{"Name": GATEWAY_DIMENSION, "Value": serial}],
            },
            "Period": _PERIOD_S,
            "Stat": "Average",
        },
    }
