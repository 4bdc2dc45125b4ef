"""Newest values and series: exact, complete, cheap, and honest about what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.errors import CredentialsError, Denied, RemoteFault, Throttled, Unreachable, UsageError
from smarterise_sdk.services import metrics as metrics_module
from smarterise_sdk.services.metric_queries import (
    POINTS_AT_MOST,
    QUERIES_AT_MOST,
    QueryWindow,
    checked_window,
)
from smarterise_sdk.services.metrics import Metrics

if TYPE_CHECKING:
    from smarterise_sdk.settings import Settings

NOW = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC)
LIVE = Site("ehm21120333", Tier.CRITICAL)
FILES = Site("AN54101471", Tier.NON_CRITICAL)
V_A, V_B = Metric.VOLTAGE_A, Metric.VOLTAGE_B
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class Cloud:
    """Stands in for the broker: CloudWatch as AWS documents it, over points given, with faults as told."""

    def __init__(
        self, points: dict[tuple[str, Metric], Sequence[tuple[datetime, float]]] | None = None
    ) -> None:
        self.points = points or {}
        self.requests: list[dict[str, Any]] = []
        self.page_size = 10_000
        self.fault: Callable[[dict[str, Any]], Exception | None] = lambda _: None
        self.states: dict[str, str] = {}

    def call(self, service: str, operation: str, /, **request: Any) -> dict[str, Any]:
        assert (service, operation) == ("cloudwatch", "get_metric_data")
        self.requests.append(request)
        error = self.fault(request)
        if error is not None:
            raise error
        assert len(request["MetricDataQueries"]) <= QUERIES_AT_MOST
        assert request["ScanBy"] == "TimestampDescending"
        results = [self._result(query, request) for query in request["MetricDataQueries"]]
        start = int(request.get("NextToken", "0"))
        page = {"MetricDataResults": results[start : start + self.page_size]}
        if start + self.page_size < len(results):
            page["NextToken"] = str(start + self.page_size)  # type: ignore[assignment]
        return page

    def _result(self, query: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        stat = query["MetricStat"]
        [dimension] = stat["Metric"]["Dimensions"]
        assert dimension["Name"] == "GatewaySerial"
        period = stat["Period"]
        buckets: dict[int, list[float]] = {}
        serial, metric = dimension["Value"], Metric(stat["Metric"]["MetricName"])
        for at, value in self.points.get((serial, metric), ()):
            if request["StartTime"] <= at < request["EndTime"]:
                buckets.setdefault(int(at.timestamp()) // period * period, []).append(value)
        newest_first = sorted(buckets, reverse=True)
        return {
            "Id": query["Id"],
            "Timestamps": [datetime.fromtimestamp(start, UTC) for start in newest_first],
            "Values": [sum(buckets[start]) / len(buckets[start]) for start in newest_first],
            "StatusCode": self.states.get(serial, "Complete"),
            "Messages": [{"Code": "x", "Value": "said AWS"}] if serial in self.states else [],
        }

    @property
    def asked(self) -> list[tuple[str, int]]:
        """Serial and period of every query, in the order asked."""
        return [
            (query["MetricStat"]["Metric"]["Dimensions"][0]["Value"], query["MetricStat"]["Period"])
            for request in self.requests
            for query in request["MetricDataQueries"]
        ]


@pytest.fixture
def metrics_of(settings_for: Callable[..., Settings]) -> Callable[..., Metrics]:
    """Make the service over a cloud, with a clock that stands."""

    def make(cloud: Cloud, now: Callable[[], datetime] = lambda: NOW) -> Metrics:
        return Metrics(cloud, settings_for(None), now=now)  # type: ignore[arg-type]  # all it needs is `call`

    return make


MetricsOf = Callable[[Cloud], Metrics]


# Newest values ----------------------------------------------------------------------------------


def test_a_live_site_is_read_in_points_of_ten_seconds(metrics_of: MetricsOf) -> None:
    cloud = Cloud({(LIVE.gateway_serial, V_A): [(NOW - 22 * SECOND, 231.0), (NOW - 3 * SECOND, 230.0)]})
    outcome = metrics_of(cloud).latest([LIVE], [V_A])
    assert outcome.is_complete
    assert outcome.as_of == NOW
    point = outcome.value["ehm21120333"][V_A]
    assert point == MetricPoint(230.0, datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC))
    assert cloud.asked == [("ehm21120333", 10)]
    [request] = cloud.requests
    assert request["EndTime"] - request["StartTime"] <= 4 * MINUTE


def test_a_site_by_ftp_is_looked_at_over_hours(metrics_of: MetricsOf) -> None:
    cloud = Cloud({(FILES.gateway_serial, V_A): [(NOW - 100 * MINUTE, 229.0)]})
    outcome = metrics_of(cloud).latest([FILES], [V_A])
    assert outcome.value["AN54101471"][V_A].value == 229.0
    assert cloud.asked == [("AN54101471", 300)]


def test_a_silent_site_is_looked_for_further_back_and_no_other(metrics_of: MetricsOf) -> None:
    silent = replace(LIVE, gateway_serial="SILENT1")
    gone = replace(LIVE, gateway_serial="GONE1")
    cloud = Cloud(
        {
            (LIVE.gateway_serial, V_A): [(NOW, 230.0)],
            ("SILENT1", V_A): [(NOW - 7 * MINUTE, 228.0), (NOW - 9 * MINUTE, 1.0)],
        }
    )
    outcome = metrics_of(cloud).latest([LIVE, silent, gone], [V_A])
    assert outcome.value["SILENT1"][V_A].value == 228.0
    assert outcome.value["SILENT1"][V_A].age(NOW) < 8 * MINUTE
    assert outcome.value["GONE1"] == {}
    assert cloud.asked == [
        ("ehm21120333", 10),
        ("SILENT1", 10),
        ("GONE1", 10),
        ("SILENT1", 60),
        ("GONE1", 60),
        ("GONE1", 3600),
    ]


def test_a_disabled_site_costs_one_coarse_look(metrics_of: MetricsOf) -> None:
    cloud = Cloud()
    metrics_of(cloud).latest([replace(LIVE, enabled=False)], [V_A])
    assert cloud.asked == [("ehm21120333", 3600)]


def test_what_moves_slowly_is_not_asked_every_few_seconds(
    metrics_of: Callable[..., Metrics],
) -> None:
    timestamps = [NOW]
    cloud = Cloud({(FILES.gateway_serial, V_A): [(NOW - 30 * MINUTE, 229.0)]})
    service = metrics_of(cloud, lambda: timestamps[-1])
    first = service.latest([LIVE, FILES], [V_A])
    timestamps.append(NOW + 10 * SECOND)
    second = service.latest([LIVE, FILES], [V_A])
    assert second.value == first.value
    assert cloud.asked.count(("AN54101471", 300)) == 1
    assert cloud.asked.count(("ehm21120333", 10)) == 2
    assert cloud.asked.count(("ehm21120333", 60)) == 1
    service.latest([FILES], [V_A, V_B])
    assert cloud.asked.count(("AN54101471", 300)) == 3, "other metrics are another question"
    timestamps.append(NOW + 70 * SECOND)
    service.latest([FILES], [V_A])
    assert cloud.asked.count(("AN54101471", 300)) == 4


def test_who_asks_each_minute_is_answered_anew_each_minute(metrics_of: Callable[..., Metrics]) -> None:
    clock = iter([NOW + 2 * SECOND, NOW + 59 * SECOND])  # asked at the minute, a moment later the first time
    cloud = Cloud()
    metrics = metrics_of(cloud, lambda: next(clock))
    assert metrics.latest([FILES], [V_A]).value["AN54101471"] == {}
    cloud.points[FILES.gateway_serial, V_A] = [(NOW, 229.0)]
    assert metrics.latest([FILES], [V_A]).value["AN54101471"][V_A].value == 229.0


def test_what_is_remembered_does_not_grow_for_ever(
    metrics_of: MetricsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_module, "_MEMORY_AT_MOST", 5)
    service = metrics_of(Cloud())
    for number in range(20):
        service.latest([replace(FILES, gateway_serial=f"AN{number:08}")], [V_A])
    assert len(service._memory) <= 8


def test_all_metrics_unless_some_are_named_and_each_once(metrics_of: MetricsOf) -> None:
    cloud = Cloud({(LIVE.gateway_serial, V_B): [(NOW, 1.0)]})
    metrics_of(cloud).latest([LIVE, LIVE])
    assert len(cloud.asked) == len(Metric)
    outcome = metrics_of(cloud).latest([LIVE], [V_B, V_B])
    assert set(outcome.value["ehm21120333"]) == {V_B}
    assert metrics_of(cloud).latest([], [V_A]).value == {}
    assert metrics_of(cloud).latest([LIVE], []).missing == ()


@pytest.mark.parametrize(
    ("lookback", "period"),
    [(MINUTE, 10), (15 * MINUTE, 10), (HOUR, 60), (10 * HOUR, 300), (48 * HOUR, 3600)],
)
def test_a_lookback_of_ones_own_is_one_look(metrics_of: MetricsOf, lookback: timedelta, period: int) -> None:
    cloud = Cloud()
    outcome = metrics_of(cloud).latest([LIVE, FILES], [V_A], lookback=lookback)
    assert cloud.asked == [("ehm21120333", period), ("AN54101471", period)]
    assert outcome.value == {"ehm21120333": {}, "AN54101471": {}}


def test_a_period_of_ones_own(metrics_of: MetricsOf) -> None:
    cloud = Cloud()
    metrics_of(cloud).latest([LIVE], [V_A], lookback=HOUR, period=2 * MINUTE)
    assert cloud.asked == [("ehm21120333", 120)]
    with pytest.raises(UsageError):
        metrics_of(cloud).latest([LIVE], [V_A], period=MINUTE)


# Series -----------------------------------------------------------------------------------------


def test_series_are_in_order_of_time(metrics_of: MetricsOf) -> None:
    points = [(NOW - number * MINUTE, float(number)) for number in (3, 1, 2, 90)]
    cloud = Cloud({("ehm21120333", V_A): points})
    outcome = metrics_of(cloud).series(["ehm21120333"], [V_A, V_B], since=30 * MINUTE, period=MINUTE)
    series = outcome.value["ehm21120333"]
    assert [point.value for point in series[V_A]] == [3.0, 2.0, 1.0]
    assert series[V_B] == ()


@pytest.mark.parametrize(
    ("since", "period"),
    [
        (HOUR, 7 * SECOND),
        (HOUR, 90 * SECOND),
        (4 * HOUR, 10 * SECOND),
        (timedelta(0), MINUTE),
        (100 * 24 * HOUR, MINUTE),
        (HOUR, timedelta(0)),
    ],
)
def test_spans_and_periods_that_cloudwatch_does_not_have(
    metrics_of: MetricsOf, since: timedelta, period: timedelta
) -> None:
    with pytest.raises(UsageError):
        metrics_of(Cloud()).series(["ehm21120333"], [V_A], since=since, period=period)


@given(
    st.integers(1, 600),
    st.integers(1, len(Metric)),
    st.sampled_from([10, 60, 300, 3600]),
    st.integers(60, 10_000),
)
def test_no_request_exceeds_the_limits(sites: int, count: int, period: int, time_range: int) -> None:
    from smarterise_sdk.services.metric_queries import MetricQueries

    cloud, window = (
        Cloud(),
        checked_window(QueryWindow(timedelta(seconds=period), timedelta(seconds=time_range))),
    )
    serials = [f"AN{number:08}" for number in range(sites)]
    outcome = MetricQueries(cloud, "N").ask(serials, list(Metric)[:count], window, NOW)  # type: ignore[arg-type]
    assert set(outcome.value) == set(serials)
    assert len(cloud.asked) == sites * count
    for request in cloud.requests:
        per_query = (request["EndTime"] - request["StartTime"]).total_seconds() / period
        assert per_query <= window.points
        assert per_query * len(request["MetricDataQueries"]) <= POINTS_AT_MOST


# Pages and failures -----------------------------------------------------------------------------


def test_every_page_is_followed(metrics_of: MetricsOf) -> None:
    cloud = Cloud({("ehm21120333", metric): [(NOW, 1.0)] for metric in Metric})
    cloud.page_size = 2
    outcome = metrics_of(cloud).latest([LIVE])
    assert len(outcome.value["ehm21120333"]) == len(Metric)
    assert len(cloud.requests) == -(-len(Metric) // 2)


def test_points_of_one_metric_on_two_pages_are_one_series(metrics_of: MetricsOf) -> None:
    cloud = Cloud()

    def call(*_: str, **request: Any) -> dict[str, Any]:
        first = "NextToken" not in request
        result = {
            "Id": "q0",
            "Timestamps": [NOW if first else NOW - MINUTE],
            "Values": [2.0 if first else 1.0],
            "StatusCode": "PartialData" if first else "Complete",
        }
        return {"MetricDataResults": [result]} | ({"NextToken": "t"} if first else {})

    cloud.call = call  # type: ignore[method-assign]
    outcome = metrics_of(cloud).series(["ehm21120333"], [V_A], since=HOUR, period=MINUTE)
    assert outcome.is_complete
    assert [point.value for point in outcome.value["ehm21120333"][V_A]] == [1.0, 2.0]


def test_pages_that_repeat_are_not_followed_for_ever(metrics_of: MetricsOf) -> None:
    cloud = Cloud()
    cloud.call = lambda *_, **__: {"MetricDataResults": [], "NextToken": "same"}  # type: ignore[method-assign]
    outcome = metrics_of(cloud).latest([LIVE], [V_A])
    assert outcome.value == {}
    assert isinstance(outcome.missing[0].error, RemoteFault)


def test_there_is_an_end_to_pages(metrics_of: MetricsOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smarterise_sdk.services.metric_queries.PAGES_AT_MOST", 3)
    cloud, asked = Cloud(), []

    def call(*_: str, **request: Any) -> dict[str, Any]:
        asked.append(request.get("NextToken"))
        return {"MetricDataResults": [], "NextToken": str(len(asked))}

    cloud.call = call  # type: ignore[method-assign]
    outcome = metrics_of(cloud).latest([LIVE], [V_A])
    assert asked == [None, "1", "2"]
    assert isinstance(outcome.missing[0].error, RemoteFault)


def test_a_metric_that_failed_is_a_gap_and_not_an_empty_series(metrics_of: MetricsOf) -> None:
    other = replace(LIVE, gateway_serial="OTHER1")
    cloud = Cloud({("OTHER1", V_A): [(NOW, 1.0)]})
    cloud.states["ehm21120333"] = "InternalError"
    outcome = metrics_of(cloud).latest([LIVE, other], [V_A, V_B])
    assert set(outcome.value) == {"OTHER1"}
    [missing] = outcome.missing
    assert missing.scope == ("ehm21120333",)
    assert missing.action == "cloudwatch:GetMetricData"
    assert "InternalError: said AWS" in str(missing.error)


def test_a_metric_without_an_answer_is_a_gap(metrics_of: MetricsOf) -> None:
    cloud = Cloud()
    cloud.call = lambda *_, **__: {"MetricDataResults": []}  # type: ignore[method-assign]
    outcome = metrics_of(cloud).latest([LIVE], [V_A])
    assert outcome.value == {}
    assert "did not answer" in str(outcome.missing[0].error)


def test_a_batch_that_fails_is_a_gap_with_its_serials_and_the_rest_is_there(metrics_of: MetricsOf) -> None:
    sites = [replace(FILES, gateway_serial=f"AN{number:08}") for number in range(120)]
    cloud = Cloud({(site.gateway_serial, V_A): [(NOW, 1.0)] for site in sites})
    error = Throttled("slow down")
    cloud.fault = lambda _: error if len(cloud.requests) == 2 else None
    outcome = metrics_of(cloud).latest(sites)
    size = QUERIES_AT_MOST // len(Metric)
    [missing] = outcome.missing
    assert missing.error is error
    assert missing.scope == tuple(site.gateway_serial for site in sites[size : 2 * size])
    assert len(outcome.value) == len(sites) - size
    assert len(cloud.requests) == 3, "what failed is not looked for further back"


@pytest.mark.parametrize(
    "error", [Denied("no", action="cloudwatch:GetMetricData"), CredentialsError("old"), Unreachable("gone")]
)
def test_whoever_is_not_let_in_asks_once(metrics_of: MetricsOf, error: Exception) -> None:
    sites = [replace(FILES, gateway_serial=f"AN{number:08}") for number in range(120)]
    cloud = Cloud()
    cloud.fault = lambda _: error
    outcome = metrics_of(cloud).latest(sites)
    assert outcome.value == {}
    [missing] = outcome.missing
    assert missing.error is error
    assert missing.scope == tuple(site.gateway_serial for site in sites)
    assert len(cloud.requests) == 1
