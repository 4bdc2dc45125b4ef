"""The plot is drawn where the values are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from smarterise_sdk.domain.readings.metrics import MetricPoint
from smarterise_tui.widgets.plot import Frame, Trace, draw

END = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FRAME = Frame(END - timedelta(minutes=30), END, 207.0, 253.0, 230.0, timedelta(minutes=1))


def level(letter: str, value: float, *, minutes=range(30, -1, -1)) -> Trace:
    points = tuple(MetricPoint(value, END - timedelta(minutes=minute)) for minute in minutes)
    return Trace(letter, letter, points)


def texts(lines):
    return ["".join(text for text, _ in line) for line in lines]


def dotted_rows(lines, style):
    return [
        row for row, line in enumerate(lines) if any(s == style and "⠀" < text <= "⣿" for text, s in line)
    ]


def test_a_higher_value_is_drawn_higher_and_named_at_its_height():
    lines = draw([level("A", 250.0), level("B", 210.0)], FRAME, 60, 16)
    a, b = dotted_rows(lines, "A"), dotted_rows(lines, "B")
    assert max(a) < min(b)
    text = texts(lines)
    assert text[a[0]].rstrip().endswith("A")
    assert text[b[0]].rstrip().endswith("B")


def test_lines_at_one_height_are_named_side_by_side():
    text = texts(draw([level("A", 230.0), level("C", 230.0)], FRAME, 60, 16))
    assert sum(line.rstrip().endswith("AC") for line in text) == 1


def test_a_dead_phase_is_drawn_at_zero():
    lines = draw([level("A", 230.0), level("B", 0.0)], FRAME, 60, 16)
    text = texts(lines)
    assert dotted_rows(lines, "B") == [14]
    assert text[14].split()[0] == "0"


def test_the_band_is_drawn_and_labelled():
    lines = draw([level("A", 230.0)], FRAME, 60, 20)
    text = texts(lines)
    for limit in ("253", "207"):
        (row,) = [line for line in text if line.strip().startswith(limit)]
        assert "┈" in row


def test_a_gap_in_the_data_is_a_gap_in_the_line():
    broken = level("A", 230.0, minutes=[*range(30, 20, -1), *range(5, -1, -1)])
    lines = draw([broken], FRAME, 70, 12)
    (row,) = dotted_rows(lines, "A")
    drawn = [n for n, (text, style) in enumerate(lines[row]) if style == "A" and text not in " A"]
    widest = max(b - a for a, b in pairwise(drawn))
    assert widest > 20


def test_the_axis_says_how_far_back():
    assert texts(draw([level("A", 230.0)], FRAME, 60, 12))[-1].split() == ["-30m", "-15m", "now"]
    day = Frame(END - timedelta(hours=24), END, 207.0, 253.0, 230.0, timedelta(hours=1))
    assert texts(draw([level("A", 230.0)], day, 60, 12))[-1].split() == ["-24h", "-12h", "now"]


def test_too_small_a_place_is_said_to_be():
    assert texts(draw([level("A", 230.0)], FRAME, 12, 3)) == ["too small to"]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-40, 40), st.floats(-1e6, 1e6)), max_size=40),
    st.integers(1, 120),
    st.integers(1, 40),
)
def test_it_never_overflows_its_place(points, width, height):
    trace = Trace(
        "A", "A", [MetricPoint(v, END - timedelta(minutes=m)) for m, v in sorted(points, reverse=True)]
    )
    lines = texts(draw([trace], FRAME, width, height))
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
