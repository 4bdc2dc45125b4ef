"""What simulated gateways say: the real firmware's message, understood by the real parser."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_ops.local.simulation.fleet import Fault, Firmware, SimulatedSite, simulated_fleet
from smarterise_ops.local.simulation.measurements import measure
from smarterise_ops.local.simulation.mqtt_payload import NOT_THERE, message
from smarterise_sdk.domain.readings.model import METER_OFFLINE, Quantity
from smarterise_sdk.domain.readings.mqtt import RejectedReading, RejectReason, parse_mqtt

SEED = 7
FLEET = simulated_fleet(60, SEED)
HEALTHY = [site for site in FLEET if site.fault is None]
NOW = datetime(2026, 3, 4, 12, 0, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def said_by(site: SimulatedSite, now: datetime = NOW) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(message(site, SEED, now, now))
    return said


@given(site=st.sampled_from(FLEET), seconds=st.integers(0, 10**8))
def test_the_same_arguments_give_the_same_bytes(site: SimulatedSite, seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    assert message(site, SEED, at, at) == message(site, SEED, at, at)


@pytest.mark.parametrize("site", FLEET, ids=lambda site: site.gateway_serial)
def test_a_message_has_the_real_shape_and_size(site: SimulatedSite) -> None:
    said = said_by(site)
    readings = said["device"]["readings"]
    assert 280 <= len(readings) <= 300
    assert len({reading["param"] for reading in readings}) == len(readings)
    assert all(set(reading) == {"param", "value", "unit"} for reading in readings)
    assert all(isinstance(reading["value"], str) for reading in readings)
    assert sum(reading["value"] == NOT_THERE for reading in readings) >= 8
    assert said["gateway"]["serial"] == site.gateway_serial
    assert said["device"]["serial"] == site.meter_serial
    assert len(message(site, SEED, NOW, NOW)) < 128 * 1024


@pytest.mark.parametrize("firmware", Firmware)
@pytest.mark.parametrize("index", range(5))
def test_the_parser_finds_every_quantity_as_measured(firmware: Firmware, index: int) -> None:
    site = replace(HEALTHY[index], firmware=firmware)
    reading = parse_mqtt(message(site, SEED, NOW, NOW), received_at=NOW)
    measured = measure(site, SEED, NOW)
    assert set(reading.values) == set(Quantity)
    assert reading.gateway_serial == site.gateway_serial
    assert reading.measured_at == NOW
    assert reading.values[Quantity.VOLTAGE_A] == pytest.approx(measured.line_to_neutral[0], abs=0.006)
    assert reading.values[Quantity.VOLTAGE_CA] == pytest.approx(measured.line_to_line[2], abs=0.006)
    assert reading.values[Quantity.ACTIVE_POWER_TOTAL] == pytest.approx(sum(measured.active_power), abs=0.002)
    assert reading.values[Quantity.ENERGY_IMPORT] == pytest.approx(measured.energy_import, abs=0.06)
    assert reading.values[Quantity.CURRENT_N] == pytest.approx(measured.neutral_current, abs=0.001)


def test_the_two_firmwares_say_the_same_in_different_words() -> None:
    one, other = (replace(HEALTHY[3], firmware=firmware) for firmware in Firmware)
    names = [{reading["param"] for reading in said_by(site)["device"]["readings"]} for site in (one, other)]
    assert "Psum" in names[0] - names[1]
    assert "Psum_kW" in names[1] - names[0]
    values = [parse_mqtt(message(site, SEED, NOW, NOW), received_at=NOW).values for site in (one, other)]
    assert dict(values[0]) == pytest.approx(dict(values[1]), abs=0.051)


def test_messages_of_one_site_differ_from_second_to_second() -> None:
    assert message(HEALTHY[0], SEED, NOW, NOW) != message(HEALTHY[0], SEED, NOW + MINUTE, NOW + MINUTE)


def test_a_lost_meter_is_told_as_offline() -> None:
    site = replace(HEALTHY[0], fault=Fault.METER_OFFLINE)
    assert said_by(site)["device"]["online"] is False
    reading = parse_mqtt(message(site, SEED, NOW, NOW), received_at=NOW)
    assert not reading.device_online
    assert METER_OFFLINE in reading.flags


def test_a_failed_clock_is_rejected_as_such() -> None:
    site = replace(HEALTHY[0], fault=Fault.CLOCK_FAULT)
    with pytest.raises(RejectedReading) as refused:
        parse_mqtt(message(site, SEED, NOW, NOW), received_at=NOW)
    assert refused.value.reason is RejectReason.CLOCK_FAULT


def test_a_dead_phase_has_no_harmonics() -> None:
    readings = said_by(replace(HEALTHY[0], fault=Fault.DEAD_PHASE))["device"]["readings"]
    dead = [reading["param"] for reading in readings if reading["value"] == NOT_THERE]
    assert sum(name.startswith("Har") for name in dead) == 60  # the phase's voltage and its current
