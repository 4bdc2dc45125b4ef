"""Detect drift of alarm actions and collection schedules from the site file.

Pure comparison; `site-config-manager` reads the current state and repairs the drift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import StackChange
from smarterise_sdk.domain.stack.alarms import ALARM_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.model import Site
    from smarterise_sdk.domain.stack.names import StackNames

ALARM_ACTIONS: Final = "alarm actions"
STRAY_ALARM: Final = "alarm without a site"
SCHEDULE: Final = "schedule"

ON: Final = "on"
OFF: Final = "off"
ENABLED: Final = "enabled"
DISABLED: Final = "disabled"

_RULE_NAMES = frozenset(rule.name for rule in ALARM_RULES)


@dataclass(frozen=True, slots=True)
class FoundAlarm:
    """Current state of an alarm: its name, and whether its actions are on."""

    name: str
    has_actions: bool


@dataclass(frozen=True, slots=True)
class FoundRule:
    """Current state of a scheduled rule.

    Attributes:
        tier: The tier according to its name.
        name: Name of the rule.
        schedule: Schedule expression.
        is_enabled: Whether it is enabled.
        collects: Whether a target invokes the FTP function for this tier.
    """

    tier: Tier
    name: str
    schedule: str
    is_enabled: bool
    collects: bool


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One alarm or schedule that differs from what the site file requires.

    Attributes:
        change: Current and required state.
        issue: Why it is not repaired; empty if it was, or can be.
        repaired: Whether it was repaired.
    """

    change: StackChange
    issue: str = ""
    repaired: bool = False

    @property
    def can_repair(self) -> bool:
        """Whether it can be repaired and is not repaired yet."""
        return not self.issue and not self.repaired

    @property
    def switches_off(self) -> bool:
        """Whether the repair switches something off."""
        return self.change.after in (OFF, DISABLED)

    def skipped(self, issue: str) -> DriftItem:
        """Return a copy that is marked as not repaired, with the reason."""
        return replace(self, issue=issue, repaired=False)

    def as_repaired(self) -> DriftItem:
        """Return a copy that is marked as repaired."""
        return replace(self, repaired=True)

    def to_row(self) -> JsonObject:
        """Return the drift item as a JSON object."""
        change = self.change
        return {
            "kind": change.kind,
            "subject": change.subject,
            "gateway_serial": change.gateway_serial,
            "before": change.before,
            "after": change.after,
            "repaired": self.repaired,
            "error": self.issue,
        }


def alarm_drift(
    sites: Mapping[str, Site], alarms: Iterable[FoundAlarm], names: StackNames
) -> tuple[DriftItem, ...]:
    """Return the alarms with wrong actions: they must be on while the site is streaming, else off.

    Site alarms of a serial that is not in the file are reported, but cannot be repaired.

    Args:
        sites: The file's sites, by gateway serial.
        alarms: The existing alarms.
        names: Names in the stack.
    """
    return tuple(drift_item for alarm in alarms for drift_item in _of_alarm(alarm, sites, names))


def schedule_drift(
    sites: Mapping[str, Site], rules: Sequence[FoundRule], names: StackNames
) -> tuple[DriftItem, ...]:
    """Return what prevents FTP collection for the tiers that have enabled sites.

    A tier is collected if one of its rules is enabled and has the FTP function as its target. Disabled rules
    can be enabled; missing rules must be created with Terraform.

    Args:
        sites: The file's sites, by gateway serial.
        rules: The existing rules of both tiers.
        names: Names in the stack.
    """
    needed = {site.tier for site in sites.values() if site.enabled}
    return tuple(
        drift_item
        for tier in Tier
        if tier in needed
        for drift_item in _of_tier(tier, [rule for rule in rules if rule.tier is tier], names)
    )


def withheld(drift_items: Iterable[DriftItem], why: str) -> tuple[DriftItem, ...]:
    """Return drift items, those marked as skipped whose repair would switch something off.

    Args:
        drift_items: The drift items.
        why: The reason shown to the operator.
    """
    return tuple(
        drift_item.skipped(why) if drift_item.can_repair and drift_item.switches_off else drift_item
        for drift_item in drift_items
    )


def _of_alarm(alarm: FoundAlarm, sites: Mapping[str, Site], names: StackNames) -> Iterator[DriftItem]:
    named_for = names.site_of_alarm(alarm.name)
    if named_for is None:
        return
    serial, rule = named_for
    site = sites.get(serial)
    if site is not None and site.has_alarm_actions != alarm.has_actions:
        before, after = (OFF, ON) if site.has_alarm_actions else (ON, OFF)
        yield DriftItem(StackChange(ALARM_ACTIONS, alarm.name, before, after, serial))
    elif site is None and rule in _RULE_NAMES:
        before = f"exists, actions {ON if alarm.has_actions else OFF}"
        yield DriftItem(
            StackChange(STRAY_ALARM, alarm.name, before, "does not exist", serial),
            f"{names.site_config_key} has no site {serial}: add it, or remove its alarms with Terraform",
        )


def _of_tier(tier: Tier, rules: Sequence[FoundRule], names: StackNames) -> Iterator[DriftItem]:
    collecting = [rule for rule in rules if rule.collects]
    if any(rule.is_enabled for rule in collecting):
        return
    for rule in collecting:
        yield DriftItem(StackChange(SCHEDULE, rule.name, DISABLED, ENABLED))
    if collecting:
        return
    required = f'target {names.ftp_to_s3} with {{"site_tier": "{tier.value}"}}'
    remedy = "schedules are created by Terraform: run terraform apply"
    for rule in rules:
        yield DriftItem(StackChange(SCHEDULE, rule.name, f"no {required}", required), remedy)
    if not rules:
        absent = f"no scheduled rule {names.rule_prefix(tier)}*"
        yield DriftItem(StackChange(SCHEDULE, names.sweep_rule(tier), absent, required), remedy)
