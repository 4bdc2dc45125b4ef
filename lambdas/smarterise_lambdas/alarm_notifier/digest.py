"""Summarizes notices: the latest state of each alarm, and the rules firing at many sites."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.alarm_notifier.sns_event import Notice, State
from smarterise_sdk.domain.stack.alarms import ALARM_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from smarterise_sdk.domain.stack.names import StackNames

GROUP_FROM: Final = 5
"""From this many sites with the same rule firing, they are listed as one group."""

_RULE_TEXTS: Final = {rule.name: rule.text for rule in ALARM_RULES}


@dataclass(frozen=True, slots=True)
class AlarmSummary:
    """The latest state of an alarm.

    Attributes:
        name: The alarm's name.
        gateway_serial: Its site; empty if it belongs to no site.
        rule: The site rule, e.g. `voltage-a-low`; empty if it is not one of this stack's rules.
        text: What it means when the alarm fires.
        state: The latest state.
        since: When it entered that state.
        changes: Number of state changes in this digest.
        was_firing: Whether it was in ALARM at any time in this digest.
        notice: The latest notice.
    """

    name: str
    gateway_serial: str
    rule: str
    text: str
    state: State
    since: datetime
    changes: int
    was_firing: bool
    notice: Notice


@dataclass(frozen=True, slots=True)
class Digest:
    """The content of one e-mail.

    Attributes:
        firing: Alarms in ALARM, the latest first.
        resolved: Alarms in OK.
        insufficient: Alarms in INSUFFICIENT_DATA.
        messages: Messages that are not from an alarm.
        groups: Rules firing at many sites, with the serials, the most sites first.
        begin: Time of the first change, UTC.
        end: Time of the last change, UTC.
    """

    firing: tuple[AlarmSummary, ...]
    resolved: tuple[AlarmSummary, ...]
    insufficient: tuple[AlarmSummary, ...]
    messages: tuple[Notice, ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    begin: datetime
    end: datetime

    @property
    def ungrouped(self) -> tuple[AlarmSummary, ...]:
        """Firing alarms that are not part of a group."""
        grouped = {rule for rule, _ in self.groups}
        return tuple(alarm for alarm in self.firing if not (alarm.gateway_serial and alarm.rule in grouped))


def digest_of(notices: Iterable[Notice], names: StackNames) -> Digest:
    """Return the digest of notices, given in any order.

    Args:
        notices: At least one.
        names: Resource names of the stack.
    """
    ordered = sorted(notices, key=lambda notice: (notice.at, notice.id))
    by_alarm: dict[str, list[Notice]] = {}
    for notice in ordered:
        if notice.state is not None:
            by_alarm.setdefault(notice.alarm, []).append(notice)
    alarms = [_summarize(changes, names) for changes in by_alarm.values()]
    alarms.sort(key=lambda alarm: (alarm.since, alarm.name), reverse=True)
    firing = tuple(alarm for alarm in alarms if alarm.state is State.ALARM)
    return Digest(
        firing=firing,
        resolved=tuple(alarm for alarm in alarms if alarm.state is State.OK),
        insufficient=tuple(alarm for alarm in alarms if alarm.state is State.INSUFFICIENT_DATA),
        messages=tuple(notice for notice in ordered if notice.state is None),
        groups=_groups(firing),
        begin=ordered[0].at,
        end=ordered[-1].at,
    )


def _summarize(changes: list[Notice], names: StackNames) -> AlarmSummary:
    latest = changes[-1]
    # Repeated notices of the same state do not reset the start of the state.
    since = latest.at
    for notice in reversed(changes):
        if notice.state is not latest.state:
            break
        since = notice.at
    serial, rule = names.site_of_alarm(latest.alarm) or ("", "")
    serial = latest.gateway_serial or serial
    text = _RULE_TEXTS.get(rule) or latest.description or latest.alarm
    return AlarmSummary(
        name=latest.alarm,
        gateway_serial=serial,
        rule=rule if rule in _RULE_TEXTS else "",
        text=text,
        state=latest.state or State.ALARM,
        since=since,
        changes=len(changes),
        was_firing=any(notice.state is State.ALARM for notice in changes),
        notice=latest,
    )


def _groups(firing: Iterable[AlarmSummary]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    sites: dict[str, list[str]] = {}
    for alarm in firing:
        if alarm.rule and alarm.gateway_serial:
            sites.setdefault(alarm.rule, []).append(alarm.gateway_serial)
    counts = Counter({rule: len(serials) for rule, serials in sites.items() if len(serials) >= GROUP_FROM})
    return tuple((rule, tuple(sorted(sites[rule]))) for rule, _ in counts.most_common())


def rule_text(rule: str) -> str:
    """Return what it means when a site's alarm of this rule fires."""
    return _RULE_TEXTS[rule]
