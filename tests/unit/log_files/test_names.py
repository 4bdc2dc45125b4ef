"""Log file names: parsing, sanitizing, and data lake keys."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.log_files.names import (
    FTP_PREFIX,
    LogName,
    data_lake_key,
    parse_data_lake_key,
    read_log_name,
    safe_name,
)

START = datetime.fromisoformat("2025-03-20T08:00:00")
DIGEST = "0123456789abcdef" * 4
DAY = date(2025, 3, 20)
HOSTILE = [
    "../../etc/passwd",
    "..",
    ".",
    "",
    "-rf",
    "a b+c.csv",
    "two\nlines.csv",
    "=HYPERLINK(1).csv",
    "'; DROP TABLE readings; --.csv",
    "\x1b[31mred.csv",
    "\u202egnp.csv",
    "\ud800.csv",
    "x" * 5000 + ".csv",
    "..\\..\\x.csv",
    "a.b.c/../d.csv",
    "%2e%2e%2f.csv",
]


def test_the_name_that_gateways_write_reports_everything() -> None:
    name = read_log_name("AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv")
    assert name == LogName(
        gateway_serial="AN54101471",
        logger="logger1",
        start=START,
        offset=timedelta(hours=-4),
        interval=timedelta(minutes=1),
    )
    assert name.started_at == datetime(2025, 3, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("ehm21120333-logger1-2025-03-20T08-00-00+0100-1min.csv", timedelta(hours=1)),
        ("ehm21120333-logger1-2025-03-20T08-00-00+05-30.csv", timedelta(hours=5, minutes=30)),
        ("ehm21120333-logger1-2025-03-20T08:00:00-04:00.csv", timedelta(hours=-4)),
        ("ehm21120333_logger1_20250320T080000Z.csv.gz", timedelta(0)),
        ("ehm21120333-logger1-2025-03-20T08-00-00-1min.csv", None),
        ("ehm21120333-logger1-2025-03-20_08-00-00.csv", None),
        ("ehm21120333-logger1-2025-03-20T08-00-00+2500.csv", None),
        ("ehm21120333-logger1-2025-03-20T08-00-00+0175.csv", None),
    ],
)
def test_an_offset_is_taken_in_every_spelling_and_never_made_up(text: str, offset: timedelta | None) -> None:
    name = read_log_name(text)
    assert (name.gateway_serial, name.logger) == ("ehm21120333", "logger1")
    assert name.start == START
    assert name.offset == offset


@pytest.mark.parametrize(
    ("text", "serial", "logger"),
    [
        ("logger1-2025-03-20T08-00-00-0400-1min.csv", "", "logger1"),
        ("AN54101471.csv", "AN54101471", ""),
        ("data.csv", "", "data"),
        ("site 7-AN54101471-2025-03-20T08-00-00.csv", "", "site-7-AN54101471"),
        ("AN54101471-night-logger2-2025-03-20T08-00-00.csv", "AN54101471", "night-logger2"),
        ("2025-03-20T08-00-00.csv", "", ""),
    ],
)
def test_the_serial_is_only_what_looks_like_one(text: str, serial: str, logger: str) -> None:
    name = read_log_name(text)
    assert (name.gateway_serial, name.logger) == (serial, logger)


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [("1min", 60), ("15MIN", 900), ("10s", 10), ("30sec", 30), ("1h", 3600), ("1day", 86400)],
)
def test_the_interval_is_read(tag: str, seconds: int) -> None:
    name = read_log_name(f"AN54101471-logger1-2025-03-20T08-00-00-0400-{tag}.csv")
    assert name.interval == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["x-0min.csv", "x-minute.csv", "2025-03-20T08-00-00-0400-1mint.csv"])
def test_what_is_no_interval_is_none(text: str) -> None:
    assert read_log_name(text).interval is None


def test_a_date_that_does_not_exist_starts_nothing() -> None:
    name = read_log_name("AN54101471-logger1-2025-02-30T08-00-00-0400.csv")
    assert (name.start, name.offset, name.started_at) == (None, None, None)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_become_keys_that_nothing_misunderstands(text: str) -> None:
    read_log_name(text)
    key = data_lake_key("AN54101471", DAY, text, DIGEST)
    folders = key.split("/")
    assert key.startswith(f"{FTP_PREFIX}AN54101471/2025/03/20/")
    assert len(folders) == 6
    assert ".." not in key
    assert key.isascii()
    assert key.isprintable()
    assert len(key) < 250
    assert not set(key) & set(" '\"\\\n;=%()$`*?<>|&")


@given(st.text(max_size=300), st.sampled_from([".csv", ".CSV", ".csv.gz", ".txt", ""]))
def test_a_key_reports_what_was_put_into_it(stem: str, suffix: str) -> None:
    key = data_lake_key("ehm21120333", DAY, stem + suffix, DIGEST)
    reported = parse_data_lake_key(key)
    assert reported is not None
    assert (reported.gateway_serial, reported.digest) == ("ehm21120333", DIGEST[:12])
    assert reported.name == safe_name(stem + suffix)
    assert safe_name(reported.name) == reported.name, "what is safe stays as it is"


@given(st.text(max_size=300))
def test_no_name_is_too_odd_to_be_read(text: str) -> None:
    name = read_log_name(text)
    assert read_log_name(text) == name
    if name.started_at is not None:
        assert name.offset is not None


def test_a_safe_name_keeps_what_the_name_reports() -> None:
    text = "AN54101471-logger1-2025-03-20T08:00:00+01:00-1min.csv"
    assert read_log_name(safe_name(text)) == read_log_name(text)


@pytest.mark.parametrize(
    "key",
    [
        "ftp-backups/AN54101471/x.csv",
        f"ftp-backups/../2025/03/20/x--{DIGEST[:12]}.csv",
        f"raw/AN54101471/2025/03/20/x--{DIGEST[:12]}.csv",
        "ftp-backups/AN54101471/2025/03/20/x--short.csv",
        "",
    ],
)
def test_other_keys_are_not_the_lakes(key: str) -> None:
    assert parse_data_lake_key(key) is None
