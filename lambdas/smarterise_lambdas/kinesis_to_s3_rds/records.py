"""Stream records as plain values: decoded, and either a reading or the reason why not."""

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

_COLUMN: Final = {quantity: quantity.value for quantity in Quantity}  # an enum's `value` is slow to get


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
        part: Which one of the records in an aggregate, from 0; `None` if it came by itself.
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
        """Where in its shard it is."""
        return self.sequence if self.part is None else f"{self.sequence}-{self.part}"

    @property
    def origin(self) -> str:
        """Where it came from, as the quarantine's index says."""
        return f"{self.stream}/{self.shard}"

    @property
    def name(self) -> str:
        """What tells this record from all others, fit for an object key."""
        return f"{self.shard}-{self.position}"


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
            "part": record.part,
            "partition_key": record.partition_key,
            "arrived_at": record.arrived_at.isoformat(),
            "payload_base64": base64.b64encode(record.payload).decode("ascii"),
        }

    def to_entry(self, bucket: str) -> QuarantineEntry:
        """Return what the quarantine's index says of it.

        Args:
            bucket: Where it is kept.
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
    """Return the records that an entry of the event's `Records` is: one, or those of an aggregate.

    Raises:
        KeyError: If it is no Kinesis record.
    """
    kinesis = source["kinesis"]
    shard, _, _ = str(source["eventID"]).partition(":")
    try:
        payload = pybase64.b64decode(kinesis["data"], validate=True)
    except binascii.Error:
        payload = str(kinesis["data"]).encode()  # kept as it came; it will not parse either
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
        parts = None  # kept whole; whoever judges it says why
    if parts is None:
        return (whole,)
    return tuple(
        replace(whole, partition_key=part.partition_key, payload=part.data, part=number)
        for number, part in enumerate(parts)
    )


def parse_record(record: StreamRecord) -> Accepted | Rejected:
    """Return the reading in a record, or why there is none."""
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
