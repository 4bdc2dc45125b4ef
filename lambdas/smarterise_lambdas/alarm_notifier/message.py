"""Composes the notification e-mail: alarms, sites, start times, latest values, first steps and commands.

Plain text only, so that names and reasons are never interpreted as markup.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from smarterise_lambdas.alarm_notifier.digest import AlarmSummary, Digest, rule_text
from smarterise_sdk.domain.readings.metrics import METRICS, Metric
from smarterise_sdk.domain.text import age_text, utc_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from smarterise_sdk.domain.readings.metrics import MetricPoint
    from smarterise_sdk.domain.sites.model import Site

MAX_DETAILED_SITES: Final = 20
"""So many sites are described in detail; the others are only listed."""

_MAX_MESSAGES: Final = 20
_MAX_NAMES: Final = 200
_MAX_SUBJECT: Final = 150
_MAX_LINE: Final = 400
_INDENT: Final = "  "
_LABEL_WIDTH: Final = 12
_NBSP: Final = "\xa0"
"""Non-breaking space: no line wrap at this place."""
_WIDTH: Final = 84

_VOLTAGE: Final = (
    "Compare the three phases. One alone: a fuse, a joint or the meter's wiring at this site."
    " All three: the feeder or the transformer's tap."
)
_STEPS: Final = {
    "voltage": _VOLTAGE,
    "voltage-unbalance": (
        "Find the phase that differs from the others. Near zero: the phase is lost."
        " Otherwise compare the currents: one phase may carry most of the load."
    ),
    "no-data": (
        "Check the age of the latest reading. If all else is normal, the gateway has no power or network."
    ),
}
_GROUP_STEPS: Final = {
    "voltage": "Many sites at once: check their common feeder or supply before single sites.",
    "no-data": (
        "Many sites at once: probably the pipeline or the network, not the gateways."
        " Check the stream and kinesis_to_s3_rds first."
    ),
}
_DEFAULT_STEP: Final = "Open the alarm and check its metric."


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail.

    Attributes:
        subject: Subject, one line.
        text: Body, plain text.
    """

    subject: str
    text: str


def compose(
    digest: Digest,
    sites: Mapping[str, Site],
    values: Mapping[str, Mapping[Metric, MetricPoint]],
    *,
    now: datetime,
    remarks: Iterable[str] = (),
) -> Email:
    """Compose the e-mail.

    Args:
        digest: Its content.
        sites: Known sites by gateway serial.
        values: Latest values of sites, by gateway serial.
        now: Current time, UTC.
        remarks: Notes for its end, e.g. missing data.
    """
    lines = [_summary(digest, now), ""]
    for rule, serials in digest.groups:
        lines += [*_group(rule, serials, digest, sites, now), ""]
    by_site: dict[str, list[AlarmSummary]] = {}
    for alarm in digest.ungrouped:
        by_site.setdefault(alarm.gateway_serial, []).append(alarm)
    for serial, alarms in list(by_site.items())[:MAX_DETAILED_SITES]:
        lines += [*_site(serial, alarms, sites, values, now), ""]
    rest = list(by_site)[MAX_DETAILED_SITES:]
    if rest:
        lines += [f"Alarms firing at {len(rest)} more:", *_wrapped("", _place_list(rest, sites)), ""]
    lines += _listed("Resolved", digest.resolved, sites, now)
    lines += _listed("Insufficient data", digest.insufficient, sites, now)
    for message in digest.messages[:_MAX_MESSAGES]:
        lines += [f"Message of {utc_text(message.at)}: {message.description or '(no subject)'}"]
        lines += [f"{_INDENT}{line}" for line in message.reason.splitlines()]
        lines += [""]
    if len(digest.messages) > _MAX_MESSAGES:
        lines += [f"And {len(digest.messages) - _MAX_MESSAGES} more messages.", ""]
    lines += [f"({visible(remark)[:_MAX_LINE]})" for remark in remarks]
    return Email(_subject(digest, sites), "\n".join(lines).rstrip() + "\n")


def _subject(digest: Digest, sites: Mapping[str, Site]) -> str:
    if digest.groups:
        rule, serials = digest.groups[0]
        subject = f"[ALARM] {len(serials)} sites: {rule_text(rule)}"
        more = len(digest.firing) - len(serials)
    elif digest.firing:
        latest = digest.firing[0]
        subject = f"[ALARM] {_place(latest.gateway_serial, sites)}{latest.text}"
        more = len(digest.firing) - 1
    elif digest.insufficient:
        latest = digest.insufficient[0]
        subject = f"[NO DATA] {_place(latest.gateway_serial, sites)}{latest.text}: insufficient data"
        more = len(digest.insufficient) - 1
    elif digest.resolved:
        latest = digest.resolved[0]
        subject = f"[OK] {_place(latest.gateway_serial, sites)}{latest.text}: resolved"
        more = len(digest.resolved) - 1
    else:
        subject = digest.messages[0].description or "Message on the alert topic"
        more = len(digest.messages) - 1
    suffix = f" (and {more} more)" if more > 0 else ""
    return visible(subject)[: _MAX_SUBJECT - len(suffix)] + suffix


def _summary(digest: Digest, now: datetime) -> str:
    parts = [
        _count(len(digest.firing), "alarm firing", "alarms firing"),
        _count(len(digest.resolved), "resolved", "resolved"),
        _count(len(digest.insufficient), "with insufficient data", "with insufficient data"),
        _count(len(digest.messages), "other message", "other messages"),
    ]
    counts = ", ".join(part for part in parts if part)
    alarms = (*digest.firing, *digest.resolved, *digest.insufficient)
    places = {alarm.gateway_serial for alarm in alarms} - {""}
    where = f" at {_count(len(places), 'site', 'sites')}" if places else ""
    time_range = f"{utc_text(digest.begin)} to {utc_text(digest.end)}"
    return f"{counts}{where}. Changes from {time_range}, sent at {utc_text(now)}."


def _group(
    rule: str, serials: tuple[str, ...], digest: Digest, sites: Mapping[str, Site], now: datetime
) -> Iterator[str]:
    first = min(alarm.since for alarm in digest.firing if alarm.rule == rule)
    yield f"{len(serials)} sites: {rule_text(rule)}"
    yield f"{_INDENT}since       {_datetime(first, None, now)} (first site)"
    yield from _wrapped("where", _place_list(serials, sites))
    yield from _wrapped("first step", first_step_for_group(rule))
    yield from _commands(GROUP_COMMANDS)


def _site(
    serial: str,
    alarms: list[AlarmSummary],
    sites: Mapping[str, Site],
    values: Mapping[str, Mapping[Metric, MetricPoint]],
    now: datetime,
) -> Iterator[str]:
    site = sites.get(serial)
    yield _heading(serial, site)
    for alarm in alarms:
        yield f"{_INDENT}{visible(alarm.text)[:_MAX_LINE]}"
        changes = f", {alarm.changes} state changes" if alarm.changes > 1 else ""
        yield f"{_INDENT * 2}since   {_datetime(alarm.since, site, now)}{changes}"
        if alarm.notice.reason:
            yield f"{_INDENT * 2}reason  {alarm.notice.reason[:_MAX_LINE]}"
        if alarm.notice.region:
            yield f"{_INDENT * 2}link    {_link(alarm)}"
    if serial in values:
        yield from _wrapped("last values", _values(values[serial], now))
    for step in dict.fromkeys(first_step(alarm.rule) for alarm in alarms):
        yield from _wrapped("first step", step)
    if serial:
        yield from _commands(commands(serial))


def _listed(
    title: str, alarms: tuple[AlarmSummary, ...], sites: Mapping[str, Site], now: datetime
) -> Iterator[str]:
    if not alarms:
        return
    yield f"{title}:"
    for alarm in alarms[:_MAX_NAMES]:
        firing = ", was firing" if alarm.was_firing else ""
        place = _place(alarm.gateway_serial, sites)
        since = _datetime(alarm.since, None, now)
        yield f"{_INDENT}{place}{visible(alarm.text)[:_MAX_LINE]}, since {since}{firing}"
    if len(alarms) > _MAX_NAMES:
        yield f"{_INDENT}and {len(alarms) - _MAX_NAMES} more"
    yield ""


def _wrapped(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield f"{_INDENT}{'' if number else label:<{_LABEL_WIDTH}}{line.replace(_NBSP, ' ')}"


def _commands(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{_INDENT}{'' if number else 'command':<{_LABEL_WIDTH}}{line}"


def _heading(serial: str, site: Site | None) -> str:
    if not serial:
        return "No site:"
    parts = [serial]
    if site is not None:
        parts += [site.name, f"asset {site.asset_id}" if site.asset_id else "", site.tier.value]
    return visible(" · ".join(part for part in parts if part))


def _place(serial: str, sites: Mapping[str, Site]) -> str:
    site = sites.get(serial)
    if not serial:
        return ""
    return f"{visible(site.name)} ({serial}): " if site is not None and site.name else f"{serial}: "


def _place_list(serials: Iterable[str], sites: Mapping[str, Site]) -> str:
    listed = list(serials)
    places = [_place(serial, sites).removesuffix(": ") or "no site" for serial in listed[:_MAX_NAMES]]
    more = f" and {len(listed) - _MAX_NAMES} more" if len(listed) > _MAX_NAMES else ""
    return ", ".join(place.replace(" ", _NBSP) for place in places) + more


def _datetime(at: datetime, site: Site | None, now: datetime) -> str:
    local = ""
    if site is not None and site.timezone != "UTC":
        try:
            local = f" ({at.astimezone(ZoneInfo(site.timezone)):%H:%M} {site.timezone})"
        except (ZoneInfoNotFoundError, ValueError, OSError):
            local = ""
    return f"{utc_text(at)}{local}, {age_text(now - at)} ago"


def _values(points: Mapping[Metric, MetricPoint], now: datetime) -> str:
    latest = max(point.at for point in points.values())
    texts = [
        _phases("voltage", (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C), points),
        _phases("current", (Metric.CURRENT_A, Metric.CURRENT_B, Metric.CURRENT_C), points),
        *(_single(text, metric, points) for text, metric in _SINGLES),
    ]
    parts = [part for part in texts if part] + [f"{age_text(now - latest)} ago"]
    return ", ".join(part.replace(" ", _NBSP) for part in parts)


_SINGLES: Final = (
    ("unbalance", Metric.VOLTAGE_UNBALANCE),
    ("power", Metric.ACTIVE_POWER),
    ("frequency", Metric.FREQUENCY),
)


def _phases(text: str, metrics: tuple[Metric, ...], points: Mapping[Metric, MetricPoint]) -> str:
    if not any(metric in points for metric in metrics):
        return ""
    info = METRICS[metrics[0]]
    values = (f"{points[metric].value:.{info.decimals}f}" if metric in points else "-" for metric in metrics)
    return f"{text} {' / '.join(values)} {info.unit}"


def _single(text: str, metric: Metric, points: Mapping[Metric, MetricPoint]) -> str:
    if metric not in points:
        return ""
    info = METRICS[metric]
    return f"{text} {points[metric].value:.{info.decimals}f} {info.unit}"


def _link(alarm: AlarmSummary) -> str:
    region = quote(alarm.notice.region, safe="")
    name = quote(alarm.name, safe="")
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#alarmsV2:alarm/{name}"


def _count(number: int, one: str, several: str) -> str:
    return "" if not number else f"{number} {one if number == 1 else several}"


def first_step(rule: str) -> str:
    """Return the first step for a rule's alarm at one site."""
    return _STEPS.get(rule) or _STEPS.get(rule.partition("-")[0]) or _DEFAULT_STEP


def first_step_for_group(rule: str) -> str:
    """Return the first step when a rule's alarm fires at many sites."""
    return _GROUP_STEPS.get(rule) or _GROUP_STEPS.get(rule.partition("-")[0]) or first_step(rule)


def commands(gateway_serial: str) -> tuple[str, ...]:
    """Return the commands that show a site."""
    return (
        f"smarterise-ops metrics show {gateway_serial} --since 1h",
        f"smarterise-ops sites show {gateway_serial}",
    )


GROUP_COMMANDS: Final = ("smarterise-ops checks run", "smarterise-ops")
"""Run the checks; open the console."""
