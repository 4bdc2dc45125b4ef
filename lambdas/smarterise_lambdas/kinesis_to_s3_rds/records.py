"""Stream records as plain values: decoded, and either a reading or the reason why not."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.mqtt import RejectedReading, RejectReason, parse_mqtt
from smarterise_sdk.domain.names import quarantine_key
from smarterise_sdk.domain.readings import Reading, Source
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record as the stream delivered it.

    Attributes:
        stream: Name of the stream.
        shard: Shard id, e.g. `shardId-000000000000`.
        sequence: Sequence number; what a failure is reported by.
        partition_key: Gateway serial, as the topic rule saw it.
        arrived_at: When the stream took it, UTC.
        payload: The bytes that were published.
    """

    stream: str
    shard: str
    sequence: str
    partition_key: str
    arrived_at: datetime
    payload: bytes

    @property
    def name(self) -> str:
        """What tells this record from all others, fit for an object key."""
        return f"{self.shard}-{self.sequence}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record that is a reading."""

    record: StreamRecord
    reading: Reading


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that can never become a reading, however often it is tried."""

    record: StreamRecord
    reason: RejectReason
    message: str

    @property
    def key(self) -> str:
        """Where it is kept."""
        return quarantine_key(Source.IOT, self.record.arrived_at, self.reason, self.record.name)

    def to_line(self) -> dict[str, Any]:
        """Return what is kept of it: where it came from, when, why it was rejected, and the bytes."""
        record = self.record
        return {
            "source": Source.IOT.value,
            "reason": self.reason.value,
            "message": self.message,
            "stream": record.stream,
            "shard": record.shard,
            "sequence_number": record.sequence,
            "partition_key": record.partition_key,
            "arrived_at": record.arrived_at.isoformat(),
            "payload_base64": base64.b64encode(record.payload).decode("ascii"),
        }


def stream_record(source: Mapping[str, Any]) -> StreamRecord:
    """Return the record that an entry of the event's `Records` is.

    Raises:
        KeyError: If it is no Kinesis record.
    """
    kinesis = source["kinesis"]
    shard, _, _ = str(source["eventID"]).partition(":")
    try:
        payload = base64.b64decode(kinesis["data"], validate=True)
    except binascii.Error:
        payload = str(kinesis["data"]).encode()  # kept as it came; it will not parse either
    return StreamRecord(
        stream=str(source["eventSourceARN"]).rpartition("/")[2],
        shard=shard,
        sequence=str(kinesis["sequenceNumber"]),
        partition_key=str(kinesis["partitionKey"]),
        arrived_at=datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC),
        payload=payload,
    )


def judged(record: StreamRecord) -> Accepted | Rejected:
    """Return the reading in a record, or why there is none."""
    try:
        return Accepted(record, parse_mqtt(record.payload, received_at=record.arrived_at))
    except RejectedReading as rejection:
        return Rejected(record, rejection.reason, visible(rejection.message))


def lake_line(accepted: Accepted) -> dict[str, Any]:
    """Return a reading as the raw lake keeps it: flat columns, and the message as it was published."""
    record, reading = accepted.record, accepted.reading
    unbalance = reading.unbalance
    return {
        "gateway_serial": reading.gateway_serial,
        "device_serial": reading.device_serial,
        "measured_at": reading.measured_at.isoformat(),
        "arrived_at": record.arrived_at.isoformat(),
        "stream": record.stream,
        "shard": record.shard,
        "sequence_number": record.sequence,
        "gateway_model": reading.gateway_model,
        "device_model": reading.device_model,
        "device_online": reading.device_online,
        "voltage_unbalance": unbalance.value if unbalance else None,
        "unbalance_method": unbalance.method.value if unbalance else None,
        "ignored": reading.ignored,
        "flags": list(reading.flags),
        **{quantity.value: value for quantity, value in reading.values.items()},
        "payload": record.payload.decode(),
    }
