"""The sites' alarms: arguments of PutMetricAlarm for the alarm rules of the domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.readings.metrics import METRICS
from smarterise_sdk.domain.stack.names import GATEWAY_DIMENSION

if TYPE_CHECKING:
    from smarterise_sdk.domain.sites.model import Site
    from smarterise_sdk.domain.stack.alarms import AlarmRule
    from smarterise_sdk.domain.stack.names import StackNames


def alarm_of(site: Site, rule: AlarmRule, names: StackNames, topic_arn: str) -> dict[str, Any]:
    """Return the arguments of PutMetricAlarm for one rule of one site."""
    needed, periods = rule.points_for(site.tier)
    limit = rule.limit(site)
    unit = METRICS[rule.metric].unit if rule.statistic == "Average" else "readings a period"
    return {
        "AlarmName": names.alarm(site.gateway_serial, rule.name),
        "AlarmDescription": f"{site.name or site.gateway_serial}: {rule.text} (limit {limit:g} {unit})",
        "Namespace": names.metric_namespace,
        "MetricName": rule.metric.value,
        "Dimensions": [{"Name": GATEWAY_DIMENSION, "Value": site.gateway_serial}],
        "Statistic": rule.statistic,
        "Period": site.tier.policy.alarm_period_s,
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": needed,
        "Threshold": limit,
        "ComparisonOperator": rule.comparison,
        "TreatMissingData": rule.missing,
        "ActionsEnabled": site.has_alarm_actions,
        "AlarmActions": [topic_arn],
        "OKActions": [topic_arn],
    }
