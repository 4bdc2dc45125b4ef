"""Parse MQTT payloads of both gateway dialects into a `Reading`, or reject them with a reason.

The firmware nests the values in `device` and uses epoch seconds; the dialect of the manual has them at the
top level, with an ISO 8601 timestamp and without a device serial. A message contains about 290 values, of
which a few dozen are stored. This is the hot path of the stream: plain loops and dictionaries only.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.readings.model import (
    CONFLICTING_VALUES,
    LINE_TO_LINE,
    LINE_TO_NEUTRAL,
    METER_OFFLINE,
    Quantity,
    Reading,
    Source,
)
from smarterise_sdk.domain.readings.number_text import number
from smarterise_sdk.domain.readings.parameters import PARAMETERS, scaled
from smarterise_sdk.domain.readings.timestamps import (
    CLOCK_TOLERANCE,
    EARLIEST_CLOCK,
    epoch_datetime,
    is_epoch_text,
)
from smarterise_sdk.domain.readings.voltage_quality import Phases, Unbalance, voltage_unbalance
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_sdk.domain.readings.parameters import Units

MAX_READINGS: Final = 1000
_DEVICE_SERIAL = re.compile(r"[A-Za-z0-9._:-]{0,64}\Z")
_OFFLINE_WORDS = frozenset({"false", "0", "no", "offline"})


class RejectReason(StrEnum):
    """Why a payload is rejected. The value is also its folder name in the quarantine."""

    NOT_JSON = "NOT_JSON"
    UNKNOWN_DIALECT = "UNKNOWN_DIALECT"
    NO_READINGS = "NO_READINGS"
    TOO_MANY_READINGS = "TOO_MANY_READINGS"
    NO_SERIAL = "NO_SERIAL"
    BAD_SERIAL = "BAD_SERIAL"
    BAD_TIMESTAMP = "BAD_TIMESTAMP"
    CLOCK_FAULT = "CLOCK_FAULT"
    NO_USABLE_VALUES = "NO_USABLE_VALUES"
    BAD_AGGREGATE = "BAD_AGGREGATE"
    REFUSED_BY_DATABASE = "REFUSED_BY_DATABASE"


class RejectedReading(ValueError):
    """A rejected payload: `reason` is a code, `message` the explanation."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


def load_json(payload: bytes) -> Any:
    """Parse JSON in UTF-8, with or without a byte order mark.

    Raises:
        ValueError: If it is not valid JSON.
        RecursionError: If it is nested too deeply.
    """
    return json.loads(payload.decode("utf-8-sig"))


def parse_mqtt(
    payload: bytes,
    *,
    received_at: datetime,
    nominal_voltage: float = 230.0,
    load: Callable[[bytes], Any] = load_json,
) -> Reading:
    """Parse one MQTT payload into a reading.

    Values that are not finite numbers (`"----"`, empty, text, NaN) are omitted and counted in `ignored`;
    parameters without a column are skipped. An offline meter needs no usable value.

    Args:
        payload: The message as published.
        received_at: Arrival time, UTC; limits the timestamps that are accepted.
        nominal_voltage: Nominal line-to-neutral voltage of the site, V.
        load: JSON parser that accepts and rejects the same input as `load_json`.

    Raises:
        RejectedReading: The payload is invalid.
    """
    message = _object_of(payload, load)
    gateway, device, entries = _dialect_of(message)
    if not entries:
        raise RejectedReading(RejectReason.NO_READINGS, "the list of readings is empty")
    if len(entries) > MAX_READINGS:
        text = f"{len(entries)} readings; the maximum is {MAX_READINGS}"
        raise RejectedReading(RejectReason.TOO_MANY_READINGS, text)
    gateway_serial = _gateway_serial(gateway)
    device_serial = _device_serial(device)
    measured_at = _plausible(_datetime_of(message.get("timestamp")), received_at)
    values, ignored, conflicting = _values_of(entries)
    online = _is_online(device)
    if online and not values:
        text = f"none of {len(entries)} readings has a usable value of a known quantity"
        raise RejectedReading(RejectReason.NO_USABLE_VALUES, text)
    flags = [METER_OFFLINE] if not online else []
    if conflicting:
        flags.append(CONFLICTING_VALUES)
    return Reading(
        gateway_serial=gateway_serial,
        device_serial=device_serial,
        measured_at=measured_at,
        source=Source.IOT,
        values=values,
        unbalance=unbalance_of(values, nominal_voltage) if online else None,
        device_online=online,
        gateway_model=_label(gateway.get("model")),
        device_model=_label(device.get("model")),
        ignored=ignored,
        flags=tuple(flags),
    )


def unbalance_of(values: dict[Quantity, float], nominal_voltage: float) -> Unbalance | None:
    """Return the voltage unbalance of measured values, or `None` if it cannot be computed.

    Args:
        values: Measured values.
        nominal_voltage: Nominal line-to-neutral voltage, V.
    """
    return voltage_unbalance(_phases(values, LINE_TO_LINE), _phases(values, LINE_TO_NEUTRAL), nominal_voltage)


def _phases(values: dict[Quantity, float], quantities: tuple[Quantity, Quantity, Quantity]) -> Phases:
    first, second, third = quantities
    return values.get(first), values.get(second), values.get(third)


def _object_of(payload: bytes, load: Callable[[bytes], Any]) -> dict[str, Any]:
    try:
        message = load(payload)
    except RecursionError as error:
        raise RejectedReading(RejectReason.NOT_JSON, "nested too deeply") from error
    except ValueError as error:  # not UTF-8, not JSON, or a number of thousands of digits
        raise RejectedReading(RejectReason.NOT_JSON, f"not JSON: {error}") from error
    if not isinstance(message, dict):
        text = f"expected a JSON object, not {type(message).__name__}"
        raise RejectedReading(RejectReason.UNKNOWN_DIALECT, text)
    return message


def _dialect_of(message: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    gateway, device = message.get("gateway"), message.get("device")
    device = device if isinstance(device, dict) else {}
    for entries in (device.get("readings"), message.get("readings")):
        if isinstance(entries, list):
            return gateway if isinstance(gateway, dict) else {}, device, entries
    keys = ", ".join(visible(str(key))[:40] for key in list(message)[:8])
    text = f"no list of readings, neither in device nor at the top level; keys: {keys or 'none'}"
    raise RejectedReading(RejectReason.UNKNOWN_DIALECT, text)


def _gateway_serial(gateway: dict[str, Any]) -> str:
    serial = _serial_text(gateway)
    if not serial:
        raise RejectedReading(RejectReason.NO_SERIAL, "gateway.serial is missing or empty")
    if not GATEWAY_SERIAL.match(serial):
        text = f"gateway serial {visible(serial)[:80]!r} is not 3 to 64 letters and digits"
        raise RejectedReading(RejectReason.BAD_SERIAL, text)
    return serial


def _device_serial(device: dict[str, Any]) -> str:
    serial = _serial_text(device)
    if not _DEVICE_SERIAL.match(serial):
        text = f"device serial {visible(serial)[:80]!r} contains invalid characters"
        raise RejectedReading(RejectReason.BAD_SERIAL, text)
    return serial


def _serial_text(owner: dict[str, Any]) -> str:
    serial = owner.get("serial")
    if serial is None:
        return ""
    if isinstance(serial, str):
        return serial.strip()
    # Not every JSON parser preserves all digits of integers above 64 bits.
    if isinstance(serial, int) and not isinstance(serial, bool) and 0 <= serial < 2**64:
        return str(serial)
    text = f"a serial must be text or an integer of at most 64 bits, not {type(serial).__name__}"
    raise RejectedReading(RejectReason.BAD_SERIAL, text)


def _datetime_of(timestamp: object) -> datetime:
    if isinstance(timestamp, str):
        timestamp = timestamp.strip()
        if not is_epoch_text(timestamp):
            return _iso_datetime(timestamp)
        timestamp = float(timestamp)
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        issue = "is missing" if timestamp is None else f"is of type {type(timestamp).__name__}"
        raise RejectedReading(RejectReason.BAD_TIMESTAMP, f"timestamp {issue}")
    try:
        return epoch_datetime(timestamp)
    except (ValueError, OverflowError, OSError) as error:
        raise RejectedReading(RejectReason.BAD_TIMESTAMP, f"timestamp is out of range: {error}") from error


def _iso_datetime(timestamp: str) -> datetime:
    shown = visible(timestamp)[:80]
    try:
        parsed = datetime.fromisoformat(timestamp)
    except ValueError as error:
        text = f"timestamp {shown!r} is neither epoch nor ISO 8601"
        raise RejectedReading(RejectReason.BAD_TIMESTAMP, text) from error
    if parsed.utcoffset() is None:
        text = f"timestamp {shown!r} has no UTC offset"
        raise RejectedReading(RejectReason.BAD_TIMESTAMP, text)
    try:
        return parsed.astimezone(UTC)
    except OverflowError as error:
        raise RejectedReading(RejectReason.BAD_TIMESTAMP, f"timestamp {shown!r} is out of range") from error


def _plausible(measured_at: datetime, received_at: datetime) -> datetime:
    if measured_at < EARLIEST_CLOCK:
        text = f"timestamp {measured_at:%Y-%m-%d %H:%M:%S}Z is too old: the gateway clock was reset"
        raise RejectedReading(RejectReason.CLOCK_FAULT, text)
    if measured_at > received_at + CLOCK_TOLERANCE:
        text = (
            f"timestamp {measured_at:%Y-%m-%d %H:%M:%S}Z is in the future: "
            f"received at {received_at:%Y-%m-%d %H:%M:%S}Z"
        )
        raise RejectedReading(RejectReason.CLOCK_FAULT, text)
    return measured_at


def _values_of(entries: list[Any]) -> tuple[dict[Quantity, float], int, bool]:
    values: dict[Quantity, float] = {}
    conflicting = False
    known, ignored = _known(entries)
    for units, entry in known:
        try:
            meaning = units[entry.get("unit") or ""]
        except (TypeError, AttributeError):  # the unit is not text
            ignored += 1
            continue
        if meaning is None:
            continue
        value = number(entry.get("value"))
        if value is None:
            ignored += 1
            continue
        quantity, scale = meaning
        if scale != 1.0:
            value = scaled(value, scale)
        if values.setdefault(quantity, value) != value:
            conflicting = True
    return values, ignored, conflicting


def _known(entries: list[Any]) -> tuple[list[tuple[Units, dict[str, Any]]], int]:
    """Return the entries of known parameters, and the number of entries that are not named objects."""
    parameters = PARAMETERS
    try:
        return [(units, entry) for entry in entries if (units := parameters[entry["param"]]) is not None], 0
    except (KeyError, TypeError, AttributeError):
        valid = [
            entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("param"), str)
        ]
        return _known(valid)[0], len(entries) - len(valid)


def _is_online(device: dict[str, Any]) -> bool:
    return _scalar_text(device.get("online", True)).lower() not in _OFFLINE_WORDS


def _label(value: object) -> str:
    return visible(_scalar_text(value))[:64]


def _scalar_text(value: object) -> str:
    """Return a scalar as text, and an empty text for containers (deep ones would overflow the stack)."""
    return str(value).strip() if isinstance(value, str | int | float) else ""
