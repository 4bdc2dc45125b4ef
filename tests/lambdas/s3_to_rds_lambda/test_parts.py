"""The parts of the files' function that need no server."""

from __future__ import annotations

import gzip
import json
import threading
import time
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from smarterise_lambdas.s3_to_rds_lambda.event import BadRequest, ObjectRequest, Request, read_request
from smarterise_lambdas.s3_to_rds_lambda.log_file import is_log_key, log_file_of, site_clock
from smarterise_lambdas.s3_to_rds_lambda.prefetch import prefetch
from smarterise_lambdas.s3_to_rds_lambda.rejects import Rejects
from smarterise_lambdas.s3_to_rds_lambda.s3_reader import StoredObject
from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedRow, RowReason
from smarterise_sdk.domain.sites.model import Site, Tier

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2025, 3, 20, 12, tzinfo=UTC)
LAKE_KEY = "ftp-backups/AN54101471/2025/03/20/AN54101471-logger1-2025-03-20T08-00-00-0400--0123456789ab.csv"


def stored(key: str, **metadata: str) -> StoredObject:
    return StoredObject("lake", key, '"abc"', 5, NOW, metadata)


def record(key: str, **more: Any) -> dict[str, Any]:
    entry = {"key": key, "size": 1, "eTag": "abc", **more}
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "lake"}, "object": entry},
    }


def test_keys_of_events_are_decoded_and_each_object_is_named_once() -> None:
    event = {
        "Records": [record("a+b%2B%C3%BC/%0A.csv"), record("x", versionId="1"), record("x", versionId="1")]
    }
    assert read_request(event, "other") == Request(
        (ObjectRequest("lake", "a b+ü/\n.csv", '"abc"'), ObjectRequest("lake", "x", '"abc"', "1"))
    )


def test_records_of_several_buckets_and_of_what_was_removed_are_distinguished() -> None:
    here, there, gone = record("x"), record("x"), record("y")
    there["s3"] |= {"bucket": {"name": "other"}}
    gone["eventName"] = "s3:ObjectRemoved:Delete"
    restored = record("z") | {"eventName": "s3:ObjectCreated:CompleteMultipartUpload"}
    assert read_request({"Records": [here, there, gone, restored]}, "lake").objects == (
        ObjectRequest("lake", "x", '"abc"'),
        ObjectRequest("other", "x", '"abc"'),
        ObjectRequest("lake", "z", '"abc"'),
    )


def test_s3s_own_test_event_and_an_event_of_nothing_ask_for_nothing() -> None:
    assert read_request(
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake"}, "lake"
    ) == Request(())
    assert read_request({"Records": []}, "lake") == Request(())


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "Records",
        {},
        {"Records": "x"},
        {"Records": [None]},
        {"Records": ["x"]},
        {"Records": [{}]},
        {"Records": [record("x"), {}]},
        {"Records": [{"eventSource": "aws:sqs", "body": "x"}]},
        {"Records": [record("x") | {"s3": {}}]},
        {"Records": [record("x") | {"s3": None}]},
        {"Records": [record("x") | {"s3": {"bucket": "lake", "object": {"key": "x"}}}]},
        {"Records": [record("x") | {"s3": {"bucket": {"name": "lake"}, "object": {}}}]},
        {"Records": [record("x") | {"s3": {"bucket": {"name": "lake"}, "object": []}}]},
        {"action": "load"},
        {"action": "load", "keys": "x"},
        {"action": "load", "keys": [1]},
        {"action": "load", "keys": [""]},
        {"action": "load", "keys": ["x"], "reload": "yes"},
        {"action": "load", "keys": ["x"], "bucket": 5},
        {"action": "load", "keys": [str(number) for number in range(1001)]},
        {"action": "drop"},
        {"\x1b[2J\n": 1},
    ],
)
def test_what_is_no_request_is_refused_in_words_that_can_be_shown(event: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        read_request(event, "lake")
    assert str(refused.value).isprintable()


def test_requested_keys_are_in_the_data_lake_by_default() -> None:
    assert read_request({"action": "load", "keys": ["a", "b", "a"], "reload": True}, "lake") == Request(
        (ObjectRequest("lake", "a"), ObjectRequest("lake", "b")), reload=True
    )
    assert read_request({"action": "load", "keys": ["a"], "bucket": "b"}, "lake").objects[0].bucket == "b"


@pytest.mark.parametrize(
    ("key", "metadata", "serial", "logger", "issue"),
    [
        (LAKE_KEY, {}, "AN54101471", "logger1", None),
        (LAKE_KEY, {"original-name": "AN54101471%2Dnight.csv"}, "AN54101471", "night", None),
        ("ftp-backups/AN54101471/any%20name.csv", {}, "AN54101471", "any%20name", None),
        ("ftp-backups/AN54101471-x-2025-03-20T08-00-00.csv", {}, "AN54101471", "x", None),
        ("ftp-backups/data.csv", {}, "", "data", FileReason.NO_SERIAL),
        ("ftp-backups/../data.csv", {}, "", "data", FileReason.NO_SERIAL),
        (LAKE_KEY, {"original-name": "AN99999999-x.csv"}, "AN54101471", "x", FileReason.SERIAL_MISMATCH),
    ],
)
def test_whose_a_file_is(
    key: str, metadata: dict[str, str], serial: str, logger: str, issue: FileReason | None
) -> None:
    log_file = log_file_of(stored(key, **metadata))
    assert (log_file.file.gateway_serial, log_file.name.logger) == (serial, logger)
    assert (log_file.issue.reason if log_file.issue else None) == issue


@pytest.mark.parametrize("key", [LAKE_KEY, "ftp-backups/x", "ftp-backups/\n" + "x" * 900, "ftp-backups/."])
def test_what_rows_are_known_by_can_be_shown_and_is_short(key: str) -> None:
    batch_id = log_file_of(stored(key)).batch_id
    assert batch_id.isprintable()
    assert 0 < len(batch_id) <= 150


def test_what_is_a_log() -> None:
    assert is_log_key(LAKE_KEY)
    assert not any(
        map(is_log_key, ["raw/x.csv", "ftp-backups/", "ftp-backups/x/", "ftp-manifests/x.json", ""])
    )


@pytest.mark.parametrize(
    ("site", "zone", "why"),
    [
        (Site("AN1", Tier.CRITICAL, timezone="Africa/Lagos"), ZoneInfo("Africa/Lagos"), ""),
        (Site("AN1", Tier.CRITICAL), ZoneInfo("UTC"), ""),
        (
            Site("AN1", Tier.CRITICAL, timezone="Africa/Nowhere"),
            None,
            "unknown time zone 'Africa/Nowhere'",
        ),
        (Site("AN1", Tier.CRITICAL, timezone="Africa"), None, "unknown time zone 'Africa'"),
        (Site("AN2", Tier.CRITICAL), None, "AN1 is not in the site file"),
    ],
)
def test_the_clock_of_a_site(site: Site, zone: ZoneInfo | None, why: str) -> None:
    found = site_clock({site.gateway_serial: site}, "AN1")
    assert (found.zone, found.why_no_zone) == (zone, why)


def test_what_is_done_ahead_comes_in_order_and_no_further_than_it_may() -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    with prefetch(make(), 2) as items:
        time.sleep(0.1)
        assert made == [0, 1, 2]
        assert list(items) == list(range(10))


def test_a_fault_ahead_is_raised_where_the_items_are_used() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise KeyError("why")

    with prefetch(make(), 2) as items:
        assert next(items) == 1
        with pytest.raises(KeyError, match="why"):
            next(items)


def test_prefetch_stops_when_its_items_are_not_consumed() -> None:
    with pytest.raises(ZeroDivisionError), prefetch(count(), 3) as items:
        raise ZeroDivisionError(next(items))
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_what_is_rejected_is_the_same_bytes_each_time_and_needs_little_memory() -> None:
    file = log_file_of(stored(LAKE_KEY)).file
    bodies: list[bytes] = []

    class Archive:
        bucket = "lake"

        def put_file(self, key: str, content: Any) -> None:
            bodies.append(content.read())

    for _ in range(2):
        with Rejects(file, "batch") as rejects:
            for line in range(50_000):
                text = f"{line},{line * 7919 % 10007},\udcff"
                rejects.add(
                    "head" if line < 9 else "other", [RejectedRow(line, text, RowReason.HALF_ROW, "why")]
                )
            (entry,) = rejects.store(Archive())  # type: ignore[arg-type]
            time.sleep(0.01)
        assert (entry.rows, entry.reason, entry.detail) == (50_000, "HALF_ROW", "line 0: why")
    assert bodies[0] == bodies[1]
    result = [json.loads(line) for line in gzip.decompress(bodies[0]).splitlines()]
    assert [line["header"] for line in result if "header" in line] == ["head", "other"]
    assert len(result) == 50_003
    assert result[-1]["text"] == f"49999,{49_999 * 7919 % 10007},\udcff"
