"""The e-mail on alarms: what, where, since when, the last values, the first step, and commands.

Plain text alone: whatever names and reasons have in them, nothing of it is markup.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from smarterise_lambdas.alarm_notifier.digest import AlarmNow, Digest, text_of
from smarterise_sdk.domain.readings.metrics import METRICS, Metric
from smarterise_sdk.domain.text import age_text, utc_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from smarterise_sdk.domain.readings.metrics import MetricPoint
    from smarterise_sdk.domain.sites.model import Site

SITES_IN_FULL: Final = 20
"""So many sites are told of one by one; of the rest, their names."""

_MESSAGES_AT_MOST: Final = 20
_NAMES_AT_MOST: Final = 200
_LONGEST_SUBJECT: Final = 150
_LONGEST_LINE: Final = 400
_INDENT: Final = "  "
_LABEL: Final = 12
_UNBROKEN: Final = "\xa0"
"""In place of a blank at which no line may end."""
_WIDTH: Final = 84

_VOLTAGE: Final = (
    "Compare the three phases. One alone: a fuse, a joint or the meter's wiring at this site."
    " All three: the feeder or the transformer's tap."
)
_STEPS: Final = {
    "voltage": _VOLTAGE,
    "voltage-unbalance": (
        "See which phase is far from the others. Near zero: the phase is lost."
        " Else compare the currents: one phase may carry most of the load."
    ),
    "no-data": (
        "See how old the newest reading is. All else in order: the gateway has lost its power or its line."
    ),
}
_STEPS_FOR_MANY: Final = {
    "voltage": "Many sites at once: look at what they hang on, feeder or supply, before any one of them.",
    "no-data": (
        "Many sites at once: it is the pipeline or the network, hardly the gateways."
        " Look at the stream and at kinesis_to_s3_rds first."
    ),
}
_ELSE: Final = "Open the alarm and see what it watches."


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail.

    Attributes:
        subject: One line.
        text: The rest, plain.
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
    """Write the letter.

    Args:
        digest: What it tells.
        sites: By gateway serial, as far as they are known.
        values: The last values of sites, by gateway serial.
        now: This moment, UTC.
        remarks: What could not be found out for it.
    """
    lines = [_summary(digest, now), ""]
    for rule, serials in digest.common:
        lines += [*_common(rule, serials, digest, sites, now), ""]
    alone: dict[str, list[AlarmNow]] = {}
    for alarm in digest.alone:
        alone.setdefault(alarm.gateway_serial, []).append(alarm)
    for serial, alarms in list(alone.items())[:SITES_IN_FULL]:
        lines += [*_site(serial, alarms, sites, values, now), ""]
    rest = list(alone)[SITES_IN_FULL:]
    if rest:
        lines += [f"And alarms at {len(rest)} more:", *_wrapped("", _named(rest, sites)), ""]
    lines += _listed("Over", digest.over, sites, now)
    lines += _listed("Cannot be judged, as data are missing", digest.unclear, sites, now)
    for other in digest.others[:_MESSAGES_AT_MOST]:
        lines += [f"Message of {utc_text(other.at)}: {other.description or '(no subject)'}"]
        lines += [f"{_INDENT}{line}" for line in other.reason.splitlines()]
        lines += [""]
    if len(digest.others) > _MESSAGES_AT_MOST:
        lines += [f"And {len(digest.others) - _MESSAGES_AT_MOST} more messages.", ""]
    lines += [f"({visible(remark)[:_LONGEST_LINE]})" for remark in remarks]
    return Email(_subject(digest, sites), "\n".join(lines).rstrip() + "\n")


def _subject(digest: Digest, sites: Mapping[str, Site]) -> str:
    if digest.common:
        rule, serials = digest.common[0]
        what = f"[ALARM] {len(serials)} sites: {text_of(rule)}"
        more = len(digest.on) - len(serials)
    elif digest.on:
        latest = digest.on[0]
        what, more = f"[ALARM] {_place(latest.gateway_serial, sites)}{latest.text}", len(digest.on) - 1
    elif digest.unclear:
        latest = digest.unclear[0]
        what = f"[NO DATA] {_place(latest.gateway_serial, sites)}{latest.text}: cannot be judged"
        more = len(digest.unclear) - 1
    elif digest.over:
        latest = digest.over[0]
        what, more = f"[OK] {_place(latest.gateway_serial, sites)}{latest.text}: over", len(digest.over) - 1
    else:
        what, more = digest.others[0].description or "A message on the alert topic", len(digest.others) - 1
    told = f" (and {more} more)" if more > 0 else ""
    return visible(what)[: _LONGEST_SUBJECT - len(told)] + told


def _summary(digest: Digest, now: datetime) -> str:
    parts = [
        _count(len(digest.on), "alarm is on", "alarms are on"),
        _count(len(digest.over), "is over", "are over"),
        _count(len(digest.unclear), "cannot be judged", "cannot be judged"),
        _count(len(digest.others), "other message", "other messages"),
    ]
    told = ", ".join(part for part in parts if part)
    places = {alarm.gateway_serial for alarm in (*digest.on, *digest.over, *digest.unclear)} - {""}
    where = f" at {_count(len(places), 'site', 'sites')}" if places else ""
    time_range = f"{utc_text(digest.begin)} to {utc_text(digest.end)}"
    return f"{told}{where}. Changes of {time_range}, told at {utc_text(now)}."


def _common(
    rule: str, serials: tuple[str, ...], digest: Digest, sites: Mapping[str, Site], now: datetime
) -> Iterator[str]:
    first = min(alarm.since for alarm in digest.on if alarm.rule == rule)
    yield f"{len(serials)} sites: {text_of(rule)}"
    yield f"{_INDENT}since       {_datetime(first, None, now)} (the first of them)"
    yield from _wrapped("where", _named(serials, sites))
    yield from _wrapped("first step", first_step_for_many(rule))
    yield from _commands(COMMANDS_FOR_MANY)


def _site(
    serial: str,
    alarms: list[AlarmNow],
    sites: Mapping[str, Site],
    values: Mapping[str, Mapping[Metric, MetricPoint]],
    now: datetime,
) -> Iterator[str]:
    site = sites.get(serial)
    yield _heading(serial, site)
    for alarm in alarms:
        yield f"{_INDENT}{visible(alarm.text)[:_LONGEST_LINE]}"
        again = f", having changed {alarm.changes} times" if alarm.changes > 1 else ""
        yield f"{_INDENT * 2}since   {_datetime(alarm.since, site, now)}{again}"
        if alarm.notice.reason:
            yield f"{_INDENT * 2}reason  {alarm.notice.reason[:_LONGEST_LINE]}"
        if alarm.notice.region:
            yield f"{_INDENT * 2}link    {_link(alarm)}"
    if serial in values:
        yield from _wrapped("last values", _values(values[serial], now))
    for step in dict.fromkeys(first_step(alarm.rule) for alarm in alarms):
        yield from _wrapped("first step", step)
    if serial:
        yield from _commands(commands(serial))


def _listed(
    title: str, alarms: tuple[AlarmNow, ...], sites: Mapping[str, Site], now: datetime
) -> Iterator[str]:
    if not alarms:
        return
    yield f"{title}:"
    for alarm in alarms[:_NAMES_AT_MOST]:
        passed = ", came and went" if alarm.was_on else ""
        place = _place(alarm.gateway_serial, sites)
        since = _datetime(alarm.since, None, now)
        yield f"{_INDENT}{place}{visible(alarm.text)[:_LONGEST_LINE]}, since {since}{passed}"
    if len(alarms) > _NAMES_AT_MOST:
        yield f"{_INDENT}and {len(alarms) - _NAMES_AT_MOST} more"
    yield ""


def _wrapped(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        yield f"{_INDENT}{'' if number else label:<{_LABEL}}{line.replace(_UNBROKEN, ' ')}"


def _commands(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{_INDENT}{'' if number else 'command':<{_LABEL}}{line}"


def _heading(serial: str, site: Site | None) -> str:
    if not serial:
        return "Of no site:"
    parts = [serial]
    if site is not None:
        parts += [site.name, f"asset {site.asset_id}" if site.asset_id else "", site.tier.value]
    return visible(" · ".join(part for part in parts if part))


def _place(serial: str, sites: Mapping[str, Site]) -> str:
    site = sites.get(serial)
    if not serial:
        return ""
    return f"{visible(site.name)} ({serial}): " if site is not None and site.name else f"{serial}: "


def _named(serials: Iterable[str], sites: Mapping[str, Site]) -> str:
    listed = list(serials)
    told = [_place(serial, sites).removesuffix(": ") or "no site" for serial in listed[:_NAMES_AT_MOST]]
    more = f" and {len(listed) - _NAMES_AT_MOST} more" if len(listed) > _NAMES_AT_MOST else ""
    return ", ".join(place.replace(" ", _UNBROKEN) for place in told) + more


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
    told = [
        _phases("voltage", (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C), points),
        _phases("current", (Metric.CURRENT_A, Metric.CURRENT_B, Metric.CURRENT_C), points),
        *(_single(text, metric, points) for text, metric in _SINGLES),
    ]
    parts = [part for part in told if part] + [f"{age_text(now - latest)} ago"]
    return ", ".join(part.replace(" ", _UNBROKEN) for part in parts)


_SINGLES: Final = (
    ("unbalance", Metric.VOLTAGE_UNBALANCE),
    ("power", Metric.ACTIVE_POWER),
    ("frequency", Metric.FREQUENCY),
)


def _phases(text: str, metrics: tuple[Metric, ...], points: Mapping[Metric, MetricPoint]) -> str:
    if not any(metric in points for metric in metrics):
        return ""
    info = METRICS[metrics[0]]
    told = (f"{points[metric].value:.{info.decimals}f}" if metric in points else "-" for metric in metrics)
    return f"{text} {' / '.join(told)} {info.unit}"


def _single(text: str, metric: Metric, points: Mapping[Metric, MetricPoint]) -> str:
    if metric not in points:
        return ""
    info = METRICS[metric]
    return f"{text} {points[metric].value:.{info.decimals}f} {info.unit}"


def _link(alarm: AlarmNow) -> str:
    region = quote(alarm.notice.region, safe="")
    name = quote(alarm.name, safe="")
    return f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#alarmsV2:alarm/{name}"


def _count(number: int, one: str, several: str) -> str:
    return "" if not number else f"{number} {one if number == 1 else several}"


def first_step(rule: str) -> str:
    """Return what to do first about a rule's alarm at one site."""
    return _STEPS.get(rule) or _STEPS.get(rule.partition("-")[0]) or _ELSE


def first_step_for_many(rule: str) -> str:
    """Return what to do first when many sites have the same alarm."""
    return _STEPS_FOR_MANY.get(rule) or _STEPS_FOR_MANY.get(rule.partition("-")[0]) or first_step(rule)


def commands(gateway_serial: str) -> tuple[str, ...]:
    """Return the commands that show a site."""
    return (
        f"smarterise-ops metrics show {gateway_serial} --since 1h",
        f"smarterise-ops sites show {gateway_serial}",
    )


COMMANDS_FOR_MANY: Final = ("smarterise-ops checks run", "smarterise-ops")
"""The checks, and the console."""
