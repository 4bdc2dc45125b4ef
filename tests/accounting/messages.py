"""The messages that gateways publish: readings, readings twice, and what is none; some in aggregates."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .faults import Fault
from .logs import measured
from .sent import DECIMALS, PARAMETERS, Reading

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from .sent import Site

FACTORY_CLOCK = datetime(2000, 1, 1, tzinfo=UTC)
_UNITS = ("Hz", "V", "V", "V", "kW", "kWh")
_AGGREGATE = b"\xf3\x89\x9a\xc2"
_MOST_IN_AGGREGATE = 12


@dataclass(frozen=True, slots=True)
class Message:
    """What one message says.

    Attributes:
        site: Who published it, by the topic it came on.
        meter: Whose reading it is.
        payload: Its bytes.
        reading: What it says; `None` if it is to be rejected.
        reason: Why it is to be rejected.
    """

    site: Site
    meter: str
    payload: bytes
    reading: Reading | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A record put into the stream.

    Attributes:
        minute: When, in minutes of the hour.
        key: Its partition key.
        payload: Its bytes.
        messages: What is in it: one, or those of an aggregate.
        is_aggregate: Whether they are parts of it.
        fault: What is odd about it, if anything.
    """

    minute: float
    key: str
    payload: bytes
    messages: tuple[Message, ...]
    is_aggregate: bool = False
    fault: Fault | None = None


class Publisher:
    """Creates the messages of a site at a time, and typical faults of gateways."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def message(self, site: Site, meter: str, timestamp: datetime) -> Message:
        """Return a message that is a reading."""
        return _said(site, meter, measured(self._rng, timestamp))

    def again(self, message: Message) -> Message:
        """Return a message with the same timestamp, identical or different."""
        if message.reading is None or self._rng.random() < 0.5:
            return message
        return self.message(message.site, message.meter, message.reading.timestamp)

    def poison(self, site: Site, timestamp: datetime) -> Message:
        """Return a message that can never become a reading."""
        good = self.message(site, site.meters[0], timestamp)
        payload, reason = self._rng.choice(
            [
                (self._rng.randbytes(30) + b"\xff", "NOT_JSON"),
                (good.payload[: len(good.payload) // 2], "NOT_JSON"),
                (b"'; DROP TABLE readings; --\x1b[2J", "NOT_JSON"),
                (b'["=cmd()"]', "UNKNOWN_DIALECT"),
                (good.payload.replace(site.serial.encode(), b"../../etc"), "BAD_SERIAL"),
                (good.payload.replace(b'"value"', b'"valeu"'), "NO_USABLE_VALUES"),
            ]
        )
        return Message(site, site.meters[0], payload, None, reason)

    def factory_clock(self, site: Site, at: timedelta) -> Message:
        """Return a message of a gateway that has lost its clock."""
        said = self.message(site, site.meters[0], FACTORY_CLOCK + at)
        return Message(site, said.meter, said.payload, None, "CLOCK_FAULT")

    def aggregates(self, minute: float, messages: Sequence[Message]) -> list[Record]:
        """Return aggregates of messages, the last one broken; it is one poison record, whatever was in it."""
        made: list[Record] = []
        rest = list(messages)
        while rest:
            some, rest = rest[:_MOST_IN_AGGREGATE], rest[_MOST_IN_AGGREGATE:]
            key, payload = some[0].site.serial, aggregate(some)
            made.append(Record(minute, key, payload, tuple(some), is_aggregate=True, fault=Fault.AGGREGATE))
        broken = made.pop()
        payload = broken.payload[: -self._rng.randrange(1, 16)]
        whole = Message(broken.messages[0].site, "", payload, None, "BAD_AGGREGATE")
        made.append(Record(minute, broken.key, payload, (whole,), fault=Fault.POISON))
        return made


def record_of(minute: float, message: Message, fault: Fault | None = None) -> Record:
    """Return the record of one message."""
    return Record(minute, message.site.serial, message.payload, (message,), fault=fault)


def aggregate(messages: Sequence[Message]) -> bytes:
    """Return an aggregate of the producer library, as short as can be."""
    keys = b"".join(_sized(1, message.site.serial.encode()) for message in messages)
    records = [
        _sized(3, bytes([8, number]) + _sized(3, message.payload)) for number, message in enumerate(messages)
    ]
    inner = keys + b"".join(records)
    return _AGGREGATE + inner + hashlib.md5(inner).digest()


def _sized(number: int, value: bytes) -> bytes:
    length, size = bytearray(), len(value)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + value


def _said(site: Site, meter: str, reading: Reading) -> Message:
    entries = [
        {"param": name, "value": f"{value:.{decimals}f}", "unit": unit}
        for name, value, decimals, unit in zip(PARAMETERS, reading.values, DECIMALS, _UNITS, strict=True)
    ]
    entries += [
        {"param": "LoadType", "value": "L", "unit": ""},
        {"param": "AI1", "value": "----", "unit": ""},
    ]
    document = {
        "timestamp": int(reading.timestamp.timestamp()),
        "gateway": {"name": "", "model": "AXM-WEB2", "serial": site.serial},
        "device": {"name": "", "model": "Acuvim-L", "serial": meter, "online": True, "readings": entries},
    }
    return Message(site, meter, json.dumps(document).encode(), reading)
