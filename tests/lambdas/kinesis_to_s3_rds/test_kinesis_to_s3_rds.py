"""The stream's function against real servers: every sink, every fault, and replays."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from smarterise_lambdas.kinesis_to_s3_rds import handler as stream_handler
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.runtime import MissingSetting

Message = Callable[..., bytes]


def lines_of(bucket: str, key: str) -> list[dict[str, Any]]:
    body = clients.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]


def contents(bucket: str) -> set[tuple[str, str]]:
    """Key and ETag of every version there ever was."""
    found = clients.s3().list_object_versions(Bucket=bucket).get("Versions", [])
    return {(item["Key"], item["ETag"]) for item in found}


def refusing_puts(monkeypatch: pytest.MonkeyPatch, *, where: str) -> None:
    """Let S3 deny every object whose key has `where` in it."""
    put = stream_handler.sinks().archive._s3.put_object

    def put_object(**request: Any) -> Any:
        if where in request["Key"]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        return put(**request)

    monkeypatch.setattr(stream_handler.sinks().archive._s3, "put_object", put_object)


def test_one_reading_is_found_with_equal_values_in_lake_table_and_metrics(
    pipeline: Any, message: Message
) -> None:
    at = datetime.fromtimestamp(int(time.time()) - 30, UTC)
    payload = message(at=at.timestamp())

    response = pipeline.deliver(payload)

    assert response == {"batchItemFailures": []}
    (key,) = pipeline.keys("raw/")
    assert key == f"raw/source=iot/dt={at:%Y-%m-%d}/hour={at:%H}/AN54101471/shardId-000000000000-1.json.gz"
    (line,) = lines_of(pipeline.bucket, key)
    assert line["payload"].encode() == payload
    assert (line["voltage_a"], line["active_power_total"]) == (231.0, pytest.approx(10.53))
    (row,) = pipeline.query(
        "SELECT gateway_serial, device_serial, measured_at, source, voltage_a, active_power_total, frequency,"
        " unbalance_method, voltage_unbalance, device_online, batch_id FROM readings"
    )
    assert row[:8] == (
        "AN54101471", "CLD00000001", at, "iot", 231.0, pytest.approx(10.53), 50.01, "pvur",
    )  # fmt: skip
    assert row[8] == pytest.approx(100 / 232)
    assert row[9:] == (True, "shardId-000000000000-1")
    assert pipeline.points("VoltagePhase_A", "AN54101471", at) == [231.0]
    assert pipeline.points("ActivePowerTotal", "AN54101471", at) == [pytest.approx(10.53)]
    (age,) = pipeline.points("ReadingAge", "AN54101471", at)
    assert 29 <= age <= 40


def test_the_row_is_in_the_partition_of_its_month(pipeline: Any, message: Message) -> None:
    pipeline.deliver(message(at=datetime(2019, 7, 31, 23, 59, 59, tzinfo=UTC).timestamp()))
    assert pipeline.query("SELECT count(*) FROM readings_2019_07") == [(1,)]
    assert pipeline.query("SELECT count(*) FROM readings_default") == [(0,)]


def test_a_replay_changes_nothing(pipeline: Any, message: Message) -> None:
    now = int(time.time())
    batch = pipeline.event(*(message(at=now - second) for second in range(5)), b"poison")

    pipeline.handle(batch)
    objects, rows = contents(pipeline.bucket), pipeline.query("SELECT * FROM readings ORDER BY 1, 2, 3")
    assert (len(objects), len(rows)) == (len(pipeline.keys("")), 5)
    pipeline.handle(batch)

    assert contents(pipeline.bucket) == objects, "the same keys with the same bytes"
    assert pipeline.query("SELECT * FROM readings ORDER BY 1, 2, 3") == rows
    assert pipeline.query("SELECT count(*) FROM reading_conflicts") == [(0,)]


def test_objects_do_not_depend_on_the_time_of_writing(pipeline: Any, message: Message) -> None:
    pipeline.deliver(message())
    (key,) = pipeline.keys("raw/")
    body = clients.s3().get_object(Bucket=pipeline.bucket, Key=key)["Body"].read()
    assert body[4:8] == bytes(4), "the time in the header of a gzip file"


def test_a_batch_redelivered_longer_grows_its_object(pipeline: Any, message: Message) -> None:
    hour = time.time() // 3600 * 3600 - 3600
    first, second, third = (message(at=hour + second) for second in range(3))

    pipeline.deliver(first, second)
    pipeline.deliver(first, second, third)

    (key,) = pipeline.keys("raw/")
    assert [line["sequence_number"] for line in lines_of(pipeline.bucket, key)] == ["1", "2", "3"]
    assert pipeline.query("SELECT count(*), count(DISTINCT batch_id) FROM readings") == [(3, 1)]


def test_poison_is_kept_whole_and_holds_nothing_up(pipeline: Any, message: Message) -> None:
    poison = b"\xff\xfe not json \x00"
    year_2000 = message(at=datetime(2000, 1, 1, tzinfo=UTC).timestamp())
    now = datetime.now(UTC)

    response = pipeline.deliver(message(), poison, year_2000)

    assert response == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM readings") == [(1,)]
    kept = {
        key.split("reason=")[1].split("/")[0]: lines_of(pipeline.bucket, key)
        for key in pipeline.keys("quarantine/")
    }
    assert set(kept) == {"NOT_JSON", "CLOCK_FAULT"}
    (line,) = kept["NOT_JSON"]
    assert base64.b64decode(line["payload_base64"]) == poison
    assert (line["stream"], line["shard"], line["sequence_number"]) == (
        "device-data-stream", "shardId-000000000000", "2",
    )  # fmt: skip
    assert line["arrived_at"]
    assert sum(pipeline.points("RowsRejected", None, now)) == 2


def test_a_record_that_is_no_base64_is_kept_as_it_came(pipeline: Any, message: Message) -> None:
    event = pipeline.event(message())
    event["Records"][0]["kinesis"]["data"] = "%%%"
    assert pipeline.handle(event) == {"batchItemFailures": []}
    (key,) = pipeline.keys("quarantine/")
    (line,) = lines_of(pipeline.bucket, key)
    assert base64.b64decode(line["payload_base64"]) == b"%%%"


def test_a_missing_setting_fails_with_its_name(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(MissingSetting, match="DATABASE_URL"):
        pipeline.deliver(message())


def test_only_records_of_a_failed_object_are_redelivered(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_puts(monkeypatch, where="AN00000002")

    response = pipeline.deliver(message("AN00000001"), message("AN00000002"), message("AN00000003"))

    assert response == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    rows = pipeline.query("SELECT gateway_serial FROM readings ORDER BY 1")
    assert rows == [("AN00000001",), ("AN00000003",)], "no row without its raw message"
    assert pipeline.points("VoltagePhase_A", "AN00000002", datetime.now(UTC)) == []


def test_an_invalid_record_that_was_not_stored_is_redelivered(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_puts(monkeypatch, where="quarantine/")
    response = pipeline.deliver(message(), b"poison")
    assert response == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert pipeline.query("SELECT count(*) FROM readings") == [(1,)]


def test_without_a_database_everything_is_redelivered_and_invalid_records_are_stored(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    batch = pipeline.event(message("AN00000001"), b"poison", message("AN00000002"))

    response = pipeline.handle(batch)

    assert response == {"batchItemFailures": [{"itemIdentifier": str(n)} for n in (1, 2, 3)]}
    assert len(pipeline.keys("quarantine/")) == 1
    monkeypatch.setenv("DATABASE_URL", pipeline.database_url)
    assert pipeline.handle(batch) == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM readings") == [(2,)]
    assert pipeline.query("SELECT count(*) FROM quarantine") == [(1,)]
    assert len(pipeline.keys("quarantine/")) == 1


def test_a_connection_that_died_between_invocations_is_replaced(pipeline: Any, message: Message) -> None:
    now = int(time.time())
    pipeline.deliver(message(at=now - 1))
    with psycopg.connect(pipeline.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    response = pipeline.deliver(message(at=now), first=2)

    assert response == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM readings") == [(2,)]


def test_metrics_that_cannot_be_published_cost_no_row(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_request: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutMetricData")

    monkeypatch.setattr(stream_handler.sinks().publisher._cloudwatch, "put_metric_data", refuse)

    assert pipeline.deliver(message()) == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM readings") == [(1,)]


def test_a_row_that_contradicts_the_first_is_counted_once_and_not_published(
    pipeline: Any, message: Message
) -> None:
    at = int(time.time()) - 60
    first, second = message(at=at, voltage=230.0), message(at=at, voltage=200.0)

    pipeline.deliver(first)
    for _ in range(2):
        pipeline.deliver(second, first=2)

    assert pipeline.query("SELECT voltage_a FROM readings") == [(231.0,)]
    assert pipeline.query("SELECT source, content->>'voltage_a' FROM reading_conflicts") == [("iot", "201")]
    assert pipeline.points("VoltagePhase_A", "AN54101471", datetime.fromtimestamp(at, UTC)) == [231.0]


def test_an_offline_meter_leaves_a_row_and_no_metric(pipeline: Any, message: Message) -> None:
    pipeline.deliver(message(online=False))
    assert pipeline.query("SELECT device_online, flags FROM readings") == [(False, ["meter_offline"])]
    assert pipeline.points("VoltagePhase_A", "AN54101471", datetime.now(UTC)) == []


def test_old_readings_are_stored_and_not_published(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(
        stream_handler.sinks().publisher._cloudwatch,
        "put_metric_data",
        lambda **request: calls.append(request),
    )
    now = time.time()
    pipeline.deliver(message(at=now - 15 * 86_400), message(at=now - 13 * 86_400))
    assert pipeline.query("SELECT count(*) FROM readings") == [(2,)]
    published = {
        datum["Timestamp"] for call in calls for datum in call["MetricData"] if datum.get("Dimensions")
    }
    assert published == {datetime.fromtimestamp(int(now - 13 * 86_400), UTC)}


def test_a_full_batch_is_published_in_calls_of_at_most_1000_points(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(
        stream_handler.sinks().publisher._cloudwatch,
        "put_metric_data",
        lambda **request: calls.append(request),
    )
    now = int(time.time())
    response = pipeline.deliver(*(message(f"AN{number:08d}", at=now) for number in range(250)))
    assert response == {"batchItemFailures": []}
    sizes = [len(call["MetricData"]) for call in calls]
    assert sizes == [1000, 753], "7 points a reading, and three counts"
    assert pipeline.query("SELECT count(*) FROM readings") == [(250,)]
    loaded = [datum for call in calls for datum in call["MetricData"] if datum["MetricName"] == "RowsLoaded"]
    assert [datum["Value"] for datum in loaded] == [250.0]
