"""Files to rows: dialects, duplicates, replays, quarantine, ledger and metrics."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smarterise_lambdas.s3_to_rds_lambda.event import BadRequest
from smarterise_lambdas.shared import clients
from smarterise_sdk.domain.readings.voltage_quality import u2

WEB_EXPORT = (
    "Data Log 1,\nNo.,Time Stamp,Ep_Imp [kWh],V1 [V],Psum [W],\n"
    "1, 2025-03-20 08:00:00, 12530.5, 230.1, 10530,\n2, 2025-03-20 08:01:00, 12530.7, 230.2, 10630,\n"
)
NOTHING = {"loaded": 0, "identical": 0, "superseded": 0, "differing": 0, "rejected": 0}


def test_a_file_becomes_rows_and_an_entry_in_the_ledger(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(60)))
    (result,) = loads.deliver(key)
    assert result == {"key": key, "state": "loaded", "rows": NOTHING | {"loaded": 60}, "is_new": True}
    found = loads.readings()
    assert len(found) == 60
    assert found[0] == (loads.start, 230.0, "ftp", "")
    assert found[-1] == (loads.start + timedelta(minutes=59), 233.0, "ftp", "")
    entry = loads.ledger()[key]
    assert (entry["state"], entry["rows_loaded"], entry["attempts"]) == ("loaded", 60, 1)
    assert (entry["first_measured_at"], entry["last_measured_at"]) == (found[0][0], found[-1][0])
    assert entry["gateway_serial"] == loads.serial
    ((batch,),) = loads.query("SELECT DISTINCT batch_id FROM readings")
    assert key.rpartition("/")[2] == f"{batch}.csv"


def test_every_column_comes_where_it_belongs(loads: Any) -> None:
    loads.load(
        loads.log(["2025-03-20 08:00:00,50,400,400,380,12.5"], "Time,Freq_Hz,V12,V23,V31,Ep_imp (kWh)")
    )
    columns = (
        "frequency, voltage_ab, voltage_ca, energy_import, voltage_a, unbalance_method, device_online, flags"
    )
    ((*values, unbalance),) = loads.query(f"SELECT {columns}, voltage_unbalance FROM readings")
    assert [*values] == [50.0, 400.0, 380.0, 12.5, None, "u2", True, []]
    assert unbalance == u2(400, 400, 380)


def test_the_web_pages_export_and_packed_files_are_taken(loads: Any) -> None:
    loads.load(gzip.compress(WEB_EXPORT.encode("utf-8-sig")), loads.name + ".gz")
    found = loads.query("SELECT measured_at, energy_import, active_power_total FROM readings ORDER BY 1")
    assert found == [(loads.start, 12530.5, 10.53), (loads.start + timedelta(minutes=1), 12530.7, 10.63)]


def test_an_event_that_comes_three_times_changes_nothing(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(30)))
    first, second, third = loads.deliver(key), loads.deliver(key), loads.deliver(key, key)
    assert [result["is_new"] for result in (*first, *second, *third)] == [True, False, False]
    assert {result["rows"]["loaded"] for result in (*first, *second, *third)} == {30}
    assert len(loads.readings()) == 30
    assert loads.points("RowsLoaded") == [30.0]
    assert loads.points("FilesLoaded") == [1.0]
    assert loads.query("SELECT count(*) FROM reading_conflicts") == [(0,)]


def test_the_same_file_again_and_longer_and_out_of_order(loads: Any) -> None:
    short, long, late = (loads.put(loads.log(loads.rows(count))) for count in (20, 30, 25))
    (second,), (first,), (third,) = loads.deliver(long), loads.deliver(short), loads.deliver(late)
    assert second["rows"] == NOTHING | {"loaded": 30}
    assert first["rows"] == NOTHING | {"identical": 20}
    assert third["rows"] == NOTHING | {"identical": 25}
    assert len(loads.readings()) == 30


def test_a_file_that_is_asked_for_again_is_loaded_again_with_the_same_outcome(loads: Any) -> None:
    key = loads.put(loads.log([*loads.rows(10), "half,a,row"]))
    loads.deliver(key)
    before, kept = loads.readings(), loads.quarantine()
    (result,) = loads.again(key)
    assert result["rows"] == NOTHING | {"identical": 10, "rejected": 1}
    assert (loads.readings(), loads.quarantine()) == (before, kept)
    assert loads.ledger()[key]["attempts"] == 2


def test_duplicate_timestamps_with_other_values_are_counted_and_kept(loads: Any) -> None:
    lines = loads.rows(5)
    result = loads.load(loads.log([*lines, lines[0], loads.rows(1, voltage=111.0)[0], lines[4]]))
    assert result["rows"] == NOTHING | {"loaded": 5, "identical": 2, "differing": 1}
    assert loads.readings()[0][1] == 230.0
    ((content,),) = loads.query("SELECT content->>'voltage_a' FROM reading_conflicts")
    assert content == "111"


def test_the_stream_wins_over_files_whichever_comes_first(loads: Any) -> None:
    insert = (
        "INSERT INTO readings (gateway_serial, measured_at, source, voltage_a, batch_id)"
        f" VALUES ('{loads.serial}', %s, 'iot', 99, 'stream') RETURNING 1"
    )
    loads.query(insert, loads.start + timedelta(minutes=1))
    result = loads.load(loads.log(loads.rows(3)))
    assert result["rows"] == NOTHING | {"loaded": 2, "superseded": 1}
    assert [(row[1], row[2]) for row in loads.readings()] == [(230.0, "ftp"), (99.0, "iot"), (232.0, "ftp")]


def test_rows_that_cannot_be_taken_are_kept_with_header_line_and_reason(loads: Any) -> None:
    good = loads.rows(4)
    odd = ["2000-01-01 00:00:00,50,1,2,3,4,5", "2025-03-20 08:09:00,50,1", '"2025-03-20 08:00:00,1,1,1,1,1,1']
    key = loads.put(
        loads.log([good[0], odd[0], good[1], odd[1], good[2], odd[2], good[3], odd[1] + "\udcff"])
    )
    (result,) = loads.deliver(key)
    assert result["rows"] == NOTHING | {"loaded": 4, "rejected": 4}
    kept = {reason: (count, state, where) for reason, count, state, where in loads.quarantine()}
    assert {reason: (count, state) for reason, (count, state, _) in kept.items()} == {
        "BAD_QUOTES": (1, "kept"),
        "CLOCK_FAULT": (1, "kept"),
        "FIELD_COUNT": (2, "kept"),
    }
    head, header, first, second = loads.lines(kept["FIELD_COUNT"][2])
    assert head["origin"] == f"s3://{loads.bucket}/{key}#{_etag(loads, key)}"
    assert (head["gateway_serial"], head["reason"]) == (loads.serial, "FIELD_COUNT")
    assert header == {"header": loads.header}
    assert (first["line"], first["text"]) == (5, odd[1])
    assert second["text"].encode(errors="surrogateescape") == odd[1].encode() + b"\xff"
    (clock_fault,) = loads.lines(kept["CLOCK_FAULT"][2])[2:]
    assert clock_fault["text"] == odd[0]
    assert loads.points("RowsRejected") == [4.0]


def test_half_a_row_at_the_end_waits_in_quarantine_for_the_longer_file(loads: Any) -> None:
    whole = loads.log(loads.rows(10))
    result = loads.load(whole[:-10])
    assert result["rows"] == NOTHING | {"loaded": 9, "rejected": 1}
    assert "truncated" in result["reason"]
    assert loads.load(whole)["rows"] == NOTHING | {"loaded": 1, "identical": 9}
    assert [row[:2] for row in loads.quarantine()] == [("HALF_ROW", 1)]


@pytest.mark.parametrize(
    ("data", "reason", "count"),
    [
        (b"", "EMPTY_FILE", 0),
        (b"Freq_Hz,V1,V2\n50,230,231\n50,230,231\n", "NO_TIME_COLUMN", 2),
        (b"Time,THD_Va\n2025-03-20 08:00:00,1\n", "NO_KNOWN_COLUMNS", 1),
        (b"hello\nworld\n", "NO_HEADER", 0),
        (b"PK\x03\x04", "NOT_TEXT", 0),
        (b"x" * 100_000, "LINE_TOO_LONG", 0),
    ],
)
def test_what_is_no_log_goes_into_quarantine_whole(loads: Any, data: bytes, reason: str, count: int) -> None:
    key = loads.put(data)
    (result,) = loads.deliver(key)
    assert (result["state"], result["rows"]) == ("rejected", NOTHING | {"rejected": count})
    assert loads.quarantine() == [(reason, count, "kept", key)]
    entry = loads.ledger()[key]
    assert entry["state"] == "rejected"
    assert entry["reason"].startswith(reason)
    assert loads.points("FilesRejected") == [1.0]
    (again,) = loads.deliver(key)
    assert again["is_new"] is False


def test_a_bomb_behind_good_rows_loads_none_of_them(loads: Any) -> None:
    result = loads.load(gzip.compress(loads.log(loads.rows(50)) + b"\n" * 60_000_000), loads.name + ".gz")
    assert result["state"] == "rejected"
    assert loads.readings() == []
    assert [row[0] for row in loads.quarantine()] == ["TOO_LARGE"]


def test_what_was_rejected_for_its_site_is_replayed_once_the_site_is_known(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(3)), "AN99999999-logger1.csv", serial="AN99999999")
    (result,) = loads.deliver(key)
    assert (result["state"], result["rows"]["rejected"]) == ("rejected", 3)
    assert "AN99999999 is not in the site file" in result["reason"]
    loads.sites({"AN99999999": {"tier": "NON_CRITICAL", "timezone": "America/New_York"}}, warm=True)
    (again,) = loads.again(key)
    assert (again["state"], again["rows"]) == ("loaded", NOTHING | {"loaded": 3})
    assert [row[:3] for row in loads.quarantine()] == [("NO_TIME_ZONE", 3, "replayed")]
    assert loads.ledger()[key]["state"] == "loaded"


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("ftp-backups/logger1-2025-03-20T08-00-00-0400.csv", "NO_SERIAL"),
        ("ftp-backups/ehm21120333/AN54101471-logger1-2025-03-20T08-00-00-0400.csv", "SERIAL_MISMATCH"),
    ],
)
def test_a_file_that_is_nobodys_or_anothers_is_not_guessed(loads: Any, key: str, reason: str) -> None:
    result = loads.load(loads.log(loads.rows(3)), key=key)
    assert (result["state"], result["rows"]["rejected"]) == ("rejected", 3)
    assert result["reason"].startswith(reason)


@pytest.mark.parametrize(
    "key",
    [
        "ftp-backups/AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv",
        "ftp-backups/AN54101471/x 2025-03-20T08-00-00-0400.csv",
        "ftp-backups/AN54101471/2025/03/20/a+b 2025-03-20T08-00-00-0400 %2B ü.csv",
        "ftp-backups/AN54101471/../x\n2025-03-20T08-00-00-0400.csv",
        "ftp-backups/AN54101471/'; DROP TABLE readings; --2025-03-20T08-00-00-0400.csv",
        "ftp-backups/AN54101471/=HYPERLINK(1)\x1b[2J-2025-03-20T08-00-00-0400.csv",
    ],
)
def test_keys_of_every_kind_are_data(loads: Any, key: str) -> None:
    result = loads.load(loads.log([*loads.rows(3), "odd"]), key=key)
    assert result["rows"] == NOTHING | {"loaded": 3, "rejected": 1}
    assert result["key"].isprintable()
    assert loads.readings()[0][0] == loads.start
    assert list(loads.ledger()) == [key]
    ((_, _, _, kept),) = loads.quarantine()
    assert kept.isprintable()
    assert len(loads.lines(kept)) == 3


def test_hostile_cells_and_columns_are_data(loads: Any) -> None:
    hostile = ["'; DROP TABLE readings; --", "../../etc/passwd", "=cmd|' /C calc'!A0", "\x1b[31mERROR fake"]
    header = ",".join([loads.header, *hostile])
    lines = [",".join([row, *hostile]) for row in loads.rows(3)]
    broken = [",".join([text, "1", "2", "3", "4", "5", "6", *hostile]) for text in hostile]
    result = loads.load(loads.log([*lines, *broken], header))
    assert result["rows"] == NOTHING | {"loaded": 3, "rejected": 4}
    ((reason, count, _, key),) = loads.quarantine()
    assert (reason, count) == ("BAD_TIMESTAMP", 4)
    _, head, *kept = loads.lines(key)
    assert head == {"header": header}
    assert [line["text"] for line in kept] == broken
    ((detail,),) = loads.query("SELECT detail FROM quarantine")
    assert detail.isprintable()


def test_a_name_as_the_server_had_it_goes_before_the_safe_one(loads: Any) -> None:
    name = "AN54101471%2Dlogger1%2D2025%2D03%2D20T08%3A00%3A00%2D04%3A00.csv"
    loads.load(loads.log(loads.rows(1)), "x.csv", **{"original-name": name})
    assert loads.readings()[0][0] == loads.start


def test_a_repeated_hour_is_resolved_by_the_order_of_rows(loads: Any) -> None:
    timestamps = [
        *(f"2025-11-02 00:{minute}" for minute in (45, 50, 55)),
        *(f"2025-11-02 01:{minute:02d}" for _ in range(2) for minute in range(0, 60, 5)),
        "2025-11-02 02:00",
    ]
    lines = [
        f"{timestamp}:00,50.0,23{number % 10}.1,231.1,229.1,1.5,{number}.5"
        for number, timestamp in enumerate(timestamps)
    ]
    result = loads.load(loads.log(lines), "fixed name.csv")
    assert result["rows"] == NOTHING | {"loaded": 28}
    first = datetime(2025, 11, 2, 4, 45, tzinfo=UTC)
    assert [row[0] for row in loads.readings()] == [
        first + number * timedelta(minutes=5) for number in range(28)
    ]
    assert loads.query("SELECT DISTINCT flags FROM readings") == [([],)]


def test_an_ambiguous_time_is_flagged_and_a_nonexistent_time_is_rejected(loads: Any) -> None:
    lines = [
        "2025-11-02 01:30:00,50,230.1,231.1,229.1,1.5,1.5",
        "2025-03-09 02:30:00,50,230.1,231.1,229.1,1.5,1.5",
    ]
    assert loads.load(loads.log(lines), "logger1.csv")["rows"] == NOTHING | {"loaded": 1, "rejected": 1}
    assert loads.query("SELECT measured_at, flags FROM readings") == [
        (datetime(2025, 11, 2, 5, 30, tzinfo=UTC), ["ambiguous_hour"])
    ]
    assert loads.quarantine()[0][0] == "NONEXISTENT_TIME"


@pytest.mark.parametrize(
    ("known", "loggers", "device", "flags"),
    [
        ([], {}, "", []),
        (["CLD1"], {}, "CLD1", []),
        (["CLD1", "CLD2"], {}, "", ["meter_unknown"]),
        (["CLD1", "CLD2"], {"logger1": "CLD2"}, "CLD2", []),
        (["CLD1"], {"logger1": "CLD7"}, "CLD7", []),
        ([], "nonsense", "", []),
    ],
)
def test_rows_are_given_to_the_meter_that_is_known(
    loads: Any, known: list[str], loggers: Any, device: str, flags: list[str]
) -> None:
    loads.sites({loads.serial: {"tier": "NON_CRITICAL", "loggers": loggers}})
    for number, serial in enumerate(known):
        at = loads.start + timedelta(days=number)
        loads.query("INSERT INTO meters VALUES (%s, %s, '', %s) RETURNING 1", loads.serial, serial, at)
    loads.load(loads.log([*loads.rows(2), "2025-03-20 08:05:00,50,----,231.2,229.9,10.53,1000"]))
    assert loads.query("SELECT DISTINCT device_serial, flags FROM readings") == [(device, flags)]
    unnamed = loads.query("SELECT gateway_serial FROM unnamed_rows")
    assert unnamed == ([] if device else [(loads.serial,)])


def test_a_clock_that_stepped_back_is_flagged_beside_the_meters_own_flag(loads: Any) -> None:
    loads.query(
        "INSERT INTO meters VALUES (%s, 'A', '', now()), (%s, 'B', '', now()) RETURNING 1",
        *[loads.serial] * 2,
    )
    later = loads.rows(3, start=loads.start - timedelta(minutes=30), energy=1001.0)
    loads.load(loads.log([*loads.rows(3), *later]))
    found = loads.query("SELECT flags FROM readings ORDER BY measured_at")
    assert found == [*[(["meter_unknown", "clock_fault"],)] * 3, *[(["meter_unknown"],)] * 3]


def test_rows_of_many_months_and_of_no_order_find_their_partitions(loads: Any) -> None:
    days = [0, 400, 31, 200, 90, 91, 30]
    lines = [loads.rows(1, start=loads.start - timedelta(days=day))[0] for day in days]
    assert loads.load(loads.log(lines))["rows"]["loaded"] == 7
    assert loads.query("SELECT count(*) FROM readings_default") == [(0,)]


def test_a_file_of_many_blocks_keeps_its_counts(loads: Any) -> None:
    lines = loads.rows(12_000, step=timedelta(seconds=10))
    result = loads.load(loads.log([*lines[:9000], "odd", *lines[3000:], *reversed(lines[:500])]))
    assert result["rows"] == NOTHING | {"loaded": 12_000, "identical": 6_500, "rejected": 1}
    assert loads.query("SELECT count(*), count(DISTINCT measured_at) FROM readings") == [(12_000, 12_000)]
    assert [row[:2] for row in loads.quarantine()] == [("FIELD_COUNT", 1)]


def test_metrics_are_of_new_rows_alone_and_only_of_what_cloudwatch_takes(loads: Any) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    recent = loads.rows(4, start=now - timedelta(hours=3, seconds=30), step=timedelta(seconds=30))
    old = loads.rows(2, start=now - timedelta(days=20))
    name = f"{loads.serial}-logger1-{now:%Y-%m-%d}T00-00-00-0400-1min.csv"
    assert loads.load(loads.log([*old, *recent[:2]]), name)["rows"]["loaded"] == 4
    assert loads.points("VoltagePhase_A", loads.serial) == [230.0, 231.0], "one a minute"
    assert loads.load(loads.log(recent), name)["rows"] == NOTHING | {"loaded": 2, "identical": 2}
    assert loads.points("VoltagePhase_A", loads.serial) == [230.0, 231.0 + 232.0, 233.0]


def test_only_what_is_new_of_a_mixed_block_is_published(loads: Any) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    name = f"{loads.serial}-logger1-{now:%Y-%m-%d}T00-00-00-0400-1min.csv"
    lines = loads.rows(10, start=now - timedelta(hours=1))
    loads.load(loads.log(lines[2:5]), name)
    loads.load(loads.log(lines), name)
    assert loads.points("VoltagePhase_A", loads.serial) == [230.0 + number % 7 for number in range(10)]


def test_other_objects_of_the_bucket_are_none_of_ours(loads: Any) -> None:
    keys = ["quarantine/x.json.gz", "raw/source=iot/x.json.gz", "site-tiers.json", "ftp-manifests/x.json"]
    for key in keys:
        loads.put(b"{}", key=key)
    result = loads.deliver(*keys)
    assert {each["state"] for each in result} == {"skipped"}
    assert loads.ledger() == {}


def test_several_records_of_one_event_are_all_handled(loads: Any) -> None:
    good, bad = loads.put(loads.log(loads.rows(5))), loads.put(b"nonsense")
    removed = loads.record(good) | {"eventName": "ObjectRemoved:Delete"}
    result = loads.invoke({"Records": [loads.record(bad), removed, loads.record(good)]})
    assert [each["state"] for each in result] == ["rejected", "loaded"]


def test_what_was_overwritten_or_deleted_is_not_loaded_for_another(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(5)))
    event = {"Records": [loads.record(key, versionId=None)]}
    loads.put(loads.log(loads.rows(7)), key=key)
    assert [result["state"] for result in loads.invoke(event)] == ["superseded"]
    clients.s3().delete_object(Bucket=loads.bucket, Key=key)
    assert [result["state"] for result in loads.again(key)] == ["gone"]
    assert (loads.readings(), loads.ledger()) == ([], {})


def test_a_version_is_loaded_even_when_it_was_overwritten(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(5)))
    event = {"Records": [loads.record(key)]}
    loads.put(loads.log(loads.rows(7)), key=key)
    assert [result["rows"]["loaded"] for result in loads.invoke(event)] == [5]
    assert [result["rows"] for result in loads.deliver(key)] == [NOTHING | {"loaded": 2, "identical": 5}]
    assert len(loads.query("SELECT 1 FROM ingest_files")) == 2


def test_s3s_own_test_event_is_nothing_to_do(loads: Any) -> None:
    assert loads.invoke({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": loads.bucket}) == []


def test_what_is_no_request_is_refused_and_nothing_is_done(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(3)))
    with pytest.raises(BadRequest):
        loads.invoke({"Records": [loads.record(key), {}]})
    assert (loads.readings(), loads.ledger()) == ([], {})


def test_a_bucket_that_there_is_not_holds_nothing_up(loads: Any) -> None:
    key = loads.put(loads.log(loads.rows(3)))
    stray = loads.record(key, versionId=None)
    stray["s3"]["bucket"]["name"] = f"{loads.bucket}-of-nobody"
    result = loads.invoke({"Records": [stray, loads.record(key)]})
    assert [each["state"] for each in result] == ["gone", "loaded"]


def test_keys_of_an_event_come_encoded_and_are_found(loads: Any) -> None:
    name = "a+b c%2B&=ü 2025-03-20T08-00-00-0400.csv"
    key = loads.put(loads.log(loads.rows(3)), key=f"ftp-backups/{loads.serial}/{name}")
    result = loads.invoke({"Records": [loads.record(key), loads.record(key), loads.record(key)]})
    assert [each["state"] for each in result] == ["loaded"], "named three times, and one object"
    assert loads.ledger()[key]["rows_loaded"] == 3


def _etag(loads: Any, key: str) -> str:
    return str(clients.s3().head_object(Bucket=loads.bucket, Key=key)["ETag"].strip('"'))
