"""Deliveries as AWS makes them: a stream's batches in halves, events three times and in any order, again."""

from __future__ import annotations

import base64
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from smarterise_lambdas.ftp_to_s3.handler import SweepIncomplete
from smarterise_lambdas.s3_to_rds_lambda.load import LoadIncomplete
from smarterise_lambdas.shared import clients

from .cloud import BUCKET, STREAM, Cloud, Killed
from .faults import OF_DELIVERIES, Fault

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from .books import ExpectedState, Item
    from .messages import Message, Record
    from .sent import Content

BATCH = 100
TRIES = 3
"""How often an event is delivered before it goes where failures go."""
AGAIN_EVERY = 6
"""One in so many batches is delivered again though it was handled."""
MOST_TRIES = 12
"""Of a batch, until there is something wrong with the run."""
MOST_RECORDS = 6
"""In one event of S3."""
_ONCE = (Fault.KILLED, Fault.SERVER_DIED)
"""Faults that take seconds: a path has each of them once."""
RECOVERED = (Fault.FAILOVER, Fault.SERVER_DIED)
"""Faults that a function gets over by itself; others happened if the delivery failed."""
FILE_COUNTS = ("loaded", "identical", "superseded", "differing", "rejected")
BATCH_COUNTS = ("loaded", "replaced", "identical", "superseded", "differing", "quarantined", "dropped")


@dataclass
class Weather:
    """What befalls deliveries: each fault once, then any of them now and then."""

    rng: random.Random
    often: float
    _coming: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._coming = self.rng.sample(OF_DELIVERIES, len(OF_DELIVERIES))

    def now(self, *, puts_rows: bool = True) -> Fault | None:
        """Return what befalls the next delivery.

        Args:
            puts_rows: Whether it will put rows into the table: else there is no point at which to kill it.
        """
        if self._coming:
            if self.rng.random() >= 0.7 or (self._coming[-1] is Fault.KILLED and not puts_rows):
                return None
            return self._coming.pop()
        if self.rng.random() >= self.often:
            return None
        return self.rng.choice([fault for fault in OF_DELIVERIES if fault not in _ONCE])


class StreamDelivery:
    """The event source mapping: batches with bisection and partial failures, each shard in its order."""

    def __init__(
        self, cloud: Cloud, books: ExpectedState, rng: random.Random, occurred: Counter[Fault]
    ) -> None:
        self._cloud = cloud
        self._manifests = books
        self._rng = rng
        self._occurred = occurred
        self._weather = Weather(rng, 0.3)
        self._messages: dict[Item, Message] = {}
        self._by_sequence: dict[tuple[str, str], list[Item]] = {}
        self._iterators = cloud.shards()
        self._events: list[tuple[str, list[dict[str, Any]]]] = []

    @property
    def sent(self) -> dict[Item, Message]:
        """Every message that was published, by where it is."""
        return self._messages

    def publish(self, records: Sequence[Record]) -> None:
        """Put records into the stream."""
        places = self._cloud.put_records([(record.key, record.payload) for record in records])
        for record, (shard, sequence) in zip(records, places, strict=True):
            items = [
                (shard, f"{sequence}-{part}" if record.is_aggregate else sequence)
                for part in range(len(record.messages))
            ]
            self._messages.update(zip(items, record.messages, strict=True))
            self._by_sequence[shard, sequence] = items
            if record.fault is not None:
                self._occurred[record.fault] += 1

    def poll(self) -> None:
        """Deliver what has come since."""
        for shard in list(self._iterators):
            records, self._iterators[shard] = self._cloud.read(self._iterators[shard])
            for start in range(0, len(records), BATCH):
                some = [_kinesis_record(shard, record) for record in records[start : start + BATCH]]
                self._events.append((shard, some))
                self._deliver(shard, some, self._weather.now())
                if len(self._events) % AGAIN_EVERY == 0:
                    self._occurred[Fault.BATCH_AGAIN] += 1
                    self._deliver(shard, some, None)

    def again(self, size: int) -> None:
        """Deliver everything again, in batches of another size."""
        for shard in self._iterators:
            records = [record for at, some in self._events if at == shard for record in some]
            for start in range(0, len(records), size):
                self._deliver(shard, records[start : start + size], None)

    def _deliver(self, shard: str, records: list[dict[str, Any]], fault: Fault | None) -> None:
        waiting = [records]
        for _ in range(MOST_TRIES):
            if not waiting:
                return
            batch = waiting.pop(0)
            try:
                failed = self._invoke(shard, batch, fault)
            except Killed:
                middle = (len(batch) + 1) // 2
                waiting[:0] = [half for half in (batch[:middle], batch[middle:]) if half]
            else:
                first = next((at for at, one in enumerate(batch) if _sequence(one) in failed), None)
                if first is not None:
                    waiting.insert(0, batch[first:])
            fault = None
        raise AssertionError(f"a batch of {len(records)} is delivered again and again")

    def _invoke(self, shard: str, batch: list[dict[str, Any]], fault: Fault | None) -> set[str]:
        event = {"Records": batch}
        if fault is Fault.KILLED:
            self._occurred[fault] += 1
            self._cloud.kill("kinesis_to_s3_rds", event)
        if fault is None:
            failed, result = self._cloud.stream(event)
        else:
            with self._cloud.ill(fault) as has_happened:
                failed, result = self._cloud.stream(event)
                self._occurred[fault] += has_happened() and (fault in RECOVERED or bool(failed))
        came = [
            (item, self._messages[item], _sequence(record) in failed)
            for record in batch
            for item in self._by_sequence[shard, _sequence(record)]
        ]
        expected = self._manifests.stream(came)
        found = {name: result[name] for name in BATCH_COUNTS}
        wanted = {name: expected[name] for name in BATCH_COUNTS}
        assert found == wanted, (
            f"a batch of {len(batch)}, {len(failed)} failed, with {fault}: {found} {wanted}"
        )
        return failed


class FileDelivery:
    """S3's events: each comes thrice, some in one, in any order, what fails is tried again, and kept."""

    def __init__(
        self,
        cloud: Cloud,
        books: ExpectedState,
        rng: random.Random,
        occurred: Counter[Fault],
        content_of: Callable[[str], Content],
    ) -> None:
        self._cloud = cloud
        self._manifests = books
        self._rng = rng
        self._occurred = occurred
        self._content_of = content_of
        self._weather = Weather(rng, 0.12)
        self._queue: list[dict[str, Any]] = []
        self._objects: dict[str, dict[str, Any]] = {}
        self._delivered: Counter[str] = Counter()
        self._dead: list[dict[str, Any]] = []

    @property
    def objects(self) -> dict[str, dict[str, Any]]:
        """The records of all objects, by key, in the order they came."""
        return self._objects

    def notice(self) -> int:
        """Look for new objects, and queue three events of each; return how many there are."""
        new = [listed for listed in _listed() if listed["Key"] not in self._objects]
        for listed in new:
            record = self._objects[listed["Key"]] = _s3_record(listed)
            self._queue += [record] * 3
        self._rng.shuffle(self._queue)
        return len(new)

    def deliver(self, share: float = 1.0) -> None:
        """Deliver a share of what is queued, and at last what had failed too often."""
        for records in self._chunks(int(len(self._queue) * share)):
            victims = [record for record in records if self._puts_rows(_key(record))]
            fault = self._weather.now(puts_rows=bool(victims))
            self._deliver(victims if fault is Fault.KILLED else records, fault)
        if share == 1.0:
            dead, self._dead = self._dead, []
            for record in dead:  # an operator looks where failures go, and sends them again
                self._deliver([record], None)
        self._count()

    def again(self) -> None:
        """Deliver one event of each object again."""
        self._queue = self._rng.sample(list(self._objects.values()), len(self._objects))
        for records in self._chunks(len(self._queue)):
            result = self._cloud.files({"Records": records})
            assert not any(each["is_new"] for each in result)

    def _chunks(self, count: int) -> Iterator[list[dict[str, Any]]]:
        while count > 0:
            size = min(count, self._rng.randint(1, MOST_RECORDS))
            some, self._queue = self._queue[:size], self._queue[size:]
            count -= size
            yield some

    def _deliver(self, records: list[dict[str, Any]], fault: Fault | None) -> None:
        for record in records:
            self._delivered[_key(record)] += 1
        for attempt in range(TRIES):
            try:
                self._invoke(records, fault if not attempt else None)
            except (LoadIncomplete, Killed):
                continue
            return
        self._dead += records

    def _invoke(self, records: list[dict[str, Any]], fault: Fault | None) -> None:
        event = {"Records": records}
        keys = list(dict.fromkeys(_key(record) for record in records))
        result: list[dict[str, Any]] = []
        if fault is Fault.KILLED:
            self._occurred[fault] += 1
            self._cloud.kill("s3_to_rds_lambda", event)
        try:
            result = self._cloud.files(event) if fault is None else self._files_in(fault, event)
        finally:
            self._note(keys, result)

    def _files_in(self, fault: Fault, event: dict[str, Any]) -> list[dict[str, Any]]:
        with self._cloud.ill(fault) as has_happened:
            try:
                result = self._cloud.files(event)
            except LoadIncomplete:
                self._occurred[fault] += 1
                raise
            self._occurred[fault] += has_happened() and fault in RECOVERED
            return result

    def _puts_rows(self, key: str) -> bool:
        content = self._content_of(key)
        return (
            key not in self._manifests.files
            and not content.reason
            and any(line.reading for line in content.lines)
        )

    def _note(self, keys: Sequence[str], result: Sequence[dict[str, Any]]) -> None:
        """Record the files that were finalized now, and check the response."""
        responses = dict(zip(keys, result, strict=False))
        finalized = "SELECT key FROM ingest_files WHERE key = ANY (%s) AND state IN ('loaded', 'rejected')"
        found = {key for (key,) in self._cloud.query(finalized, list(keys))}
        for key in keys:
            is_new = key in found and key not in self._manifests.files
            if is_new:
                expected = self._manifests.file(key, self._content_of(key))
            if key in responses:
                assert responses[key]["is_new"] == is_new, (responses[key], keys)
                if is_new:
                    assert responses[key]["rows"] == {name: expected[name] for name in FILE_COUNTS}, key

    def _count(self) -> None:
        self._occurred[Fault.THREE_TIMES] = sum(times >= 3 for times in self._delivered.values())
        order = {key: number for number, key in enumerate(self._objects)}
        came = [order[key] for key in self._delivered]
        self._occurred[Fault.OUT_OF_ORDER] = sum(first > second for first, second in itertools.pairwise(came))


def sweep(cloud: Cloud, tier: str, fault: Fault | None, occurred: Counter[Fault]) -> dict[str, Any] | None:
    """Collect the files of a tier, tried again when it fails; return the response, `None` if it failed."""
    for attempt in range(TRIES):
        try:
            if fault is None or attempt:
                return cloud.sweep(tier)
            with cloud.ill(fault) as has_happened:
                try:
                    return cloud.sweep(tier)
                finally:
                    occurred[fault] += has_happened()
        except SweepIncomplete:
            continue
    return None


def _kinesis_record(shard: str, record: dict[str, Any]) -> dict[str, Any]:
    return {
        "eventSource": "aws:kinesis",
        "eventSourceARN": f"arn:aws:kinesis:eu-west-2:111122223333:stream/{STREAM}",
        "eventID": f"{shard}:{record['SequenceNumber']}",
        "kinesis": {
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        },
    }


def _s3_record(listed: dict[str, Any]) -> dict[str, Any]:
    entry = {
        "key": quote_plus(listed["Key"], safe="/"),
        "size": listed["Size"],
        "eTag": listed["ETag"].strip('"'),
        "versionId": listed["VersionId"],
    }
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": BUCKET}, "object": entry},
        "of": listed["Key"],
    }


def _listed() -> list[dict[str, Any]]:
    pages = clients.s3().get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix="ftp-backups/")
    found: list[Any] = [listed for page in pages for listed in page.get("Versions", [])]
    assert all(listed["IsLatest"] for listed in found), "an object was written over"
    return found


def _sequence(record: dict[str, Any]) -> str:
    return str(record["kinesis"]["sequenceNumber"])


def _key(record: dict[str, Any]) -> str:
    return str(record["of"])
