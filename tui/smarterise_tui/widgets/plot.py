"""Values over time as lines of braille dots, and the widget that shows a site's voltages in their band.

Drawing is pure, a grid of text and style names out; a cell of the terminal holds 2 x 4 dots.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

from textual.content import Content
from textual.widget import Widget

from smarterise_tui.theme import PHASE_COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from smarterise_sdk.domain.readings.metrics import MetricPoint

Glyph: TypeAlias = tuple[str, str]
"""One character and the name of its style."""

AXIS, BAND = "axis", "band"
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_LABEL_WIDTH = 5
_GAP_IN_PERIODS = 3

_STYLES = {AXIS: "$quiet", BAND: "$border", **PHASE_COLOURS}


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of the plot: label, style name, and points in order."""

    label: str
    style: str
    points: Sequence[MetricPoint]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the plot spans.

    Attributes:
        start: Left edge.
        end: Right edge.
        low: Lower limit of the band.
        high: Upper limit of the band.
        nominal: Middle of the band.
        period: Distance of two points that follow each other; much more is a gap and not joined.
    """

    start: datetime
    end: datetime
    low: float
    high: float
    nominal: float
    period: timedelta


@dataclass(frozen=True, slots=True)
class _Scale:
    """Maps times and values to dots."""

    start: float
    span: float
    bottom: float
    top: float
    columns: int
    rows: int

    def x(self, at: datetime) -> int:
        return round((at.timestamp() - self.start) / self.span * (self.columns * 2 - 1))

    def y(self, value: float) -> int:
        share = (self.top - value) / (self.top - self.bottom)
        return round(share * (self.rows * 4 - 1))

    def row(self, value: float) -> int:
        return min(max(self.y(value) // 4, 0), self.rows - 1)


def draw(traces: Sequence[Trace], frame: Frame, width: int, height: int) -> list[list[Glyph]]:
    """Return the plot as lists of glyphs: value labels left, trace labels right, time axis below.

    Args:
        traces: Lines; the later ones are drawn over the earlier.
        frame: Time and value range of the plot.
        width: Cells.
        height: Lines, the time axis included.
    """
    labels_width = len(traces) + 1
    columns, rows = width - _LABEL_WIDTH - 1 - labels_width, height - 1
    if columns < 4 or rows < 3:
        return [[("too small to plot"[:width], AXIS)]]
    bottom, top = _range(traces, frame)
    span = max((frame.end - frame.start).total_seconds(), 1.0)
    scale = _Scale(frame.start.timestamp(), span, bottom, top, columns, rows)
    grid = _band_grid(frame, scale)
    for trace in traces:
        _draw_trace(grid, trace, scale, frame)
    labels = _labels(frame, scale)
    trace_labels = _trace_labels(traces, scale)
    lines = [
        [
            (labels.get(row, "").rjust(_LABEL_WIDTH) + " ", AXIS),
            *grid[row],
            (" ", AXIS),
            *trace_labels.get(row, []),
        ]
        for row in range(rows)
    ]
    return [*lines, [(_time_axis(frame, columns), AXIS)]]


def _range(traces: Sequence[Trace], frame: Frame) -> tuple[float, float]:
    values = [point.value for trace in traces for point in trace.points]
    margin = (frame.high - frame.low) * 0.1
    bottom, top = min([*values, frame.low]) - margin, max([*values, frame.high]) + margin
    return (0.0 if min([*values, bottom]) < frame.nominal / 2 else bottom), top


def _band_grid(frame: Frame, scale: _Scale) -> list[list[Glyph]]:
    edges = {scale.row(frame.low), scale.row(frame.high)}
    return [[("┈", BAND) if row in edges else (" ", AXIS)] * scale.columns for row in range(scale.rows)]


def _draw_trace(grid: list[list[Glyph]], trace: Trace, scale: _Scale, frame: Frame) -> None:
    cells: dict[tuple[int, int], int] = {}
    previous: MetricPoint | None = None
    for point in trace.points:
        if not frame.start <= point.at <= frame.end:
            continue
        here = scale.x(point.at), scale.y(point.value)
        joined = previous is not None and point.at - previous.at <= _GAP_IN_PERIODS * frame.period
        start = (scale.x(previous.at), scale.y(previous.value)) if joined and previous is not None else here
        for x, y in _dots_between(start, here):
            place = (min(max(y // 4, 0), scale.rows - 1), min(max(x // 2, 0), scale.columns - 1))
            cells[place] = cells.get(place, 0) | _DOTS[x % 2][y % 4]
        previous = point
    for (row, column), dots in cells.items():
        before = grid[row][column][0]
        under = ord(before) - _BRAILLE if _BRAILLE <= ord(before) <= _BRAILLE + 0xFF else 0
        grid[row][column] = (chr(_BRAILLE | under | dots), trace.style)


def _dots_between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    (x0, y0), (x1, y1) = start, end
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [
        (round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps))
        for step in range(steps + 1)
    ]


def _labels(frame: Frame, scale: _Scale) -> dict[int, str]:
    values = (scale.top, scale.bottom, frame.nominal, frame.high, frame.low)
    return {scale.row(value): _label(value) for value in values}


def _label(value: float) -> str:
    text = f"{value:.0f}"
    return text if len(text) <= _LABEL_WIDTH else f"{value:.0e}".replace("e+0", "e")


def _trace_labels(traces: Sequence[Trace], scale: _Scale) -> dict[int, list[Glyph]]:
    """Return the labels at the right, each beside the latest point of its line."""
    labels: dict[int, list[Glyph]] = {}
    for trace in traces:
        if trace.points:
            labels.setdefault(scale.row(trace.points[-1].value), []).append((trace.label, trace.style))
    return labels


def _time_axis(frame: Frame, columns: int) -> str:
    span = frame.end - frame.start
    left, middle, right = f"-{_span_text(span)}", f"-{_span_text(span / 2)}", "now"
    inner = left + middle.rjust(columns // 2 - len(left) + len(middle) // 2)
    axis = inner + right.rjust(columns - len(inner))
    return " " * (_LABEL_WIDTH + 1) + axis[-columns:]


def _span_text(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60}h" if minutes % 60 == 0 and minutes >= 60 else f"{minutes}m"


class VoltagePlot(Widget):
    """Draws traces; words in their place while there are none."""

    DEFAULT_CSS = "VoltagePlot { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._traces: tuple[Trace, ...] = ()
        self._frame: Frame | None = None
        self._text = Content("")

    def show(self, traces: Sequence[Trace], frame: Frame) -> None:
        """Draw these lines; equal ones paint nothing."""
        if (tuple(traces), frame) != (self._traces, self._frame):
            self._traces, self._frame = tuple(traces), frame
            self.refresh()

    def say(self, text: Content) -> None:
        """Show words in place of lines."""
        self._traces, self._frame, self._text = (), None, text
        self.refresh()

    def render(self) -> Content:
        """Return the drawing for the present size."""
        if self._frame is None:
            return self._text
        lines = draw(self._traces, self._frame, self.size.width, self.size.height)
        return Content("\n").join(_one_line(line) for line in lines)


def _one_line(glyphs: Sequence[Glyph]) -> Content:
    """Return a line with neighbours of one style in one piece."""
    runs = groupby(glyphs, key=itemgetter(1))
    return Content.assemble(*(("".join(text for text, _ in run), _STYLES[style]) for style, run in runs))
