"""Notices put in order: what each alarm has come to, and what many sites have in common."""

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

MANY: Final = 5
"""From so many sites on with the same alarm, they are told of together."""

_TEXT: Final = {rule.name: rule.text for rule in ALARM_RULES}


@dataclass(frozen=True, slots=True)
class AlarmNow:
    """What an alarm has come to.

    Attributes:
        name: The alarm.
        gateway_serial: Whose it is; empty if it is no site's.
        rule: Which of a site's rules, e.g. `voltage-a-low`; empty if it is none of ours.
        text: What is the matter when it is on.
        state: The newest state.
        since: Since when it is in that state.
        changes: How often it changed in what is told here.
        was_on: Whether it was on at any time in what is told here.
        notice: The newest notice.
    """

    name: str
    gateway_serial: str
    rule: str
    text: str
    state: State
    since: datetime
    changes: int
    was_on: bool
    notice: Notice


@dataclass(frozen=True, slots=True)
class Digest:
    """What one letter tells.

    Attributes:
        on: Alarms that are on, the newest first.
        over: Alarms that are no longer.
        unclear: Alarms that cannot be judged for want of data.
        others: Messages that are of no alarm.
        common: Rules that many sites have in common, with the serials, the most first.
        begin: The first change in it, UTC.
        end: The last.
    """

    on: tuple[AlarmNow, ...]
    over: tuple[AlarmNow, ...]
    unclear: tuple[AlarmNow, ...]
    others: tuple[Notice, ...]
    common: tuple[tuple[str, tuple[str, ...]], ...]
    begin: datetime
    end: datetime

    @property
    def alone(self) -> tuple[AlarmNow, ...]:
        """Alarms that are on and are not in common."""
        together = {rule for rule, _ in self.common}
        return tuple(alarm for alarm in self.on if not (alarm.gateway_serial and alarm.rule in together))


def digest_of(notices: Iterable[Notice], names: StackNames) -> Digest:
    """Return what notices come to, in whatever order they came.

    Args:
        notices: At least one.
        names: What alarms are called.
    """
    ordered = sorted(notices, key=lambda notice: (notice.at, notice.id))
    by_alarm: dict[str, list[Notice]] = {}
    for notice in ordered:
        if notice.state is not None:
            by_alarm.setdefault(notice.alarm, []).append(notice)
    alarms = [_come_to(changes, names) for changes in by_alarm.values()]
    alarms.sort(key=lambda alarm: (alarm.since, alarm.name), reverse=True)
    on = tuple(alarm for alarm in alarms if alarm.state is State.ALARM)
    return Digest(
        on=on,
        over=tuple(alarm for alarm in alarms if alarm.state is State.OK),
        unclear=tuple(alarm for alarm in alarms if alarm.state is State.INSUFFICIENT_DATA),
        others=tuple(notice for notice in ordered if notice.state is None),
        common=_common(on),
        begin=ordered[0].at,
        end=ordered[-1].at,
    )


def _come_to(changes: list[Notice], names: StackNames) -> AlarmNow:
    latest = changes[-1]
    # Since when it is in its state: repeated notices of the same state do not begin it anew.
    since = latest.at
    for notice in reversed(changes):
        if notice.state is not latest.state:
            break
        since = notice.at
    serial, rule = names.site_of_alarm(latest.alarm) or ("", "")
    serial = latest.gateway_serial or serial
    text = _TEXT.get(rule) or latest.description or latest.alarm
    return AlarmNow(
        name=latest.alarm,
        gateway_serial=serial,
        rule=rule if rule in _TEXT else "",
        text=text,
        state=latest.state or State.ALARM,
        since=since,
        changes=len(changes),
        was_on=any(notice.state is State.ALARM for notice in changes),
        notice=latest,
    )


def _common(on: Iterable[AlarmNow]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    sites: dict[str, list[str]] = {}
    for alarm in on:
        if alarm.rule and alarm.gateway_serial:
            sites.setdefault(alarm.rule, []).append(alarm.gateway_serial)
    counts = Counter({rule: len(serials) for rule, serials in sites.items() if len(serials) >= MANY})
    return tuple((rule, tuple(sorted(sites[rule]))) for rule, _ in counts.most_common())


def text_of(rule: str) -> str:
    """Return what is the matter when a site's alarm of this rule is on."""
    return _TEXT[rule]
