"""What lake and quarantine keep of the stream, loaded once more: for replays and backfills.

Records are judged and loaded as when they came, with two differences: the tier of their site is not asked
for, since they were taken long ago; and no values are published, since their moment is over. Batches that
were given up, which Lambda itself keeps in the lake, were never judged, and are gated like any. All of it
can be repeated: rows go by their key, objects by their record.
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
    data_lake_parcels,
    quarantine_parcel,
    written,
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
KEYS_AT_MOST: Final = 1000
OBJECTS_AT_ONCE: Final = 100
_READ_AT_ONCE: Final = 8
_SUFFIX: Final = ".json.gz"


class BadRequest(ValueError):
    """An event that is none of ours: nothing was done."""


@dataclass(slots=True)
class ReplayResult:
    """What became of one object.

    Attributes:
        key: Its key.
        state: `loaded`, or `gone`, `unreadable`, `fault`.
        records: How many records it holds.
        rejected: How many of them are no readings.
        reason: Why, where it was not loaded.
    """

    key: str
    state: str = "loaded"
    records: int = 0
    rejected: int = 0
    reason: str = ""

    def response(self) -> dict[str, Any]:
        """Return it as JSON, fit to be shown."""
        told = {"key": self.key, "state": self.state, "records": self.records, "rejected": self.rejected}
        return told | ({"reason": visible(self.reason)[:500]} if self.reason else {})


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record as it is kept.

    Attributes:
        told: What becomes of its object.
        record: The record.
        flags: What it was flagged with, when it came.
        was: The reason it was rejected for; empty in the lake.
        is_new: Whether it was never judged.
    """

    told: ReplayResult
    record: StreamRecord
    flags: tuple[str, ...] = ()
    was: str = ""
    is_new: bool = False

    def entry_id(self, bucket: str) -> str:
        """Return what the quarantine's index knows it by."""
        record = self.record
        return QuarantineEntry(
            source=Source.IOT,
            gateway_serial=record.partition_key,
            bucket=bucket,
            key=self.told.key,
            origin=record.origin,
            position=record.position,
            reason=self.was,
            detail="",
            seen_at=record.arrived_at,
        ).id


@dataclass(slots=True)
class _Sum:
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
    """Return the objects that `{"action": "load", "keys": [...]}` names.

    Raises:
        BadRequest: If it is no such event, or names something else.
    """
    keys = event.get("keys") if isinstance(event, dict) and event.get("action") == "load" else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise BadRequest("neither records of a stream nor the action load with keys, a list of object keys")
    if len(keys) > KEYS_AT_MOST:
        raise BadRequest(f"{len(keys)} keys; at most {KEYS_AT_MOST} are taken")
    strange = [key for key in keys if not _is_ours(key)]
    if strange:
        known = f"{DATA_LAKE_PREFIX}, {QUARANTINE} or {GIVEN_UP_PREFIX}"
        raise BadRequest(f"{visible(strange[0])[:120]} is no object of {known}")
    return tuple(dict.fromkeys(keys))


def _is_ours(key: str) -> bool:
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
    """Load objects once more; those that there was no time for are told, and can be asked for again.

    Args:
        keys: The objects.
        sinks: Where to.
        s3: Reads them.
        now: This moment, UTC.
        timeout_s: How long a statement of the database may take, seconds.
        is_over: Whether the time for loading is.

    Raises:
        psycopg.Error: If the database fails; what was loaded before stays.
    """
    total = _Sum()
    left = list(keys)
    loader = Loader(sinks.database, timeout_s, now)
    while left and not is_over():
        _load(left[:OBJECTS_AT_ONCE], sinks, s3, loader, total)
        del left[:OBJECTS_AT_ONCE]
    response = {
        "ok": True,
        "action": "load",
        "rows": {name: getattr(total, name) for name in ("loaded", "identical", "superseded", "differing")},
        "rejected": total.rejected,
        "replayed": total.replayed,
        "objects": [told.response() for told in total.objects],
        "left": left,
    }
    _tell(total, len(left), sinks, now)
    return response


def _load(keys: Iterable[str], sinks: Sinks, s3: S3Client, loader: Loader, total: _Sum) -> None:
    kept = _read(keys, sinks, s3, total)
    accepted: list[tuple[_Kept, Accepted]] = []
    rejected: list[tuple[_Kept, Rejected]] = []
    sites = sinks.watch.sites(at_once=True) if any(item.is_new for item in kept) else None
    for item in kept:
        parsed = parse_record(item.record)
        if item.is_new and is_dropped(parsed, sites):
            continue
        if isinstance(parsed, Rejected):
            rejected.append((item, parsed))
        else:
            accepted.append((item, _with_flags(parsed, item.flags)))
    accepted, rejected = _stored(accepted, rejected, sinks)
    rows = [Row(parsed.reading, _batch_id(item)) for item, parsed in accepted]
    bucket = sinks.archive.bucket
    loaded = loader.load(rows, [parsed.to_entry(bucket) for _, parsed in rejected])
    refused = [
        (accepted[position][0], _refused(accepted[position][0], why))
        for position, why in loaded.refused.items()
    ]
    _, refused = _stored([], refused, sinks)
    loader.load([], [parsed.to_entry(bucket) for _, parsed in refused])
    total.add(loaded.outcome)
    total.rejected += len(rejected) + len(refused)
    still = set()
    for item, parsed in (*rejected, *refused):
        item.told.rejected += 1
        if parsed.reason.value == item.was:
            still.add(item.entry_id(bucket))
    replayed = {item.entry_id(bucket) for item in kept if item.was and item.told.state == "loaded"}
    total.replayed += _mark(replayed - still, sinks, loader)


def _read(keys: Iterable[str], sinks: Sinks, s3: S3Client, total: _Sum) -> list[_Kept]:
    """Return the records of objects; what cannot be had is told of its object."""

    def read(key: str) -> tuple[ReplayResult, list[_Kept]]:
        told = ReplayResult(key)
        try:
            body = s3.get_object(Bucket=sinks.archive.bucket, Key=key)["Body"].read()
        except ClientError as error:
            is_gone = code_of(error) in NOT_FOUND
            told.state, told.reason = "gone" if is_gone else "fault", str(error)
            return told, []
        except BotoCoreError as error:
            told.state, told.reason = "fault", str(error)
            return told, []
        try:
            found = _given_up(told, body) if key.startswith(GIVEN_UP_PREFIX) else _kept_in(told, body)
        except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
            told.state, told.reason = "unreadable", f"no object of ours: {error!r}"
            return told, []
        told.records = len(found)
        return told, found

    with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
        read_objects = list(pool.map(read, keys))
    total.objects += (told for told, _ in read_objects)
    return [item for _, items in read_objects for item in items]


def _given_up(told: ReplayResult, body: bytes) -> list[_Kept]:
    """Return the records of a batch that Lambda keeps: the event is text within its own account of it."""
    event = load(body)["payload"]
    entries = (load(event.encode()) if isinstance(event, str) else event)["Records"]
    records = (record for entry in entries for record in stream_records(entry))
    return [_Kept(told, record, is_new=True) for record in records]


def _kept_in(told: ReplayResult, body: bytes) -> list[_Kept]:
    return [_kept(told, load(line)) for line in gzip.decompress(body).splitlines() if line]


def _kept(told: ReplayResult, line: dict[str, Any]) -> _Kept:
    is_rejected = told.key.startswith(QUARANTINE)
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
    return _Kept(told, record, flags, str(line["reason"]) if is_rejected else "")


def _with_flags(parsed: Accepted, flags: Sequence[str]) -> Accepted:
    both = tuple(dict.fromkeys((*parsed.reading.flags, *flags)))
    return replace(parsed, reading=replace(parsed.reading, flags=both))


def _batch_id(item: _Kept) -> str:
    # What is not in the lake yet gets an object of its own, whatever it is replayed together with.
    return (
        item.record.name
        if item.was or item.is_new
        else item.told.key.rpartition("/")[2].removesuffix(_SUFFIX)
    )


def _stored(
    accepted: list[tuple[_Kept, Accepted]], rejected: list[tuple[_Kept, Rejected]], sinks: Sinks
) -> tuple[list[tuple[_Kept, Accepted]], list[tuple[_Kept, Rejected]]]:
    """Write what is not where it belongs; return what of both is safe, and tell the objects of the others."""
    fresh = [parsed for item, parsed in accepted if item.was or item.is_new]
    parcels = [parcel for parsed in fresh for parcel in data_lake_parcels([parsed])]
    # What is rejected for the reason it was is there already.
    parcels += [quarantine_parcel(parsed) for item, parsed in rejected if parsed.reason.value != item.was]
    faults = written(parcels, sinks)
    for item, _ in (*accepted, *rejected):
        if item.record.sequence in faults:
            item.told.state, item.told.reason = "fault", faults[item.record.sequence]
    return (
        [pair for pair in accepted if pair[0].record.sequence not in faults],
        [pair for pair in rejected if pair[0].record.sequence not in faults],
    )


def _refused(item: _Kept, why: str) -> Rejected:
    return Rejected(item.record, RejectReason.REFUSED_BY_DATABASE, visible(why))


def _mark(ids: Collection[str], sinks: Sinks, loader: Loader) -> int:
    if not ids:
        return 0

    def mark(connection: Connection) -> int:
        with transaction(connection, loader.timeout_s):
            return len(quarantine.mark(connection, ids, QuarantineState.REPLAYED, at=loader.now))

    return sinks.database.run(mark)


def _tell(total: _Sum, left: int, sinks: Sinks, now: datetime) -> None:
    states = sorted({told.state for told in total.objects})
    sinks.log.info(
        "loaded again",
        extra={
            "objects": len(total.objects),
            "states": states,
            "loaded": total.loaded,
            "identical": total.identical,
            "replayed": total.replayed,
            "left": left,
        },
    )
    if total.loaded and (issue := _published(total.loaded, sinks, now)):
        sinks.log.error("metrics were not published", extra={"cause": issue})


def _published(loaded: int, sinks: Sinks, now: datetime) -> str:
    """Publish how many rows are new; return why, if that failed."""
    try:
        sinks.publisher.publish([], {PipelineMetric.ROWS_LOADED: loaded}, now=now)
    except AWS_FAULTS as error:
        return str(error)
    return ""
