"""What a change of sites is said to bring about: what the stack really does, and not a word more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from smarterise_sdk.domain.sites.document import new_site_tiers
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.plans import SiteChange
from smarterise_sdk.domain.sites.updates import replace_sites
from smarterise_sdk.domain.stack.schedules import Schedule
from smarterise_sdk.services.sites.effects import PlanContext, cost_of, effects_of

NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
CRITICAL, FTP = {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"}
OFF = {"tier": "CRITICAL", "enabled": False}
SWEEPS = (
    Schedule(Tier.CRITICAL, "critical-sites-ftp-sweep", "cron(0/15 * * * ? *)", True),
    Schedule(Tier.NON_CRITICAL, "non-critical-sites-ftp-sweep", "cron(0 * * * ? *)", True),
)

STREAM_ON = "stream on, readings are let in within half a minute"
STREAM_OFF = "stream off, readings are turned away within half a minute though the gateways go on publishing"
BACKUP = "FTP as backup every 15 min, next 12:15Z"
BY_FTP = "FTP every 60 min, next 13:00Z"
OFTEN = "readings expected every 1 min, stale after 2 min"
HOURLY = "readings expected every 60 min, stale after 120 min"
NEW = "new, without alarms until these are deployed"
LIMITS = "alarms keep their limits until they are deployed anew"
NOT_JUDGED = "disabled, no readings expected, not judged"


def effects(
    *steps: tuple[dict[str, Any] | None, dict[str, Any] | None], schedules: Any = SWEEPS
) -> tuple[str, ...]:
    changes = [SiteChange(f"AN{number}", *step) for number, step in enumerate(steps)]
    return effects_of(changes, PlanContext(NOW, schedules))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            CRITICAL,
            FTP,
            [STREAM_OFF, "alarm actions off, 8 alarms", BY_FTP, HOURLY, "11 custom metrics go on with FTP"],
        ),
        (
            FTP,
            CRITICAL,
            [
                STREAM_ON,
                "alarm actions on, 8 alarms",
                BACKUP,
                OFTEN,
                "11 custom metrics go on, by the stream",
            ],
        ),
        (
            CRITICAL,
            OFF,
            [STREAM_OFF, "alarm actions off, 8 alarms", "no FTP", NOT_JUDGED, "11 custom metrics end"],
        ),
        (
            OFF,
            CRITICAL,
            [STREAM_ON, "alarm actions on, 8 alarms", BACKUP, OFTEN, "11 custom metrics begin"],
        ),
        (FTP, {**FTP, "enabled": False}, ["no FTP", NOT_JUDGED, "11 custom metrics end"]),
        (OFF, FTP, [BY_FTP, HOURLY, "11 custom metrics begin"]),
        (None, CRITICAL, [STREAM_ON, BACKUP, OFTEN, "11 custom metrics begin", NEW]),
        (None, FTP, [BY_FTP, HOURLY, "11 custom metrics begin", NEW]),
        (None, OFF, ["no FTP", NOT_JUDGED, NEW]),
        (
            CRITICAL,
            {**CRITICAL, "nominal_voltage": 240},
            [f"voltages are judged by the new nominal voltage; {LIMITS}"],
        ),
        (
            CRITICAL,
            {**CRITICAL, "quality_profile": "c84.1"},
            [f"voltages are judged by the new profile; {LIMITS}"],
        ),
        (CRITICAL, {**CRITICAL, "capacity_kva": 500}, ["load is shown as a share of the new capacity"]),
        (CRITICAL, {**CRITICAL, "name": "x"}, ["the file alone; all is collected and judged as before"]),
        (OFF, {**FTP, "enabled": False}, ["the file alone; all is collected and judged as before"]),
    ],
)
def test_causes(before: dict[str, Any] | None, after: dict[str, Any], told: list[str]) -> None:
    assert effects((before, after)) == tuple(f"1 site: {text}" for text in told)


def test_a_site_taken_out_is_not_stopped_by_that() -> None:
    [sentence] = effects((CRITICAL, None))
    assert "let into the stream" in sentence
    assert "disable a site to stop both" in sentence


def test_sites_are_counted_together_and_apart() -> None:
    told = effects(
        (CRITICAL, {**FTP, "nominal_voltage": 240}), (CRITICAL, FTP), (FTP, CRITICAL), (CRITICAL, OFF)
    )
    assert told[0] == f"1 site: {STREAM_ON}"
    assert told[1] == f"3 sites: {STREAM_OFF}"
    assert "1 site: alarm actions on, 8 alarms" in told
    assert "3 sites: alarm actions off, 24 alarms" in told
    assert f"2 sites: {BY_FTP}" in told
    assert "2 sites: 22 custom metrics go on with FTP" in told
    assert "1 site: 11 custom metrics end" in told
    assert effects() == ()


@pytest.mark.parametrize(
    ("schedules", "text"),
    [
        (None, "FTP when NON_CRITICAL sites have it; the schedules could not be told"),
        ((), "no FTP: there is no schedule for NON_CRITICAL sites"),
        (SWEEPS[:1], "no FTP: there is no schedule for NON_CRITICAL sites"),
        (
            (Schedule(Tier.NON_CRITICAL, "sweep\x1b", "cron(0 * * * ? *)", False),),
            "no FTP: the schedule for NON_CRITICAL sites is disabled (sweep\\x1b)",
        ),
        (
            (
                Schedule(Tier.NON_CRITICAL, "a", "rate(2 hours)", True),
                Schedule(Tier.NON_CRITICAL, "b", "cron(0 18 * * ? *)", True),
                Schedule(Tier.NON_CRITICAL, "c", "cron(0 14 * * ? *)", True),
                Schedule(Tier.NON_CRITICAL, "d", "cron(0 13 * * ? *)", False),
            ),
            "FTP every 2 h and every 24 h, next 14:00Z",
        ),
        ((Schedule(Tier.NON_CRITICAL, "a", "rate(2 hours)", True),), "FTP every 2 h, next time unknown"),
    ],
)
def test_when_files_are_collected_is_never_made_up(schedules: Any, text: str) -> None:
    assert f"1 site: {text}" in effects((CRITICAL, FTP), schedules=schedules)


# Costs ----------------------------------------------------------------------------------------------


def cost(fleet: dict[str, Any], **replacements: Any) -> tuple[float | None, tuple[str, ...]]:
    before = new_site_tiers(fleet)
    update = replace_sites(before, replacements)
    return cost_of(before, update.document, update.changed)


def test_a_tier_costs_a_little_and_says_what_stays_the_same() -> None:
    usd, [sentence] = cost({"AN1": CRITICAL, "AN2": CRITICAL, "AN3": CRITICAL}, AN1=FTP, AN2=FTP)
    assert usd == -0.44
    assert sentence == (
        "cost: −0.44 USD a month by list prices (custom metrics cost the same, objects in the lake −0.44); "
        "alarms cost the same"
    )
    assert cost({"AN1": FTP}, AN1=CRITICAL)[0] == 0.22


def test_disabling_saves_the_metrics_too() -> None:
    usd, [sentence] = cost({"AN1": CRITICAL}, AN1=OFF)
    assert usd == -3.52
    assert "custom metrics −3.30, objects in the lake −0.22" in sentence


def test_what_costs_nothing_says_nothing() -> None:
    assert cost({"AN1": CRITICAL}, AN1={**CRITICAL, "name": "x"}) == (0.0, ())
    assert cost({"AN1": CRITICAL}) == (0.0, ())


def test_switching_one_on_and_one_off_is_told_as_the_same() -> None:
    assert cost({"AN1": CRITICAL, "AN2": FTP}, AN1=FTP, AN2=CRITICAL) == (
        0.0,
        ("cost: the same, by list prices",),
    )


def test_what_a_site_taken_out_saves_is_not_known() -> None:
    usd, [sentence] = cost({"AN1": CRITICAL, "AN2": CRITICAL}, AN1=None, AN2=FTP)
    assert usd is None
    assert "not known" in sentence


def test_large_amounts_are_readable() -> None:
    fleet: dict[str, Any] = {f"AN{number}": OFF for number in range(10_000)}
    usd, [sentence] = cost(fleet, **dict.fromkeys(fleet, CRITICAL))
    assert usd is not None
    assert usd > 10_000
    assert sentence.startswith("cost: +15,")
