"""Ingests one batch: rejected records go to the quarantine, readings to data lake, table and metrics.

Readings of sites that are not streaming are dropped first, see `tier_filter`. The raw message is stored
before the row, so every row has its raw message. Every step is idempotent: objects are named by sequence
numbers, rows have a key. Records that failed because of S3 or PostgreSQL are reported and redelivered;
permanently invalid records are quarantined and count as processed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.kinesis_to_s3_rds.records import (
    Accepted,
    Rejected,
    StreamRecord,
    data_lake_line,
    parse_record,
)
from smarterise_lambdas.kinesis_to_s3_rds.row_loader import Loaded, Loader
from smarterise_lambdas.kinesis_to_s3_rds.tier_filter import Admission, admit
from smarterise_lambdas.shared.data_lake import Archive, packed_lines
from smarterise_lambdas.shared.database import TIMEOUT_S
from smarterise_lambdas.shared.readings_table import LoadOutcome, Row
from smarterise_sdk.domain.readings.metrics import PipelineMetric
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source
from smarterise_sdk.domain.readings.mqtt import RejectReason
from smarterise_sdk.domain.readings.quality import QualityFlag, clock_faults
from smarterise_sdk.domain.stack.names import raw_data_lake_key
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from smarterise_lambdas.shared.cloudwatch import Publisher
    from smarterise_lambdas.shared.database import Database
    from smarterise_lambdas.shared.runtime import Log
    from smarterise_lambdas.shared.site_cache import SiteWatch

AWS_FAULTS: Final = (ClientError, BotoCoreError)
_CONCURRENT_UPLOADS = 8


@dataclass(frozen=True, slots=True)
class Sinks:
    """Dependencies of the function: site file, targets of readings, and logger."""

    watch: SiteWatch
    archive: Archive
    database: Database
    publisher: Publisher
    log: Log


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """Result of a batch.

    Attributes:
        faults: Errors of records to redeliver, by sequence number.
        quarantined: Number of quarantined records.
        loaded: Rows by outcome; `None` if the load failed.
    """

    faults: dict[str, str]
    quarantined: int
    loaded: LoadOutcome | None

    def to_response(self) -> dict[str, Any]:
        """Return the partial batch response for Lambda: the records to redeliver."""
        return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in self.faults]}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object to write, and the records that it stores."""

    key: str
    body: bytes
    records: tuple[StreamRecord, ...]


def ingest(
    records: Sequence[StreamRecord], sinks: Sinks, *, now: datetime, timeout_s: float = TIMEOUT_S
) -> BatchOutcome:
    """Ingest one batch.

    A failure to publish metrics is logged only, as a retry would delay the stream. Readings that differ from
    the stored row of their key, or have a clock fault, are not published.

    Args:
        records: The batch, in the order of the shard.
        sinks: Dependencies of the function.
        now: Current time, UTC.
        timeout_s: Statement timeout of the database, seconds.
    """
    admission = admit([parse_record(record) for record in records], sinks.watch.sites())
    accepted, rejected = with_clock_faults(admission.accepted), admission.rejected
    groups = _by_object(accepted)
    faults = write_objects(
        [
            *map(quarantine_object, rejected),
            *(_data_lake_object(key, group) for key, group in groups.items()),
        ],
        sinks,
    )
    batch_ids = {item.record.name: _batch_id(group) for group in groups.values() for item in group}
    safe = [item for item in accepted if item.record.sequence not in faults]
    kept = [item for item in rejected if item.record.sequence not in faults]
    loader = Loader(sinks.database, timeout_s, now)
    rows = [Row(item.reading, batch_ids[item.record.name]) for item in safe]
    try:
        loaded = loader.load(rows, [item.to_entry(sinks.archive.bucket) for item in kept])
        refused = [
            _rejected_by_database(safe[position], reason) for position, reason in loaded.refused.items()
        ]
        faults |= write_objects([*map(quarantine_object, refused)], sinks)
        kept_too = [item for item in refused if item.record.sequence not in faults]
        loader.load([], [item.to_entry(sinks.archive.bucket) for item in kept_too])
    except (psycopg.Error, *AWS_FAULTS) as error:  # AWS: reading the database secret
        handled = [*(item.record for item in safe), *(item.record for item in kept)]
        faults |= {record.sequence: f"database: {error}" for record in handled}
        loaded, refused = None, []
    faults = {record.sequence: faults[record.sequence] for record in records if record.sequence in faults}
    all_rejected = (*rejected, *refused)
    quarantined = sum(item.record.sequence not in faults for item in all_rejected)
    outcome = BatchOutcome(faults, quarantined, loaded.outcome if loaded else None)
    published = _publishable(safe, loaded) if loaded else []
    unpublished = _publish(published, outcome, admission.dropped, sinks.publisher, now)
    sinks.watch.log_unknown(admission.unknown)
    _log(outcome, all_rejected, admission, unpublished, sinks.log)
    return outcome


def with_clock_faults(accepted: Sequence[Accepted]) -> list[Accepted]:
    """Flag readings at which a gateway's clock stepped back within the batch.

    Args:
        accepted: Readings in the order of the shard.
    """
    meters: dict[tuple[str, str], list[int]] = {}
    for position, item in enumerate(accepted):
        reading = item.reading
        if reading.device_online:
            meters.setdefault((reading.gateway_serial, reading.device_serial), []).append(position)
    flagged = list(accepted)
    for positions in meters.values():
        readings = [accepted[position].reading for position in positions]
        registers = [reading.values.get(Quantity.ENERGY_IMPORT) for reading in readings]
        for fault in clock_faults([reading.measured_at for reading in readings], registers):
            item = accepted[positions[fault]]
            flags = (*item.reading.flags, QualityFlag.CLOCK_FAULT.value)
            flagged[positions[fault]] = replace(item, reading=replace(item.reading, flags=flags))
    return flagged


def _by_object(accepted: Iterable[Accepted]) -> dict[str, list[Accepted]]:
    """Group readings by the key of their data lake object: one gateway, one hour."""
    groups: dict[tuple[str, datetime], list[Accepted]] = {}
    for item in accepted:
        reading = item.reading
        hour = reading.measured_at.replace(minute=0, second=0, microsecond=0)
        groups.setdefault((reading.gateway_serial, hour), []).append(item)
    return {
        raw_data_lake_key(Source.IOT, hour, serial, _batch_id(group)): group
        for (serial, hour), group in groups.items()
    }


def _batch_id(group: Sequence[Accepted]) -> str:
    # Named by the first record only: if the batch is redelivered shorter or longer, the same object is
    # overwritten, and the records it loses are in a later batch of the redelivery.
    return group[0].record.name


def _data_lake_object(key: str, group: Sequence[Accepted]) -> StoredObject:
    return StoredObject(key, packed_lines(map(data_lake_line, group)), tuple(item.record for item in group))


def data_lake_objects(accepted: Iterable[Accepted]) -> list[StoredObject]:
    """Build the data lake objects of readings."""
    return [_data_lake_object(key, group) for key, group in _by_object(accepted).items()]


def quarantine_object(rejected: Rejected) -> StoredObject:
    """Build the quarantine object of a record."""
    return StoredObject(rejected.key, packed_lines([rejected.to_line()]), (rejected.record,))


def write_objects(objects: Sequence[StoredObject], sinks: Sinks) -> dict[str, str]:
    """Write objects concurrently; return errors by sequence number for the records of failed writes."""
    if not objects:
        return {}

    def put(item: StoredObject) -> str | None:
        try:
            sinks.archive.put(item.key, item.body)
        except AWS_FAULTS as error:
            return f"s3:PutObject {item.key}: {error}"
        return None

    with ThreadPoolExecutor(_CONCURRENT_UPLOADS) as pool:
        issues = list(pool.map(put, objects))
    return {
        record.sequence: issue
        for item, issue in zip(objects, issues, strict=True)
        if issue is not None
        for record in item.records
    }


def _rejected_by_database(item: Accepted, reason: str) -> Rejected:
    return Rejected(item.record, RejectReason.REFUSED_BY_DATABASE, visible(reason))


def _publishable(safe: Sequence[Accepted], loaded: Loaded) -> list[Reading]:
    excluded = {*loaded.outcome.differing, *loaded.refused}
    return [
        item.reading
        for position, item in enumerate(safe)
        if position not in excluded and QualityFlag.CLOCK_FAULT not in item.reading.flags
    ]


def _publish(
    readings: Sequence[Reading], outcome: BatchOutcome, dropped: int, publisher: Publisher, now: datetime
) -> str | None:
    """Publish readings and counts of a batch; return the error, if any."""
    counts = {
        PipelineMetric.ROWS_LOADED: outcome.loaded.loaded if outcome.loaded else 0,
        PipelineMetric.ROWS_REJECTED: outcome.quarantined,
        PipelineMetric.READINGS_DROPPED: dropped,
    }
    try:
        publisher.publish(readings, counts, now=now)
    except AWS_FAULTS as error:
        return str(error)
    return None


def _log(
    outcome: BatchOutcome,
    rejected: Sequence[Rejected],
    admission: Admission,
    unpublished: str | None,
    log: Log,
) -> None:
    loaded = outcome.loaded
    log.info(
        "batch processed",
        extra={
            "loaded": loaded.loaded if loaded else 0,
            "replaced": loaded.replaced if loaded else 0,
            "identical": loaded.identical if loaded else 0,
            "superseded": loaded.superseded if loaded else 0,
            "differing": len(loaded.differing) if loaded else 0,
            "quarantined": outcome.quarantined,
            "reasons": sorted({item.reason.value for item in rejected}),
            "dropped": admission.dropped,
            "unknown_gateways": len(admission.unknown),
        },
    )
    if outcome.faults:
        causes = sorted(set(outcome.faults.values()))
        log.error("records must be redelivered", extra={"count": len(outcome.faults), "causes": causes[:5]})
    if unpublished is not None:
        log.error("metrics not published", extra={"cause": unpublished})
