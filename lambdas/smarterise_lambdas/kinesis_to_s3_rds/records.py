"""Decodes stream records and parses each into a reading or a rejection."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pybase64

from smarterise_lambdas.kinesis_to_s3_rds.kpl import MAGIC, BadAggregate, parts_of
from smarterise_lambdas.shared.codecs import load
from smarterise_lambdas.shared.quarantine import QuarantineEntry
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source
from smarterise_sdk.domain.readings.mqtt import RejectedReading, RejectReason, parse_mqtt
from smarterise_sdk.domain.stack.names import quarantine_key
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMN: Final = {
    quantity: quantity.value for quantity in Quantity
}  # the `value` property of an enum is slow


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record of the stream.

    Attributes:
        stream: Name of the stream.
        shard: Shard id, e.g. `shardId-000000000000`.
        sequence: Sequence number; identifies it in the partial batch response.
        partition_key: Gateway serial, set by the topic rule.
        arrived_at: Approximate arrival time in the stream, UTC.
        payload: The published bytes.
        part: Index in its aggregate, from 0; `None` if not aggregated.
    """

    stream: str
    shard: str
    sequence: str
    partition_key: str
    arrived_at: datetime
    payload: bytes
    part: int | None = None

    @property
    def position(self) -> str:
        """Position in the shard: sequence number and index in the aggregate."""
        return self.sequence if self.part is None else f"{self.sequence}-{self.part}"

    @property
    def origin(self) -> str:
        """Stream and shard, as recorded in the quarantine index."""
        return f"{self.stream}/{self.shard}"

    @property
    def name(self) -> str:
        """Unique name of the record, valid in an object key."""
        return f"{self.shard}-{self.position}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record that was parsed into a reading."""

    record: StreamRecord
    reading: Reading


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that is permanently invalid."""

    record: StreamRecord
    reason: RejectReason
    message: str

    @property
    def key(self) -> str:
        """Key of its object in the quarantine."""
        return quarantine_key(Source.IOT, self.record.arrived_at, self.reason, self.record.name)

    def to_line(self) -> dict[str, Any]:
        """Return the quarantine record: origin, arrival time, reason and payload."""
        record = self.record
        return {
            "source": Source.IOT.value,
            "reason": self.reason.value,
            "message": self.message,
            "stream": record.stream,
            "shard": record.shard,
            "sequence_number": record.sequence,
            "part": record.part,
            "partition_key": record.partition_key,
            "arrived_at": record.arrived_at.isoformat(),
            "payload_base64": base64.b64encode(record.payload).decode("ascii"),
        }

    def to_entry(self, bucket: str) -> QuarantineEntry:
        """Return its entry for the quarantine index.

        Args:
            bucket: Bucket of the quarantine.
        """
        record = self.record
        return QuarantineEntry(
            source=Source.IOT,
            gateway_serial=record.partition_key,
            bucket=bucket,
            key=self.key,
            origin=record.origin,
            position=record.position,
            reason=self.reason.value,
            detail=self.message,
            seen_at=record.arrived_at,
        )


def stream_records(source: Mapping[str, Any]) -> tuple[StreamRecord, ...]:
    """Decode an entry of the event's `Records`; an aggregate yields several records.

    Raises:
        KeyError: If it is not a Kinesis record.
    """
    kinesis = source["kinesis"]
    shard, _, _ = str(source["eventID"]).partition(":")
    try:
        payload = pybase64.b64decode(kinesis["data"], validate=True)
    except binascii.Error:
        payload = str(kinesis["data"]).encode()  # kept unchanged; parsing rejects it
    whole = StreamRecord(
        stream=str(source["eventSourceARN"]).rpartition("/")[2],
        shard=shard,
        sequence=str(kinesis["sequenceNumber"]),
        partition_key=str(kinesis["partitionKey"]),
        arrived_at=datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC),
        payload=payload,
    )
    try:
        parts = parts_of(payload)
    except BadAggregate:
        parts = None  # kept whole; parse_record rejects it with the reason
    if parts is None:
        return (whole,)
    return tuple(
        replace(whole, partition_key=part.partition_key, payload=part.data, part=number)
        for number, part in enumerate(parts)
    )


def parse_record(record: StreamRecord) -> Accepted | Rejected:
    """Parse a record into a reading, or return the rejection."""
    try:
        return Accepted(record, parse_mqtt(record.payload, received_at=record.arrived_at, load=load))
    except RejectedReading as rejection:
        if record.payload.startswith(MAGIC):
            return _bad_aggregate(record)
        return Rejected(record, rejection.reason, visible(rejection.message))


def _bad_aggregate(record: StreamRecord) -> Rejected:
    message = "an aggregate within an aggregate"
    try:
        parts_of(record.payload)
    except BadAggregate as error:
        message = str(error)
    return Rejected(record, RejectReason.BAD_AGGREGATE, message)


def data_lake_line(accepted: Accepted) -> dict[str, Any]:
    """Return a reading as its data lake record: flat columns and the published message."""
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
        "part": record.part,
        "gateway_model": reading.gateway_model,
        "device_model": reading.device_model,
        "device_online": reading.device_online,
        "voltage_unbalance": unbalance.value if unbalance else None,
        "unbalance_method": unbalance.method.value if unbalance else None,
        "ignored": reading.ignored,
        "flags": list(reading.flags),
        **{_COLUMN[quantity]: value for quantity, value in reading.values.items()},
        "payload": record.payload.decode(),
    }
