"""The alarms every site has: one metric, exactly one dimension, limits from the site's nominal voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.metrics import METRICS, Metric
from smarterise_sdk.domain.names import GATEWAY_DIMENSION, StackNames
from smarterise_sdk.domain.sites import Site, Tier
from smarterise_sdk.domain.voltage_quality import profile_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One alarm a site has.

    Attributes:
        name: The last part of the alarm's name.
        metric: What it watches.
        statistic: How points of a period become one.
        comparison: CloudWatch's comparison operator.
        limit: The threshold, from the site.
        words: What is the matter when it fires.
        missing: What a period without data counts as.
        points: Datapoints to alarm, of as many periods.
    """

    name: str
    metric: Metric
    statistic: str
    comparison: str
    limit: Callable[[Site], float]
    words: str
    missing: str = "missing"
    points: tuple[int, int] = (2, 3)


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long a period is for a tier, and whether its alarms tell anybody."""

    period: int
    actions: bool
    single: bool


_PACES = {
    Tier.CRITICAL: _Pace(period=60, actions=True, single=False),
    # One reading an hour: waiting for two would be waiting for two hours.
    Tier.NON_CRITICAL: _Pace(period=3600, actions=False, single=True),
}


def _low(site: Site) -> float:
    return profile_of(site.quality_profile).band(site.nominal_voltage)[0]


def _high(site: Site) -> float:
    return profile_of(site.quality_profile).band(site.nominal_voltage)[1]


def _unbalance(site: Site) -> float:
    return profile_of(site.quality_profile).unbalance_critical_percent


def _voltage_rules() -> Iterator[AlarmRule]:
    for letter, metric in (("a", Metric.VOLTAGE_A), ("b", Metric.VOLTAGE_B), ("c", Metric.VOLTAGE_C)):
        words = f"voltage of phase {letter.upper()}"
        yield AlarmRule(
            f"voltage-{letter}-low", metric, "Average", "LessThanThreshold", _low, f"{words} is low"
        )
        yield AlarmRule(
            f"voltage-{letter}-high", metric, "Average", "GreaterThanThreshold", _high, f"{words} is high"
        )


ALARM_RULES: tuple[AlarmRule, ...] = (
    *_voltage_rules(),
    AlarmRule(
        "voltage-unbalance",
        Metric.VOLTAGE_UNBALANCE,
        "Average",
        "GreaterThanThreshold",
        _unbalance,
        "voltages are out of balance",
    ),
    AlarmRule(
        "no-data",
        Metric.VOLTAGE_A,
        "SampleCount",
        "LessThanThreshold",
        lambda _site: 1.0,
        "no readings arrive",
        missing="breaching",
        points=(1, 1),
    ),
)


def alarm_of(site: Site, rule: AlarmRule, names: StackNames, topic_arn: str) -> dict[str, Any]:
    """Return the arguments of PutMetricAlarm for one rule of one site."""
    pace = _PACES[site.tier]
    needed, periods = (1, 1) if pace.single else rule.points
    limit = rule.limit(site)
    unit = METRICS[rule.metric].unit if rule.statistic == "Average" else "readings a period"
    return {
        "AlarmName": names.alarm(site.gateway_serial, rule.name),
        "AlarmDescription": f"{site.name or site.gateway_serial}: {rule.words} (limit {limit:g} {unit})",
        "Namespace": names.metric_namespace,
        "MetricName": rule.metric.value,
        "Dimensions": [{"Name": GATEWAY_DIMENSION, "Value": site.gateway_serial}],
        "Statistic": rule.statistic,
        "Period": pace.period,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": needed,
        "Threshold": limit,
        "ComparisonOperator": rule.comparison,
        "TreatMissingData": rule.missing,
        "ActionsEnabled": pace.actions and site.enabled,
        "AlarmActions": [topic_arn],
        "OKActions": [topic_arn],
    }
