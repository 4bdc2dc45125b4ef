"""Parsing log files into rows: dialects, irregular lines, and that no line is lost."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smarterise_sdk.domain.log_files.clock import LogClock
from smarterise_sdk.domain.log_files.names import LogName, read_log_name
from smarterise_sdk.domain.log_files.reader import LogReader
from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile, RejectedRow, RowReason
from smarterise_sdk.domain.log_files.text import line_blocks
from smarterise_sdk.domain.readings.model import AMBIGUOUS_HOUR, CONFLICTING_VALUES, Quantity
from smarterise_sdk.domain.readings.number_text import table
from smarterise_sdk.domain.readings.quality import QualityFlag
from smarterise_sdk.domain.readings.timestamps import datetime_at
from smarterise_sdk.domain.readings.voltage_quality import Unbalance, UnbalanceMethod, pvur, u2

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable

Q = Quantity
NAME = read_log_name("AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv")
RECEIVED = datetime(2025, 3, 20, 20, tzinfo=UTC)
GATEWAY_LOG = (
    "Time,Freq_Hz,V1,V2,V3,V12,V23,V31,I1,P1,Psum_kW,Unbl_U,EP_IMP_kWh,THD_Va,LoadType\n"
    "2025-03-20 08:00:00,50.01,230.1,231.2,229.9,400.1,400.2,400.3,10.5,3.5,10.53,0.4,12530.5,1.2,L\n"
    "2025-03-20 08:01:00,50.02,230.2,231.3,229.8,400.2,400.1,400.4,10.6,3.6,10.63,0.5,12530.7,1.3,L\n"
)
WEB_EXPORT = (
    "Data Log 1,\n"
    "No.,Time Stamp,Ep_Imp [kWh],V1 [V],Psum [W],\n"
    "1, 2025-03-20 08:00:00, 12530.5, 230.1, 10530,\n"
    "2, 2025-03-20 08:01:00, 12530.7, 230.2, 10630,\n"
)


@dataclass
class Read:
    """All that became of a file."""

    rows: list[tuple[int, str, dict[Quantity, float | None], tuple[str, ...]]] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    ignored: int = 0
    ends_early: bool = False
    unbalances: list[Unbalance | None] = field(default_factory=list)

    @property
    def reasons(self) -> list[tuple[int, RowReason]]:
        return [(row.line, row.reason) for row in self.rejected]

    @property
    def values(self) -> list[dict[Quantity, float | None]]:
        return [row[2] for row in self.rows]

    @property
    def times(self) -> list[str]:
        return [row[1] for row in self.rows]


def read(
    text: str | bytes,
    *,
    name: LogName = NAME,
    zone: ZoneInfo | None = None,
    size: int = 1 << 18,
    received_at: datetime = RECEIVED,
    read_table: Callable[[str], array[float]] = table,
) -> Read:
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    reader = LogReader(LogClock(name, zone), received_at, read_table=read_table)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    found = Read()
    for block in reader.rows(line_blocks(chunks)):
        assert len(block.lines) == len(block.timestamps)
        if block.values:
            found.unbalances += [
                None if value is None or method is None else Unbalance(value, method)
                for value, method in zip(block.unbalances, block.methods, strict=True)
            ]
            assert len(found.unbalances) == len(found.rows) + len(block.timestamps)
        for place, (line, moment) in enumerate(zip(block.lines, block.timestamps, strict=True)):
            values = {quantity: column[place] for quantity, column in block.values.items()}
            timestamp = datetime_at(moment).replace(tzinfo=None).isoformat(" ")
            found.rows.append((line, timestamp, values, block.flags.get(place, ())))
        assert all(0 <= place < len(block.timestamps) for place in block.flags)
        found.rejected += block.rejected
        found.ignored += block.ignored
    found.ends_early = reader.ends_early
    return found


def reason(text: str | bytes, **options: LogName) -> FileReason:
    with pytest.raises(RejectedFile) as rejected:
        read(text, **options)
    assert rejected.value.message.isprintable()
    return rejected.value.reason


def test_a_gateways_log_is_understood() -> None:
    found = read(GATEWAY_LOG)
    assert found.times == ["2025-03-20 12:00:00", "2025-03-20 12:01:00"]
    assert [row[0] for row in found.rows] == [2, 3]
    assert found.values[0] == {
        Q.FREQUENCY: 50.01,
        Q.VOLTAGE_A: 230.1,
        Q.VOLTAGE_B: 231.2,
        Q.VOLTAGE_C: 229.9,
        Q.VOLTAGE_AB: 400.1,
        Q.VOLTAGE_BC: 400.2,
        Q.VOLTAGE_CA: 400.3,
        Q.CURRENT_A: 10.5,
        Q.ACTIVE_POWER_A: 3.5,
        Q.ACTIVE_POWER_TOTAL: 10.53,
        Q.VOLTAGE_UNBALANCE_METER: 0.4,
        Q.ENERGY_IMPORT: 12530.5,
    }
    assert (found.rejected, found.ignored, found.ends_early) == ([], 0, False)


def test_the_web_pages_export_is_understood() -> None:
    found = read(WEB_EXPORT)
    assert found.times == ["2025-03-20 12:00:00", "2025-03-20 12:01:00"]
    assert found.values == [
        {Q.ENERGY_IMPORT: 12530.5, Q.VOLTAGE_A: 230.1, Q.ACTIVE_POWER_TOTAL: 10.53},
        {Q.ENERGY_IMPORT: 12530.7, Q.VOLTAGE_A: 230.2, Q.ACTIVE_POWER_TOTAL: 10.63},
    ]
    assert found.rejected == []


@pytest.mark.parametrize("log", [GATEWAY_LOG, WEB_EXPORT])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_of_a_file_says_the_same(
    log: str, delimiter: str, end: str, encoding: str, packed: bool
) -> None:
    data = log.replace(",", delimiter).replace("\n", end).encode(encoding)
    assert read(gzip.compress(data) if packed else data) == read(log)


def test_decimal_commas_are_understood() -> None:
    commas = GATEWAY_LOG.replace(",", ";").replace(".", ",")
    assert read(commas) == read(GATEWAY_LOG)
    quoted = "\n".join(
        ",".join(f'"{cell.replace(".", ",")}"' for cell in line.split(","))
        for line in GATEWAY_LOG.splitlines()
    )
    assert read(quoted + "\n") == read(GATEWAY_LOG)


def test_a_comma_in_a_file_of_points_is_not_guessed() -> None:
    found = read("Time;V1;V2\n2025-03-20 08:00:00;230.1;1,234\n")
    assert found.values == [{Q.VOLTAGE_A: 230.1, Q.VOLTAGE_B: None}]
    assert found.ignored == 1


def test_the_order_of_columns_does_not_matter() -> None:
    reordered = "\n".join(",".join(reversed(line.split(","))) for line in GATEWAY_LOG.splitlines()) + "\n"
    assert read(reordered).values == read(GATEWAY_LOG).values
    assert read(reordered).times == read(GATEWAY_LOG).times


def test_unknown_columns_are_passed_over() -> None:
    strange = "=cmd()", "'; DROP TABLE readings; --", "\x1b[31m", "../../etc", "Time2", "", "V1 V2"
    head, *rows = GATEWAY_LOG.splitlines()
    more = [",".join((head, *strange)), *(",".join((row, *strange)) for row in rows), ""]
    assert read("\n".join(more)).values == read(GATEWAY_LOG).values


@pytest.mark.parametrize(
    "name", ["Time", "time", "TIMESTAMP", "Date", "Time Stamp", "  Local  Time ", "DateTime", "Date/Time"]
)
def test_the_time_has_many_names(name: str) -> None:
    assert read(GATEWAY_LOG.replace("Time", name, 1)) == read(GATEWAY_LOG)


def test_date_and_time_may_be_apart() -> None:
    apart = GATEWAY_LOG.replace("Time", "Date,Time", 1).replace("-20 08", "-20,08")
    assert read(apart) == read(GATEWAY_LOG)
    both = GATEWAY_LOG.replace("Time", "Date,Time", 1).replace("2025-03-20 08", "2025-03-20,2025-03-20 08")
    assert read(both) == read(GATEWAY_LOG)


def test_two_columns_of_one_quantity_fill_and_contradict_each_other() -> None:
    found = read(
        "Time,Psum_kW,Psum (W)\n"
        "2025-03-20 08:00:00,10.5,10500\n2025-03-20 08:01:00,----,10600\n2025-03-20 08:02:00,10.7,9\n"
    )
    assert [values[Q.ACTIVE_POWER_TOTAL] for values in found.values] == [10.5, 10.6, 10.7]
    assert [row[3] for row in found.rows] == [(), (), (CONFLICTING_VALUES,)]
    assert found.ignored == 1


def test_rows_of_a_lost_clock_are_kept_apart() -> None:
    found = read(
        "Time,V1\n2025-03-20 08:00:00,230.1\n2000-01-01 00:00:00,230.2\n"
        "2025-03-20 08:01:00,230.3\n2099-01-01 00:00:00,230.4\n9999-12-31 23:59:59,1\n"
    )
    assert found.times == ["2025-03-20 12:00:00", "2025-03-20 12:01:00"]
    assert [values[Q.VOLTAGE_A] for values in found.values] == [230.1, 230.3]
    assert found.reasons == [
        (3, RowReason.CLOCK_FAULT),
        (5, RowReason.CLOCK_FAULT),
        (6, RowReason.CLOCK_FAULT),
    ]
    assert "the gateway clock was reset" in found.rejected[0].detail
    assert "file received at 2025-03-20 20:00:00Z" in found.rejected[1].detail
    assert found.rejected[0].text == "2000-01-01 00:00:00,230.2"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2025-03-20 08:01:00,230.1", RowReason.FIELD_COUNT),
        ("2025-03-20 08:01:00,230.1,231.1,232.1", RowReason.FIELD_COUNT),
        ("2025-03-20 08:01:00;230.1;231.1", RowReason.FIELD_COUNT),
        ("2025-03-20 08:01:00,230,1,231,1", RowReason.FIELD_COUNT),
        (",230.1,231.1", RowReason.BAD_TIMESTAMP),
        ("20/03/2025 08:01:00,230.1,231.1", RowReason.BAD_TIMESTAMP),
        ("2025-03-20 08:01:00,----,", RowReason.NO_USABLE_VALUES),
        ("2025-03-20 08:01:00,NaN,1_0", RowReason.NO_USABLE_VALUES),
        ('2025-03-20 08:01:00,"230.1,231.1', RowReason.BAD_QUOTES),
        ("=HYPERLINK(1),'; DROP TABLE readings;--,\x1b[2J", RowReason.BAD_TIMESTAMP),
    ],
)
def test_an_odd_line_is_rejected_with_its_reason_and_the_rest_is_taken(
    line: str, expected: RowReason
) -> None:
    before, after = "2025-03-20 08:00:00,230.1,231.1", "2025-03-20 08:02:00,230.3,231.3"
    found = read(f"Time,V1,V2\n{before}\n{line}\n{after}\n")
    assert found.times == ["2025-03-20 12:00:00", "2025-03-20 12:02:00"]
    assert found.values[1] == {Q.VOLTAGE_A: 230.3, Q.VOLTAGE_B: 231.3}
    ((rejected),) = found.rejected
    assert (rejected.line, rejected.text, rejected.reason) == (3, line, expected)
    assert rejected.detail.isprintable()


def test_the_voltages_unbalance_is_found() -> None:
    found = read(
        "Time,V12,V23,V31,V1,V2,V3\n2025-03-20 08:00:00,400,400,380,240,230,220\n"
        "2025-03-20 08:01:00,----,400,400,240,230,220\n2025-03-20 08:02:00,0,0,0,1,2,3\n"
    )
    assert found.unbalances == [
        Unbalance(u2(400, 400, 380), UnbalanceMethod.U2),
        Unbalance(pvur(240, 230, 220), UnbalanceMethod.PVUR),
        None,
    ]
    assert read("Time,I1\n2025-03-20 08:00:00,1\n").unbalances == [None]


@pytest.mark.parametrize("size", [30, 1000])
def test_a_clock_that_steps_back_while_energy_goes_through_is_flagged(size: int) -> None:
    minutes = [0, 1, 2, 3, 4, -3, -2, 7, 8, 9]
    rows = [f"2025-03-20 08:{10 + minute:02d}:00,{100 + number}.5" for number, minute in enumerate(minutes)]
    found = read("\n".join(["Time,EP_IMP_kWh", *rows, ""]), size=size)
    flagged = [row[0] - 2 for row in found.rows if row[3]]
    assert flagged == [5, 6]
    assert all(row[3] in ((), (QualityFlag.CLOCK_FAULT,)) for row in found.rows)


def test_old_rows_that_come_late_are_no_clock_fault() -> None:
    rows = [f"2025-03-20 08:{minute:02d}:00,{100 + minute}.5" for minute in (10, 11, 12, 1, 2, 13)]
    assert not any(row[3] for row in read("\n".join(["Time,EP_IMP_kWh", *rows, ""])).rows)


def test_blank_lines_and_repeated_headers_are_no_rows() -> None:
    head, first, second = GATEWAY_LOG.splitlines()
    found = read("\n".join(["", " ", head, "", first, ",,,,", head, second, "\t", ""]))
    assert found.values == read(GATEWAY_LOG).values
    assert found.rejected == []


def test_another_header_in_the_middle_changes_what_columns_mean() -> None:
    found = read(
        "Time,V1,V2\n2025-03-20 08:00:00,230.1,231.1\nV2,Time,V1\n231.2,2025-03-20 08:01:00,230.2\n"
        "Time,V2\n2025-03-20 08:02:00,231.3\n2025-03-20 08:03:00,230.1,231.1\n"
    )
    assert found.values == [
        {Q.VOLTAGE_A: 230.1, Q.VOLTAGE_B: 231.1},
        {Q.VOLTAGE_A: 230.2, Q.VOLTAGE_B: 231.2},
        {Q.VOLTAGE_B: 231.3},
    ]
    assert found.reasons == [(7, RowReason.FIELD_COUNT)]


def test_rows_above_the_header_are_not_lost() -> None:
    head, first, second = GATEWAY_LOG.splitlines()
    found = read("\n".join(["Data Log 1", first, head, second, ""]))
    assert found.reasons == [(2, RowReason.BEFORE_HEADER)]
    assert len(found.rows) == 1


@pytest.mark.parametrize("cut", range(1, 95))
def test_half_a_row_at_the_end_is_never_taken_for_a_row(cut: int) -> None:
    head, first, second = GATEWAY_LOG.splitlines()
    assert len(second) >= 94
    found = read(f"{head}\n{first}\n{second[:-cut]}")
    assert len(found.rows) == 1
    assert found.reasons == ([(3, RowReason.HALF_ROW)] if second[:-cut] else [])
    assert found.ends_early == bool(second[:-cut])


def test_a_last_row_without_line_end_is_taken_when_it_is_whole() -> None:
    assert read(GATEWAY_LOG[:-1]) == read(GATEWAY_LOG)
    assert read(WEB_EXPORT[:-1]) == read(WEB_EXPORT), "the delimiter at its end says so"
    numbers = "Time,V1\n2025-03-20 08:00:00,230.1\n2025-03-20 08:01:00,231."
    assert [read(numbers + end).ends_early for end in ("1", "", "15")] == [False, True, True]
    whole = "Time,EP_IMP_kWh\n2025-03-20 08:00:00,1\n2025-03-20 08:01:00,125"
    assert read(whole).reasons == [(3, RowReason.HALF_ROW)], "it may have been 1250"


def test_a_last_row_that_ends_with_its_time_is_taken_when_that_is_whole() -> None:
    text = "V1,Time\n230.1,2025-03-20 08:00:00\n230.1,2025-03-20 08:01:00"
    assert len(read(text).rows) == 2
    assert read(text[:-3]).reasons == [(3, RowReason.HALF_ROW)]


@pytest.mark.parametrize("missing", [1, 9, 30, 60])
def test_an_archive_that_ends_early_gives_whole_rows(missing: int) -> None:
    lines = [
        f"2025-03-20 {number // 60:02d}:{number % 60:02d}:00,{number * 7919 % 1000}.5"
        for number in range(600)
    ]
    data = gzip.compress("\n".join(["Time,V1", *lines, ""]).encode())
    found = read(data[:-missing])
    assert found.ends_early
    assert 400 < len(found.rows) <= 600
    assert [values[Q.VOLTAGE_A] for values in found.values] == [
        float(line.split(",")[1]) for line in lines[: len(found.rows)]
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", FileReason.EMPTY_FILE),
        ("hello\nworld\n", FileReason.NO_HEADER),
        ("2025-03-20 08:00:00,230.1\n", FileReason.NO_HEADER),
        ("Freq_Hz,V1,V2\n50,230,231\n", FileReason.NO_TIME_COLUMN),
        ("Time,THD_Va,Har3_Va\n2025-03-20 08:00:00,1,2\n", FileReason.NO_KNOWN_COLUMNS),
        ("\n" * 60 + GATEWAY_LOG, FileReason.NO_HEADER),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", FileReason.NO_HEADER),
        (b"PK\x03\x04 zip", FileReason.NOT_TEXT),
    ],
)
def test_what_is_no_log_is_rejected_whole(text: str | bytes, expected: FileReason) -> None:
    assert reason(text) is expected


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert read(GATEWAY_LOG.splitlines()[0] + "\n") == Read()


def test_local_times_without_offset_and_zone_are_not_guessed() -> None:
    assert reason(GATEWAY_LOG, name=LogName()) is FileReason.NO_TIME_ZONE


def test_the_sites_zone_makes_local_times_moments() -> None:
    found = read(GATEWAY_LOG, name=LogName(), zone=ZoneInfo("Africa/Lagos"))
    assert found.times == ["2025-03-20 07:00:00", "2025-03-20 07:01:00"]


def test_a_night_of_both_kinds_in_one_file() -> None:
    zone, late = ZoneInfo("America/New_York"), datetime(2026, 1, 1, tzinfo=UTC)
    stamps = ["11-02 01:30:00", "11-02 01:45:00", "11-02 01:00:00", "03-09 02:30:00", "11-02 03:00:00"]
    text = "Time,V1\n" + "".join(f"2025-{timestamp},230.1\n" for timestamp in stamps)
    found = read(text, name=LogName(), zone=zone, received_at=late)
    assert found.times == [f"2025-11-02 {time}:00" for time in ("05:30", "05:45", "06:00", "08:00")]
    assert [row[3] for row in found.rows] == [(AMBIGUOUS_HOUR,), (AMBIGUOUS_HOUR,), (), ()]
    assert found.reasons == [(5, RowReason.NONEXISTENT_TIME)]


ROWS = st.one_of(
    st.sampled_from(
        [
            "2025-03-20 08:00:00,230.1,231.1",
            "2025-03-20 08:00:30,230.1,231.2,",
            '2025-03-20 08:01:00,"230.1",231.1',
            "2000-01-01 00:00:00,230.1,231.1",
            "2025-03-20 08:02:00,----,1_0",
            "2025-03-20 08:02:30,230.4,----",
            "Time,V1,V2",
            "V2,Time,V1",
            "231.1,2025-03-20 08:03:00,230.1",
            "2025-03-20T12:03:00Z,230.1,231.1",
            "2025-03-20 08:04:00,230",
            '"',
            "",
            ",,",
        ]
    ),
    st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=30),
)


@given(st.lists(ROWS, max_size=120), st.booleans(), st.integers(3, 400))
def test_every_line_is_accounted_for_in_whatever_pieces_it_comes(
    lines: list[str], has_end: bool, size: int
) -> None:
    text = "\n".join(["Time,V1,V2", *lines]) + ("\n" if has_end else "")
    found = read(text, size=1 << 18)
    taken = [row[0] for row in found.rows] + [row.line for row in found.rejected]
    assert len(taken) == len(set(taken))
    numbered = dict(enumerate(text.split("\n"), 1))
    assert all(row.text == numbered[row.line] for row in found.rejected)
    for number in set(numbered) - set(taken):
        line = numbered[number]
        assert not line.strip(', \t"') or ("Time" in line and "V" in line) or not line.strip()
    pieces = read(text, size=size)
    assert (pieces.rows, pieces.rejected, pieces.ignored) == (found.rows, found.rejected, found.ignored)


@given(st.lists(st.tuples(st.floats(100, 300), st.floats(100, 300)), min_size=1, max_size=200))
def test_plain_rows_come_through_exactly(values: list[tuple[float, float]]) -> None:
    start = datetime(2025, 3, 20, 8, tzinfo=UTC)
    lines = [
        f"{start + number * timedelta(seconds=10):%Y-%m-%d %H:%M:%S},{first!r},{second!r}"
        for number, (first, second) in enumerate(values)
    ]
    found = read("\n".join(["Time,V1,V2", *lines, ""]))
    assert [(row[Q.VOLTAGE_A], row[Q.VOLTAGE_B]) for row in found.values] == values


CELLS = st.one_of(
    st.floats(-500, 500).map(lambda value: f"{value:.2f}"),
    st.floats().map(repr),
    st.integers(-(10**14), 10**14).map(str),
    st.sampled_from(["230.1", "230,1", "0", "----", "", " 7", "007", ".5", "true", "1_0", '"5"', "[1", "L"]),
)
HEADERS = ["Time,V12,V23,V31,Psum_W,Type", "Time;V1;V2;V3;Psum_kW;EP_IMP_kWh", "V1,Time,V2,V3,I1,V1"]


def refuse(_: str) -> array[float]:
    raise ValueError


@given(
    st.sampled_from(HEADERS),
    st.lists(st.lists(CELLS, min_size=5, max_size=5), min_size=1, max_size=20),
    st.lists(st.integers(0, 90), min_size=20, max_size=20),
)
@example(HEADERS[0], [["230.1", "[1", "2]", "5", "6"], ["1e12", "-0", "1e308", "12345", "7"]], [0, 1] * 10)
@example(HEADERS[1], [["230", "1e12", "-1e12", "9e9", "7"], ["1", "2", "3", "4", "5"]], [1, 0] * 10)
def test_the_quick_ways_and_the_slow_one_say_the_same(
    header: str, rows: list[list[str]], minutes: list[int]
) -> None:
    delimiter = ";" if ";" in header else ","
    place = header.split(delimiter).index("Time")
    start = datetime(2025, 3, 20, 8, tzinfo=UTC)
    stamps = [f"{start + minute * timedelta(minutes=1):%Y-%m-%d %H:%M:%S}" for minute in minutes]
    lines = [
        delimiter.join([*cells[:place], timestamp, *cells[place:]])
        for cells, timestamp in zip(rows, stamps, strict=False)
    ]
    text = "\n".join([header, *lines, ""])
    by_table, by_columns = read(text), read(text, read_table=refuse)
    with patch.object(LogReader, "_parse_block", return_value=None):
        by_lines = read(text)
    assert by_table == by_columns == by_lines
