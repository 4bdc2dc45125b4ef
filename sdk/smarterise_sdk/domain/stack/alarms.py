"""CloudWatch alarms of every site: metrics, thresholds, and evaluation periods by tier."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.readings.metrics import Metric
from smarterise_sdk.domain.readings.voltage_quality import profile_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from smarterise_sdk.domain.sites.model import Site, Tier

ALARM_NEWS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "$or": [
            {"NewStateValue": ["ALARM"]},
            {"OldStateValue": ["ALARM"]},
            {"NewStateValue": [{"exists": False}]},
        ]
    }
)
"""SNS filter policy (on message bodies) of the subscription of `alarm_notifier` to the alert topic.

The first transition of an alarm to OK is dropped: a new stack has hundreds of them at once.
"""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One alarm of every site.

    Attributes:
        name: Last part of the alarm name.
        metric: The metric.
        statistic: CloudWatch statistic of a period.
        comparison: CloudWatch's comparison operator.
        limit: Returns the threshold for a site.
        text: Description of the alarm state.
        missing: Treatment of missing data.
        points: Datapoints to alarm, and number of evaluated periods.
    """

    name: str
    metric: Metric
    statistic: str
    comparison: str
    limit: Callable[[Site], float]
    text: str
    missing: str = "missing"
    points: tuple[int, int] = (2, 3)

    def points_for(self, tier: Tier) -> tuple[int, int]:
        """Return the datapoints to alarm, and of how many periods, for sites of a tier."""
        return (1, 1) if tier.policy.is_one_period_enough else self.points


def _low(site: Site) -> float:
    return profile_of(site.quality_profile).band(site.nominal_voltage)[0]


def _high(site: Site) -> float:
    return profile_of(site.quality_profile).band(site.nominal_voltage)[1]


def _unbalance(site: Site) -> float:
    return profile_of(site.quality_profile).unbalance_critical_percent


def _voltage_rules() -> Iterator[AlarmRule]:
    for phase, metric in (("a", Metric.VOLTAGE_A), ("b", Metric.VOLTAGE_B), ("c", Metric.VOLTAGE_C)):
        text = f"voltage of phase {phase.upper()}"
        yield AlarmRule(
            f"voltage-{phase}-low", metric, "Average", "LessThanThreshold", _low, f"{text} is low"
        )
        yield AlarmRule(
            f"voltage-{phase}-high", metric, "Average", "GreaterThanThreshold", _high, f"{text} is high"
        )


SILENCE: Final = "no-data"
"""Name of the alarm for missing readings."""

ALARM_RULES: Final[tuple[AlarmRule, ...]] = (
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
        SILENCE,
        Metric.VOLTAGE_A,
        "SampleCount",
        "LessThanThreshold",
        lambda _site: 1.0,
        "no readings arrive",
        missing="breaching",
        points=(1, 1),
    ),
)
"""All alarms of a site; their actions are on while the site is streaming."""
