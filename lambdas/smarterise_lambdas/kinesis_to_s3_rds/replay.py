"""Replays stream records from the data lake and the quarantine.

Records are parsed and loaded like those of a batch, with two differences: the tier filter is not applied, as
they passed it when they arrived, and readings are not published, as they are too old. Failed batches, which
Lambda stores in the data lake, were never parsed, so the tier filter applies to them. A replay is idempotent:
rows have a key, and objects are named by their record.
"""

from __future__ import annotations

import base64
import gzip
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.kinesis_to_s3_rds.batch import (
    AWS_FAULTS,
    data_lake_objects,
    quarantine_object,
    write_objects,
)
from smarterise_lambdas.kinesis_to_s3_rds.records import (
    Accepted,
    Rejected,
    StreamRecord,
    parse_record,
    stream_records,
)
from smarterise_lambdas.kinesis_to_s3_rds.row_loader import Loader
from smarterise_lambdas.kinesis_to_s3_rds.tier_filter import is_dropped
from smarterise_lambdas.shared import quarantine
from smarterise_lambdas.shared.codecs import load
from smarterise_lambdas.shared.database import transaction
from smarterise_lambdas.shared.quarantine import QuarantineEntry, QuarantineState
from smarterise_lambdas.shared.readings_table import LoadOutcome, Row
from smarterise_lambdas.shared.s3_errors import NOT_FOUND, code_of
from smarterise_sdk.domain.ingest.manager_api import GIVEN_UP_PREFIX
from smarterise_sdk.domain.readings.metrics import PipelineMetric
from smarterise_sdk.domain.readings.model import Source
from smarterise_sdk.domain.readings.mqtt import RejectReason
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.kinesis_to_s3_rds.batch import Sinks
    from smarterise_lambdas.shared.database import Connection

DATA_LAKE_PREFIX: Final = "raw/source=iot/"
QUARANTINE: Final = "quarantine/source=iot/"
MAX_KEYS: Final = 1000
OBJECTS_PER_LOAD: Final = 100
_CONCURRENT_READS: Final = 8
_SUFFIX: Final = ".json.gz"


class BadRequest(ValueError):
    """The event is invalid; nothing was loaded."""


@dataclass(slots=True)
class ReplayResult:
    """Result of one object.

    Attributes:
        key: Object key.
        state: `loaded`, `gone`, `unreadable` or `fault`.
        records: Number of records in it.
        rejected: Number of rejected records.
        reason: Why it was not loaded.
    """

    key: str
    state: str = "loaded"
    records: int = 0
    rejected: int = 0
    reason: str = ""

    def response(self) -> dict[str, Any]:
        """Return the result as JSON, with control characters escaped."""
        response = {"key": self.key, "state": self.state, "records": self.records, "rejected": self.rejected}
        return response | ({"reason": visible(self.reason)[:500]} if self.reason else {})


@dataclass(frozen=True, slots=True)
class _StoredRecord:
    """A stored record.

    Attributes:
        result: Result of its object.
        record: The record.
        flags: Quality flags of its first load.
        rejected_for: Reason of its rejection; empty for records of the data lake.
        is_new: Whether it was never parsed.
    """

    result: ReplayResult
    record: StreamRecord
    flags: tuple[str, ...] = ()
    rejected_for: str = ""
    is_new: bool = False

    def entry_id(self, bucket: str) -> str:
        """Return the id of its quarantine entry."""
        record = self.record
        return QuarantineEntry(
            source=Source.IOT,
            gateway_serial=record.partition_key,
            bucket=bucket,
            key=self.result.key,
            origin=record.origin,
            position=record.position,
            reason=self.rejected_for,
            detail="",
            seen_at=record.arrived_at,
        ).id


@dataclass(slots=True)
class _Totals:
    loaded: int = 0
    identical: int = 0
    superseded: int = 0
    differing: int = 0
    rejected: int = 0
    replayed: int = 0
    objects: list[ReplayResult] = field(default_factory=list)

    def add(self, outcome: LoadOutcome) -> None:
        self.loaded += outcome.loaded
        self.identical += outcome.identical
        self.superseded += outcome.superseded
        self.differing += len(outcome.differing)


def keys_of(event: Any) -> tuple[str, ...]:
    """Parse the keys of `{"action": "load", "keys": [...]}`.

    Raises:
        BadRequest: If the event is invalid or a key is not one of the stream.
    """
    keys = event.get("keys") if isinstance(event, dict) and event.get("action") == "load" else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise BadRequest("the event is neither a Kinesis batch nor the action load with a list of keys")
    if len(keys) > MAX_KEYS:
        raise BadRequest(f"{len(keys)} keys; the maximum is {MAX_KEYS}")
    invalid = [key for key in keys if not _is_stream_key(key)]
    if invalid:
        known = f"{DATA_LAKE_PREFIX}, {QUARANTINE} or {GIVEN_UP_PREFIX}"
        raise BadRequest(f"{visible(invalid[0])[:120]} is not an object of {known}")
    return tuple(dict.fromkeys(keys))


def _is_stream_key(key: str) -> bool:
    return key.startswith(GIVEN_UP_PREFIX) or (
        key.startswith((DATA_LAKE_PREFIX, QUARANTINE)) and key.endswith(_SUFFIX)
    )


def replay(
    keys: Sequence[str],
    sinks: Sinks,
    s3: S3Client,
    *,
    now: datetime,
    timeout_s: float,
    is_over: Callable[[], bool],
) -> dict[str, Any]:
    """Replay objects; the keys that were not reached before the deadline are returned as `left`.

    Args:
        keys: Object keys.
        sinks: Dependencies of the function.
        s3: S3 client.
        now: Current time, UTC.
        timeout_s: Statement timeout of the database, seconds.
        is_over: Returns whether the deadline is exceeded.

    Raises:
        psycopg.Error: If the database fails; objects loaded before it stay loaded.
    """
    total = _Totals()
    remaining = list(keys)
    loader = Loader(sinks.database, timeout_s, now)
    while remaining and not is_over():
        _load(remaining[:OBJECTS_PER_LOAD], sinks, s3, loader, total)
        del remaining[:OBJECTS_PER_LOAD]
    response = {
        "ok": True,
        "action": "load",
        "rows": {name: getattr(total, name) for name in ("loaded", "identical", "superseded", "differing")},
        "rejected": total.rejected,
        "replayed": total.replayed,
        "objects": [result.response() for result in total.objects],
        "left": remaining,
    }
    _log(total, len(remaining), sinks, now)
    return response


def _load(keys: Iterable[str], sinks: Sinks, s3: S3Client, loader: Loader, total: _Totals) -> None:
    stored_records = _read(keys, sinks, s3, total)
    accepted: list[tuple[_StoredRecord, Accepted]] = []
    rejected: list[tuple[_StoredRecord, Rejected]] = []
    sites = sinks.watch.sites(at_once=True) if any(item.is_new for item in stored_records) else None
    for item in stored_records:
        parsed = parse_record(item.record)
        if item.is_new and is_dropped(parsed, sites):
            continue
        if isinstance(parsed, Rejected):
            rejected.append((item, parsed))
        else:
            accepted.append((item, _with_flags(parsed, item.flags)))
    accepted, rejected = _write_missing(accepted, rejected, sinks)
    rows = [Row(parsed.reading, _batch_id(item)) for item, parsed in accepted]
    bucket = sinks.archive.bucket
    loaded = loader.load(rows, [parsed.to_entry(bucket) for _, parsed in rejected])
    refused = [
        (accepted[position][0], _rejected_by_database(accepted[position][0], why))
        for position, why in loaded.refused.items()
    ]
    _, refused = _write_missing([], refused, sinks)
    loader.load([], [parsed.to_entry(bucket) for _, parsed in refused])
    total.add(loaded.outcome)
    total.rejected += len(rejected) + len(refused)
    unresolved = set()
    for item, parsed in (*rejected, *refused):
        item.result.rejected += 1
        if parsed.reason.value == item.rejected_for:
            unresolved.add(item.entry_id(bucket))
    replayed = {
        item.entry_id(bucket)
        for item in stored_records
        if item.rejected_for and item.result.state == "loaded"
    }
    total.replayed += _mark(replayed - unresolved, sinks, loader)


def _read(keys: Iterable[str], sinks: Sinks, s3: S3Client, total: _Totals) -> list[_StoredRecord]:
    """Read the records of objects; a failure is recorded in the result of its object."""

    def read(key: str) -> tuple[ReplayResult, list[_StoredRecord]]:
        result = ReplayResult(key)
        try:
            body = s3.get_object(Bucket=sinks.archive.bucket, Key=key)["Body"].read()
        except ClientError as error:
            is_gone = code_of(error) in NOT_FOUND
            result.state, result.reason = "gone" if is_gone else "fault", str(error)
            return result, []
        except BotoCoreError as error:
            result.state, result.reason = "fault", str(error)
            return result, []
        try:
            found = (
                _parse_failed_batch(result, body)
                if key.startswith(GIVEN_UP_PREFIX)
                else _parse_object(result, body)
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
            result.state, result.reason = "unreadable", f"invalid content: {error!r}"
            return result, []
        result.records = len(found)
        return result, found

    with ThreadPoolExecutor(_CONCURRENT_READS) as pool:
        read_objects = list(pool.map(read, keys))
    total.objects += (result for result, _ in read_objects)
    return [item for _, items in read_objects for item in items]


def _parse_failed_batch(result: ReplayResult, body: bytes) -> list[_StoredRecord]:
    """Parse a failed batch as stored by Lambda: the event is a JSON string in the field `payload`."""
    event = load(body)["payload"]
    entries = (load(event.encode()) if isinstance(event, str) else event)["Records"]
    records = (record for entry in entries for record in stream_records(entry))
    return [_StoredRecord(result, record, is_new=True) for record in records]


def _parse_object(result: ReplayResult, body: bytes) -> list[_StoredRecord]:
    return [_parse_line(result, load(line)) for line in gzip.decompress(body).splitlines() if line]


def _parse_line(result: ReplayResult, line: dict[str, Any]) -> _StoredRecord:
    is_rejected = result.key.startswith(QUARANTINE)
    part = line["part"]
    record = StreamRecord(
        stream=str(line["stream"]),
        shard=str(line["shard"]),
        sequence=str(line["sequence_number"]),
        partition_key=str(line["partition_key" if is_rejected else "gateway_serial"]),
        arrived_at=datetime.fromisoformat(line["arrived_at"]).astimezone(UTC),
        payload=base64.b64decode(line["payload_base64"], validate=True)
        if is_rejected
        else str(line["payload"]).encode(),
        part=None if part is None else int(part),
    )
    flags = () if is_rejected else tuple(map(str, line["flags"]))
    return _StoredRecord(result, record, flags, str(line["reason"]) if is_rejected else "")


def _with_flags(parsed: Accepted, flags: Sequence[str]) -> Accepted:
    both = tuple(dict.fromkeys((*parsed.reading.flags, *flags)))
    return replace(parsed, reading=replace(parsed.reading, flags=both))


def _batch_id(item: _StoredRecord) -> str:
    # A record that is not in the data lake yet gets its own object, whatever else is replayed with it.
    return (
        item.record.name
        if item.rejected_for or item.is_new
        else item.result.key.rpartition("/")[2].removesuffix(_SUFFIX)
    )


def _write_missing(
    accepted: list[tuple[_StoredRecord, Accepted]],
    rejected: list[tuple[_StoredRecord, Rejected]],
    sinks: Sinks,
) -> tuple[list[tuple[_StoredRecord, Accepted]], list[tuple[_StoredRecord, Rejected]]]:
    """Write objects that do not exist yet; return the stored records and record failures in the results."""
    fresh = [parsed for item, parsed in accepted if item.rejected_for or item.is_new]
    objects = [item_object for parsed in fresh for item_object in data_lake_objects([parsed])]
    # A record rejected again for the same reason is in the quarantine already.
    objects += [
        quarantine_object(parsed) for item, parsed in rejected if parsed.reason.value != item.rejected_for
    ]
    faults = write_objects(objects, sinks)
    for item, _ in (*accepted, *rejected):
        if item.record.sequence in faults:
            item.result.state, item.result.reason = "fault", faults[item.record.sequence]
    return (
        [pair for pair in accepted if pair[0].record.sequence not in faults],
        [pair for pair in rejected if pair[0].record.sequence not in faults],
    )


def _rejected_by_database(item: _StoredRecord, why: str) -> Rejected:
    return Rejected(item.record, RejectReason.REFUSED_BY_DATABASE, visible(why))


def _mark(ids: Collection[str], sinks: Sinks, loader: Loader) -> int:
    if not ids:
        return 0

    def mark(connection: Connection) -> int:
        with transaction(connection, loader.timeout_s):
            return len(quarantine.mark(connection, ids, QuarantineState.REPLAYED, at=loader.now))

    return sinks.database.run(mark)


def _log(total: _Totals, remaining: int, sinks: Sinks, now: datetime) -> None:
    states = sorted({result.state for result in total.objects})
    sinks.log.info(
        "replay finished",
        extra={
            "objects": len(total.objects),
            "states": states,
            "loaded": total.loaded,
            "identical": total.identical,
            "replayed": total.replayed,
            "left": remaining,
        },
    )
    if total.loaded and (issue := _publish(total.loaded, sinks, now)):
        sinks.log.error("metrics not published", extra={"cause": issue})


def _publish(loaded: int, sinks: Sinks, now: datetime) -> str:
    """Publish the number of new rows; return the error, if any."""
    try:
        sinks.publisher.publish([], {PipelineMetric.ROWS_LOADED: loaded}, now=now)
    except AWS_FAULTS as error:
        return str(error)
    return ""
