"""Drift detection: each drift item is reported once, and is gone after its repair."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.sites.plans import StackChange
from smarterise_sdk.domain.stack.alarms import ALARM_RULES
from smarterise_sdk.domain.stack.drift import (
    ALARM_ACTIONS,
    OFF,
    ON,
    SCHEDULE,
    STRAY_ALARM,
    DriftItem,
    FoundAlarm,
    FoundRule,
    alarm_drift,
    schedule_drift,
    withheld,
)
from smarterise_sdk.domain.stack.names import StackNames

NAMES = StackNames()
RULES = [rule.name for rule in ALARM_RULES]
SERIALS = ["AN54101471", "ehm21120333", "AN1", "smartmeter"]

serials = st.sampled_from([*SERIALS, "AN999", "ghost"])
fleets = st.dictionaries(
    st.sampled_from(SERIALS), st.tuples(st.sampled_from(Tier), st.booleans()), max_size=4
).map(lambda found: {serial: Site(serial, tier, enabled) for serial, (tier, enabled) in found.items()})
alarm_names = st.one_of(
    st.builds(NAMES.alarm, serials, st.sampled_from([*RULES, "by-hand"])),
    st.sampled_from(
        ["smartmeter", "smartmeter-", "smartmeter-AN1", "smartmeter--no-data", "other-AN1-no-data"]
    ),
    st.text(max_size=30),
)
alarm_sets = st.lists(st.builds(FoundAlarm, alarm_names, st.booleans()), unique_by=lambda alarm: alarm.name)
rule_sets = st.lists(
    st.builds(
        FoundRule,
        st.sampled_from(Tier),
        st.text("ab", min_size=1, max_size=4),
        st.just("rate(15 minutes)"),
        st.booleans(),
        st.booleans(),
    ),
    unique_by=lambda rule: rule.name,
    max_size=4,
)


@given(fleets, alarm_sets)
def test_what_is_reported_puts_every_alarm_of_a_known_site_right(
    sites: dict[str, Site], alarms: list[FoundAlarm]
) -> None:
    drift = alarm_drift(sites, alarms, NAMES)
    wanted = {one.change.subject: one.change.after == ON for one in drift if one.can_repair}
    repaired = [replace(alarm, has_actions=wanted.get(alarm.name, alarm.has_actions)) for alarm in alarms]

    assert not [one for one in alarm_drift(sites, repaired, NAMES) if one.can_repair]
    for before, after in zip(alarms, repaired, strict=True):
        named_for = NAMES.site_of_alarm(after.name)
        if named_for is not None and named_for[0] in sites:
            assert after.has_actions == sites[named_for[0]].has_alarm_actions
        else:
            assert after == before


@given(fleets, alarm_sets)
def test_alarms_of_no_site_are_reported_and_never_touched(
    sites: dict[str, Site], alarms: list[FoundAlarm]
) -> None:
    for drift_item in alarm_drift(sites, alarms, NAMES):
        change = drift_item.change
        assert (change.gateway_serial in sites) == (change.kind == ALARM_ACTIONS) == drift_item.can_repair
        assert change.kind in (ALARM_ACTIONS, STRAY_ALARM)
        assert drift_item.can_repair or change.gateway_serial in drift_item.issue


@given(fleets, rule_sets)
def test_enabling_what_is_reported_leaves_only_what_terraform_makes(
    sites: dict[str, Site], rules: list[FoundRule]
) -> None:
    drift = schedule_drift(sites, rules, NAMES)
    enabled = {one.change.subject for one in drift if one.can_repair}
    repaired = [replace(rule, is_enabled=rule.is_enabled or rule.name in enabled) for rule in rules]
    left = schedule_drift(sites, repaired, NAMES)

    assert all("Terraform" in drift_item.issue for drift_item in left)
    assert not any(drift_item.switches_off for drift_item in drift)
    for tier in {site.tier for site in sites.values() if site.enabled}:
        collected = any(rule.tier is tier and rule.collects and rule.is_enabled for rule in repaired)
        reported = [one for one in left if f'"{tier}"' in one.change.after]
        assert collected != bool(reported)


@given(fleets, alarm_sets)
def test_with_a_bad_file_nothing_is_switched_off(sites: dict[str, Site], alarms: list[FoundAlarm]) -> None:
    drift = alarm_drift(sites, alarms, NAMES)
    held = withheld(drift, "the file is bad")
    assert not [one for one in held if one.can_repair and one.change.after == OFF]
    assert [one.change for one in held] == [one.change for one in drift]
    for before, after in zip(drift, held, strict=True):
        assert after == before or (after.issue == "the file is bad" and before.switches_off)


def test_a_tier_without_enabled_sites_needs_no_schedule() -> None:
    sites = {"AN1": Site("AN1", Tier.NON_CRITICAL, enabled=False)}
    assert schedule_drift(sites, [], NAMES) == ()
    assert schedule_drift({}, [], NAMES) == ()


def test_each_way_a_tier_can_be_left_uncollected_is_reported() -> None:
    sites = {"AN1": Site("AN1", Tier.CRITICAL)}
    rule = FoundRule(Tier.CRITICAL, "critical-sites-ftp-sweep", "rate(15 minutes)", False, True)
    aimed = 'target ftp_to_s3 with {"site_tier": "CRITICAL"}'

    (disabled,) = schedule_drift(sites, [rule], NAMES)
    assert disabled == DriftItem(StackChange(SCHEDULE, rule.name, "disabled", "enabled"))
    (aimless,) = schedule_drift(sites, [replace(rule, is_enabled=True, collects=False)], NAMES)
    assert (aimless.change.before, aimless.change.after) == (f"no {aimed}", aimed)
    (absent,) = schedule_drift(sites, [], NAMES)
    assert (absent.change.subject, absent.change.before) == (rule.name, "no scheduled rule critical-sites*")
    other = replace(rule, name="critical-sites-report", is_enabled=True, collects=False)
    assert schedule_drift(sites, [other, replace(rule, is_enabled=True)], NAMES) == ()


def test_an_alarm_reports_its_site_even_behind_a_prefix_with_hyphens() -> None:
    names = StackNames(alarm_prefix="prod-smart-meter")
    assert names.site_of_alarm(names.alarm("AN1", "voltage-a-low")) == ("AN1", "voltage-a-low")
    assert names.site_of_alarm("prod-smart-AN1-no-data") is None


def test_a_row_reports_all_of_it() -> None:
    drift_item = DriftItem(StackChange(ALARM_ACTIONS, "smartmeter-AN1-no-data", ON, OFF, "AN1"))
    assert drift_item.as_repaired().to_row() == {
        "kind": "alarm actions",
        "subject": "smartmeter-AN1-no-data",
        "gateway_serial": "AN1",
        "before": "on",
        "after": "off",
        "repaired": True,
        "error": "",
    }
    assert drift_item.skipped("denied").to_row()["error"] == "denied"
