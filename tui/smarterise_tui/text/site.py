"""Texts of the site screen: latest values and configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from smarterise_sdk.domain.readings.metrics import METRICS, Metric
from smarterise_sdk.domain.readings.voltage_quality import profile_of
from smarterise_sdk.domain.text import age_text, utc_text, visible
from smarterise_tui.theme import PHASE_COLOURS, status_class
from smarterise_tui.widgets.text_line import Line, Part

if TYPE_CHECKING:
    from datetime import datetime

    from smarterise_sdk.services.sites.service import SitesSnapshot
    from smarterise_tui.fleet.rows import FleetRow
    from smarterise_tui.text.history import TierSince

_NOTHING = "–"
_PHASES = {
    "V": (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C),
    "A": (Metric.CURRENT_A, Metric.CURRENT_B, Metric.CURRENT_C),
}
_TOTALS = (
    ("u2", Metric.VOLTAGE_UNBALANCE),
    ("", Metric.ACTIVE_POWER),
    ("PF", Metric.POWER_FACTOR),
    ("", Metric.FREQUENCY),
)
_COLUMN = 9


def title_line(row: FleetRow, since: TierSince | None, now: datetime) -> Line:
    """Return the line under the tabs: site, state and tier, with the last tier change if known."""
    site, state = row.site, row.state
    tier_parts = []
    if since is not None and site.enabled:
        tier_parts = [
            Part(f"since {age_text(now - since.at)}", "", drop=3),
            Part(f"({since.author})", "$quiet", drop=4),
        ]
    return Line(
        (
            Part(visible(site.gateway_serial), "bold"),
            Part(visible(site.name), "", drop=2),
            Part(state.label, f"$status-{status_class(state.status)}"),
            Part(site.tier.value if site.enabled else "disabled", "$accent", drop=1),
            *tier_parts,
        )
    )


def values_text(row: FleetRow, now: datetime) -> Content:
    """Return the latest values with phases as columns."""
    heads = [("  ", ""), *((f"{phase:>{_COLUMN}}", PHASE_COLOURS[phase]) for phase in "ABC")]
    phases = [
        Content.assemble(
            (f"{unit:<2}", "$quiet"), *(f"{_value(row, metric):>{_COLUMN}}" for metric in metrics)
        )
        for unit, metrics in _PHASES.items()
    ]
    totals = [_total(row, name, metric) for name, metric in _TOTALS]
    load = row.load_percent
    totals.append(f"load {_NOTHING if load is None else f'{load:.0f} %'}")
    lines = [
        Content.assemble(*heads),
        *phases,
        Content("  ".join(totals[:3])),
        Content("  ".join(totals[3:])),
    ]
    return Content("\n").join([*lines, _age_line(row, now)])


def configuration_text(
    row: FleetRow, snapshot: SitesSnapshot | None, since: TierSince | None, now: datetime
) -> Content:
    """Return the site's configuration, its last tier change, and the site file version."""
    site = row.site
    low, high = profile_of(site.quality_profile).band(site.nominal_voltage)
    cadence = site.tier.policy.cadence
    stale_after = age_text(site.tier.policy.stale_after)
    enabled = "enabled" if site.enabled else "disabled"
    entries = [
        ("tier", f"{site.tier.value}, {enabled}"),
        *(() if since is None else (("since", f"{utc_text(since.at)}, {since.author}"),)),
        ("cadence", f"{age_text(cadence)}, stale after {stale_after}"),
        ("nominal", f"{site.nominal_voltage:g} V, {low:.0f}–{high:.0f} by {site.quality_profile}"),
        ("capacity", f"{site.capacity_kva:g} kVA" if site.capacity_kva else _NOTHING),
        ("asset", f"{site.asset_id or _NOTHING}, {site.timezone}"),
        ("file", _NOTHING if snapshot is None else _file_text(snapshot, now)),
    ]
    return Content("\n").join(
        Content.assemble((f"{name:<9}", "$quiet"), visible(text)) for name, text in entries
    )


def _value(row: FleetRow, metric: Metric) -> str:
    value = row.value(metric)
    return _NOTHING if value is None else f"{value:.{METRICS[metric].decimals}f}"


def _total(row: FleetRow, name: str, metric: Metric) -> str:
    return " ".join(part for part in (name, _value(row, metric), METRICS[metric].unit) if part)


def _age_line(row: FleetRow, now: datetime) -> Content:
    age = row.age(now)
    if age is None or row.latest is None:
        return Content.styled("no value yet", "$quiet")
    return Content.styled(f"{age_text(age)} ago, {utc_text(row.latest)}", "$quiet")


def _file_text(snapshot: SitesSnapshot, now: datetime) -> str:
    version = snapshot.version_id or snapshot.etag.strip('"')
    return f"{version[:12]}, read {age_text(now - snapshot.read_at)} ago"
