"""When things go wrong: every reading is once in the table or kept with a reason, however often it comes."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError

from smarterise_lambdas.s3_to_rds_lambda.load import LoadIncomplete, raise_faults
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.database import SchemaBehind

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = {"loaded": 0, "identical": 0, "superseded": 0, "differing": 0, "rejected": 0}


def recovers(loads: Any, key: str, count: int) -> None:
    """See that the next delivery loads the file, and one more changes nothing."""
    (details,) = loads.deliver(key)
    assert (details["state"], details["rows"]["loaded"]) == ("loaded", count)
    (again,) = loads.deliver(key)
    assert again["is_new"] is False
    assert len(loads.readings()) == count
    assert loads.ledger()[key]["state"] == "loaded"


def test_a_database_that_is_down_is_a_fault(loads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = loads.put(loads.log(loads.rows(5)))
    with monkeypatch.context() as down:
        down.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
        loads.restart()
        with pytest.raises(LoadIncomplete, match="1 files must be retried"):
            loads.deliver(key)
    loads.restart()
    recovers(loads, key, 5)


def test_a_database_without_schema_is_a_fault_that_says_what_to_do(
    loads: Any, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = loads.put(loads.log(loads.rows(5)))
    with monkeypatch.context() as behind:
        behind.setenv("DATABASE_URL", empty_database_url)
        loads.restart()
        with pytest.raises((LoadIncomplete, SchemaBehind), match="migrate_database"):
            loads.deliver(key)
    loads.restart()
    recovers(loads, key, 5)


def test_no_connection_left_is_a_fault(loads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = loads.put(loads.log(loads.rows(5)))
    role = f"crowded_{random.randrange(10**9)}"
    with psycopg.connect(loads.database_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 0".encode())
        owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}".encode())
        owner.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}".encode())
        server = loads.database_url.rpartition("@")[2]
        monkeypatch.setenv("DATABASE_URL", f"postgresql://{role}:x@{server}")
        loads.restart()
        with pytest.raises(LoadIncomplete, match="too many connections"):
            loads.deliver(key)
        owner.execute(f"ALTER ROLE {role} CONNECTION LIMIT 5".encode())
        recovers(loads, key, 5)
        loads.restart()
        owner.execute(f"DROP OWNED BY {role}".encode())
        owner.execute(f"DROP ROLE {role}".encode())


def test_a_slow_database_is_a_fault_in_time_and_the_ledger_says_so(loads: Any) -> None:
    loads.load(loads.log(loads.rows(1)))
    key = loads.put(loads.log(loads.rows(5)))
    loads.seconds = 12.5  # ten are kept back
    with psycopg.connect(loads.database_url) as other:
        other.execute(b"LOCK TABLE readings IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        with pytest.raises(LoadIncomplete):
            loads.deliver(key)
        assert time.monotonic() - started < 10
        other.rollback()
    loads.seconds = 60
    (details,) = loads.deliver(key)
    assert details["rows"] == NOTHING | {"loaded": 4, "identical": 1}


@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize(
    "on",
    [
        b"COPY readings",
        b"INSERT INTO rollup_dirty",
        b"COPY incoming",
        b"INSERT INTO readings",
        b"TRUNCATE incoming",
        b"COMMIT",
    ],
)
def test_a_server_that_goes_away_in_the_middle_loads_each_row_once(
    loads: Any, wire: Any, monkeypatch: pytest.MonkeyPatch, on: bytes, delivered: bool
) -> None:
    lines = loads.rows(9000, step=timedelta(seconds=10))
    lines = [*lines[1:], lines[0]]  # the second part of them is not in order, and staged
    key = loads.put(loads.log([*lines, "odd"]))
    monkeypatch.setenv("DATABASE_URL", wire.url)
    loads.restart()
    loads.deliver(loads.put(b"nonsense"))  # a failed connection is a fault
    wire.cut(on, delivered=delivered)
    (details,) = loads.deliver(key)
    assert details["rows"] == NOTHING | {"loaded": 9000, "rejected": 1}
    assert details["is_new"] is True
    assert len(loads.readings()) == 9000
    assert [row[:3] for row in loads.quarantine()] == [("FIELD_COUNT", 1, "kept"), ("NO_HEADER", 0, "kept")]
    assert loads.ledger()[key]["rows_loaded"] == 9000


def test_an_event_redelivered_over_a_dead_connection_is_not_new(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(5)))
    loads.deliver(key)
    loads.hang_up()
    (details,) = loads.deliver(key)
    assert (details["rows"], details["is_new"]) == (NOTHING | {"loaded": 5}, False)
    assert sum(loads.points("RowsLoaded")) == 5


def test_a_file_that_is_asked_for_again_over_a_dead_connection_is_loaded_again(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(5)))
    loads.deliver(key)
    loads.hang_up()
    (details,) = loads.again(key)
    assert (details["rows"], details["is_new"]) == (NOTHING | {"identical": 5}, True)


def test_a_server_that_stays_away_is_a_fault_and_loads_nothing(
    loads: Any, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = loads.put(loads.log(loads.rows(10)))
    monkeypatch.setenv("DATABASE_URL", wire.url)
    loads.restart()
    loads.deliver(loads.put(b"nonsense"))
    wire.cut(b"COPY readings", delivered=False)
    wire.refuse()
    with pytest.raises(LoadIncomplete):
        loads.deliver(key)
    assert loads.readings() == []
    assert loads.ledger()[key]["state"] == "loading"
    monkeypatch.setenv("DATABASE_URL", loads.database_url)
    loads.restart()
    recovers(loads, key, 10)


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_s3_that_denies_is_a_fault_and_loads_nothing(loads: Any, operation: str) -> None:
    key = loads.put(loads.log([*loads.rows(5), "odd"]))
    event = {"Records": [loads.record(key)]}

    def deny(request: Any, **_: Any) -> AWSResponse:
        class Raw:
            def stream(self, **_: Any) -> Any:
                yield b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

        return AWSResponse(request.url, 403, {}, Raw())

    loads.invoke({"Records": []})
    events = clients.s3().meta.events
    events.register_first(f"before-send.s3.{operation}", deny, unique_id="deny")
    with pytest.raises(LoadIncomplete, match="AccessDenied"):
        loads.invoke(event)
    events.unregister(f"before-send.s3.{operation}", unique_id="deny")
    assert (loads.readings(), loads.quarantine()) == ([], [])
    assert {entry["state"] for entry in loads.ledger().values()} <= {"failed"}
    recovers(loads, key, 5)
    assert [row[:2] for row in loads.quarantine()] == [("FIELD_COUNT", 1)]


def test_what_is_rejected_is_kept_whole_when_s3_fails_at_first(loads: Any) -> None:
    lines = [f"odd {random.Random(number).random()}" for number in range(30_000)]  # more than fit into memory
    sent: list[int] = []

    def fail(request: Any, **_: Any) -> AWSResponse | None:
        sent.append(len(request.body.read()))
        request.reset_stream()

        class Raw:
            def stream(self, **_: Any) -> Any:
                yield b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"

        return AWSResponse(request.url, 503, {}, Raw()) if len(sent) == 1 else None

    key = loads.put(loads.log([*loads.rows(3), *lines]))
    loads.invoke({"Records": []})
    events = clients.s3().meta.events
    events.register_first("before-send.s3.PutObject", fail, unique_id="fail")
    (details,) = loads.deliver(key)
    events.unregister("before-send.s3.PutObject", unique_id="fail")
    assert details["rows"] == NOTHING | {"loaded": 3, "rejected": 30_000}
    assert sent[0] == sent[1] > 256 * 1024
    ((_, _, _, where),) = loads.quarantine()
    assert [line["text"] for line in loads.lines(where)[2:]] == lines


def test_a_connection_to_s3_that_is_cut_in_mid_file_is_taken_up_again(loads: Any, faucet: Any) -> None:
    key = loads.put(loads.log(loads.rows(3000)))
    event = {"Records": [loads.record(key)]}
    faucet.run_dry(times=2, after=20_000)
    (details,) = loads.invoke(event)
    assert details["rows"] == NOTHING | {"loaded": 3000}


def test_a_connection_to_s3_that_is_always_cut_is_a_fault(loads: Any, faucet: Any) -> None:
    key = loads.put(loads.log(loads.rows(3000)))
    event = {"Records": [loads.record(key)]}
    faucet.run_dry(times=100, after=20_000)
    with pytest.raises(LoadIncomplete):
        loads.invoke(event)
    assert loads.readings() == []
    faucet.run_dry(times=0, after=0)
    recovers(loads, key, 3000)


def test_one_bad_file_never_stops_the_others(loads: Any) -> None:
    first, gone, last = (loads.put(loads.log(loads.rows(count))) for count in (3, 4, 5))
    event = {"Records": [loads.record(key, versionId=None) for key in (first, gone, last)]}
    clients.s3().delete_object(Bucket=loads.bucket, Key=gone)
    assert [details["state"] for details in loads.invoke(event)] == ["loaded", "gone", "loaded"]
    assert len(loads.readings()) == 5


KILLED = """
import json, sys
from smarterise_lambdas.s3_to_rds_lambda.handler import handler
class Context:
    function_name = aws_request_id = invoked_function_arn = "x"
    memory_limit_in_mb = 512
    def get_remaining_time_in_millis(self):
        return 60_000
handler(json.loads(sys.argv[1]), Context())
"""


def test_a_function_that_is_killed_in_mid_load_has_loaded_nothing(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(20_000, step=timedelta(seconds=10))))
    event = json.dumps({"Records": [loads.record(key)]})
    for table in ("readings", "rollup_dirty"):  # before its first row, and after some
        with psycopg.connect(loads.database_url) as other:
            other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            victim = subprocess.Popen(
                [sys.executable, "-c", KILLED, event], env=os.environ, stdout=subprocess.DEVNULL
            )
            wait_until(lambda: waiting_for_a_lock(loads))
            victim.send_signal(signal.SIGKILL)
            victim.wait(10)
        assert loads.readings() == []
    assert loads.ledger()[key]["state"] == "loading"
    recovers(loads, key, 20_000)
    assert loads.ledger()[key]["attempts"] == 3


SQUEEZED = """
import json, os, re, resource, sys
from smarterise_lambdas.s3_to_rds_lambda.handler import handler
class Context:
    function_name = aws_request_id = invoked_function_arn = "x"
    memory_limit_in_mb = 512
    def get_remaining_time_in_millis(self):
        return 120_000
def data_kb():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmData:\\s*(\\d+)", status.read())[1])
small, large, room_mb = json.loads(sys.argv[1])
handler(small, Context())
limit = data_kb() * 1024 + room_mb * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
handler(large, Context())
"""


def test_a_file_larger_than_the_memory_that_is_left_is_loaded(loads: Any) -> None:
    """200 MB in a function of 512 MB, made small: 50 MB where, beside code and a first load, 32 are left."""
    room_mb = 32
    note = "x" * 12_000  # long lines make a large file of few rows: it is bytes that must not gather
    large = loads.put(loads.log([f"{row},{note}" for row in loads.rows(4_200)], f"{loads.header},note"))
    small = loads.put(loads.log(loads.rows(30_000, start=loads.start - timedelta(days=60))))
    assert clients.s3().head_object(Bucket=loads.bucket, Key=large)["ContentLength"] > 1.4 * room_mb * 2**20
    # By ETag: the emulator hands out a version whole, whatever part of it is asked for.
    events = [{"Records": [loads.record(key, versionId=None)]} for key in (small, large)]
    done = subprocess.run(
        [sys.executable, "-c", SQUEEZED, json.dumps([*events, room_mb])],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert loads.ledger()[large]["rows_loaded"] == 4_200


def waiting_for_a_lock(loads: Any) -> list[str]:
    """Return the statements that wait for a lock."""
    found = loads.query(
        "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return [query for (query,) in found]


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [("", "identical"), ("SET voltage_a = 231", "differing"), ("SET source = 'iot'", "superseded")],
)
def test_a_row_inserted_concurrently_is_counted_by_the_rule(loads: Any, changed: str, outcome: str) -> None:
    lines = loads.rows(3)
    loads.load(loads.log(lines[2:]))
    loads.execute("CREATE TABLE others AS SELECT * FROM readings")
    loads.execute("DELETE FROM readings")
    if changed:
        loads.execute(f"UPDATE others {changed}")
    key = loads.put(loads.log([*lines, "odd"]))
    with psycopg.connect(loads.database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute(b"INSERT INTO readings SELECT * FROM others")
        details = pool.submit(loads.deliver, key)
        wait_until(lambda: any(query.startswith("COPY readings") for query in waiting_for_a_lock(loads)))
        other.commit()
        (found,) = details.result(60)
    assert found["rows"] == NOTHING | {"loaded": 2, outcome: 1, "rejected": 1}
    assert len(loads.query("SELECT 1 FROM readings")) == 3
    assert loads.query("SELECT * FROM others EXCEPT SELECT * FROM readings") == []
    assert [row[:2] for row in loads.quarantine()] == [("FIELD_COUNT", 1)]
    assert len(loads.query("SELECT 1 FROM reading_conflicts")) == (outcome == "differing")


def test_events_that_come_at_the_same_time_load_a_file_once(loads: Any) -> None:
    keys = [
        loads.put(loads.log(loads.rows(1400, start=loads.start + timedelta(days=day)))) for day in range(3)
    ]
    loads.invoke({"Records": []})

    def deliver(number: int) -> list[Any]:
        found: list[Any] = loads.within(lambda: 50.0, *random.Random(number).sample(keys, len(keys)))
        return found

    with ThreadPoolExecutor(3) as pool:
        details = [each for found in pool.map(deliver, range(3)) for each in found]
    assert {each.state for each in details} == {"loaded"}
    assert sum(each.result.is_new for each in details) == 3
    assert len(loads.readings()) == 4200
    assert {entry["rows_loaded"] for entry in loads.ledger().values()} == {1400}


def test_files_that_overlap_and_come_at_the_same_time_load_each_row_once(loads: Any) -> None:
    lines = loads.rows(9000, step=timedelta(seconds=10))
    keys = [loads.put(loads.log(order)) for order in (lines, lines[::-1], lines[4000:] + lines[:4000])]
    loads.invoke({"Records": []})

    def deliver(key: str) -> Any:
        return loads.within(lambda: 50.0, key)[0]

    with ThreadPoolExecutor(3) as pool:
        details = list(pool.map(deliver, keys))
    again = [deliver(key) for key, each in zip(keys, details, strict=True) if each.state == "fault"]
    entries = loads.ledger().values()
    assert {each.state for each in again} <= {"loaded"}
    assert sum(entry["rows_loaded"] for entry in entries) == len(loads.readings()) == 9000
    assert sum(entry["rows_identical"] for entry in entries) == 18_000


def lasting(looks: int) -> Callable[[], float]:
    """Return a clock that is past the deadline after a number of reads."""
    left = iter([50.0] * looks)
    return lambda: next(left, 0.0)


def test_an_exceeded_deadline_is_a_fault_with_a_remedy(loads: Any) -> None:
    key, other = (
        loads.put(loads.log(loads.rows(20_000 + more, step=timedelta(seconds=10)))) for more in (0, 1)
    )
    loads.invoke({"Records": []})
    details = loads.within(lasting(8), key, other)
    assert [each.state for each in details] == ["fault", "fault"]
    assert re.search(
        r"deadline exceeded after [1-9][0-9]* rows.*increase the function's timeout", details[0].reason
    )
    assert details[1].reason == "deadline exceeded"
    with pytest.raises(LoadIncomplete, match="2 files must be retried"):
        raise_faults(details)
    assert loads.readings() == []
    assert loads.ledger()[key]["state"] == "failed"
    assert other not in loads.ledger()
    recovers(loads, key, 20_000)


def test_the_last_file_waits_for_the_database_no_longer_than_there_is_time(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(3)))
    loads.invoke({"Records": []})
    clock = iter([60.0, 2.0])  # plenty when it begins, and two seconds by the time it comes to the file
    with psycopg.connect(loads.database_url) as other:
        other.execute(b"LOCK TABLE readings IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        (details,) = loads.within(lambda: next(clock, 2.0), key)
        assert time.monotonic() - began < 10
    assert details.state == "fault"
    recovers(loads, key, 3)


def test_a_file_that_was_loaded_when_time_ran_out_stays_loaded(loads: Any) -> None:
    first, second = (loads.put(loads.log(loads.rows(count))) for count in (3, 5))
    loads.invoke({"Records": []})
    details = loads.within(lasting(4), first, second)
    assert [each.state for each in details] == ["loaded", "fault"]
    assert len(loads.readings()) == 3
    assert [each["rows"] for each in loads.deliver(first, second)] == [
        NOTHING | {"loaded": 3},
        NOTHING | {"loaded": 2, "identical": 3},
    ]


def test_what_the_database_takes_never_is_kept_and_holds_nothing_up(loads: Any) -> None:
    loads.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.voltage_a > 400 THEN"
        " RAISE EXCEPTION 'out of range' USING ERRCODE = '22003'; END IF; RETURN NEW; END $$"
    )
    loads.execute("CREATE TRIGGER odd BEFORE INSERT ON readings FOR EACH ROW EXECUTE FUNCTION refuse()")
    key = loads.put(
        loads.log([*loads.rows(3), *loads.rows(1, start=loads.start - timedelta(hours=1), voltage=500)])
    )
    (details,) = loads.deliver(key)
    assert (details["state"], details["rows"]) == ("rejected", NOTHING | {"rejected": 4})
    assert loads.quarantine() == [("REFUSED_BY_DATABASE", 4, "kept", key)]
    assert loads.readings() == []
    loads.execute("DROP TRIGGER odd ON readings")
    (again,) = loads.again(key)
    assert again["rows"] == NOTHING | {"loaded": 4}
    assert [row[2] for row in loads.quarantine()] == ["replayed"]


def test_a_violated_added_constraint_is_a_fault(loads: Any) -> None:
    loads.execute("ALTER TABLE readings ADD CONSTRAINT odd CHECK (voltage_a < 100)")
    key = loads.put(loads.log(loads.rows(3)))
    with pytest.raises(LoadIncomplete, match="odd"):
        loads.deliver(key)
    assert (loads.readings(), loads.quarantine()) == ([], [])
    assert loads.ledger()[key]["state"] == "failed"
    loads.execute("ALTER TABLE readings DROP CONSTRAINT odd")
    recovers(loads, key, 3)


def test_a_site_file_that_cannot_be_read_stops_only_files_that_need_it(loads: Any) -> None:
    found = clients.s3().list_object_versions(Bucket=loads.bucket, Prefix="site-tiers.json")["Versions"]
    for version in found:
        clients.s3().delete_object(Bucket=loads.bucket, Key=version["Key"], VersionId=version["VersionId"])
    loads.restart()
    assert loads.load(loads.log(loads.rows(3)))["rows"]["loaded"] == 3
    key = loads.put(loads.log(loads.rows(5)), "logger1.csv")
    with pytest.raises(LoadIncomplete, match="the site file is not readable"):
        loads.deliver(key)
    assert loads.quarantine() == []
    loads.sites({loads.serial: {"tier": "NON_CRITICAL", "timezone": "America/New_York"}})
    (details,) = loads.deliver(key)
    assert details["rows"] == NOTHING | {"loaded": 2, "identical": 3}


def test_metrics_that_cannot_be_published_hold_nothing_up(loads: Any) -> None:
    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="http://nowhere")

    loads.invoke({"Records": []})
    clients.cloudwatch().meta.events.register_first(
        "before-send.cloudwatch.PutMetricData", fail, unique_id="fail"
    )
    assert loads.load(loads.log(loads.rows(3)))["state"] == "loaded"
    assert loads.ledger().popitem()[1]["state"] == "loaded"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_sent_and_however_often_every_row_is_accounted_for(loads: Any, seed: int) -> None:
    rng = random.Random(seed)
    sent: set[str] = set()
    keys: list[str] = []
    expected = 0
    for number in range(12):
        start = loads.start + timedelta(minutes=30 * rng.randrange(8))
        lines = loads.rows(60, start=start, energy=1000 + (start - loads.start).total_seconds() / 600)
        # The values of a row depend on its timestamp only, as with a real meter.
        lines = [f"{line[:19]},50.01,23{line[15]}.1,231.2,229.9,10.53,1000.0" for line in lines]
        for _ in range(rng.randrange(4)):
            place = rng.randrange(len(lines))
            lines[place] = rng.choice(
                [
                    "",
                    lines[place][:-9],
                    "2000-01-01" + lines[place][10:],
                    lines[place].replace(",", ";"),
                    "\x00",
                ]
            )
        kept = [line for line in lines if line.strip("\0")]
        sent |= {line for line in kept if line.count(",") == 6 and line.startswith("2025")}
        data = loads.log(lines)
        expected += len(kept)
        if rng.random() < 0.3:
            data = data[:-3]
            sent.discard(kept[-1])
        keys.append(loads.put(data, f"AN54101471-logger1-{number}-2025-03-20T08-00-00-0400.csv"))
    events = [key for key in keys for _ in range(3)]
    rng.shuffle(events)
    for key in events:
        loads.deliver(key)
    entries = loads.ledger()
    outcomes = ("rows_loaded", "rows_identical", "rows_superseded", "rows_differing", "rows_rejected")
    assert sum(entry[outcome] for entry in entries.values() for outcome in outcomes) == expected
    assert sum(row[1] for row in loads.quarantine()) == sum(
        entry["rows_rejected"] for entry in entries.values()
    )
    stored = {f"{row[0] - timedelta(hours=4):%Y-%m-%d %H:%M:%S}" for row in loads.readings()}
    assert {line[:19] for line in sent} <= stored
    before = loads.readings()
    loads.again(*keys)
    assert loads.readings() == before


def test_no_thread_is_left_behind(loads: Any) -> None:
    loads.load(loads.log(loads.rows(10)))
    loads.load(b"nonsense")
    loads.load(loads.log(loads.rows(9000, step=timedelta(seconds=1)))[:-1] + b"\n" + b"x" * 100_000)
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]
