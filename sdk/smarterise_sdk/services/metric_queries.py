"""GetMetricData, asked in full: batches within its limits, every page, and no failure left unsaid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.outcome import Missing, Outcome
from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.stack.names import GATEWAY_DIMENSION
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import AccessError, RemoteFault, SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smarterise_sdk.aws.broker import Broker

Series = dict[Metric, tuple[MetricPoint, ...]]
"""Points of each metric, the oldest first."""

ACTION = "cloudwatch:GetMetricData"
QUERIES_AT_MOST = 500
POINTS_AT_MOST = 100_800
PAGES_AT_MOST = 100
HIGH_RESOLUTION_KEPT = timedelta(hours=3)
_SUB_MINUTE_PERIODS_S = frozenset({1, 5, 10, 20, 30})

_STATISTICS = {Metric.READING_AGE: "Maximum"}
"""What stands for a period; the average where nothing else is said."""


@dataclass(frozen=True, slots=True)
class QueryWindow:
    """Points of which length, and how far back."""

    period: timedelta
    lookback: timedelta

    @property
    def points(self) -> int:
        """How many points of one metric it can yield, both ends rounded outwards."""
        return -(-self.lookback // self.period) + 2


def checked_window(window: QueryWindow) -> QueryWindow:
    """Return a look that CloudWatch can answer.

    Raises:
        UsageError: It cannot.
    """
    seconds = window.period.total_seconds()
    if seconds not in _SUB_MINUTE_PERIODS_S and (seconds < 60 or seconds % 60):
        raise UsageError(
            f"CloudWatch has no points of {seconds:g} s",
            remedy="ask for 10 s, or for whole minutes",
        )
    if window.lookback <= timedelta(0):
        raise UsageError("the span to look back over must be longer than nothing")
    if seconds < 60 and window.lookback > HIGH_RESOLUTION_KEPT:
        raise UsageError(
            f"CloudWatch keeps points of {seconds:g} s for three hours",
            remedy="ask for points of a minute or more",
        )
    if window.points > POINTS_AT_MOST:
        raise UsageError("that is more points than CloudWatch gives", remedy="ask for longer points")
    return window


class MetricQueries:
    """Asks for many metrics of many gateways.

    Args:
        broker: The door to AWS.
        namespace: The metrics' namespace.
    """

    def __init__(self, broker: Broker, namespace: str) -> None:
        self._broker = broker
        self._namespace = namespace

    def ask(
        self, serials: Sequence[str], metrics: Sequence[Metric], window: QueryWindow, now: datetime
    ) -> Outcome[dict[str, Series]]:
        """Return every point in view, and a gap for each batch that could not be had.

        Args:
            serials: Gateway serials, each once.
            metrics: Metrics, each once.
            window: Points of which length, and how far back.
            now: The moment to look back from, UTC.
        """
        found: dict[str, Series] = {}
        missing: list[Missing] = []
        size = self._sites_a_batch(metrics, window)
        starts = range(0, len(serials), size) if metrics else ()
        batches = [tuple(serials[start : start + size]) for start in starts]
        for number, batch in enumerate(batches):
            try:
                series, failed = self._batch(batch, metrics, window, now)
            except AccessError as error:
                # Whoever is not let in, or finds no road, need not knock for every batch.
                rest = tuple(serial for left in batches[number:] for serial in left)
                missing.append(Missing(ACTION, error, rest))
                break
            except SmarteriseError as error:
                missing.append(Missing(ACTION, error, batch))
            else:
                found.update(series)
                missing += failed
        return Outcome(found, now, tuple(missing))

    @staticmethod
    def _sites_a_batch(metrics: Sequence[Metric], window: QueryWindow) -> int:
        queries = min(QUERIES_AT_MOST, POINTS_AT_MOST // window.points)
        return max(1, queries // max(1, len(metrics)))

    def _batch(
        self, serials: Sequence[str], metrics: Sequence[Metric], window: QueryWindow, now: datetime
    ) -> tuple[dict[str, Series], list[Missing]]:
        wanted = {f"q{number}": pair for number, pair in enumerate((s, m) for s in serials for m in metrics)}
        points: dict[str, list[MetricPoint]] = {query: [] for query in wanted}
        states: dict[str, Mapping[str, Any]] = {}
        for result in self._results(wanted, window, now):
            query = result["Id"]
            states[query] = result
            points[query] += map(MetricPoint, result["Values"], result["Timestamps"])
        series: dict[str, Series] = {serial: {} for serial in serials}
        failed: dict[str, str] = {}
        for query, (serial, metric) in wanted.items():
            issue = _issue(states.get(query))
            if issue:
                failed[serial] = issue
            else:
                series[serial][metric] = tuple(sorted(points[query], key=_time_of))
        missing = [_missing(issue, serial) for serial, issue in failed.items()]
        return {
            serial: values for serial, values in series.items() if values or serial not in failed
        }, missing

    def _results(
        self, wanted: Mapping[str, tuple[str, Metric]], window: QueryWindow, now: datetime
    ) -> Iterator[Mapping[str, Any]]:
        start, end = _time_range(window, now)
        request: dict[str, Any] = {
            "MetricDataQueries": [
                self._query(query, serial, metric, window) for query, (serial, metric) in wanted.items()
            ],
            "StartTime": start,
            "EndTime": end,
            "ScanBy": "TimestampDescending",
        }
        seen: set[str] = set()
        for _ in range(PAGES_AT_MOST):
            page = self._broker.call("cloudwatch", "get_metric_data", **request)
            yield from page.get("MetricDataResults", ())
            token = page.get("NextToken")
            if not token:
                return
            if token in seen:
                break
            seen.add(token)
            request["NextToken"] = token
        raise RemoteFault("CloudWatch does not come to an end", why="its pages repeat, or are too many")

    def _query(self, query: str, serial: str, metric: Metric, window: QueryWindow) -> dict[str, Any]:
        return {
            "Id": query,
            "MetricStat": {
                "Metric": {
                    "Namespace": self._namespace,
                    "MetricName": metric.value,
                    "Dimensions": [{"Name": GATEWAY_DIMENSION, "Value": serial}],
                },
                "Period": int(window.period.total_seconds()),
                "Stat": _STATISTICS.get(metric, "Average"),
            },
        }


def _time_range(window: QueryWindow, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end on whole periods, so that the same question has the same answer."""
    period = int(window.period.total_seconds())
    at = int(now.timestamp())
    start = (at - int(window.lookback.total_seconds())) // period * period
    end = (at // period + 1) * period
    return datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)


def _issue(state: Mapping[str, Any] | None) -> str:
    """Return why a metric's answer cannot be relied on; empty when it can."""
    if state is None:
        return "CloudWatch did not answer for it"
    code = state.get("StatusCode", "Complete")
    if code == "Complete":
        return ""
    said = "; ".join(str(message.get("Value", "")) for message in state.get("Messages", ()))
    return visible(f"{code}: {said}" if said else str(code))


def _missing(issue: str, serial: str) -> Missing:
    error = RemoteFault(f"{ACTION} failed for {serial}", why=issue, remedy="try again")
    return Missing(ACTION, error, (serial,))


def _time_of(point: MetricPoint) -> datetime:
    return point.at
