"""Tests of `ingest-manager` with a real PostgreSQL and emulated S3."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_lambdas.ingest_manager import handler as manager
from smarterise_lambdas.ingest_manager.event import read_request
from smarterise_lambdas.shared import clients, ledger, meters, quarantine
from smarterise_lambdas.shared.ledger import FileState, IngestFile, RowCounts
from smarterise_lambdas.shared.quarantine import QuarantineEntry
from smarterise_lambdas.shared.readings_table import Row, load_rows
from smarterise_sdk.domain.ingest.manager_api import IngestAction
from smarterise_sdk.domain.ingest.sweep_report import sweep_report_key
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source
from smarterise_sdk.domain.sites.model import Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_lambdas.shared.database import Connection

    Ask = Callable[..., dict[str, Any]]

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SPAN = {"since": AT.isoformat(), "until": (AT + HOUR).isoformat()}
HOSTILE = (
    "'; DROP TABLE quarantine; --",
    "../../../../etc/passwd",
    "=cmd|' /C calc'!A0",
    "one\ntwo \x1b[31mred\u202e",
)


@pytest.fixture
def ask(bucket: str, database_url: str, context: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Invoke the function; its response must survive JSON, as on AWS."""
    assert bucket
    monkeypatch.setenv("DATABASE_URL", database_url)
    manager.dependencies.cache_clear()

    def invoke(action: str, **fields: Any) -> dict[str, Any]:
        return dict(json.loads(json.dumps(manager.handler({"action": action, **fields}, context))))

    yield invoke
    manager.dependencies().database.close()
    manager.dependencies.cache_clear()


def readings(serial: str, minutes: Any, *, source: Source = Source.IOT, device: str = "CLD1") -> list[Row]:
    values = {Quantity.VOLTAGE_A: 230.0}
    reading = Reading(serial, device, AT, source, values, None, True, "", "")
    return [Row(replace(reading, measured_at=AT + minute * MINUTE), "b") for minute in minutes]


def note_meter(connection: Connection, *serials: str) -> None:
    with connection.transaction():
        meters.note_meters(connection, [(serial, "CLD1") for serial in serials], seen_at=AT)


def file(name: str, *, serial: str = "AN1", at: datetime = AT) -> IngestFile:
    return IngestFile("lake", f"ftp-backups/{serial}/{name}", "e", 100, Source.FTP, serial, at)


def load_file(
    connection: Connection, it: IngestFile, time_range: tuple[datetime, datetime], rows: int
) -> None:
    ledger.begin(connection, it)
    with connection.transaction():
        assert ledger.claim(connection, it)
        ledger.finalize(connection, it, FileState.LOADED, RowCounts(loaded=rows), time_range=time_range)


def entry(position: str, reason: str = "BAD_JSON", **fields: Any) -> QuarantineEntry:
    made = QuarantineEntry(
        Source.IOT, "AN1", "lake", f"k/{position}", "stream/shard", position, reason, "d", AT
    )
    return replace(made, **fields)


def noted(connection: Connection, *entries: QuarantineEntry) -> None:
    with connection.transaction():
        quarantine.note(connection, entries)


def test_status_of_each_data_path(ask: Ask, connection: Connection) -> None:
    note_meter(connection, "AN1", "AN2", "AN3")
    load_rows(connection, readings("AN1", range(30)))
    load_rows(connection, readings("AN2", [-60], device="CLD1"))
    hour = AT, AT + 29 * MINUTE
    load_file(connection, file("a", serial="AN3"), hour, 30)
    load_file(connection, file("a again and longer", serial="AN3"), (AT, AT + 39 * MINUTE), 40)
    ledger.begin(connection, file("b", serial="AN3", at=AT + HOUR))
    ledger.fail(connection, file("b", serial="AN3", at=AT + HOUR), "no\nway")
    noted(connection, entry("1"), entry("2"), entry("3", seen_at=AT - HOUR))
    response = ask("status", gateways=["AN1", "AN2", "AN3", "AN4"], **SPAN)
    streams = {row["gateway_serial"]: row for row in response["streams"]}
    assert streams["AN1"]["found"] == 30
    assert streams["AN1"]["usual_s"] == 60
    assert streams["AN1"]["last_measured_at"] == (AT + 29 * MINUTE).isoformat()
    assert (streams["AN2"]["found"], streams["AN2"]["last_measured_at"]) == (0, (AT - HOUR).isoformat())
    assert set(streams) == {"AN1", "AN2"}
    (files,) = response["files"]
    assert (files["covered_s"], files["usual_s"], files["files"], files["unfinished_files"]) == (
        2400,
        60,
        3,
        1,
    )
    assert files["last_measured_at"] == (AT + 39 * MINUTE).isoformat()
    assert (files["state"], files["reason"]) == ("failed", "no\\x0away")
    assert [(row["gateway_serial"], row["reason"], row["entries"]) for row in response["kept"]] == [
        ("AN1", "BAD_JSON", 2)
    ]


def test_what_the_last_sweeps_found_wrong(ask: Ask, bucket: str) -> None:
    def sweeps() -> Any:
        return ask("status", gateways=["AN1"], **SPAN)["sweeps"]

    assert sweeps() == {"CRITICAL": None, "NON_CRITICAL": None}
    kept = {"swept_at": AT.isoformat(), "servers": ["main"]}
    for tier, body in ((Tier.CRITICAL, json.dumps(kept)), (Tier.NON_CRITICAL, "[cut")):
        clients.s3().put_object(Bucket=bucket, Key=sweep_report_key(tier), Body=body.encode())
    assert sweeps() == {"CRITICAL": kept, "NON_CRITICAL": None}


def test_gaps_and_evidence_of_their_cause(ask: Ask, connection: Connection) -> None:
    load_rows(connection, readings("AN1", [*range(10, 20), *range(35, 60)]))
    offline = readings("AN1", [25])[0]
    load_rows(connection, [Row(replace(offline.reading, device_online=False), "b")])
    load_rows(connection, readings("AN2", range(60)))
    wrong = replace(readings("AN2", [30], device="CLD2")[0].reading, flags=("clock_fault",))
    load_rows(connection, [Row(wrong, "b")])
    noted(connection, entry("1", "HALF_ROW", seen_at=AT + HOUR, source=Source.FTP, rows=15))
    ledger.begin(connection, file("b", at=AT + HOUR))
    response = ask("gaps", gateways=["AN1", "AN2", "AN3"], **SPAN)
    assert [(row["gateway_serial"], row["device_serial"]) for row in response["meters"]] == [
        ("AN1", "CLD1"),
        ("AN2", "CLD1"),
    ]
    result = [(row["since"], row["until"], row["offline"]) for row in response["gaps"]]
    minutes = [AT, AT + 10 * MINUTE, AT + 19 * MINUTE, AT + 35 * MINUTE]
    first, ten, nineteen, thirty_five = (timestamp.isoformat() for timestamp in minutes)
    assert result == [(first, ten, 0), (nineteen, thirty_five, 1)]
    assert response["is_complete"] is True
    assert [row["state"] for row in response["files"]] == ["loading"]
    assert [(row["reason"], row["rows"]) for row in response["kept"]] == [("HALF_ROW", 15)]


def test_gateways_that_were_heard_of(ask: Ask, connection: Connection) -> None:
    note_meter(connection, "AN5")
    ledger.begin(connection, file("x", serial="AN6"))
    ledger.begin(connection, file("x", serial="AN7", at=AT - 2 * HOUR))
    noted(connection, entry("1", gateway_serial="AN8"), entry("2", gateway_serial=""))
    assert ask("gateways", since=(AT - HOUR).isoformat())["gateways"] == ["AN5", "AN6", "AN8"]


def test_listings_come_in_pages_and_every_row_once(ask: Ask, connection: Connection) -> None:
    for number in range(5):
        ledger.begin(connection, file(f"f{number}", at=AT + (number // 2) * MINUTE))
    noted(connection, *(entry(str(number), seen_at=AT + (number // 2) * MINUTE) for number in range(5)))
    for action, column in (("files", "key"), ("quarantine_list", "id")):
        whole = [row[column] for row in ask(action)["rows"]]
        paged: list[str] = []
        after = None
        while True:
            page = ask(action, limit=2, **({"after": after} if after else {}))
            paged += (row[column] for row in page["rows"])
            after = page["next"]
            if after is None:
                break
        assert (len(whole), paged) == (5, whole)


def test_what_is_asked_for_narrows_the_listing(ask: Ask, connection: Connection) -> None:
    ledger.begin(connection, file("a"))
    ledger.begin(connection, file("b", serial="AN2", at=AT + HOUR))
    ledger.fail(connection, file("b", serial="AN2", at=AT + HOUR), "S3 is down")

    def keys(**fields: Any) -> list[str]:
        return [row["key"].rpartition("/")[2] for row in ask("files", **fields)["rows"]]

    assert keys() == ["b", "a"]
    assert keys(gateways=["AN1"]) == keys(states=["loading"]) == keys(until=SPAN["until"]) == ["a"]
    assert keys(keys=["ftp-backups/AN2/b"]) == keys(since=SPAN["until"]) == ["b"]
    noted(connection, entry("1"), entry("2", "HALF_ROW", source=Source.FTP))

    def positions(**fields: Any) -> list[str]:
        return [row["position"] for row in ask("quarantine_list", **fields)["rows"]]

    assert (
        positions(reasons=["HALF_ROW"])
        == positions(source="ftp")
        == positions(ids=[entry("2", "HALF_ROW").id])
    )
    assert positions(ids=[entry("1").id[:6]]) == ["1"]
    assert positions(states=["discarded"]) == positions(ids=["zz"]) == []


def test_discarding_marks_and_removes_nothing(ask: Ask, connection: Connection) -> None:
    one, other, gone = entry("1"), entry("2"), entry("3")
    noted(connection, one, other)
    with connection.transaction():
        quarantine.mark(connection, [other.id], quarantine.QuarantineState.REPLAYED, at=AT)
    response = ask("quarantine_discard", ids=[one.id, other.id, gone.id], reason=HOSTILE[3], by="op\n")
    assert response["discarded"] == [one.id]
    assert response["states"] == {one.id: "discarded", other.id: "replayed"}
    (row,) = ask("quarantine_list", ids=[one.id])["rows"]
    assert (row["state"], row["note"], row["marked_by"]) == (
        "discarded",
        "one\\x0atwo \\x1b[31mred\\u202e",
        "op\\x0a",
    )
    assert ask("quarantine_discard", ids=[one.id], reason="again")["discarded"] == []


def test_content_comes_in_pieces(ask: Ask, connection: Connection, bucket: str) -> None:
    body = bytes(range(256))
    clients.s3().put_object(Bucket=bucket, Key="quarantine/x", Body=body)
    it = entry("1", bucket=bucket, key="quarantine/x")
    noted(connection, it, entry("2", bucket=bucket, key="quarantine/gone"))
    pieces = [ask("quarantine_show", ids=[it.id], offset=offset, length=100) for offset in (0, 100, 200, 256)]
    assert b"".join(base64.b64decode(piece["content_base64"]) for piece in pieces) == body
    assert {piece["size"] for piece in pieces} == {256}
    assert pieces[0]["entry"]["id"] == it.id
    assert ask("quarantine_show", ids=[entry("2").id])["error"]["code"] == "OBJECT_GONE"
    assert ask("quarantine_show", ids=["nothing"])["error"]["code"] == "ENTRY_NOT_FOUND"


def test_objects_of_a_span_and_what_the_ledger_says_of_them(
    ask: Ask, connection: Connection, bucket: str
) -> None:
    def put(key: str) -> str:
        return clients.s3().put_object(Bucket=bucket, Key=key, Body=b"x")["ETag"].strip('"')

    name = "AN1-logger1-2026-03-01T{}-00-00+0000-1min"
    inside = f"ftp-backups/AN1/2026/03/01/{name.format('12')}--0123456789ab.csv"
    etag = put(inside)
    put(f"ftp-backups/AN1/2026/03/01/{name.format('13')}--0123456789ab.csv")
    put("ftp-backups/AN1/2026/02/01/AN1-logger1-2026-02-01T12-00-00+0000-1min--0123456789ab.csv")
    by_hand = "ftp-backups/AN1/export.csv"
    put(by_hand)
    put("ftp-backups/AN11/2026/03/01/other.csv")
    known = replace(file("", at=AT), bucket=bucket, key=inside, etag=etag)
    load_file(connection, known, (AT, AT), 1)
    asked = ask("objects", source="ftp", gateways=["AN1"], **SPAN)
    assert [(row["key"], row["state"]) for row in asked["rows"]] == [(inside, "loaded"), (by_hand, "")]
    raw = [
        f"raw/source=iot/dt=2026-03-01/hour={hour}/{serial}/{number}.json.gz"
        for hour in ("11", "12", "13")
        for serial in ("AN1", "AN2")
        for number in (1, 2)
    ]
    for key in raw:
        put(key)
    given_up = [f"aws/lambda/5b4b/shardId-0/2026/{day}/x" for day in ("02/28", "03/01", "03/09", "03/10")]
    for key in given_up:
        put(key)
    whole = ask("objects", source="iot", **SPAN)["rows"]
    assert [row["key"] for row in whole if "raw" not in row["key"]] == given_up[1:3]
    for key in given_up:
        clients.s3().delete_object(Bucket=bucket, Key=key)
    listed = ask("objects", source="iot", **SPAN)
    assert [row["key"] for row in listed["rows"]] == [key for key in raw if "hour=12" in key]
    first = ask(
        "objects", source="iot", gateways=["AN2"], since="2026-03-01T11:30:00Z", until=SPAN["until"], limit=1
    )
    assert [row["key"] for row in first["rows"]] == [key for key in raw if "hour=11/AN2" in key]
    second = ask(
        "objects",
        source="iot",
        gateways=["AN2"],
        since="2026-03-01T11:30:00Z",
        until=SPAN["until"],
        after=first["next"],
    )
    assert [row["key"] for row in second["rows"]] == [key for key in raw if "hour=12/AN2" in key]


REFUSED: list[Any] = [
    None,
    [],
    {},
    {"action": "drop"},
    {"action": ["files"]},
    {"action": "status"},
    {"action": "status", "gateways": ["AN1"], "since": "yesterday", "until": 5},
    {"action": "status", "gateways": ["AN1"] * 1, "since": SPAN["until"], "until": SPAN["since"]},
    {"action": "status", "gateways": [f"AN{n}" for n in range(201)], **SPAN},
    {"action": "files", "states": ["kept"]},
    {"action": "files", "limit": True},
    {"action": "files", "limit": 0},
    {"action": "files", "after": ["x"]},
    {"action": "files", "table": "readings"},
    {"action": "quarantine_list", "ids": "x"},
    {"action": "quarantine_list", "ids": ["x\0"]},
    {"action": "quarantine_list", "after": ["2026-03-01", "x", "y"]},
    {"action": "quarantine_discard", "ids": ["x"]},
    {"action": "objects", "source": "ftp", **SPAN},
    {"action": "objects", "source": "ftp", "gateways": ["../x"], **SPAN},
    {"action": "objects", "source": "web", **SPAN},
    {"action": "objects", "source": "iot", "after": ["9", "x"], **SPAN},
]


@pytest.mark.usefixtures("ask")
def test_what_cannot_be_asked_is_refused_as_data(context: Any) -> None:
    for event in REFUSED:
        response = json.loads(json.dumps(manager.handler(event, context)))
        assert (response["ok"], response["error"]["code"]) == (False, "BAD_REQUEST"), event
        assert response["error"]["message"]


def test_a_database_that_is_down_is_a_fault_of_the_function(
    bucket: str, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody@127.0.0.1:1/{bucket}")
    manager.dependencies.cache_clear()
    with pytest.raises(psycopg.OperationalError):
        manager.handler({"action": "files"}, context)
    manager.dependencies.cache_clear()


def test_text_is_data_whatever_is_in_it(ask: Ask, connection: Connection) -> None:
    for text in HOSTILE:
        noted(connection, entry(text, gateway_serial=text, detail=text, origin=text))
        shown = text.replace("\n", "\\x0a").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
        asked = {"gateways": [text], "reasons": [text], "ids": [text]}
        assert ask("quarantine_list", **asked)["rows"] == []
        rows = ask("quarantine_list", gateways=[shown])["rows"]
        assert [(row["gateway_serial"], row["detail"]) for row in rows] == [(shown, shown)]
        assert ask("files", gateways=[text], keys=[text])["rows"] == []
        assert ask("status", gateways=[text], **SPAN)["streams"] == []
        assert ask("gaps", gateways=[text], **SPAN)["gaps"] == []
        assert ask("quarantine_discard", ids=[text], reason=text, by=text)["discarded"] == []


FIELDS = st.sampled_from(["action", "gateways", "since", "until", "ids", "limit", "after", "x"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(list(IngestAction)),
    lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner),
    max_leaves=8,
)


@given(ANYTHING)
def test_anything_at_all_is_a_request_or_refused(event: Any) -> None:
    with suppress(InvalidInput):
        assert read_request(event).action in IngestAction
