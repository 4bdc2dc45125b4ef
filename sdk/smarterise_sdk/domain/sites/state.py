"""Evaluate the state of a site from its latest values, as shown in the fleet table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.readings.voltage_quality import profile_of
from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import age_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from smarterise_sdk.domain.sites.model import Site


PHASE_VOLTAGES = (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C)


@dataclass(frozen=True, slots=True)
class SiteState:
    """A status and its text, e.g. `fail`, `phase loss`; `age` is that of the latest value."""

    status: Status
    text: str
    age: timedelta | None = None

    @property
    def label(self) -> str:
        """Glyph and text, e.g. `✖ phase loss`."""
        return f"{self.status.glyph} {self.text}"


def evaluate(site: Site, points: Mapping[Metric, MetricPoint], now: datetime) -> SiteState:
    """Return the state of a site from the latest value of each metric.

    Args:
        site: The site, for its tier's cadence, nominal voltage and quality profile.
        points: Latest data point of each metric that has one.
        now: Current time, UTC.
    """
    if not site.enabled:
        return SiteState(Status.UNKNOWN, "disabled")
    if not points:
        return SiteState(Status.NO_DATA, Status.NO_DATA.value)
    age = now - max([point.at for point in points.values()])
    if age > site.tier.policy.stale_after:
        return SiteState(Status.STALE, f"stale {age_text(age)}", age)
    status, text = _electrical_state(site, points)
    return SiteState(status, text, age)


# The console evaluates hundreds of sites every second: min and max are faster than all() and any().
def _electrical_state(site: Site, points: Mapping[Metric, MetricPoint]) -> tuple[Status, str]:
    profile, nominal = profile_of(site.quality_profile), site.nominal_voltage
    voltages = [points[metric].value for metric in PHASE_VOLTAGES if metric in points]
    if voltages:
        least, greatest = min(voltages), max(voltages)
        if greatest < profile.outage_share * nominal:
            return Status.FAIL, "outage"
        if least < profile.phase_loss_share * nominal:
            return Status.FAIL, "phase loss"
        low, high = profile.band(nominal)
        if least < low:
            return Status.WARN, "undervoltage"
        if greatest > high:
            return Status.WARN, "overvoltage"
    unbalance = points.get(Metric.VOLTAGE_UNBALANCE)
    if unbalance is not None and unbalance.value >= profile.unbalance_critical_percent:
        return Status.FAIL, "unbalance"
    if unbalance is not None and unbalance.value >= profile.unbalance_warn_percent:
        return Status.WARN, "unbalance"
    return Status.OK, Status.OK.value
