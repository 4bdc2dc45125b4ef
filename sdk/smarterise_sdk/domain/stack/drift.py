"""Where the rest of the stack does not follow the site file: alarm actions and collection schedules.

Pure: what was found against what the file asks for. Who looks and who repairs is `site-config-manager`.
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
    """An alarm as it is: its name, and whether its actions are on."""

    name: str
    has_actions: bool


@dataclass(frozen=True, slots=True)
class FoundRule:
    """A scheduled rule as it is.

    Attributes:
        tier: The tier it is named for.
        name: Its name.
        schedule: Its schedule expression.
        is_enabled: Whether it runs.
        collects: Whether it has the collecting function as a target, told to collect that tier.
    """

    tier: Tier
    name: str
    schedule: str
    is_enabled: bool
    collects: bool


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One thing that does not follow the file.

    Attributes:
        change: What it is, and what it should be.
        issue: Why it is not put right; empty when it was, or can be.
        repaired: Whether it was put right.
    """

    change: StackChange
    issue: str = ""
    repaired: bool = False

    @property
    def can_repair(self) -> bool:
        """Whether it is to be put right, and was not yet."""
        return not self.issue and not self.repaired

    @property
    def switches_off(self) -> bool:
        """Whether putting it right switches something off."""
        return self.change.after in (OFF, DISABLED)

    def left(self, issue: str) -> DriftItem:
        """Return it as not put right, and why."""
        return replace(self, issue=issue, repaired=False)

    def put_right(self) -> DriftItem:
        """Return it as put right."""
        return replace(self, repaired=True)

    def to_row(self) -> JsonObject:
        """Return it as one JSON-ready object."""
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
    """Return the alarms whose actions are not as their site's tier asks: on while it is live, else off.

    Alarms of a serial that is not in the file are told, when they are of the kind that sites have; what they
    are for is not ours to say, so nothing is done to them.

    Args:
        sites: The file's sites, by gateway serial.
        alarms: What was found.
        names: What things are called.
    """
    return tuple(drift_item for alarm in alarms for drift_item in _of_alarm(alarm, sites, names))


def schedule_drift(
    sites: Mapping[str, Site], rules: Sequence[FoundRule], names: StackNames
) -> tuple[DriftItem, ...]:
    """Return what keeps the files of a tier that has enabled sites from being collected.

    A tier is collected when one of its rules is enabled and has the collecting function as its target. Rules
    that exist but are disabled can be enabled again; what is missing is made where the stack is made.

    Args:
        sites: The file's sites, by gateway serial.
        rules: What was found, of both tiers.
        names: What things are called.
    """
    needed = {site.tier for site in sites.values() if site.enabled}
    return tuple(
        drift_item
        for tier in Tier
        if tier in needed
        for drift_item in _of_tier(tier, [rule for rule in rules if rule.tier is tier], names)
    )


def withheld(drift_items: Iterable[DriftItem], why: str) -> tuple[DriftItem, ...]:
    """Return deviations with those left alone whose repair would switch something off.

    Args:
        drift_items: What was found.
        why: The reason, for whoever reads it.
    """
    return tuple(
        drift_item.left(why) if drift_item.can_repair and drift_item.switches_off else drift_item
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
        before = f"there, actions {ON if alarm.has_actions else OFF}"
        yield DriftItem(
            StackChange(STRAY_ALARM, alarm.name, before, "not there", serial),
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
    aimed = f'target {names.ftp_to_s3} with {{"site_tier": "{tier.value}"}}'
    remedy = "Terraform makes the schedules: apply it"
    for rule in rules:
        yield DriftItem(StackChange(SCHEDULE, rule.name, f"without the {aimed}", aimed), remedy)
    if not rules:
        absent = f"no scheduled rule {names.rule_prefix(tier)}*"
        yield DriftItem(StackChange(SCHEDULE, names.sweep_rule(tier), absent, aimed), remedy)
