"""The sparkline's past: a bucket a minute, honest about holes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.readings.metrics import MetricPoint
from smarterise_tui.fleet.history import MINUTES, History

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def at(minutes_ago: float, value: float) -> MetricPoint:
    return MetricPoint(value, NOW - timedelta(minutes=minutes_ago))


def test_an_even_load_is_an_even_line_near_the_top():
    history = History()
    history.extend(at(minute, 100 + minute % 2) for minute in range(MINUTES))
    assert set(history.blocks(MINUTES, NOW)) <= {"▆", "▇"}


def test_a_load_that_falls_is_seen_to_fall():
    history = History()
    history.extend(at(minute, 100.0 if minute > 9 else 0.0) for minute in range(MINUTES - 1, -1, -1))
    line = history.blocks(MINUTES, NOW)
    assert line[-10:] == "▁" * 10
    assert set(line[:20]) <= {"▇", "█"}


def test_silence_shows_as_dots_at_the_right_and_moves_left():
    history = History()
    history.extend(at(minute, 5.0) for minute in range(20, 10, -1))
    line = history.blocks(MINUTES, NOW)
    assert line[-11:] == "·" * 11
    later = history.blocks(MINUTES, NOW + timedelta(minutes=5))
    assert later[-16:] == "·" * 16
    assert history.blocks(MINUTES, NOW + timedelta(hours=2)) == "·" * MINUTES


def test_a_jump_in_time_forgets_what_lies_between():
    history = History()
    history.add(at(25, 5.0))
    history.add(at(0, 5.0))
    line = history.blocks(MINUTES, NOW)
    assert line.count("·") == MINUTES - 2


def test_points_out_of_order_and_older_than_the_ring_do_no_harm():
    history = History()
    history.add(at(0, 5.0))
    history.add(at(3, 5.0))
    history.add(at(500, 9.0))
    assert history.blocks(MINUTES, NOW).count("·") == MINUTES - 2


@given(
    st.lists(
        st.tuples(st.floats(-60, 600, allow_nan=False), st.floats(-1e9, 1e9, allow_nan=False)), max_size=80
    ),
    st.integers(1, 40),
)
def test_a_line_is_as_wide_as_asked(points, width):
    history = History()
    history.extend(at(minutes, value) for minutes, value in points)
    line = history.blocks(width, NOW)
    assert len(line) == width
    assert set(line) <= set("·▁▂▃▄▅▆▇█")
