"""EventBridge schedule expressions: interval and next run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.schedules import Schedule, next_text, next_time, period_of, rhythm_text

SUNDAY = datetime(2026, 3, 1, 12, 5, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "minutes", "text"),
    [
        ("cron(0/15 * * * ? *)", 15, "every 15 min"),
        ("cron(*/15 * ? * * *)", 15, "every 15 min"),
        ("cron(7,37 * * * ? *)", 30, "every 30 min"),
        ("cron(0 * * * ? *)", 60, "every 60 min"),
        ("cron(0 0/6 * * ? *)", 360, "every 6 h"),
        ("cron(0 6 * * ? *)", 1440, "every 24 h"),
        ("cron(0 6 ? * 1-7 *)", 1440, "every 24 h"),
        ("cron(0 6 ? JAN-DEC SUN-SAT *)", 1440, "every 24 h"),
        ("rate(1 minute)", 1, "every 1 min"),
        ("rate(5 minutes)", 5, "every 5 min"),
        ("rate(1 hour)", 60, "every 60 min"),
        ("rate(2 days)", 2880, "every 48 h"),
    ],
)
def test_an_even_rhythm_is_reported(expression: str, minutes: int, text: str) -> None:
    assert period_of(expression) == minutes * MINUTE
    assert rhythm_text(expression) == text


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0/25 * * * ? *)",
        "cron(0 8-17 * * ? *)",
        "cron(0 8 ? * MON-FRI *)",
        "cron(0 8 1 * ? *)",
        "cron(0 8 * 1 ? *)",
        "cron(0 8 * * ? 2026)",
        "rate(0 minutes)",
        "rate(5 fortnights)",
        "every now and then",
        "",
    ],
)
def test_an_uneven_one_is_shown_as_it_is_spelt(expression: str) -> None:
    assert period_of(expression) is None
    assert rhythm_text(expression) == expression
    assert rhythm_text(f"{expression}\x1b") == f"{expression}\\x1b"


@pytest.mark.parametrize(
    ("expression", "then"),
    [
        ("cron(0/15 * * * ? *)", "2026-03-01T12:15"),
        ("cron(0 * * * ? *)", "2026-03-01T13:00"),
        ("cron(5 12 * * ? *)", "2026-03-02T12:05"),
        ("cron(6 12 * * ? *)", "2026-03-01T12:06"),
        ("cron(0 8 L * ? *)", "2026-03-31T08:00"),
        ("cron(0 8 29 2 ? *)", "2028-02-29T08:00"),
        ("cron(0 8 1 JAN ? *)", "2027-01-01T08:00"),
        # Sunday is day 1, and the moment is a Sunday's.
        ("cron(0 20 ? * 1 *)", "2026-03-01T20:00"),
        ("cron(0 8 ? * 1 *)", "2026-03-08T08:00"),
        ("cron(0 8 ? * SUN *)", "2026-03-08T08:00"),
        ("cron(0 8 ? * 2 *)", "2026-03-02T08:00"),
        ("cron(0 8 ? * 7 *)", "2026-03-07T08:00"),
        ("cron(0 8 ? * L *)", "2026-03-07T08:00"),
        ("cron(0 8 ? * 3-5 *)", "2026-03-03T08:00"),
        ("cron(0 8 ? * tue-THU *)", "2026-03-03T08:00"),
        ("cron(0 8 ? * 6L *)", "2026-03-27T08:00"),
        ("cron(0 8 ? * FRIL *)", "2026-03-27T08:00"),
        ("cron(0 8 ? * 2#2 *)", "2026-03-09T08:00"),
        ("cron(0 8 ? * WED#1 *)", "2026-03-04T08:00"),
        # Every other day from the second on: MON WED FRI, and not the Sunday that a naive step adds.
        ("cron(0 8 ? * 2/2 *)", "2026-03-02T08:00"),
        ("cron(0 8 ? * 4/2 *)", "2026-03-04T08:00"),
        ("cron(0 8 ? * */3 *)", "2026-03-04T08:00"),
        ("cron(0 8 ? * 1,7 *)", "2026-03-07T08:00"),
        ("cron(0 8 1 1 ? 2030)", "2030-01-01T08:00"),
        ("cron(0 8 1 1 ? 2020-2028/4)", "2028-01-01T08:00"),
        ("cron(0 8 29 2 ? 2027-2030)", "2028-02-29T08:00"),
        ("cron(30 12 1 3 ? 2026)", "2026-03-01T12:30"),
    ],
)
def test_the_next_moment(expression: str, then: str) -> None:
    assert next_time(expression, SUNDAY) == at(then)


@pytest.mark.parametrize(
    "expression",
    [
        "rate(5 minutes)",
        "cron(0 8 3W * ? *)",
        "cron(0 8 LW * ?)",
        "cron(0 8 * * * *)",
        "cron(0 8 ? * ? *)",
        "cron(0 8 ? * 0 *)",
        "cron(0 8 ? * 8 *)",
        "cron(0 8 ? * 7-1 *)",
        "cron(0 8 ? * FUN *)",
        "cron(0 8 ? * 2#9 *)",
        "cron(0 8 ? * #1 *)",
        "cron(0 8 ? * 2# *)",
        "cron(0 8 ? * 2/0 *)",
        "cron(0 8 ? * , *)",
        "cron(61 8 ? * 1 *)",
        "cron(0 8 1 1 ? 1969)",
        "cron(0 8 1 1 ? 2020)",
        "cron(1 3 1 3 ? 2026)",
        "cron(0 8 31 2 ? *)",
        "cron(0 8 1 1 ? 20260)",
        "cron(0 8 1 1 ?)",
        "cron()",
        "at(2026-03-01T12:00:00)",
        "cron(0/15 * * * ? *) ",
    ],
)
def test_what_is_not_known_is_not_guessed(expression: str) -> None:
    assert next_time(expression, SUNDAY) is None
    assert next_text(expression, SUNDAY) == "next time unknown"


def test_moments_are_reported_in_utc_whatever_the_clock_s_zone() -> None:
    lagos = SUNDAY.astimezone(timezone(timedelta(hours=1)))
    assert next_text("cron(0 * * * ? *)", lagos) == "next 13:00Z"
    assert next_text("cron(0 6 * * ? *)", lagos) == "next 2026-03-02 06:00Z"
    late = datetime(2026, 3, 2, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert next_text("cron(45 23 * * ? *)", late) == "next 23:45Z", "it is still Sunday in UTC"


def test_a_schedule_of_an_answer() -> None:
    row: dict[str, Any] = {
        "tier": "NON_CRITICAL",
        "rule": "non-critical-sites-ftp-sweep",
        "schedule": "cron(0 * * * ? *)",
        "enabled": True,
    }
    schedule = Schedule.from_row(row)
    assert schedule == Schedule(Tier.NON_CRITICAL, "non-critical-sites-ftp-sweep", "cron(0 * * * ? *)", True)
    assert schedule.text(SUNDAY) == "every 60 min, next 13:00Z"
    assert not Schedule.from_row({**row, "enabled": "yes"}).is_enabled
    for wrong in ({"tier": "TOP"}, {"rule": None}, {"schedule": 5}):
        with pytest.raises(ValueError):
            Schedule.from_row({**row, **wrong})


MINUTES = st.sampled_from(["*", "0/15", "7", "0,30", "5-20/5"])
HOURS = st.sampled_from(["*", "0/6", "3", "8-17"])
WEEKDAYS = st.sampled_from(["1", "2-6", "SUN,WED", "3/2", "7", "MON-FRI"])
MOMENTS = st.integers(0, 10 * 366 * 86_400).map(lambda seconds: SUNDAY + timedelta(seconds=seconds))


@given(MINUTES, HOURS, WEEKDAYS, MOMENTS)
def test_the_next_moment_is_the_first_that_fits(minute: str, hour: str, weekday: str, now: datetime) -> None:
    """Compared with a plain walk over the minutes."""
    expression = f"cron({minute} {hour} ? * {weekday} *)"
    days = {
        "1": {6},
        "2-6": {0, 1, 2, 3, 4},
        "SUN,WED": {6, 2},
        "3/2": {1, 3, 5},
        "7": {5},
        "MON-FRI": {0, 1, 2, 3, 4},
    }[weekday]
    minutes = {"*": range(60), "0/15": (0, 15, 30, 45), "7": (7,), "0,30": (0, 30), "5-20/5": (5, 10, 15, 20)}
    hours = {"*": range(24), "0/6": (0, 6, 12, 18), "3": (3,), "8-17": range(8, 18)}
    timestamp = now.replace(second=0, microsecond=0) + MINUTE
    while not (
        timestamp.weekday() in days and timestamp.hour in hours[hour] and timestamp.minute in minutes[minute]
    ):
        timestamp += MINUTE
    assert next_time(expression, now) == timestamp


@given(
    st.text(max_size=40)
    | st.text(alphabet="0123456789*/?,-#LW JANMON", max_size=30).map(lambda s: f"cron({s})")
)
def test_no_spelling_at_all_breaks_it(expression: str) -> None:
    period_of(expression)
    at = next_time(expression, SUNDAY)
    assert at is None or at > SUNDAY
