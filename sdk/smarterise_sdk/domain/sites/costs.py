"""Monthly AWS cost of a fleet, as far as it depends on how its sites are collected, at list prices.

Only costs that differ between collection modes are included. Not included: IoT messages and stream records
(gateways publish regardless of tier), Lambda invocations (per batch and sweep, not per site), alarms (same
price with actions disabled), and database rows.
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
"""Hours in a month, as used by AWS."""

METRICS_A_SITE: Final = len(Metric)

METRIC_MONTH_USD: Final = ((10_000, 0.30), (240_000, 0.10), (750_000, 0.05), (None, 0.02))
"""Price tiers of custom metrics: (count, USD per metric); metrics are billed for each hour with a value.

https://aws.amazon.com/cloudwatch/pricing/, paid tier, metrics, us-east-1.
"""

DATA_LAKE_PUT_USD: Final = 0.005 / 1000
"""Price of one PutObject request. https://aws.amazon.com/s3/pricing/, requests, S3 Standard, us-east-1."""

FILES_A_MONTH: Final = HOURS_A_MONTH
"""Files of a gateway on the FTP server: one per hour, each stored as one object."""

READINGS_A_MONTH: Final = HOURS_A_MONTH * 60 * 60 / Tier.CRITICAL.policy.cadence.total_seconds()
"""Readings of a streaming site, each stored as one object."""


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """Monthly cost in USD: custom metrics, and writing readings to the data lake."""

    metrics: float
    data_lake: float

    @property
    def total(self) -> float:
        """Total cost, USD."""
        return self.metrics + self.data_lake

    def __sub__(self, other: MonthlyCost) -> MonthlyCost:
        return MonthlyCost(self.metrics - other.metrics, self.data_lake - other.data_lake)


def monthly_cost(fleet: Mapping[Collection, int]) -> MonthlyCost:
    """Return the monthly cost of a fleet.

    Custom metrics are published for every collected site, from the stream or from files: they cost the same
    in both tiers.

    Args:
        fleet: Number of sites per collection mode.
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
