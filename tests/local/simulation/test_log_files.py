"""What simulated gateways log: read back by the reader of real files, it is what their meters measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smarterise_ops.local.servers.ftp import FtpLogin
from smarterise_ops.local.simulation.fleet import TIMEZONE, Fault, Firmware, SimulatedSite, simulated_fleet
from smarterise_ops.local.simulation.log_files import ROWS_A_FILE, LogFile, Logging, columns_of
from smarterise_ops.local.simulation.measurements import SimulatedTime
from smarterise_ops.local.simulation.mqtt_payload import message
from smarterise_ops.local.simulation.uploader import FILES_KEPT, Uploader
from smarterise_sdk.domain.log_files.clock import LogClock
from smarterise_sdk.domain.log_files.names import read_log_name
from smarterise_sdk.domain.log_files.reader import LogReader
from smarterise_sdk.domain.log_files.text import line_blocks
from smarterise_sdk.domain.readings.model import Quantity
from smarterise_sdk.domain.readings.mqtt import parse_mqtt
from smarterise_sdk.domain.readings.timestamps import datetime_at

if TYPE_CHECKING:
    from smarterise_sdk.domain.log_files.rejects import RejectedRow

SEED = 7
NOW = datetime(2026, 3, 4, 12, 0, 20, tzinfo=UTC)
HEALTHY = [site for site in simulated_fleet(20, SEED) if site.fault is None]
by_firmware = {site.firmware: site for site in HEALTHY}

speeds = st.sampled_from((0.1, 0.5, 1.0, 7.0, 60.0, 1000.0))


def logging_at(speed: float = 1.0) -> Logging:
    return Logging(SEED, SimulatedTime(NOW, speed))


def read(file: LogFile) -> tuple[dict[datetime, dict[Quantity, float | None]], list[RejectedRow]]:
    """Return the rows of a file by moment, and the lines that are none."""
    clock = LogClock(read_log_name(file.name), ZoneInfo(TIMEZONE))
    rows: dict[datetime, dict[Quantity, float | None]] = {}
    rejected: list[RejectedRow] = []
    for block in LogReader(clock, NOW + timedelta(days=400)).rows(line_blocks([file.content])):
        rejected += block.rejected
        for place, timestamp in enumerate(block.timestamps):
            at = datetime_at(timestamp)
            assert at not in rows
            rows[at] = {quantity: column[place] for quantity, column in block.values.items()}
    return rows, rejected


@pytest.mark.parametrize("firmware", Firmware)
def test_a_file_says_what_the_topic_says_at_the_same_second(firmware: Firmware) -> None:
    site, logs = by_firmware[firmware], logging_at(60.0)
    begin = logs.first_row(NOW)
    rows, rejected = read(logs.log_file(site, begin, begin + timedelta(seconds=12)))
    assert rejected == []
    assert list(rows) == [begin + timedelta(seconds=second) for second in (0, 4, 8)]
    for at, values in rows.items():
        published = parse_mqtt(message(site, SEED, logs.day.at(at), at), received_at=at)
        assert values == dict(published.values)
        assert set(values) == set(Quantity)


def test_the_name_tells_gateway_logger_start_offset_and_interval() -> None:
    site, logs = HEALTHY[0], logging_at()
    begin = logs.first_row(NOW)
    file = logs.log_file(site, begin, begin + logs.file_every)
    assert file.name == f"{site.gateway_serial}-logger1-2026-03-04T13-01-00+0100-1min.csv"
    assert read_log_name(file.name).started_at == begin
    assert file.rows == ROWS_A_FILE == len(read(file)[0])
    assert file.content.count(b"\r\n") == ROWS_A_FILE + 1


@given(speed=speeds, begin=st.integers(0, 3000), rows=st.integers(1, 40))
@settings(max_examples=15)
def test_at_any_speed_a_row_comes_at_each_interval_in_whole_seconds(
    speed: float, begin: int, rows: int
) -> None:
    logs = logging_at(speed)
    start = logs.first_row(NOW + timedelta(seconds=begin))
    assert start >= NOW + timedelta(seconds=begin)
    file = logs.log_file(HEALTHY[0], start, start + rows * logs.row_every)
    timestamps = list(read(file)[0])
    assert len(timestamps) == rows == file.rows
    assert {later - earlier for earlier, later in pairwise(timestamps)} <= {logs.row_every}
    assert all(timestamp.timestamp() % logs.row_every.total_seconds() == 0 for timestamp in timestamps)
    assert read_log_name(file.name).interval == logs.row_every


def ailing(fault: Fault) -> SimulatedSite:
    return replace(HEALTHY[1], fault=fault)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Fault.METER_OFFLINE, "NO_USABLE_VALUES"), (Fault.CLOCK_FAULT, "CLOCK_FAULT")],
)
def test_a_gateway_without_meter_or_clock_logs_lines_that_are_no_rows(fault: Fault, reason: str) -> None:
    logs = logging_at()
    begin = logs.first_row(NOW)
    rows, rejected = read(logs.log_file(ailing(fault), begin, begin + logs.file_every))
    assert rows == {}
    assert [row.reason.value for row in rejected] == [reason] * ROWS_A_FILE


@given(
    out=st.timedeltas(timedelta(0), timedelta(hours=12)), late=st.timedeltas(timedelta(0), timedelta(hours=1))
)
@settings(max_examples=15)
def test_after_an_outage_every_row_that_is_due_is_in_one_file_and_no_other(
    out: timedelta, late: timedelta
) -> None:
    site, logs = HEALTHY[0], logging_at()
    uploader = Uploader((site,), FtpLogin(1, "never used"), logs)
    begin = logs.first_row(NOW + late)
    closed = uploader.next_file(site, begin + out) - logs.file_every
    files = uploader.gathered(site, begin, closed)
    assert len({file.name for file in files}) == len(files)
    found = sorted(timestamp for file in files for timestamp in read(file)[0])
    assert found == [begin + turn * logs.row_every for turn in range(len(found))]
    assert sum(file.rows for file in files) == len(found) == max(0, (closed - begin) // logs.row_every)
    assert all(file.rows <= ROWS_A_FILE for file in files)
    assert uploader.gathered(site, begin, closed) == files


def test_a_memory_has_an_end() -> None:
    site, logs = HEALTHY[0], logging_at()
    uploader = Uploader((site,), FtpLogin(1, "never used"), logs)
    closed = uploader.next_file(site, NOW)
    files = uploader.gathered(site, logs.first_row(NOW - timedelta(days=9)), closed)
    assert len(files) == FILES_KEPT
    assert max(file.end for file in files) == closed


def test_columns_tell_their_unit_where_it_is_not_the_usual() -> None:
    told = (("V1", "V"), ("P1", "kW"), ("P2", "W"), ("Psum_kW", "kW"), ("Ep_imp", "kWh"), ("PF", ""))
    assert columns_of(told) == ("V1", "P1", "P2_W", "Psum_kW", "Ep_imp_kWh", "PF")
