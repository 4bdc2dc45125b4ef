"""Sweep report: JSON round trip, and its effect on the FTP status of sites."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.ingest.status import (
    DataPath,
    DataPathFacts,
    DataPathState,
    DataPathStatus,
    status_of,
)
from smarterise_sdk.domain.ingest.sweep_report import SweepFault, SweepReport, sweep_report_key
from smarterise_sdk.domain.sites.model import Site, Tier

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = Site("AN1", Tier.NON_CRITICAL)
REFUSED = SweepFault("LOGIN_REFUSED", "main", "530 Login incorrect", is_whole=True)
DEAD = SweepFault("SERVER_UNREACHABLE", "main", "timed out", is_whole=True)
A_FILE = SweepFault("S3_DENIED", "main", "AccessDenied", is_whole=False)
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), max_size=50)
REPORTS = st.builds(
    SweepReport,
    st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0)
    ),
    st.lists(WORDS, max_size=3).map(tuple),
    st.lists(st.builds(SweepFault, WORDS, WORDS, WORDS, is_whole=st.booleans()), max_size=3).map(tuple),
    st.integers(0, 10_000),
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["swept_at", "servers", "faults", "fault_count", "code", "is_whole"]), inner
        )
    ),
)


def report(*faults: SweepFault, ago: timedelta = HOUR, servers: tuple[str, ...] = ("main",)) -> SweepReport:
    return SweepReport(NOW - ago, servers, faults, len(faults))


def by_file(sweep: SweepReport | None, ago: timedelta = 5 * HOUR, site: Site = SITE) -> DataPathStatus:
    facts = DataPathFacts(last_measured_at=NOW - ago, last_arrived_at=NOW - ago, latest_state="loaded")
    return status_of("AN1", site, DataPath.FTP, facts, time_range=24 * HOUR, now=NOW, sweep=sweep)


@given(REPORTS)
def test_what_is_kept_is_read_back(kept: SweepReport) -> None:
    assert SweepReport.from_json(json.loads(json.dumps(kept.to_json()))) == kept


@given(ANY)
def test_whatever_lies_there_is_a_report_or_none(kept: Any) -> None:
    found = SweepReport.from_json(kept)
    if found is not None:
        assert found.summary(NOW).isprintable()


def test_each_tier_has_its_own() -> None:
    assert len({sweep_report_key(tier) for tier in Tier}) == len(Tier)


@pytest.mark.parametrize(
    ("sweep", "state", "note"),
    [
        (None, DataPathState.LATE, ""),
        (report(), DataPathState.LATE, "last sweep 2026-03-02T11:00:00Z succeeded"),
        (report(ago=9 * HOUR), DataPathState.LATE, "no sweep since 2026-03-02T03:00:00Z"),
        (
            report(REFUSED, ago=9 * HOUR),
            DataPathState.DENIED,
            "no sweep since 2026-03-02T03:00:00Z, which failed: main LOGIN_REFUSED: 530 Login incorrect",
        ),
        (
            report(REFUSED),
            DataPathState.DENIED,
            "last sweep 2026-03-02T11:00:00Z: main LOGIN_REFUSED: 530 Login incorrect",
        ),
        (
            report(DEAD, A_FILE),
            DataPathState.FAILING,
            "last sweep 2026-03-02T11:00:00Z: main SERVER_UNREACHABLE: timed out (and 1 more)",
        ),
        (
            report(REFUSED, servers=("main", "other")),
            DataPathState.LATE,
            "last sweep 2026-03-02T11:00:00Z: main LOGIN_REFUSED: 530 Login incorrect",
        ),
        (
            report(A_FILE),
            DataPathState.LATE,
            "last sweep 2026-03-02T11:00:00Z: main S3_DENIED: AccessDenied",
        ),
    ],
)
def test_why_files_are_missed(sweep: SweepReport | None, state: DataPathState, note: str) -> None:
    status = by_file(sweep)
    assert (status.state, status.note) == (state, note)


def test_a_site_that_is_well_still_reports_that_nothing_more_will_come() -> None:
    blocked = by_file(report(REFUSED), ago=HOUR)
    assert (blocked.state, "LOGIN_REFUSED" in blocked.note) == (DataPathState.OK, True)
    assert by_file(report(A_FILE), ago=HOUR).note == ""
    off = by_file(report(REFUSED), site=Site("AN1", Tier.CRITICAL, enabled=False))
    assert (off.state, "LOGIN_REFUSED" in off.note) == (DataPathState.OFF, False)
