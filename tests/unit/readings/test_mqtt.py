"""MQTT payloads of both dialects: parsing and rejection."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.model import CONFLICTING_VALUES, METER_OFFLINE, Quantity, Source
from smarterise_sdk.domain.readings.mqtt import RejectedReading, RejectReason, parse_mqtt
from smarterise_sdk.domain.readings.voltage_quality import Unbalance, UnbalanceMethod

Payload = Callable[..., bytes]
RECEIVED = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


def reason_of(payload: bytes) -> RejectReason:
    with pytest.raises(RejectedReading) as rejected:
        parse_mqtt(payload, received_at=RECEIVED)
    assert rejected.value.message
    assert rejected.value.message.isprintable()
    return rejected.value.reason


def one(param: str, value: Any, unit: str = "") -> dict[str, Any]:
    return {"param": param, "value": value, "unit": unit}


def test_real_firmware_is_understood(nested: Payload) -> None:
    reading = parse_mqtt(nested(), received_at=RECEIVED)
    assert (reading.gateway_serial, reading.device_serial) == ("AN54101471", "CLD00000001")
    assert (reading.gateway_model, reading.device_model) == ("AXM-WEB2", "Acuvim-L")
    assert reading.measured_at == RECEIVED - timedelta(seconds=10)
    assert (reading.source, reading.device_online, reading.ignored, reading.flags) == (
        Source.IOT,
        True,
        0,
        (),
    )
    assert len(reading.values) == 22
    assert reading.values[Quantity.VOLTAGE_B] == 231.4
    assert reading.values[Quantity.CURRENT_N] == 15.3
    assert reading.values[Quantity.ENERGY_IMPORT] == 12530.5
    assert reading.unbalance == Unbalance(0.0, UnbalanceMethod.U2)


def test_the_manuals_dialect_is_understood(flat: Payload) -> None:
    reading = parse_mqtt(flat(), received_at=RECEIVED)
    assert (reading.gateway_serial, reading.device_serial) == ("ehm21120333", "")
    assert reading.measured_at == datetime(2026, 3, 1, 12, 4, 50, tzinfo=UTC)
    assert reading.values[Quantity.ACTIVE_POWER_TOTAL] == 10.53, "not 10.530000000000001"
    assert reading.unbalance == Unbalance(0.0, UnbalanceMethod.PVUR)
    assert reading.device_online is True


def test_the_order_of_parameters_does_not_matter(nested: Payload) -> None:
    document = json.loads(nested())
    document["device"]["readings"].reverse()
    reversed_reading = parse_mqtt(json.dumps(document).encode(), received_at=RECEIVED)
    assert reversed_reading == parse_mqtt(nested(), received_at=RECEIVED)


@pytest.mark.parametrize(
    "value",
    ["----", "", "L", "NaN", "nan", "Infinity", "-inf", "1_000", "1e400", "1e13", None, True, [], {}],
)
def test_values_that_are_no_number_are_left_out_and_counted(nested: Payload, value: Any) -> None:
    readings = [one("V1", value, "V"), one("V2", "230.1", "V"), one("LoadType", "L")]
    reading = parse_mqtt(nested(device={"readings": readings}), received_at=RECEIVED)
    assert reading.values == {Quantity.VOLTAGE_B: 230.1}
    assert reading.ignored == 1


def test_bare_constants_that_json_forbids_are_left_out_too() -> None:
    readings = b'[{"param": "V1", "value": NaN, "unit": "V"}, {"param": "V2", "value": 230, "unit": "V"}]'
    payload = b'{"timestamp": 1772366690, "gateway": {"serial": "AN1"}, "readings": %s}' % readings
    assert parse_mqtt(payload, received_at=RECEIVED).values == {Quantity.VOLTAGE_B: 230.0}


@pytest.mark.parametrize("value", ["230.4", " 230.4 ", 230.4, "2.304e2", "+230.4"])
def test_numbers_come_as_text_or_as_numbers(nested: Payload, value: Any) -> None:
    reading = parse_mqtt(nested(device={"readings": [one("V1", value, "V")]}), received_at=RECEIVED)
    assert reading.values == {Quantity.VOLTAGE_A: 230.4}


@pytest.mark.parametrize(
    "entry", [None, 7, "V1", [], {}, {"value": "1"}, {"param": ["V1"], "value": "1"}, {"param": 7}]
)
def test_entries_that_are_no_readings_are_counted(nested: Payload, entry: Any) -> None:
    reading = parse_mqtt(nested(device={"readings": [entry, one("V1", "230", "V")]}), received_at=RECEIVED)
    assert (reading.values, reading.ignored) == ({Quantity.VOLTAGE_A: 230.0}, 1)


def test_the_first_of_two_contradicting_values_is_kept_and_flagged(nested: Payload) -> None:
    readings = [one("Psum", "10000", "W"), one("Psum_kW", "11", "kW")]
    reading = parse_mqtt(nested(device={"readings": readings}), received_at=RECEIVED)
    assert (reading.values, reading.flags) == ({Quantity.ACTIVE_POWER_TOTAL: 10.0}, (CONFLICTING_VALUES,))
    readings[1]["value"] = "10"
    assert parse_mqtt(nested(device={"readings": readings}), received_at=RECEIVED).flags == ()


def test_an_offline_meter_is_a_reading_even_without_a_value(nested: Payload) -> None:
    readings = [one(f"V{phase}", "----", "V") for phase in (1, 2, 3)]
    reading = parse_mqtt(nested(device={"online": False, "readings": readings}), received_at=RECEIVED)
    assert (reading.device_online, dict(reading.values), reading.flags) == (False, {}, (METER_OFFLINE,))
    stale = parse_mqtt(nested(device={"online": False}), received_at=RECEIVED)
    assert (stale.unbalance, len(stale.values)) == (None, 22)


@pytest.mark.parametrize(
    ("online", "expected"), [(True, True), ("true", True), (1, True), ("false", False), (0, False)]
)
def test_online_is_understood_as_firmware_spells_it(nested: Payload, online: Any, expected: bool) -> None:
    assert parse_mqtt(nested(device={"online": online}), received_at=RECEIVED).device_online is expected


@pytest.mark.parametrize(
    "timestamp",
    [
        1772366690,
        1772366690.0,
        1772366690000,
        "1772366690",
        "1772366690000",
        "2026-03-01T12:04:50Z",
        "2026-03-01T12:04:50+00:00",
        "2026-03-01T08:04:50-04:00",
        " 2026-03-01T12:04:50.000Z ",
    ],
)
def test_a_moment_is_understood_as_it_comes(nested: Payload, timestamp: Any) -> None:
    measured_at = parse_mqtt(nested(timestamp=timestamp), received_at=RECEIVED).measured_at
    assert measured_at == datetime(2026, 3, 1, 12, 4, 50, tzinfo=UTC)
    assert measured_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "timestamp",
    [None, True, [], {}, "", "yesterday", "2026-03-01T12:04:50", "2026-03-01", 1e300, "9" * 20, float("nan"),
     "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_a_moment_that_is_none_is_refused_and_no_zone_is_guessed(nested: Payload, timestamp: Any) -> None:
    assert reason_of(nested(timestamp=timestamp)) is RejectReason.BAD_TIMESTAMP


@pytest.mark.parametrize("timestamp", ["2000-01-01T00:00:00Z", 0, -5, 946684800, "2014-12-31T23:59:59Z"])
def test_a_clock_that_was_lost_is_reported(nested: Payload, timestamp: Any) -> None:
    assert reason_of(nested(timestamp=timestamp)) is RejectReason.CLOCK_FAULT


def test_the_future_is_taken_for_two_hours(nested: Payload) -> None:
    soon, later = (RECEIVED + timedelta(hours=2, seconds=second) for second in (0, 1))
    assert parse_mqtt(nested(timestamp=soon.isoformat()), received_at=RECEIVED).measured_at == soon
    assert reason_of(nested(timestamp=later.isoformat())) is RejectReason.CLOCK_FAULT


def test_old_readings_are_late_and_not_wrong(nested: Payload) -> None:
    timestamp = "2015-01-01T00:00:00Z"
    assert parse_mqtt(nested(timestamp=timestamp), received_at=RECEIVED).measured_at.year == 2015


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", RejectReason.NOT_JSON),
        (b"hello", RejectReason.NOT_JSON),
        (b'{"timestamp": 1', RejectReason.NOT_JSON),
        (b"\xff\xfe\x00", RejectReason.NOT_JSON),
        (b"[" * 100_000, RejectReason.NOT_JSON),
        (b'{"timestamp": ' + b"9" * 5000 + b"}", RejectReason.NOT_JSON),
        (b"[]", RejectReason.UNKNOWN_DIALECT),
        (b"null", RejectReason.UNKNOWN_DIALECT),
        (b"{}", RejectReason.UNKNOWN_DIALECT),
        (b'{"deviceId": "x", "metrics": []}', RejectReason.UNKNOWN_DIALECT),
        (b'{"readings": {"V1": 230}}', RejectReason.UNKNOWN_DIALECT),
    ],
)
def test_what_is_no_message_of_ours_is_refused(payload: bytes, reason: RejectReason) -> None:
    assert reason_of(payload) is reason


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ([], RejectReason.NO_READINGS),
        ([one("V1", "230", "V")] * 1001, RejectReason.TOO_MANY_READINGS),
        ([one("V1", "230", "V")] * 3000, RejectReason.TOO_MANY_READINGS),
        ([one("V1", "----", "V")], RejectReason.NO_USABLE_VALUES),
        ([one("THD_Va", "1.2", "%")], RejectReason.NO_USABLE_VALUES),
    ],
)
def test_too_few_and_too_many_readings_are_refused(
    nested: Payload, readings: list[Any], reason: RejectReason
) -> None:
    assert reason_of(nested(device={"readings": readings})) is reason


def test_a_thousand_readings_are_taken(nested: Payload) -> None:
    reading = parse_mqtt(nested(device={"readings": [one("V1", "230", "V")] * 1000}), received_at=RECEIVED)
    assert reading.values == {Quantity.VOLTAGE_A: 230.0}


@pytest.mark.parametrize(
    ("gateway", "reason"),
    [
        (None, RejectReason.NO_SERIAL),
        ({}, RejectReason.NO_SERIAL),
        ({"serial": ""}, RejectReason.NO_SERIAL),
        ({"serial": None}, RejectReason.NO_SERIAL),
        ({"serial": "a/b"}, RejectReason.BAD_SERIAL),
        ({"serial": "AN1\n"}, None),
        ({"serial": "AN\x00541"}, RejectReason.BAD_SERIAL),
        ({"serial": "x" * 65}, RejectReason.BAD_SERIAL),
        ({"serial": "../../etc"}, RejectReason.BAD_SERIAL),
        ({"serial": ["AN1"]}, RejectReason.BAD_SERIAL),
        ({"serial": 54101471}, None),
        ({"serial": 2**64 - 1}, None),
        ({"serial": 2**64}, RejectReason.BAD_SERIAL),  # a float to a reader that knows 64 bits alone
        ({"serial": True}, RejectReason.BAD_SERIAL),
        ({"serial": 541.0}, RejectReason.BAD_SERIAL),
    ],
)
def test_a_serial_is_letters_and_digits(nested: Payload, gateway: Any, reason: RejectReason | None) -> None:
    payload = nested(gateway=gateway)
    if reason is None:
        assert parse_mqtt(payload, received_at=RECEIVED).gateway_serial in {"AN1", "54101471", str(2**64 - 1)}
    else:
        assert reason_of(payload) is reason


def test_a_meters_serial_is_checked_and_may_be_absent(nested: Payload) -> None:
    for serial in ("CLD\ud800", 1.5, False, 2**64):
        assert reason_of(nested(device={"serial": serial})) is RejectReason.BAD_SERIAL
    assert parse_mqtt(nested(device={"serial": None}), received_at=RECEIVED).device_serial == ""


def test_labels_cannot_carry_what_a_database_or_terminal_chokes_on(nested: Payload) -> None:
    model = parse_mqtt(
        nested(device={"model": "A\x00B\ud800\x1b[2J" + "x" * 200}), received_at=RECEIVED
    ).device_model
    assert model.isprintable()
    assert len(model) == 64


def test_unbalance_minds_the_sites_nominal_voltage(nested: Payload) -> None:
    payload = nested(device={"readings": [one(f"V{phase}", 200 + phase, "V") for phase in (1, 2, 3)]})
    assert parse_mqtt(payload, received_at=RECEIVED).unbalance is not None
    assert parse_mqtt(payload, received_at=RECEIVED, nominal_voltage=11_000).unbalance is None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_reading_or_refused(payload: bytes) -> None:
    with pytest.raises(RejectedReading):
        parse_mqtt(payload, received_at=RECEIVED)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["serial", "readings", "param", "value", "unit", "online"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


DOCUMENTS = st.fixed_dictionaries(
    {
        "timestamp": ANY | st.just(1772366690),
        "gateway": ANY | st.just({"serial": "AN1"}),
        "device": ANY,
        "readings": ANY,
    }
)


@given(DOCUMENTS)
def test_any_document_is_a_reading_or_refused(document: dict[str, Any]) -> None:
    try:
        reading = parse_mqtt(json.dumps(document).encode(), received_at=RECEIVED)
    except RejectedReading:
        return
    assert reading.gateway_serial
    assert all(abs(value) <= 1e15 for value in reading.values.values())
