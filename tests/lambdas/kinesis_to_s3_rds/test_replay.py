"""Tests of the replay of stream records from data lake and quarantine; it is idempotent."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_lambdas.kinesis_to_s3_rds.replay import BadRequest
from smarterise_lambdas.shared import clients

if TYPE_CHECKING:
    from collections.abc import Callable

RAW, KEPT = "raw/source=iot/", "quarantine/source=iot/"
SAFE = "gateway_serial, device_serial, measured_at, voltage_a, batch_id, flags"


def again(pipeline: Any, *prefixes: str) -> dict[str, Any]:
    keys = [key for prefix in prefixes for key in pipeline.keys(prefix)]
    response = pipeline.handle({"action": "load", "keys": keys})
    return dict(json.loads(json.dumps(response)))


def rewritten(bucket: str, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the lines of an object, as a faulty version would have left them."""
    body = gzip.decompress(clients.s3().get_object(Bucket=bucket, Key=key)["Body"].read())
    lines = b"".join(json.dumps(change(json.loads(line))).encode() + b"\n" for line in body.splitlines())
    clients.s3().put_object(Bucket=bucket, Key=key, Body=gzip.compress(lines))


def test_lost_rows_are_restored_from_the_data_lake(pipeline: Any, message: Any) -> None:
    payloads = [message(at=1772366400 + 10 * number, voltage=229.0 + number) for number in range(5)]
    pipeline.deliver(*payloads)
    # The third has an earlier timestamp and the same register; the data lake keeps its flags.
    rewritten(pipeline.bucket, pipeline.keys(RAW)[0], lambda line: {**line, "flags": ["clock_fault"]})
    before = pipeline.query(f"SELECT {SAFE} FROM readings ORDER BY measured_at")
    pipeline.query("DELETE FROM readings WHERE voltage_a > 231 RETURNING 1")
    objects = pipeline.keys(RAW)
    response = again(pipeline, RAW)
    assert response["rows"] == {"loaded": 3, "identical": 2, "superseded": 0, "differing": 0}
    assert (response["rejected"], response["left"]) == (0, [])
    assert sum(result["records"] for result in response["objects"]) == 5
    after = pipeline.query(f"SELECT {SAFE} FROM readings ORDER BY measured_at")
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert [row[-1] for row in after] == [[], [], *[["clock_fault"]] * 3]
    assert pipeline.keys(RAW) == objects
    assert again(pipeline, RAW)["rows"]["identical"] == 5


def test_the_tier_of_today_does_not_matter(pipeline: Any, message: Any, file: Any) -> None:
    pipeline.deliver(message(at=1772366400))
    pipeline.query("DELETE FROM readings RETURNING 1")
    file.upload({"schema_version": 1, "sites": {"AN54101471": {"tier": "NON_CRITICAL", "enabled": False}}})
    assert again(pipeline, RAW)["rows"]["loaded"] == 1


def test_what_can_be_read_by_now_leaves_the_quarantine(pipeline: Any, message: Any) -> None:
    good = message(at=1772366400)
    pipeline.deliver(b"not json; \x1b[31m' OR 1=1 --", b"{}", first=7)
    kept = pipeline.keys(KEPT)
    key = next(key for key in kept if key.endswith("-8.json.gz"))
    payload = base64.b64encode(good).decode()
    rewritten(pipeline.bucket, key, lambda line: {**line, "payload_base64": payload})
    response = again(pipeline, KEPT)
    assert (response["rows"]["loaded"], response["rejected"], response["replayed"]) == (1, 1, 1)
    states = "SELECT position, state, replayed_at IS NOT NULL FROM quarantine ORDER BY position"
    assert pipeline.query(states) == [("7", "kept", False), ("8", "replayed", True)]
    (batch,) = pipeline.query("SELECT batch_id FROM readings")[0]
    assert [key.rpartition("/")[2] for key in pipeline.keys(RAW)] == [f"{batch}.json.gz"]
    everything = "SELECT id, reason, state, replayed_at, rows FROM quarantine ORDER BY id"
    before = pipeline.query(everything), pipeline.keys(""), pipeline.query(f"SELECT {SAFE} FROM readings")
    response = again(pipeline, KEPT)
    assert (response["rows"]["loaded"], response["rows"]["identical"], response["rejected"]) == (0, 1, 1)
    after = pipeline.query(everything), pipeline.keys(""), pipeline.query(f"SELECT {SAFE} FROM readings")
    assert [row[:3] for row in after[0]] == [row[:3] for row in before[0]]
    assert after[1:] == before[1:]


def test_objects_that_cannot_be_read_hold_up_no_other(pipeline: Any, message: Any) -> None:
    pipeline.deliver(message(at=1772366400))
    pipeline.query("DELETE FROM readings RETURNING 1")
    bad = f"{RAW}dt=2026-03-01/hour=12/AN54101471/x\x1b.json.gz"
    clients.s3().put_object(Bucket=pipeline.bucket, Key=bad, Body=b"no gzip")
    gone = f"{RAW}dt=2026-03-01/hour=12/AN54101471/gone.json.gz"
    (good,) = (key for key in pipeline.keys(RAW) if key != bad)
    response = pipeline.handle({"action": "load", "keys": [bad, gone, good, good]})
    assert [result["state"] for result in response["objects"]] == ["unreadable", "gone", "loaded"]
    assert response["rows"]["loaded"] == 1


def test_objects_left_at_the_deadline_are_returned(pipeline: Any, message: Any) -> None:
    pipeline.deliver(message(at=1772366400))
    keys = pipeline.keys(RAW)
    pipeline.context.ends_at = 0.0
    response = pipeline.handle({"action": "load", "keys": keys})
    assert (response["left"], response["objects"]) == (keys, [])


def test_failed_batches_are_parsed_filtered_and_loaded(pipeline: Any, message: Any, file: Any) -> None:
    """Lambda keeps the event as text, in an account of its own."""
    sites = {"AN54101471": {"tier": "CRITICAL"}, "AN54000002": {"tier": "NON_CRITICAL"}}
    file.upload({"schema_version": 1, "sites": sites})
    event = pipeline.event(message(at=1772366400), message("AN54000002", at=1772366400), b"\x1b no json")
    result = {"version": "1.0", "KinesisBatchInfo": {"batchSize": 3}, "payload": json.dumps(event)}
    key = "aws/lambda/5b4b7a6c/shardId-000000000000/2026/03/02/2026-03-02T12.00.00-x+y"
    clients.s3().put_object(Bucket=pipeline.bucket, Key=key, Body=json.dumps(result).encode())
    response = pipeline.handle({"action": "load", "keys": [key]})
    assert (response["rows"]["loaded"], response["rejected"], response["objects"][0]["records"]) == (1, 1, 3)
    assert pipeline.query("SELECT gateway_serial FROM readings") == [("AN54101471",)]
    assert [len(pipeline.keys(prefix)) for prefix in (RAW, KEPT)] == [1, 1]
    before = pipeline.keys("")
    second = pipeline.handle({"action": "load", "keys": [key]})
    assert (second["rows"]["loaded"], second["rows"]["identical"]) == (0, 1)
    assert pipeline.keys("") == before
    for body in (b"{}", b'{"payload": "{}"}', b'{"payload": {"Records": [{}]}}', b"x"):
        clients.s3().put_object(Bucket=pipeline.bucket, Key=key, Body=body)
        assert pipeline.handle({"action": "load", "keys": [key]})["objects"][0]["state"] == "unreadable"


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        7,
        {"action": "load"},
        {"action": "load", "keys": "raw/source=iot/x.json.gz"},
        {"action": "load", "keys": ["site-tiers.json"]},
        {"action": "load", "keys": ["raw/source=iot/../../site-tiers.json"]},
        {"action": "load", "keys": ["raw/source=iot/x.json.gz"] * 1001},
    ],
)
def test_what_is_none_of_ours_is_refused(pipeline: Any, event: Any) -> None:
    with pytest.raises(BadRequest):
        pipeline.handle(event)
