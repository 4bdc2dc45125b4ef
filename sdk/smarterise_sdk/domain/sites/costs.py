"""What a fleet costs in a month, as far as it follows from how its sites are collected: list prices.

Only what differs between ways of collecting is counted. The same either way, and so left out: messages to
IoT and records of the stream (gateways publish whatever their tier), invocations (they are for batches and
sweeps, not for sites), alarms (they cost the same with their actions off), rows of the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.readings.metrics import Metric
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.tier_policy import Collection

if TYPE_CHECKING:
    from collections.abc import Mapping

HOURS_A_MONTH: Final = 730
"""AWS's own month."""

METRICS_A_SITE: Final = len(Metric)

METRIC_MONTH_USD: Final = ((10_000, 0.30), (240_000, 0.10), (750_000, 0.05), (None, 0.02))
"""So many custom metrics at so much each, then the next; any hour with a value counts as an hour of it.

https://aws.amazon.com/cloudwatch/pricing/, paid tier, metrics, us-east-1.
"""

DATA_LAKE_PUT_USD: Final = 0.005 / 1000
"""One object written. https://aws.amazon.com/s3/pricing/, requests, S3 Standard, us-east-1."""

FILES_A_MONTH: Final = HOURS_A_MONTH
"""Files a gateway leaves on the FTP server: one an hour, each kept as one object."""

READINGS_A_MONTH: Final = HOURS_A_MONTH * 60 * 60 / Tier.CRITICAL.policy.cadence.total_seconds()
"""Readings of a streamed site, each kept as one object."""


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """What a month costs, in USD: the custom metrics, and writing the readings into the lake."""

    metrics: float
    data_lake: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.metrics + self.data_lake

    def __sub__(self, other: MonthlyCost) -> MonthlyCost:
        return MonthlyCost(self.metrics - other.metrics, self.data_lake - other.data_lake)


def monthly_cost(fleet: Mapping[Collection, int]) -> MonthlyCost:
    """Return what a fleet costs in a month.

    Custom metrics are published for every site that is collected, be it by the stream or from files: they
    cost the same in both tiers.

    Args:
        fleet: How many sites are collected in which way.
    """
    streamed, by_ftp = fleet.get(Collection.STREAMED, 0), fleet.get(Collection.FTP_ALONE, 0)
    objects = streamed * READINGS_A_MONTH + (streamed + by_ftp) * FILES_A_MONTH
    return MonthlyCost(_metrics_usd((streamed + by_ftp) * METRICS_A_SITE), objects * DATA_LAKE_PUT_USD)


def _metrics_usd(count: int) -> float:
    total = 0.0
    for size, price in METRIC_MONTH_USD:
        priced = count if size is None else min(count, size)
        total += priced * price
        count -= priced
    return total
