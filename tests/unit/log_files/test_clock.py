"""Conversion of local times to UTC: offsets, time zones, and both clock changes of a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.log_files.clock import InvalidTimestamp, LogClock, NeedsRowParsing
from smarterise_sdk.domain.log_files.names import LogName
from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile, RowReason
from smarterise_sdk.domain.readings.timestamps import datetime_at

NEW_YORK = ZoneInfo("America/New_York")
LAGOS = ZoneInfo("Africa/Lagos")
AUTUMN = datetime(2025, 11, 2, 6, tzinfo=UTC)
"""New York: 02:00 summer time becomes 01:00."""
SPRING = datetime(2025, 3, 9, 7, tzinfo=UTC)
"""New York: 02:00 becomes 03:00 summer time."""
MINUTE = timedelta(minutes=1)
NO_NAME = LogName()


def named(start: datetime, offset: timedelta) -> LogName:
    return LogName(start=start.astimezone(timezone(offset)).replace(tzinfo=None), offset=offset)


def written(timestamps: list[datetime], zone: ZoneInfo | timezone) -> list[str]:
    return [f"{timestamp.astimezone(zone):%Y-%m-%d %H:%M:%S}" for timestamp in timestamps]


def every(step: timedelta, start: datetime, count: int) -> list[datetime]:
    return [start + number * step for number in range(count)]


def reported(clock: LogClock, cells: list[str], size: int = 7) -> list[datetime]:
    """Read cells as a file is read: a block at a time, quickly where that can be done."""
    found: list[int] = []
    for start in range(0, len(cells), size):
        block = cells[start : start + size]
        try:
            found += clock.column(block)
        except NeedsRowParsing:
            found += [clock.row(cell).count for cell in block]
    return [datetime_at(count) for count in found]


@given(st.datetimes(datetime.fromisoformat("2016-01-01"), datetime.fromisoformat("2040-01-01")))
def test_an_offset_in_the_name_makes_rows_utc(wall: datetime) -> None:
    wall = wall.replace(microsecond=0)
    clock = LogClock(LogName(start=wall, offset=timedelta(hours=-4)), None)
    assert reported(clock, [str(wall)]) == [(wall + timedelta(hours=4)).replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    ("cell", "timestamp"),
    [
        ("2025-03-20 08:00", "2025-03-20T12:00:00"),
        ("2025-03-20T08:00:00.25", "2025-03-20T12:00:00.250000"),
        (" 2025/03/20 8:00:30 ", "2025-03-20T12:00:30"),
        ("2025.03.20 08:00:00,5", "2025-03-20T12:00:00.500000"),
        ("2025-03-20T12:00:00Z", "2025-03-20T12:00:00"),
        ("2025-03-20 13:00:00+0100", "2025-03-20T12:00:00"),
        ("1742472000", "2025-03-20T12:00:00"),
        ("1742472000000", "2025-03-20T12:00:00"),
    ],
)
def test_every_way_to_write_a_stamp_is_understood(cell: str, timestamp: str) -> None:
    clock = LogClock(named(datetime(2025, 3, 20, 12, tzinfo=UTC), timedelta(hours=-4)), LAGOS)
    assert reported(clock, [cell]) == [datetime.fromisoformat(timestamp).replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    "cell",
    [
        *("", "----", "20/03/2025 08:00:00", "03/20/2025 08:00", "2025-02-30 08:00:00", "2025-03-20"),
        *("2025-03-20 24:00:00", "2025-03-20 08:61:00", "08:00:00", "9" * 20, "1e400", "2025-03-20 08"),
        *("٢٠٢٥-٠٣-٢٠ ٠٨:٠٠:٠٠", "2025-03-20 +8:00:00", "2025-03-20 08:00:00 EST", "2025-03/20 08:00:00"),
        *("=cmd|' /C calc'!A0", "2025-03-20 08:00:00+99:00", "nan", "'; DROP TABLE readings; --"),
    ],
)
def test_what_is_no_stamp_is_refused_with_a_reason(cell: str) -> None:
    clock = LogClock(LogName(offset=timedelta(0)), None)
    with pytest.raises(NeedsRowParsing):
        clock.column([cell])
    with pytest.raises(InvalidTimestamp) as refused:
        clock.row(cell)
    assert refused.value.reason is RowReason.BAD_TIMESTAMP
    assert refused.value.detail


@pytest.mark.parametrize("cell", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "9999-12-31 23:59:59+00:00"])
def test_years_that_cannot_be_reckoned_with_are_clock_faults(cell: str) -> None:
    clock = LogClock(NO_NAME, NEW_YORK)
    with pytest.raises(InvalidTimestamp) as refused:
        clock.row(cell)
    assert refused.value.reason is RowReason.CLOCK_FAULT


@given(st.text(max_size=40))
def test_no_text_is_too_odd(cell: str) -> None:
    clock = LogClock(named(AUTUMN, timedelta(hours=-4)), NEW_YORK)
    try:
        quick = clock.column([cell])
    except NeedsRowParsing:
        quick = None
    try:
        slow = [LogClock(named(AUTUMN, timedelta(hours=-4)), NEW_YORK).row(cell).count]
    except InvalidTimestamp:
        slow = None
    assert quick is None or quick == slow


@given(
    st.datetimes(datetime.fromisoformat("2016-01-01"), datetime.fromisoformat("2040-01-01")),
    st.sampled_from([NEW_YORK, LAGOS, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")]),
    st.booleans(),
)
def test_quick_and_slow_agree(wall: datetime, zone: ZoneInfo, is_named: bool) -> None:
    name = LogName(start=wall, offset=timedelta(hours=1)) if is_named else NO_NAME
    cells = [str(wall.replace(microsecond=0) + number * MINUTE) for number in range(3)]
    try:
        quick = LogClock(name, zone).column(cells)
    except NeedsRowParsing:
        return
    clock = LogClock(name, zone)
    assert quick == [clock.row(cell).count for cell in cells]


@pytest.mark.parametrize("step", [10, 60, 900, 3600])
@pytest.mark.parametrize("switch", [AUTUMN, SPRING])
@pytest.mark.parametrize("before", [timedelta(hours=3), timedelta(minutes=61), timedelta(days=40)])
def test_a_meter_that_switches_is_followed_without_an_offset(
    step: int, switch: datetime, before: timedelta
) -> None:
    count = int((before + timedelta(hours=4)).total_seconds()) // step
    timestamps = every(timedelta(seconds=step), switch - before, min(count, 10_000))
    assert reported(LogClock(NO_NAME, NEW_YORK), written(timestamps, NEW_YORK), 1000) == timestamps


@pytest.mark.parametrize("switch", [AUTUMN, SPRING])
@pytest.mark.parametrize("start", [-180, -60, -30, 0, 30, 59, 60, 120])
def test_a_meter_that_switches_is_followed_with_one_too(switch: datetime, start: int) -> None:
    timestamps = every(MINUTE, switch + start * MINUTE, 300)
    offset = timestamps[0].astimezone(NEW_YORK).utcoffset()
    assert offset is not None
    assert (
        reported(LogClock(named(timestamps[0], offset), NEW_YORK), written(timestamps, NEW_YORK))
        == timestamps
    )


@pytest.mark.parametrize("switch", [AUTUMN, SPRING])
@pytest.mark.parametrize("hours", [-4, -5])
@pytest.mark.parametrize("start", [-180, -61, -30, 0, 30, 59, 61, 120])
def test_a_meter_that_never_switches_is_followed_by_the_offset_in_the_name(
    switch: datetime, hours: int, start: int
) -> None:
    offset = timedelta(hours=hours)
    timestamps = every(MINUTE, switch + start * MINUTE, 300)
    name = named(timestamps[0], offset)
    cells = written(timestamps, timezone(offset))
    assert reported(LogClock(name, LAGOS), cells) == timestamps
    assert reported(LogClock(name, None), cells) == timestamps
    # Where the zone has the name's offset too, the rows themselves show that the meter does not switch.
    if start < 0 and hours == (-4 if switch == AUTUMN else -5):
        assert reported(LogClock(name, NEW_YORK), cells) == timestamps


def test_a_row_that_nothing_reports_apart_is_summer_time_and_says_so() -> None:
    clock = LogClock(NO_NAME, NEW_YORK)
    row = clock.row("2025-11-02 01:30:00")
    assert (datetime_at(row.count), row.is_ambiguous) == (datetime(2025, 11, 2, 5, 30, tzinfo=UTC), True)


def test_what_the_order_of_rows_reports_is_not_ambiguous() -> None:
    clock = LogClock(NO_NAME, NEW_YORK)
    cells = ["00:30:00", "01:00:00", "01:30:00", "01:00:00", "01:30:00", "02:00:00"]
    rows = [clock.row(f"2025-11-02 {cell}") for cell in cells]
    assert [f"{datetime_at(row.count):%H:%M}" for row in rows] == [
        "04:30",
        "05:00",
        "05:30",
        "06:00",
        "06:30",
        "07:00",
    ]
    assert not any(row.is_ambiguous for row in rows)


@pytest.mark.parametrize("lost", ["2000-01-01 00:00:00", "2000-01-01 00:00:00Z"])
@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("start", [-90, -30, 10, 70])
def test_a_clock_that_was_lost_for_a_while_reports_nothing_of_other_rows(
    lost: str, size: int, start: int
) -> None:
    timestamps = every(MINUTE, AUTUMN + start * MINUTE, 120)
    offset = timestamps[0].astimezone(NEW_YORK).utcoffset()
    assert offset is not None
    cells = written(timestamps, NEW_YORK)
    for at in (0, 20, 45, 80):
        cells[at] = lost
    # Before the first row there is the name alone; after that, the order of the rows.
    for name in (named(timestamps[0], offset), NO_NAME)[: 2 if start < -60 else 1]:
        found = reported(LogClock(name, NEW_YORK), cells, size)
        assert [timestamp for timestamp in found if timestamp.year > 2000] == [
            timestamp for at, timestamp in enumerate(timestamps) if at not in (0, 20, 45, 80)
        ]


def test_a_lost_clock_does_not_decide_whether_name_or_rows_are_right() -> None:
    name = named(datetime(2025, 3, 20, 12, tzinfo=UTC), timedelta(hours=1))
    clock = LogClock(name, None)
    clock.row("2000-01-01 00:00:00Z")
    assert datetime_at(clock.row("2025-03-20 13:00:00Z").count) == datetime(2025, 3, 20, 12, tzinfo=UTC)


def test_a_duplicate_stamp_in_the_double_hour_is_no_step_back() -> None:
    clock = LogClock(NO_NAME, NEW_YORK)
    cells = ["00:58:00", "00:59:00", "01:00:00", "01:00:00", "01:01:00"]
    rows = [clock.row(f"2025-11-02 {cell}") for cell in cells]
    assert [f"{datetime_at(row.count):%H:%M}" for row in rows] == [
        "04:58",
        "04:59",
        "05:00",
        "05:00",
        "05:01",
    ]


def test_a_time_that_does_not_exist_is_refused() -> None:
    clock = LogClock(NO_NAME, NEW_YORK)
    with pytest.raises(InvalidTimestamp) as refused:
        clock.row("2025-03-09 02:30:00")
    assert refused.value.reason is RowReason.NONEXISTENT_TIME


def test_without_any_offset_and_zone_nothing_is_guessed() -> None:
    clock = LogClock(NO_NAME, None, "the site file does not know AN54101471")
    with pytest.raises(RejectedFile, match="AN54101471") as refused:
        clock.row("2025-03-20 08:00:00")
    assert refused.value.reason is FileReason.NO_TIME_ZONE
    assert datetime_at(clock.row("2025-03-20 08:00:00Z").count) == datetime(2025, 3, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("2025-03-20 08:00:00Z", "12:00"),  # local time with a Z behind it
        ("2025-03-20 12:00:00Z", "12:00"),
        ("2025-03-20 13:00:00+01:00", "12:00"),
        ("2025-03-20 08:00:00+01:00", "12:00"),
        ("2025-03-20 12:01:00Z", "12:01"),
    ],
)
def test_the_name_and_the_rows_contradict_each_other(first: str, expected: str) -> None:
    name = named(datetime(2025, 3, 20, 12, tzinfo=UTC), timedelta(hours=-4))
    assert f"{datetime_at(LogClock(name, None).row(first).count):%H:%M}" == expected


def test_what_is_remembered_is_bounded() -> None:
    clock = LogClock(LogName(offset=timedelta(0)), None)
    start = datetime(2016, 1, 1, tzinfo=UTC)
    for number in range(25_000):
        timestamp = start + number * timedelta(hours=1, microseconds=number)
        assert reported(clock, [f"{timestamp:%Y-%m-%d %H:%M:%S.%f}"]) == [timestamp]
