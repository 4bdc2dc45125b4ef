"""Ingest status of data paths, causes of gaps, and display of quarantined input."""

from __future__ import annotations

import base64
import gzip
import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.ingest.gaps import (
    Gap,
    IgnoredRows,
    Issue,
    SiteEvent,
    explained,
    gateways_without_readings,
    is_due,
    merged_gaps,
    others_with,
    tier_events,
)
from smarterise_sdk.domain.ingest.quarantine_content import (
    LONGEST_LINE,
    ContentKind,
    kind_of,
    raw_pieces,
    shown_lines,
)
from smarterise_sdk.domain.ingest.status import (
    DataPath,
    DataPathFacts,
    DataPathState,
    Kept,
    status_of,
    unknown_status,
)
from smarterise_sdk.domain.sites.model import Site, Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
LIVE = Site("AN1", Tier.CRITICAL)
SLOW = Site("AN1", Tier.NON_CRITICAL)
OFF = Site("AN1", Tier.CRITICAL, enabled=False)


def came(ago: timedelta, **facts: object) -> DataPathFacts:
    made = DataPathFacts(last_measured_at=NOW - ago, last_arrived_at=NOW - ago, latest_state="loaded")
    return replace(made, **facts)  # type: ignore[arg-type]  # of the fields' kinds


@pytest.mark.parametrize(
    ("site", "data_path", "facts", "state"),
    [
        (LIVE, DataPath.STREAM, came(MINUTE), DataPathState.OK),
        (LIVE, DataPath.STREAM, came(10 * MINUTE), DataPathState.LATE),
        (LIVE, DataPath.STREAM, came(HOUR), DataPathState.SILENT),
        (LIVE, DataPath.STREAM, DataPathFacts(), DataPathState.NEVER),
        (LIVE, DataPath.STREAM, came(HOUR, kept=Kept(3, "NOT_JSON", NOW)), DataPathState.REJECTED),
        (LIVE, DataPath.STREAM, came(MINUTE, kept=Kept(3, "NOT_JSON", NOW)), DataPathState.OK),
        (LIVE, DataPath.STREAM, DataPathFacts(kept=Kept(3, "NOT_JSON", NOW)), DataPathState.REJECTED),
        (LIVE, DataPath.FTP, came(2 * HOUR), DataPathState.OK),
        (LIVE, DataPath.FTP, came(4 * HOUR), DataPathState.LATE),
        (LIVE, DataPath.FTP, came(DAY), DataPathState.SILENT),
        (LIVE, DataPath.FTP, came(HOUR, latest_state="rejected"), DataPathState.REJECTED),
        (LIVE, DataPath.FTP, came(HOUR, latest_state="failed"), DataPathState.FAILING),
        (
            LIVE,
            DataPath.FTP,
            came(HOUR, latest_state="failed", latest_reason="AccessDenied: s3"),
            DataPathState.DENIED,
        ),
        (SLOW, DataPath.STREAM, came(HOUR), DataPathState.OFF),
        (SLOW, DataPath.FTP, came(HOUR), DataPathState.OK),
        (OFF, DataPath.STREAM, DataPathFacts(), DataPathState.OFF),
        (OFF, DataPath.FTP, DataPathFacts(), DataPathState.OFF),
        (None, DataPath.STREAM, came(MINUTE), DataPathState.OK),
        (None, DataPath.FTP, DataPathFacts(), DataPathState.OFF),
    ],
)
def test_a_data_path_in_one_word(
    site: Site | None, data_path: DataPath, facts: DataPathFacts, state: DataPathState
) -> None:
    status = status_of("AN1", site, data_path, facts, time_range=DAY, now=NOW)
    assert status.state is state
    assert status.state.is_well is (state in {DataPathState.OK, DataPathState.OFF})
    row = status.to_row()
    assert (row["path"], row["state"]) == (data_path.value, state.value)


def test_how_much_of_a_span_is_there() -> None:
    facts = came(MINUTE, found=720, usual=MINUTE, covered=12 * HOUR, meters=1)
    status = status_of("AN1", LIVE, DataPath.STREAM, facts, time_range=DAY, now=NOW)
    assert (status.expected, status.found, status.completeness) == (1440, 720, 0.5)
    of_two = replace(facts, meters=2, covered=36 * HOUR)
    assert status_of("AN1", LIVE, DataPath.STREAM, of_two, time_range=DAY, now=NOW).completeness == 0.75
    # What should not come is not missing; what never came is, as often as the tier says.
    assert status_of("AN1", SLOW, DataPath.STREAM, facts, time_range=DAY, now=NOW).completeness is None
    nothing = status_of("AN1", LIVE, DataPath.STREAM, DataPathFacts(), time_range=DAY, now=NOW)
    assert (nothing.expected, nothing.completeness) == (1440, 0)


def test_without_the_site_file_nobody_says_what_should_come() -> None:
    def reported(facts: DataPathFacts, data_path: DataPath = DataPath.STREAM) -> tuple[DataPathState, str]:
        status = status_of("AN1", None, data_path, facts, time_range=DAY, now=NOW, is_file_read=False)
        return status.state, status.note

    why = "the site file could not be read"
    assert reported(came(MINUTE)) == (DataPathState.OK, why)
    assert reported(came(HOUR)) == reported(DataPathFacts()) == (DataPathState.UNKNOWN, why)
    assert reported(came(HOUR, latest_state="failed"), DataPath.FTP) == (DataPathState.FAILING, why)


def test_what_else_is_to_be_known_of_a_data_path() -> None:
    facts = came(
        HOUR, latest_state="failed", latest_reason="one\ntwo", unfinished_files=2, kept=Kept(5, "HALF_ROW")
    )
    note = status_of("AN1", None, DataPath.FTP, facts, time_range=DAY, now=NOW).note
    assert note == (
        "not in the site file; latest file failed: one\\x0atwo; 2 file(s) not loaded; "
        "5 in quarantine, mostly HALF_ROW"
    )
    assert unknown_status("AN1", LIVE, DataPath.FTP, "denied\x1b").note == "denied\\x1b"


def gap(first: int, last: int, serial: str = "AN1", **fields: object) -> Gap:
    made = Gap(serial, "CLD1", NOW + first * MINUTE, NOW + last * MINUTE)
    return replace(made, **fields)  # type: ignore[arg-type]  # of the fields' kinds


def causes(
    it: Gap,
    site: Site | None = LIVE,
    *,
    ignored: IgnoredRows = IgnoredRows(),  # noqa: B008 -- frozen
    issues: Sequence[Issue] = (),
    events: Sequence[SiteEvent] = (),
    others: int = 0,
) -> str:
    reported = explained(it, site, ignored=ignored, issues=issues, events=events, others=others, sites=10)
    return "; ".join(reported.causes)


def test_why_a_gap_is_there_is_reported_as_far_as_it_is_known() -> None:
    it = gap(0, 60)
    assert causes(it) == "nothing received: gateway or network fault, or the files are still on the gateway"
    assert causes(replace(it, is_open=True)).startswith("nothing received:")
    assert causes(it, OFF) == "the site is disabled: no data is collected"
    assert causes(it, None).startswith("the site is not in the site file")
    assert "files have not arrived yet" in causes(replace(it, is_open=True), SLOW)
    assert causes(it, ignored=IgnoredRows(offline=3)) == "the gateway reported its meter as offline 3 times"
    assert "2 reading(s) with a clock fault" in causes(it, ignored=IgnoredRows(clock_faults=2))
    assert "of an unknown meter" in causes(it, ignored=IgnoredRows(unnamed=2))
    assert causes(it, others=9).startswith("9 other site(s)")
    assert causes(it, others=1).startswith("nothing received")
    event = SiteEvent("AN1", NOW + 5 * MINUTE, "tier CRITICAL → NON_CRITICAL")
    assert "changed at 2026-03-02T00:05:00Z: tier" in causes(it, events=[event])
    assert causes(it, events=[replace(event, gateway_serial="AN2")]).startswith("nothing received")
    half = Issue("AN1", "s3://b/ftp-backups/AN1/x.csv", "HALF_ROW (3 row(s))", NOW + HOUR, "abcdef0123456789")
    assert causes(it, issues=[half, half]) == "2 × in quarantine, HALF_ROW (3 row(s)): abcdef01"
    by_name = replace(half, key="AN1-logger1-2026-02-01T00-00-00+0000-1min.csv")
    assert causes(it, issues=[by_name]).startswith("nothing received")
    of_stream = replace(half, data_path=DataPath.STREAM, at=NOW + 2 * HOUR)
    assert causes(it, issues=[of_stream]).startswith("nothing received")
    unread = explained(
        it, None, ignored=IgnoredRows(), issues=(), events=(), others=0, sites=10, is_file_read=False
    )
    assert unread.causes == ("the site file could not be read",)
    assert "\x1b" not in causes(it, events=[replace(event, text="\x1b[2J")])


def test_what_comes_by_file_may_still_be_on_its_way() -> None:
    now = NOW + 60 * MINUTE
    it = gap(0, 60, is_open=True)
    assert is_due(it, LIVE, now)
    assert not is_due(it, SLOW, now)
    assert is_due(replace(it, is_open=False), SLOW, now)
    assert is_due(gap(0, 200, is_open=True), SLOW, NOW + 200 * MINUTE)


def test_gaps_that_one_reading_parts_are_one() -> None:
    pairs = [(gap(0, 10), IgnoredRows(1)), (gap(10, 20), IgnoredRows(2)), (gap(30, 40), IgnoredRows())]
    (one, within), (other, _) = merged_gaps(reversed(pairs))
    assert (one.since, one.until, one.readings, within.offline) == (NOW, NOW + 20 * MINUTE, 1, 3)
    assert (other.since, other.readings) == (NOW + 30 * MINUTE, 0)
    assert "1 isolated reading(s) in the gap" in causes(one)


@given(
    st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 50), st.integers(1, 20)), max_size=12)
)
def test_other_sites_with_a_gap_at_the_same_time_are_counted_once(spans: list[tuple[str, int, int]]) -> None:
    gaps = [gap(first, first + length, serial) for serial, first, length in spans]
    for it, count in zip(gaps, others_with(gaps), strict=True):
        middle = it.since + it.length / 2
        others = {
            other.gateway_serial
            for other in gaps
            if other.gateway_serial != it.gateway_serial and other.since <= middle <= other.until
        }
        assert count == len(others)


def test_a_gateway_without_readings_is_one_gap() -> None:
    (one,) = gateways_without_readings(["AN1", "AN2"], {"AN1"}, NOW, NOW + HOUR)
    assert (one.gateway_serial, one.is_open, one.length) == ("AN2", True, HOUR)


def test_changes_of_sites_are_read_from_the_history() -> None:
    rows = [
        {"gateway_serials": ["AN1", "AN2"], "summary": "tier", "written_at": "2026-03-01T00:00:00Z"},
        {"gateway_serials": ["AN1"], "summary": "x", "written_at": "never"},
        {},
    ]
    assert [(event.gateway_serial, event.text) for event in tier_events(rows)] == [
        ("AN1", "tier"),
        ("AN2", "tier"),
    ]


# What is in the quarantine -----------------------------------------------------------------------

HOSTILE = b"\x1b[2J'; DROP TABLE x; -- \xff\x00\r\n=cmd|calc"


def packed(*lines: object) -> bytes:
    return gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def test_what_is_kept_is_reported_by_its_key() -> None:
    assert kind_of("iot", "quarantine/source=iot/x.json.gz") is ContentKind.MESSAGE
    assert kind_of("ftp", "quarantine/source=ftp/x.json.gz") is ContentKind.ROWS
    assert kind_of("ftp", "ftp-backups/AN1/x.csv") is ContentKind.FILE


def test_a_message_is_shown_and_comes_back_byte_by_byte() -> None:
    body = packed({"payload_base64": base64.b64encode(HOSTILE).decode(), "reason": "NOT_JSON"})
    assert list(shown_lines(ContentKind.MESSAGE, [body])) == [
        "\\x1b[2J'; DROP TABLE x; -- \\xff\\x00\\x0d",
        "=cmd|calc",
    ]
    assert b"".join(raw_pieces(ContentKind.MESSAGE, [body])) == HOSTILE


def test_rows_are_shown_with_their_lines_and_come_back_under_their_header() -> None:
    body = packed(
        {"origin": "s3://b/k#e"},
        {"header": "Time,V1"},
        {"line": 7, "text": "x,\udcff\x1b", "detail": "no moment"},
        {"line": 9, "text": "y,1", "detail": "no moment"},
    )
    assert list(shown_lines(ContentKind.ROWS, [body])) == [
        "  header  Time,V1",
        "       7  x,\\udcff\\x1b",
        "          ^ no moment",
        "       9  y,1",
        "          ^ no moment",
    ]
    assert b"".join(raw_pieces(ContentKind.ROWS, [body])) == b"Time,V1\nx,\xff\x1b\ny,1\n"


def test_a_file_is_shown_unpacked_and_comes_back_as_it_is() -> None:
    text = b"Time,V1\r\n1,2\n" + b"x" * (LONGEST_LINE + 5)
    for body in (text, gzip.compress(text)):
        lines = list(shown_lines(ContentKind.FILE, [body[:1], body[1:]]))
        assert lines == ["Time,V1", "1,2", "x" * LONGEST_LINE, "xxxxx"]
        assert b"".join(raw_pieces(ContentKind.FILE, [body[:1], body[1:]])) == body


def test_broken_archives_are_shown_as_far_as_they_go() -> None:
    whole = gzip.compress(b"one\ntwo\n")
    assert list(shown_lines(ContentKind.FILE, [whole[:-3]])) == ["one", "two", "(the archive ends early)"]
    (*_, last) = shown_lines(ContentKind.FILE, [b"\x1f\x8b" + b"x" * 50])
    assert last.startswith("(decompression failed")
    assert list(shown_lines(ContentKind.ROWS, [gzip.compress(b"[]\nnot json\n")])) == [
        "(unknown format) []",
        "(unknown format) not json",
    ]


@given(st.sampled_from(ContentKind), st.lists(st.binary(max_size=60), max_size=4), st.booleans())
def test_whatever_is_kept_is_safe_to_look_at(kind: ContentKind, pieces: list[bytes], pack: bool) -> None:
    body = [gzip.compress(b"".join(pieces))] if pack else pieces
    for line in shown_lines(kind, body):
        assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
    if kind is ContentKind.FILE:
        assert b"".join(raw_pieces(kind, body)) == b"".join(body)
