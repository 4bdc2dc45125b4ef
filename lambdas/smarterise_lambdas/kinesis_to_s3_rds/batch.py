"""One batch of the stream: rejected records to the quarantine, readings to the lake, the table, the metrics.

What sites send that are not live is let go first; `tier_filter` says whose that is. The rest goes in this
order, so that a row never exists whose raw message could be lost. Every step can be repeated: objects are
named by sequence numbers, rows by their key. What failed for a reason of S3 or PostgreSQL is reported and
comes again; what can never succeed is quarantined and counts as handled.
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
from smarterise_lambdas.kinesis_to_s3_rds.tier_filter import Admission, admitted
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
_UPLOADS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Sinks:
    """Whose readings of a batch are taken, and where they go."""

    watch: SiteWatch
    archive: Archive
    database: Database
    publisher: Publisher
    log: Log


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch.

    Attributes:
        faults: By sequence number, why a record has to come again.
        quarantined: How many records were rejected for good, and kept.
        loaded: What became of the rows; `None` if they could not be loaded.
    """

    faults: dict[str, str]
    quarantined: int
    loaded: LoadOutcome | None

    def to_response(self) -> dict[str, Any]:
        """Return what Lambda is told: which records come again."""
        return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in self.faults]}


@dataclass(frozen=True, slots=True)
class Parcel:
    """An object to be written, and the records that are safe once it is."""

    key: str
    body: bytes
    records: tuple[StreamRecord, ...]


def ingest(
    records: Sequence[StreamRecord], sinks: Sinks, *, now: datetime, timeout_s: float = TIMEOUT_S
) -> BatchOutcome:
    """Handle one batch.

    Metrics that cannot be published are logged and let go: the row is the truth, and to hold up the stream
    for them would cost rows. A reading that contradicts the row kept for its key publishes nothing, nor does
    one whose clock was wrong.

    Args:
        records: The batch, in the order of the shard.
        sinks: Where to.
        now: This moment, UTC.
        timeout_s: How long a statement of the database may take, seconds.
    """
    admission = admitted([parse_record(record) for record in records], sinks.watch.sites())
    accepted, rejected = with_clock_faults(admission.accepted), admission.rejected
    groups = _by_object(accepted)
    faults = written(
        [
            *map(quarantine_parcel, rejected),
            *(_data_lake_parcel(key, group) for key, group in groups.items()),
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
        refused = [_refused(safe[position], why) for position, why in loaded.refused.items()]
        faults |= written([*map(quarantine_parcel, refused)], sinks)
        kept_too = [item for item in refused if item.record.sequence not in faults]
        loader.load([], [item.to_entry(sinks.archive.bucket) for item in kept_too])
    except (psycopg.Error, *AWS_FAULTS) as error:  # AWS: the secret that holds the database's address
        handled = [*(item.record for item in safe), *(item.record for item in kept)]
        faults |= {record.sequence: f"database: {error}" for record in handled}
        loaded, refused = None, []
    faults = {record.sequence: faults[record.sequence] for record in records if record.sequence in faults}
    all_rejected = (*rejected, *refused)
    quarantined = sum(item.record.sequence not in faults for item in all_rejected)
    outcome = BatchOutcome(faults, quarantined, loaded.outcome if loaded else None)
    published = _worth_publishing(safe, loaded) if loaded else []
    unpublished = _published(published, outcome, admission.dropped, sinks.publisher, now)
    sinks.watch.log_unknown(admission.unknown)
    _tell(outcome, all_rejected, admission, unpublished, sinks.log)
    return outcome


def with_clock_faults(accepted: Sequence[Accepted]) -> list[Accepted]:
    """Return readings, flagged where a gateway's clock stepped back within the batch.

    Args:
        accepted: In the order of the shard.
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
    """Group readings by the lake object they go to: one gateway, one hour."""
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
    # By the first record alone: when a batch comes again shorter or longer, the object grows or shrinks in
    # place, and the records it loses come in a later batch of the same replay.
    return group[0].record.name


def _data_lake_parcel(key: str, group: Sequence[Accepted]) -> Parcel:
    return Parcel(key, packed_lines(map(data_lake_line, group)), tuple(item.record for item in group))


def data_lake_parcels(accepted: Iterable[Accepted]) -> list[Parcel]:
    """Return the objects of the lake that readings are kept in."""
    return [_data_lake_parcel(key, group) for key, group in _by_object(accepted).items()]


def quarantine_parcel(rejected: Rejected) -> Parcel:
    """Return the object of the quarantine that a record is kept in."""
    return Parcel(rejected.key, packed_lines([rejected.to_line()]), (rejected.record,))


def written(parcels: Sequence[Parcel], sinks: Sinks) -> dict[str, str]:
    """Write objects side by side; return why, by sequence number, for the records of those that failed."""
    if not parcels:
        return {}

    def put(parcel: Parcel) -> str | None:
        try:
            sinks.archive.put(parcel.key, parcel.body)
        except AWS_FAULTS as error:
            return f"s3:PutObject {parcel.key}: {error}"
        return None

    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        issues = list(pool.map(put, parcels))
    return {
        record.sequence: issue
        for parcel, issue in zip(parcels, issues, strict=True)
        if issue is not None
        for record in parcel.records
    }


def _refused(item: Accepted, why: str) -> Rejected:
    return Rejected(item.record, RejectReason.REFUSED_BY_DATABASE, visible(why))


def _worth_publishing(safe: Sequence[Accepted], loaded: Loaded) -> list[Reading]:
    untrue = {*loaded.outcome.differing, *loaded.refused}
    return [
        item.reading
        for position, item in enumerate(safe)
        if position not in untrue and QualityFlag.CLOCK_FAULT not in item.reading.flags
    ]


def _published(
    readings: Sequence[Reading], outcome: BatchOutcome, dropped: int, publisher: Publisher, now: datetime
) -> str | None:
    """Publish what a batch measured and counted; return why, if that failed."""
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


def _tell(
    outcome: BatchOutcome,
    rejected: Sequence[Rejected],
    admission: Admission,
    unpublished: str | None,
    log: Log,
) -> None:
    loaded = outcome.loaded
    log.info(
        "batch handled",
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
        log.error("records must come again", extra={"count": len(outcome.faults), "causes": causes[:5]})
    if unpublished is not None:
        log.error("metrics were not published", extra={"cause": unpublished})
