"""The alarms every site has: what each watches, its limit from the site, and how patient it is by tier."""

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
"""Which messages of the alert topic `alarm_notifier` is to be told, as an SNS filter of their bodies.

An alarm that goes to OK for the first time is no news: a new stack has hundreds of them at once.
"""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """One alarm a site has.

    Attributes:
        name: The last part of the alarm's name.
        metric: What it watches.
        statistic: How points of a period become one.
        comparison: CloudWatch's comparison operator.
        limit: The threshold, from the site.
        text: What is the matter when it fires.
        missing: What a period without data counts as.
        points: Datapoints to alarm, of as many periods.
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
"""Name of the rule that fires when a site falls silent."""

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
"""Every site has all of them; their actions are on while it is live."""
