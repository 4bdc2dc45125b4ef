"""Metrics published to a real server come back exact, in order, and paid for."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.domain.readings.metrics import Metric
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import Denied
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_sdk.settings import Settings

LIVE = Site("ehm21120333", Tier.CRITICAL)
FILES = Site("AN54101471", Tier.NON_CRITICAL)
V_A, V_B = Metric.VOLTAGE_A, Metric.VOLTAGE_B
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def published(home: Any, settings_for: Callable[..., Settings]) -> Any:
    """A namespace of its own on the server, and a stack that reads it."""
    namespace = f"Test{uuid.uuid4().hex}"
    cloudwatch = home.client("cloudwatch")

    def put(serial: str, metric: Metric, at: datetime, value: float, **more: str) -> None:
        dimensions = [{"Name": "GatewaySerial", "Value": serial}]
        dimensions += [{"Name": name, "Value": text} for name, text in more.items()]
        datum = {"MetricName": metric.value, "Dimensions": dimensions, "Timestamp": at, "Value": value}
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{**datum, "StorageResolution": 1}])

    with Stack(settings_for(home.url, names=StackNames(metric_namespace=namespace))) as stack:
        yield stack, put


def test_values_come_back_as_published_under_the_exact_dimension(published: Any) -> None:
    stack, put = published
    now = datetime.now(UTC)
    put("ehm21120333", V_A, now - 5 * SECOND, 231.5)
    put("ehm21120333", V_A, now - 60 * SECOND, 229.0)
    put("ehm21120333", V_B, now - 5 * SECOND, 0.0)
    put("ehm21120333", V_A, now - 1 * SECOND, 999.0, Meter="another dimension")
    put("AN54101471", V_A, now - 30 * MINUTE, 228.0)
    outcome = stack.metrics.latest([LIVE, FILES, replace(LIVE, gateway_serial="SILENT1")])
    assert outcome.is_complete
    live = outcome.value["ehm21120333"]
    assert {metric: point.value for metric, point in live.items()} == {V_A: 231.5, V_B: 0.0}
    assert live[V_A].at.tzinfo is UTC
    assert timedelta(0) <= live[V_A].age(now) <= 16 * SECOND
    assert outcome.value["AN54101471"][V_A].value == 228.0
    assert outcome.value["SILENT1"] == {}


def test_a_series_comes_back_in_order(published: Any) -> None:
    stack, put = published
    now = datetime.now(UTC)
    for minutes in (1, 5, 3):
        put("ehm21120333", V_A, now - minutes * MINUTE, 200.0 + minutes)
    outcome = stack.metrics.series(["ehm21120333"], [V_A], since=30 * MINUTE, period=MINUTE)
    points = outcome.value["ehm21120333"][V_A]
    assert [point.value for point in points] == [205.0, 203.0, 201.0]
    assert all(point.at.second == 0 for point in points)


def test_reading_metrics_is_paid_by_the_metric(published: Any) -> None:
    stack, _put = published
    stack.metrics.series(["ehm21120333", "AN54101471"], list(Metric), since=HOUR, period=MINUTE)
    assert stack.broker.stats().cost_usd == pytest.approx(2 * len(Metric) * 0.01 / 1000)


def test_a_denied_read_is_a_gap(frail: Stack, proxy: Any) -> None:
    proxy.fail(lambda method, _: method == "POST", status=403, body=b'{"__type": "AccessDenied"}')
    outcome = frail.metrics.latest([LIVE], [V_A])
    assert outcome.value == {}
    assert isinstance(outcome.missing[0].error, Denied)
    assert outcome.missing[0].error.action == "cloudwatch:GetMetricData"
