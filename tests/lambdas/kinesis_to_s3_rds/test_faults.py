"""The stream's function when things go wrong: every reading once in the table, or kept, with the reason."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from smarterise_lambdas.kinesis_to_s3_rds import handler as stream_handler
from smarterise_lambdas.kinesis_to_s3_rds.kpl import MAGIC
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.database import SchemaBehind

if TYPE_CHECKING:
    from collections.abc import Callable

    Message = Callable[..., bytes]


def aggregate(*parts: tuple[str, bytes]) -> bytes:
    """Return a minimal KPL aggregate."""

    def sized(number: int, value: bytes) -> bytes:
        length, size = bytearray(), len(value)
        while size > 0x7F:
            length.append(size & 0x7F | 0x80)
            size >>= 7
        return bytes([number << 3 | 2, *length, size]) + value

    keys = b"".join(sized(1, key.encode()) for key, _ in parts)
    records = [sized(3, bytes([8, at]) + sized(3, data)) for at, (_, data) in enumerate(parts)]
    message = keys + b"".join(records)
    return MAGIC + message + hashlib.md5(message).digest()


def lines_of(bucket: str, key: str) -> list[dict[str, Any]]:
    body = clients.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]


def counts_of(caplog: pytest.LogCaptureFixture) -> dict[str, int]:
    """Return what the function said of the last batch, without what there was none of."""
    result = [record for record in caplog.records if record.message == "batch processed"][-1].__dict__
    names = ("loaded", "replaced", "identical", "superseded", "differing", "quarantined", "dropped")
    return {name: result[name] for name in names if result[name]}


def with_energy(message: Message, at: float, energy: float, serial: str = "AN54101471") -> bytes:
    document = json.loads(message(serial, at=at))
    document["device"]["readings"].append({"param": "Ep_imp", "value": str(energy), "unit": "kWh"})
    return json.dumps(document).encode()


def test_the_records_of_an_aggregate_are_taken_one_by_one(pipeline: Any, message: Message) -> None:
    hour = int(time.time()) // 3600 * 3600 - 3600  # in one, for there is an object an hour
    parts = [("AN1", message("AN1", at=hour)), ("AN2", b"poison"), ("AN1", message("AN1", at=hour + 1))]

    assert pipeline.deliver(aggregate(*parts), message("AN3")) == {"batchItemFailures": []}

    rows = pipeline.query(
        "SELECT gateway_serial, batch_id FROM readings ORDER BY gateway_serial, measured_at"
    )
    first = "shardId-000000000000-1-0"
    assert rows == [("AN1", first), ("AN1", first), ("AN3", "shardId-000000000000-2")]
    (key,) = [key for key in pipeline.keys("raw/") if "/AN1/" in key]
    lines = lines_of(pipeline.bucket, key)
    assert [(line["sequence_number"], line["part"]) for line in lines] == [("1", 0), ("1", 2)]
    assert lines[1]["payload"].encode() == parts[2][1]
    noted = pipeline.query("SELECT gateway_serial, origin, position, reason, rows FROM quarantine")
    assert noted == [("AN2", "device-data-stream/shardId-000000000000", "1-1", "NOT_JSON", 1)]


def test_a_broken_aggregate_is_kept_whole(pipeline: Any, message: Message) -> None:
    broken = aggregate(("AN1", message("AN1")))[:-3]
    nested = aggregate(("AN1", aggregate(("AN1", message("AN1")))))
    assert pipeline.deliver(broken, nested, message()) == {"batchItemFailures": []}
    noted = pipeline.query("SELECT position, reason, detail, key FROM quarantine ORDER BY 1")
    assert [(position, reason) for position, reason, *_ in noted] == [
        ("1", "BAD_AGGREGATE"),
        ("2-0", "BAD_AGGREGATE"),
    ]
    assert "checksum" in noted[0][2]
    (line,) = lines_of(pipeline.bucket, noted[0][3])
    assert base64.b64decode(line["payload_base64"]) == broken
    assert pipeline.query("SELECT count(*) FROM readings") == [(1,)]


def test_what_is_rejected_is_in_the_index_of_the_quarantine_once(pipeline: Any, message: Message) -> None:
    evil = b"'; DROP TABLE readings; --\x1b[2J"
    batch = pipeline.event(message(), evil)
    batch["Records"][1]["kinesis"]["partitionKey"] = "../../etc\n=cmd()"
    for _ in range(3):
        assert pipeline.handle(batch) == {"batchItemFailures": []}
    ((source, gateway, bucket, key, reason, state),) = pipeline.query(
        "SELECT source, gateway_serial, bucket, key, reason, state FROM quarantine"
    )
    assert (source, gateway, reason, state) == ("iot", "../../etc\\x0a=cmd()", "NOT_JSON", "kept")
    assert (bucket, [key]) == (pipeline.bucket, pipeline.keys("quarantine/"))
    assert ".." not in key
    assert base64.b64decode(lines_of(bucket, key)[0]["payload_base64"]) == evil


def test_meters_of_a_gateway_are_recorded_from_the_stream(pipeline: Any, message: Message) -> None:
    other = message("AN2").replace(b"CLD00000001", b"CLD9")
    pipeline.deliver(message("AN1"), other, b"poison")
    assert pipeline.query("SELECT gateway_serial, device_serial FROM meters ORDER BY 1") == [
        ("AN1", "CLD00000001"),
        ("AN2", "CLD9"),
    ]


def test_a_row_that_the_database_refuses_holds_nothing_up(pipeline: Any, message: Message) -> None:
    with psycopg.connect(pipeline.database_url, autocommit=True) as connection:
        connection.execute(
            b"CREATE FUNCTION tame() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            b" IF NEW.voltage_a > 300 THEN RAISE 'too wild' USING ERRCODE = '22003'; END IF;"
            b" RETURN NEW; END $$;"
            b" CREATE TRIGGER tame BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION tame()"
        )
    minute = int(time.time()) // 60 * 60 - 60  # in one, for there is a point a minute
    payloads = [message(at=minute + n, voltage=900.0 if n in (2, 7) else 230.0) for n in range(9)]
    again = pipeline.event(*payloads, b"poison", payloads[0])

    for _ in range(2):
        assert pipeline.handle(again) == {"batchItemFailures": []}

    assert pipeline.query("SELECT count(*), max(voltage_a) FROM readings") == [(7, 231.0)]
    noted = pipeline.query("SELECT position, reason, detail FROM quarantine ORDER BY position::int")
    assert [(position, reason) for position, reason, _ in noted] == [
        ("3", "REFUSED_BY_DATABASE"),
        ("8", "REFUSED_BY_DATABASE"),
        ("10", "NOT_JSON"),
    ]
    assert "too wild" in noted[0][2]
    kept = [line for key in pipeline.keys("quarantine/") for line in lines_of(pipeline.bucket, key)]
    assert {base64.b64decode(line["payload_base64"]) for line in kept} == {
        payloads[2],
        payloads[7],
        b"poison",
    }
    assert pipeline.points("VoltagePhase_A", "AN54101471", datetime.fromtimestamp(minute, UTC)) == [231.0]


@pytest.mark.parametrize("delivered", [True, False])
def test_an_unconfirmed_commit_is_reported_with_its_counts(
    pipeline: Any,
    message: Message,
    wire: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    delivered: bool,
) -> None:
    monkeypatch.setenv("DATABASE_URL", wire.url)
    now = int(time.time()) - 60
    pipeline.deliver(message(at=now))
    wire.cut(b"COMMIT\0", delivered=delivered)
    batch = pipeline.event(*(message(at=now + second) for second in range(4)), b"poison")
    assert pipeline.handle(batch) == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM readings") == [(4,)]
    assert counts_of(caplog) == {"loaded": 3, "identical": 1, "quarantined": 1}


def test_a_replaced_file_row_is_reported(
    pipeline: Any, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    now = int(time.time()) - 60
    pipeline.deliver(message(at=now), message(at=now + 1))
    with psycopg.connect(pipeline.database_url) as connection:
        connection.execute(b"UPDATE readings SET source = 'ftp'")
    pipeline.deliver(message(at=now), message(at=now, voltage=200.0), message(at=now + 2))
    assert counts_of(caplog) == {"loaded": 2, "replaced": 1, "differing": 1}


def test_a_violated_added_constraint_redelivers_the_batch(pipeline: Any, message: Message) -> None:
    with psycopg.connect(pipeline.database_url, autocommit=True) as connection:
        connection.execute(b"ALTER TABLE readings ADD CONSTRAINT closed CHECK (false) NOT VALID")
        assert pipeline.deliver(message()) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
        connection.execute(b"ALTER TABLE readings DROP CONSTRAINT closed")
    assert pipeline.deliver(message()) == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM quarantine") == [(0,)]


def test_a_clock_that_steps_back_is_flagged_and_not_published(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    publisher = stream_handler.sinks().publisher
    monkeypatch.setattr(publisher._cloudwatch, "put_metric_data", lambda **result: sent.append(result))
    now = int(time.time()) - 600
    came = [(0, 100.0), (10, 101.0), (20, 102.0), (-400, 103.0), (40, 104.0)]
    pipeline.deliver(*(with_energy(message, now + after, energy) for after, energy in came))
    flagged = pipeline.query("SELECT measured_at, flags FROM readings WHERE flags <> '{}'")
    wrong = datetime.fromtimestamp(now - 400, UTC)
    assert flagged == [(wrong, ["clock_fault"])]
    timestamps = {
        datum["Timestamp"] for call in sent for datum in call["MetricData"] if datum.get("Dimensions")
    }
    assert len(timestamps) == 4
    assert wrong not in timestamps


def test_maintenance_runs_periodically_and_not_with_every_batch(pipeline: Any, message: Message) -> None:
    now = int(time.time())
    for number in range(3):
        pipeline.deliver(message(at=now - number * 3600), first=number + 1)
    assert pipeline.query("SELECT samples FROM readings_10min") == [(1,)]
    stream_handler.maintenance()._last = 0.0
    pipeline.deliver(message(at=now - 7201), first=9)
    assert pipeline.query("SELECT sum(samples) FROM readings_10min") == [(4,)]


def test_failed_maintenance_does_not_fail_the_batch(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(pipeline.database_url) as connection:
        connection.execute(b"ALTER TABLE readings_10min RENAME TO away")
    assert pipeline.deliver(message()) == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM readings") == [(1,)]
    assert pipeline.query("SELECT count(*) FROM rollup_dirty") == [(1,)], "still to be done"


def test_a_database_without_the_schema_fails_the_function(
    pipeline: Any, message: Message, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    with pytest.raises(SchemaBehind):
        pipeline.deliver(message())


@pytest.mark.parametrize(
    ("timestamp", "delivered"),
    [(b"COPY incoming", True), (b"INSERT INTO readings", True), (b"COMMIT\0", False), (b"COMMIT\0", True)],
)
def test_a_failover_in_mid_transaction_has_every_reading_once(
    pipeline: Any,
    message: Message,
    wire: Any,
    monkeypatch: pytest.MonkeyPatch,
    timestamp: bytes,
    delivered: bool,
) -> None:
    monkeypatch.setenv("DATABASE_URL", wire.url)
    now = int(time.time())
    pipeline.deliver(message(at=now - 60))
    wire.cut(timestamp, delivered=delivered)
    batch = pipeline.event(*(message(at=now - second) for second in range(20)), b"poison")
    assert pipeline.handle(batch) == {"batchItemFailures": []}
    found = pipeline.query(
        "SELECT (SELECT count(*) FROM readings), (SELECT count(*) FROM quarantine),"
        " (SELECT count(*) FROM reading_conflicts)"
    )
    assert found == [(21, 1, 0)]


def test_a_locked_table_redelivers_the_batch(pipeline: Any, message: Message) -> None:
    now = int(time.time())
    pipeline.deliver(message(at=now - 1))
    pipeline.context.ends_at = time.monotonic() + 11  # a second for the database
    with psycopg.connect(pipeline.database_url) as connection:
        connection.execute(b"LOCK TABLE readings")
        started = time.monotonic()
        response = pipeline.deliver(message(at=now), first=2)
        assert time.monotonic() - started < 5
    assert response == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert pipeline.deliver(message(at=now), first=2) == {"batchItemFailures": []}
    assert pipeline.query("SELECT count(*) FROM readings") == [(2,)]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_three_times_in_any_order_is_accounted_for(
    pipeline: Any, message: Message, seed: int
) -> None:
    chance = random.Random(seed)
    now = int(time.time()) - 3000
    sent: list[bytes] = []
    for number in range(120):
        serial = f"AN{number % 7}"
        kind = chance.choice(["good"] * 6 + ["poison", "clock", "twice", "differing"])
        payload = message(serial, at=now + number * 10)
        if kind == "poison":
            payload = bytes(chance.randrange(256) for _ in range(30)) + b"\xff"
        elif kind == "clock":
            payload = message(serial, at=946_684_800 + number)
        elif kind == "differing" and sent:
            earlier = json.loads(message(serial, at=now + (number - 7) * 10, voltage=100.0 + number))
            payload = json.dumps(earlier).encode()
        sent.append(payload)
        if kind == "twice":
            sent.append(payload)
    events = [pipeline.event(*sent[start : start + 17]) for start in range(0, len(sent), 17)]
    for number, event in enumerate(events):
        for at, entry in enumerate(event["Records"]):
            entry["kinesis"]["sequenceNumber"] = str(number * 17 + at + 1)
            entry["eventID"] = f"shardId-000000000000:{number * 17 + at + 1}"
    deliveries = [*events]
    repeats = [event for event in events for _ in range(2)]
    chance.shuffle(repeats)
    for event in [*deliveries, *repeats]:
        assert pipeline.handle(event) == {"batchItemFailures": []}

    rows = {
        (gateway, int(at.timestamp())): voltage
        for gateway, at, voltage in pipeline.query(
            "SELECT gateway_serial, measured_at, voltage_a FROM readings"
        )
    }
    ((quarantined,),) = pipeline.query("SELECT sum(rows) FROM quarantine")
    conflicts = pipeline.query(
        "SELECT gateway_serial, measured_at, content->>'voltage_a' FROM reading_conflicts"
    )
    expected: Counter[str] = Counter()
    first: dict[tuple[str, int], float] = {}
    contradicting = set()
    for payload in sent:
        try:
            document = json.loads(payload)
        except ValueError:
            expected["quarantined"] += 1
            continue
        key = (document["gateway"]["serial"], document["timestamp"])
        value = float(document["device"]["readings"][0]["value"])
        if document["timestamp"] < 1_000_000_000:
            expected["quarantined"] += 1
        elif key not in first:
            first[key] = value
            expected["rows"] += 1
        elif first[key] == value:
            expected["identical"] += 1
        else:
            contradicting.add((*key, value))
            expected["differing"] += 1
    assert rows == first
    assert quarantined == expected["quarantined"] == len(pipeline.keys("quarantine/"))
    assert {(gateway, int(at.timestamp()), float(value)) for gateway, at, value in conflicts} == contradicting
    assert sum(expected.values()) == len(sent)
