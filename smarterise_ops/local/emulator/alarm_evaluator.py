"""CloudWatch's alarm evaluation with dimensions, through the public API.

ministack ignores dimensions when it evaluates alarms, so `patches` disables that and this thread does it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from smarterise_ops.local.emulator.alarm_states import (
    COMPARISONS,
    EXTRA_PERIODS,
    AlarmState,
    Condition,
    Evaluation,
    evaluate_alarm,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricAlarmTypeDef, MetricDataQueryTypeDef

EVALUATE_EVERY_SECONDS = 10.0
QUERIES_A_CALL = 500

_log = logging.getLogger(__name__)


class AlarmEvaluator:
    """Evaluates all alarms every few seconds and sets changed states."""

    def __init__(self, cloudwatch: CloudWatchClient, every: float = EVALUATE_EVERY_SECONDS) -> None:
        self._cloudwatch = cloudwatch
        self._every = every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopped.set()
        self._thread.join()

    def evaluate(self, now: datetime) -> int:
        """Evaluate every alarm once; return the number of changes.

        Args:
            now: Time of the evaluation, UTC.
        """
        changed = 0
        by_period: dict[int, list[MetricAlarmTypeDef]] = defaultdict(list)
        for page in self._cloudwatch.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"]):
            for alarm in page["MetricAlarms"]:
                if alarm.get("MetricName") and alarm.get("ComparisonOperator") in COMPARISONS:
                    by_period[alarm["Period"]].append(alarm)
        for period, alarms in by_period.items():
            for start in range(0, len(alarms), QUERIES_A_CALL):
                changed += self._evaluate_batch(alarms[start : start + QUERIES_A_CALL], period, now)
        return changed

    def _evaluate_batch(self, alarms: Sequence[MetricAlarmTypeDef], period: int, now: datetime) -> int:
        longest = max(alarm["EvaluationPeriods"] for alarm in alarms) + EXTRA_PERIODS
        current_period = datetime.fromtimestamp(now.timestamp() // period * period, UTC)
        response = self._cloudwatch.get_metric_data(
            MetricDataQueries=[_query(at, alarm) for at, alarm in enumerate(alarms)],
            StartTime=current_period - longest * timedelta(seconds=period),
            EndTime=current_period + timedelta(seconds=period),
            ScanBy="TimestampAscending",
        )
        values = {
            result["Id"]: dict(zip(result["Timestamps"], result["Values"], strict=True))
            for result in response["MetricDataResults"]
        }
        changed = 0
        for at, alarm in enumerate(alarms):
            points = _points(alarm, values.get(f"m{at}", {}), current_period)
            current = AlarmState(alarm["StateValue"])
            evaluation = evaluate_alarm(_condition(alarm), points, current)
            if evaluation.state is not current:
                self._set(alarm["AlarmName"], evaluation, points)
                changed += 1
        return changed

    def _set(
        self, name: str, evaluation: Evaluation, points: Iterable[tuple[datetime, float | None]]
    ) -> None:
        data = {"recentDatapoints": [value for _, value in points if value is not None]}
        self._cloudwatch.set_alarm_state(
            AlarmName=name,
            StateValue=evaluation.state.value,
            StateReason=evaluation.reason[:1023],
            StateReasonData=json.dumps(data),
        )

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            try:
                self.evaluate(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 -- the next round retries
                if not self._stopped.is_set():
                    _log.warning("alarm evaluation failed: %s", error)


def _query(at: int, alarm: MetricAlarmTypeDef) -> MetricDataQueryTypeDef:
    return {
        "Id": f"m{at}",
        "MetricStat": {
            "Metric": {
                "Namespace": alarm["Namespace"],
                "MetricName": alarm["MetricName"],
                "Dimensions": alarm.get("Dimensions", []),
            },
            "Period": alarm["Period"],
            "Stat": alarm.get("ExtendedStatistic") or alarm["Statistic"],
        },
    }


def _condition(alarm: MetricAlarmTypeDef) -> Condition:
    return Condition(
        comparison=alarm["ComparisonOperator"],
        threshold=alarm["Threshold"],
        periods=alarm["EvaluationPeriods"],
        needed=alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"],
        missing=alarm.get("TreatMissingData") or "missing",
    )


def _points(
    alarm: MetricAlarmTypeDef, values: dict[datetime, float], current_period: datetime
) -> list[tuple[datetime, float | None]]:
    """Return one point per period of the evaluation range; the current period only if it has data."""
    period = timedelta(seconds=alarm["Period"])
    latest = current_period if current_period in values else current_period - period
    count = alarm["EvaluationPeriods"] + EXTRA_PERIODS
    timestamps = [latest - back * period for back in range(count - 1, -1, -1)]
    return [(timestamp, values.get(timestamp)) for timestamp in timestamps]
