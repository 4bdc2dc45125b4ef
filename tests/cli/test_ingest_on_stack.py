"""`ingest` and `quarantine` against the embedded stack: what came, what is missing, and taking it again."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import time
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import boto3
import psycopg
import pytest

from smarterise_sdk.domain.ingest.status import DataPath, DataPathState
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.services.ingest import object_loader
from smarterise_sdk.services.ingest.backfill_progress import ProgressFile
from smarterise_sdk.services.ingest.object_loader import Loaded, ObjectLoading

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from smarterise_ops.local.client import RunningStack

    Run = Callable[..., subprocess.CompletedProcess[str]]

T = TypeVar("T")
NAMES = StackNames()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HOSTILE = "=cmd|' /C calc'!A0 \x1b[31m'; DROP TABLE readings; --\n../../etc/passwd"

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def _own_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


class Stack:
    """The embedded stack from outside: gateways that speak, files that come, rows that are there."""

    def __init__(self, running: RunningStack) -> None:
        self._exports = running.exports
        self.s3: Any = self._client("s3")

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._exports["AWS_ENDPOINT_URL"],
            aws_access_key_id=self._exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._exports["AWS_SECRET_ACCESS_KEY"],
            region_name=self._exports["AWS_DEFAULT_REGION"],
        )

    def sweep(self, tier: str) -> None:
        event = json.dumps({"site_tier": tier}).encode()
        response = self._client("lambda").invoke(FunctionName=NAMES.ftp_to_s3, Payload=event)
        assert "FunctionError" not in response, response["Payload"].read()

    def publish(self, serial: str, payload: bytes) -> None:
        url = self._exports["SMARTERISE_MQTT_PUBLISH"] + quote(f"accuenergy/{serial}", safe="") + "?qos=1"
        urllib.request.urlopen(urllib.request.Request(url, payload, method="POST")).close()

    def measure(self, serial: str, at: datetime, *, voltage: float = 230.0) -> None:
        readings = [{"param": f"V{phase}", "value": str(voltage), "unit": "V"} for phase in (1, 2, 3)]
        device = {"name": "", "model": "", "serial": f"CLD{serial}", "online": True, "readings": readings}
        gateway = {"name": "", "model": "", "serial": serial}
        document = {"timestamp": int(at.timestamp()), "gateway": gateway, "device": device}
        self.publish(serial, json.dumps(document).encode())

    def upload(self, serial: str, name: str, text: str) -> str:
        key = f"ftp-backups/{serial}/{name}"
        self.s3.put_object(Bucket=NAMES.data_lake_bucket, Key=key, Body=text.encode())
        return key

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._exports["SMARTERISE_DATABASE_URL"], autocommit=True) as connection:
            found = connection.execute(statement.encode(), values)
            return found.fetchall() if found.description else []

    def rows(self, serial: str) -> int:
        return int(self.query("SELECT count(*) FROM readings WHERE gateway_serial = %s", serial)[0][0])

    @staticmethod
    def eventually(ask: Callable[[], T], seconds: float = 90.0) -> T:
        deadline = time.monotonic() + seconds
        while not (response := ask()):
            assert time.monotonic() < deadline, f"not within {seconds} s"
            time.sleep(0.1)
        return response


@pytest.fixture
def stack(embedded_stack: RunningStack) -> Stack:
    return Stack(embedded_stack)


@pytest.fixture
def serial() -> str:
    return f"AN54{uuid.uuid4().int % 10**8:08}"


def add(here: Run, serial: str, tier: str = "CRITICAL") -> None:
    done = here("sites", "add", serial, "--tier", tier, "--yes")
    assert done.returncode == 0, done.stderr


def data(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_what_cannot_be_read_is_listed_shown_replayed_in_vain_and_discarded(
    here: Run, stack: Stack, serial: str
) -> None:
    stack.publish(serial, HOSTILE.encode())
    listing = ("quarantine", "list", "--site", serial)
    stack.eventually(lambda: data(here(*listing, "-o", "json")))
    (entry,) = data(here(*listing, "-o", "json"))
    assert (entry["reason"], entry["path"], entry["state"]) == ("NOT_JSON", "stream", "kept")
    shown = here("quarantine", "show", entry["id"][:8])
    assert shown.returncode == 0
    assert "\\x1b[31m'; DROP TABLE readings; --\n../../etc/passwd\n" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert here("quarantine", "show", entry["id"], "--raw").stdout == HOSTILE
    assert (
        data(here("quarantine", "show", entry["id"], "--bytes", "5", "-o", "json"))["content_is_whole"]
        is False
    )
    replayed = here("quarantine", "replay", entry["id"], "--yes")
    assert (replayed.returncode, replayed.stdout) == (1, "")
    assert f"{entry['id']}: still kept: NOT_JSON" in replayed.stderr
    assert here("quarantine", "discard", entry["id"], "--yes").returncode == 2
    discarded = here("quarantine", "discard", "--site", serial, "--reason", HOSTILE, "--yes", "-o", "json")
    assert (discarded.returncode, data(discarded)["verified"]) == (0, [entry["id"]])
    assert data(here(*listing, "-o", "json")) == []
    table = list(csv.DictReader(io.StringIO(here(*listing, "--state", "any", "-o", "csv").stdout)))
    assert table[0]["state"] == "discarded"
    assert table[0]["note"].startswith("'=cmd|' /C calc'!A0 \\x1b[31m'; DROP TABLE readings; --\\x0a")
    reload = here("quarantine", "discard", entry["id"], "--reason", "again", "--yes", "-o", "json")
    assert (reload.returncode, data(reload)["state"]) == (0, "nothing to do")
    assert [row["outcome"] for row in data(here("journal", "list", "-o", "json"))] == ["verified", "failed"]
    refused = here("undo", data(here("journal", "list", "-o", "json"))[0]["plan_id"], "--yes")
    assert refused.returncode == 2
    assert "quarantine replay" in refused.stderr


def test_a_file_is_replayed_once_the_reason_is_gone(here: Run, stack: Stack, serial: str) -> None:
    key = stack.upload(
        serial, f"{serial}-logger1-2026-03-01T12-00-00-1min.csv", "Time,V1\n2026-03-01 12:00:00,230\n"
    )
    listing = ("quarantine", "list", "--site", serial, "--code", "NO_TIME_ZONE", "-o", "json")
    (entry,) = stack.eventually(lambda: data(here(*listing)))
    status = here("ingest", "status", "--site", serial, "-o", "json")
    assert status.returncode == 1
    ftp = next(row for row in data(status) if row["path"] == "ftp")
    assert (ftp["state"], ftp["tier"]) == ("rejected", None)
    assert "not in the site file; latest file rejected: NO_TIME_ZONE" in ftp["note"]
    add(here, serial, "NON_CRITICAL")
    ledger = "SELECT state, attempts FROM ingest_files WHERE gateway_serial = %s"
    before = stack.query(ledger, serial)
    planned = here("quarantine", "replay", "--site", serial, "--dry-run", "-o", "json")
    assert [call["target"] for call in data(planned)["calls"]] == ["function s3_to_rds_lambda"]
    assert stack.query(ledger, serial) == before
    done = here("quarantine", "replay", "--site", serial, "--yes", "-o", "json")
    assert (done.returncode, data(done)["verified"]) == (0, [entry["id"]]), done.stderr
    assert stack.rows(serial) == 1
    assert data(here(*listing)) == []
    rows = "SELECT * FROM readings WHERE gateway_serial = %s"
    were = stack.query(rows, serial)
    named = here("quarantine", "replay", entry["id"], "--yes", "-o", "json")
    assert data(named)["state"] == "nothing to do"
    assert stack.query(rows, serial) == were
    (file,) = data(here("ingest", "files", "--site", serial, "--state", "loaded", "-o", "json"))
    assert (file["key"], file["rows_loaded"], file["attempts"]) == (key, 1, 2)


@pytest.fixture
def lost(here: Run, stack: Stack, serial: str) -> tuple[str, str, Callable[[], int]]:
    """A site that lost the middle of what it measured over five hours, a lake object or more in each."""
    add(here, serial)
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 5 * HOUR
    for number in range(15):
        stack.measure(serial, first + number // 3 * HOUR + number % 3 * 20 * MINUTE)
    stack.eventually(lambda: stack.rows(serial) == 15)
    middle = "measured_at >= %s AND measured_at < %s"
    stack.query(
        f"DELETE FROM readings WHERE gateway_serial = %s AND {middle}",
        *(serial, first + HOUR, first + 4 * HOUR),
    )
    return utc_text(first), utc_text(first + 5 * HOUR), lambda: stack.rows(serial)


def ending_at(count: int, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have whoever carries out a backfill end it when it has written down its progress so many times."""
    write, written = ProgressFile.write, []

    def ended(file: ProgressFile, progress: Any) -> None:
        write(file, progress)
        written.append(progress)
        if len(written) == count:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressFile, "write", ended)
    return monkeypatch


def test_rows_that_are_gone_come_back_and_a_backfill_that_was_ended_goes_on(
    here: Run,
    stack: Stack,
    serial: str,
    lost: tuple[str, str, Callable[[], int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    since, until, rows = lost
    assert rows() == 6
    since_until = ("--from", since, "--to", until, "--site", serial)
    found = here("ingest", "gaps", *since_until, "-o", "json")
    assert found.returncode == 1
    assert max(gap["length_seconds"] for gap in data(found)) == (3 * 60 + 20) * 60
    command = ("ingest", "backfill", *since_until, "--path", "stream")
    monkeypatch.setitem(object_loader.BATCH_KEYS, DataPath.STREAM, 1)
    with monkeypatch.context() as patch:
        ending_at(3, patch)
        stopped = here(*command, "--yes")
    assert stopped.returncode == 130
    assert shlex.join(command) in stopped.stderr
    change = data(here("journal", "list", "-o", "json"))[0]
    assert change["outcome"] == "no end"
    settled = here("journal", "resolve", change["plan_id"], "-o", "json")
    assert (settled.returncode, data(settled)["state"]) == (3, "unverified")
    assert "goes on where it was ended" in data(here(*command, "--dry-run", "-o", "json"))["notes"]
    done = here(*command, "--yes", "-o", "json")
    assert (done.returncode, data(done)["state"], data(done)["plan_id"]) == (0, "verified", change["plan_id"])
    assert rows() == 15
    changes = data(here("journal", "list", "-o", "json"))
    assert [row["outcome"] for row in changes if row["plan_id"] == change["plan_id"]] == ["verified"]
    everything = "SELECT * FROM readings WHERE gateway_serial = %s ORDER BY measured_at"
    were = stack.query(everything, serial)
    reload = here(*command, "--yes", "-o", "json")
    assert data(reload)["notes"] == ["readings: 15 identical"]
    assert [row[:3] for row in stack.query(everything, serial)] == [row[:3] for row in were]
    assert (
        data(here("ingest", "backfill", *since_until, "--path", "ftp", "--yes", "-o", "json"))["state"]
        == "nothing to do"
    )


def test_a_backfill_that_was_killed_after_its_last_object_is_done(
    here: Run, serial: str, lost: tuple[str, str, Callable[[], int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    since, until, rows = lost
    command = ("ingest", "backfill", "--from", since, "--to", until, "--site", serial, "--path", "stream")
    with monkeypatch.context() as patch:
        ending_at(2, patch)
        assert here(*command, "--yes").returncode == 130
    assert rows() == 15
    change = data(here("journal", "list", "-o", "json"))[0]
    settled = here("journal", "resolve", change["plan_id"], "-o", "json")
    assert (settled.returncode, data(settled)["state"]) == (0, "verified")


def test_a_backfill_that_loads_nothing_is_given_up_and_goes_on_when_it_can(
    here: Run, serial: str, lost: tuple[str, str, Callable[[], int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    since, until, rows = lost
    command = ("ingest", "backfill", "--from", since, "--to", until, "--site", serial, "--yes", "-o", "json")
    load, good = ObjectLoading.load, [0]

    def failing(
        self: ObjectLoading, grant: Any, data_path: DataPath, keys: list[str], **options: Any
    ) -> Loaded:
        if good[0]:
            good[0] -= 1
            return load(self, grant, data_path, keys, **options)
        return Loaded(failed=dict.fromkeys(keys, "the database is down"))

    monkeypatch.setitem(object_loader.BATCH_KEYS, DataPath.STREAM, 1)
    with monkeypatch.context() as patch:
        patch.setattr(ObjectLoading, "load", failing)
        nothing = here(*command)
        assert (nothing.returncode, nothing.stdout) == (1, "")
        assert "the database is down" in nothing.stderr
        good[0] = 1
        some = here(*command)
    assert (some.returncode, data(some)["state"]) == (3, "unverified")
    assert "the database is down" in data(some)["unverified"][f"{serial} stream"]
    done = here(*command)
    assert (done.returncode, data(done)["state"]) == (0, "verified")
    assert rows() == 15
    assert len({data(each)["plan_id"] for each in (some, done)}) == 1


def test_the_fleet_at_a_glance(here: Run, stack: Stack) -> None:
    def live() -> list[dict[str, Any]]:
        rows = data(here("ingest", "status", "--last", "1h", "--tier", "CRITICAL", "-o", "json"))
        streams = [row for row in rows if row["path"] == "stream" and row["state"] == "ok"]
        return streams if len(streams) >= 3 else []

    row = stack.eventually(live)[0]
    assert row["found"] > 0
    assert row["lateness_seconds"] < 300
    table = here("ingest", "status", "--site", row["gateway_serial"])
    assert table.stdout.splitlines()[0].startswith("SERIAL")
    assert here("ingest", "files", "-o", "csv", "--limit", "1").stdout.startswith(
        "received_at,gateway_serial"
    )


def test_a_site_without_files_is_told_how_the_last_sweep_went(here: Run, stack: Stack, serial: str) -> None:
    add(here, serial, "NON_CRITICAL")
    stack.sweep("NON_CRITICAL")
    (by_file,) = [
        row for row in data(here("ingest", "status", "--site", serial, "-o", "json")) if row["path"] == "ftp"
    ]
    assert by_file["state"] == "never"
    assert re.fullmatch(r"last sweep 20\S+Z succeeded", by_file["note"])


def test_what_nobody_knows_and_what_makes_no_sense(here: Run) -> None:
    for command in (("status", "--site"), ("gaps", "--from", "1h", "--site")):
        unknown = here("ingest", *command, "AN5400000000000")
        assert unknown.returncode == 1
        assert "AN5400000000000" in unknown.stderr
    assert here("quarantine", "show", "ffffffffffffffff").returncode == 1
    assert here("quarantine", "replay", "--yes").returncode == 2
    assert here("quarantine", "replay", HOSTILE, "--yes").returncode == 1
    assert here("ingest", "gaps", "--from", "yesterday").returncode == 2
    assert here("ingest", "gaps", "--from", "90d").returncode == 2
    assert here("ingest", "backfill", "--from", "now", "--to", "1h", "--yes").returncode == 2
    assert here("ingest", "files", "--state", "x").returncode == 2


def test_who_may_only_read_looks_and_changes_nothing(here: Run) -> None:
    env = {"SMARTERISE_READ_ONLY": "true"}
    assert here("quarantine", "list", env=env).returncode == 0
    assert here("ingest", "files", env=env).returncode == 0
    for command in (
        ("quarantine", "replay", "--code", "HALF_ROW", "--yes"),
        ("quarantine", "discard", "--code", "HALF_ROW", "--reason", "x", "--yes"),
        ("ingest", "backfill", "--from", "1h", "--yes"),
    ):
        refused = here(*command, env=env)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "read-only" in refused.stderr


def test_the_page_for_a_night_on_call_runs_from_top_to_bottom(here: Run) -> None:
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "find-missing-data.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]
    assert len(commands) == 9
    for command in commands:
        done = here(*command)
        assert done.returncode in {0, 1}, done.stderr
        assert "error:" not in done.stderr
    states = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert states == set(DataPathState)
