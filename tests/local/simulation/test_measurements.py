"""What simulated meters measure: repeatable, physical, and ailing as told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.local.simulation.fleet import NOMINAL_VOLTAGE, Fault, SimulatedSite, simulated_fleet
from smarterise_ops.local.simulation.measurements import (
    FACTORY_CLOCK,
    REGISTERS_START,
    Measurement,
    SimulatedTime,
    character_of,
    load_share,
    measure,
    speaks,
    timestamp,
)
from smarterise_sdk.domain.readings.voltage_quality import u2

SEED = 7
FLEET = simulated_fleet(60, SEED)
HEALTHY = [site for site in FLEET if site.fault is None]
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)

sites = st.sampled_from(FLEET)
timestamps = st.datetimes(
    REGISTERS_START.replace(tzinfo=None),
    REGISTERS_START.replace(year=2034, tzinfo=None),
    timezones=st.just(UTC),
)


def ailing(fault: Fault) -> SimulatedSite:
    return replace(HEALTHY[5], fault=fault)


def test_the_simulated_day_runs_as_fast_as_asked() -> None:
    day = SimulatedTime(NOW, 100.0)
    assert day.at(NOW) == NOW
    assert day.at(NOW + timedelta(minutes=1)) == NOW + timedelta(minutes=100)
    assert day.at(NOW - timedelta(minutes=1)) == NOW - timedelta(minutes=100)


@given(site=sites, at=timestamps)
def test_the_same_moment_measures_the_same(site: SimulatedSite, at: datetime) -> None:
    assert measure(site, SEED, at) == measure(site, SEED, at)


@given(site=sites, at=timestamps)
def test_another_seed_measures_something_else(site: SimulatedSite, at: datetime) -> None:
    assert measure(site, SEED, at) != measure(site, SEED + 1, at)


@given(site=sites, first=timestamps, later=st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
def test_energy_registers_never_fall(site: SimulatedSite, first: datetime, later: timedelta) -> None:
    before, after = measure(site, SEED, first), measure(site, SEED, first + later)
    if site.fault is Fault.METER_OFFLINE:
        assert after == before
    else:
        assert after.energy_import > before.energy_import
    assert after.energy_export >= before.energy_export


@given(site=st.sampled_from(HEALTHY), at=timestamps)
def test_energy_is_the_integral_of_power(site: SimulatedSite, at: datetime) -> None:
    minutes = [at + timedelta(minutes=minute) for minute in range(61)]
    powers = [site.capacity_kva * load_share(character_of(site, SEED), minute) for minute in minutes]
    measured = measure(site, SEED, minutes[-1]).energy_import - measure(site, SEED, at).energy_import
    assert measured == pytest.approx(fmean(powers), rel=0.01)


@given(site=st.sampled_from(HEALTHY), at=timestamps)
def test_healthy_sites_are_within_their_limits(site: SimulatedSite, at: datetime) -> None:
    measured = measure(site, SEED, at)
    assert all(0.9 * NOMINAL_VOLTAGE < volts < 1.1 * NOMINAL_VOLTAGE for volts in measured.line_to_neutral)
    assert u2(*measured.line_to_line) < 1.5
    assert 49.5 < measured.frequency < 50.5
    assert 0 < sum(measured.active_power) < 1.2 * site.capacity_kva


@given(site=st.sampled_from(HEALTHY), at=timestamps)
def test_power_agrees_with_voltage_and_current(site: SimulatedSite, at: datetime) -> None:
    measured = measure(site, SEED, at)
    for volts, amperes, apparent in zip(
        measured.line_to_neutral, measured.currents, measured.apparent_power, strict=True
    ):
        assert volts * amperes / 1000 == pytest.approx(apparent)


@given(at=timestamps)
def test_the_grid_has_one_frequency(at: datetime) -> None:
    assert len({measure(site, SEED, at).frequency for site in HEALTHY[:5]}) == 1


def test_the_load_has_the_shape_of_a_day() -> None:
    for site in HEALTHY:
        by_hour = [load_share(character_of(site, SEED), NOW.replace(hour=hour)) for hour in range(24)]
        assert max(by_hour) > 1.3 * min(by_hour) > 0
        assert by_hour.index(max(by_hour)) not in range(2, 16)  # evening, UTC
        assert 2 <= by_hour.index(min(by_hour)) <= 14


def test_a_dead_phase_has_neither_volts_nor_amperes() -> None:
    measured = measure(ailing(Fault.DEAD_PHASE), SEED, NOW)
    dead = [phase for phase, volts in enumerate(measured.line_to_neutral) if volts < 10]
    assert len(dead) == 1
    assert measured.currents[dead[0]] == measured.active_power[dead[0]] == 0
    assert all(volts > 200 for at, volts in enumerate(measured.line_to_neutral) if at != dead[0])


def test_an_unbalanced_site_is_beyond_two_percent_but_within_its_band() -> None:
    measured = measure(ailing(Fault.UNBALANCE), SEED, NOW)
    assert u2(*measured.line_to_line) > 2
    assert all(207 < volts < 253 for volts in measured.line_to_neutral)


def test_a_site_with_low_voltage_is_below_its_band_on_all_phases() -> None:
    measured = measure(ailing(Fault.LOW_VOLTAGE), SEED, NOW)
    assert all(150 < volts < 207 for volts in measured.line_to_neutral)


def test_a_lost_meter_repeats_its_last_values() -> None:
    def values(at: datetime) -> Measurement:
        return measure(ailing(Fault.METER_OFFLINE), SEED, at)

    assert values(NOW) == values(NOW + timedelta(hours=5))


def test_a_failed_clock_is_near_the_year_2000_and_runs() -> None:
    site = ailing(Fault.CLOCK_FAULT)
    told = timestamp(site, NOW)
    assert FACTORY_CLOCK <= told < FACTORY_CLOCK + timedelta(days=1)
    assert timestamp(site, NOW + timedelta(seconds=10)) - told == timedelta(seconds=10)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.CLOCK_FAULT])
def test_other_clocks_are_right(fault: Fault) -> None:
    assert timestamp(ailing(fault), NOW) == NOW


def test_a_silent_gateway_speaks_ten_minutes_an_hour_and_others_always() -> None:
    minutes = [NOW + timedelta(minutes=minute) for minute in range(60)]
    silent = ailing(Fault.SILENT_GATEWAY)
    assert 9 <= sum(speaks(silent, SEED, minute) for minute in minutes) <= 11
    assert all(speaks(HEALTHY[0], SEED, minute) for minute in minutes)
