"""How a site is, judged from its last values: the word an operator reads in the fleet table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.metrics import Metric, MetricPoint
from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import age_text
from smarterise_sdk.domain.voltage_quality import profile_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from smarterise_sdk.domain.sites import Site

STALE_AFTER_CADENCES = 2
"""A site is stale when its newest value is older than this many of its tier's cadences."""

PHASE_VOLTAGES = (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C)


@dataclass(frozen=True, slots=True)
class SiteState:
    """A status and the words for it, e.g. `fail`, `phase loss`; `age` is that of the newest value."""

    status: Status
    words: str
    age: timedelta | None = None

    @property
    def label(self) -> str:
        """Glyph and words, e.g. `✖ phase loss`."""
        return f"{self.status.glyph} {self.words}"


def judge(site: Site, points: Mapping[Metric, MetricPoint], now: datetime) -> SiteState:
    """Judge a site by the newest value of each metric.

    Args:
        site: The site, for its tier's cadence, nominal voltage and quality profile.
        points: Newest point of each metric that has one.
        now: The moment to judge at, UTC.
    """
    if not site.enabled:
        return SiteState(Status.UNKNOWN, "disabled")
    if not points:
        return SiteState(Status.NO_DATA, Status.NO_DATA.value)
    age = now - max([point.at for point in points.values()])
    if age > STALE_AFTER_CADENCES * site.tier.cadence:
        return SiteState(Status.STALE, f"stale {age_text(age)}", age)
    status, words = _electrical_state(site, {metric: point.value for metric, point in points.items()})
    return SiteState(status, words, age)


def _electrical_state(site: Site, values: Mapping[Metric, float]) -> tuple[Status, str]:
    profile = profile_of(site.quality_profile)
    voltages = [values[metric] for metric in PHASE_VOLTAGES if metric in values]
    if voltages:
        dead = [voltage < profile.outage_share * site.nominal_voltage for voltage in voltages]
        if all(dead):
            return Status.FAIL, "outage"
        lost = [voltage < profile.phase_loss_share * site.nominal_voltage for voltage in voltages]
        if any(lost):
            return Status.FAIL, "phase loss"
        low, high = profile.band(site.nominal_voltage)
        if min(voltages) < low:
            return Status.WARN, "undervoltage"
        if max(voltages) > high:
            return Status.WARN, "overvoltage"
    unbalance = values.get(Metric.VOLTAGE_UNBALANCE)
    if unbalance is not None and unbalance >= profile.unbalance_critical_percent:
        return Status.FAIL, "unbalance"
    if unbalance is not None and unbalance >= profile.unbalance_warn_percent:
        return Status.WARN, "unbalance"
    return Status.OK, Status.OK.value
