"""The voltages of a site over time, with the band they should stay in."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from smarterise_tui.plotting import AXIS, BAND, Frame, Glyph, Trace, draw
from smarterise_tui.theme import PHASE_COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLES = {AXIS: "$quiet", BAND: "$border", **PHASE_COLOURS}


class VoltagePlot(Widget):
    """Draws traces; words in their place while there are none."""

    DEFAULT_CSS = "VoltagePlot { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._traces: tuple[Trace, ...] = ()
        self._frame: Frame | None = None
        self._words = Content("")

    def show(self, traces: Sequence[Trace], frame: Frame) -> None:
        """Draw these lines; equal ones paint nothing."""
        if (tuple(traces), frame) != (self._traces, self._frame):
            self._traces, self._frame = tuple(traces), frame
            self.refresh()

    def say(self, words: Content) -> None:
        """Show words in place of lines."""
        self._traces, self._frame, self._words = (), None, words
        self.refresh()

    def render(self) -> Content:
        """Return the drawing for the present size."""
        if self._frame is None:
            return self._words
        lines = draw(self._traces, self._frame, self.size.width, self.size.height)
        return Content("\n").join(_one_line(line) for line in lines)


def _one_line(glyphs: Sequence[Glyph]) -> Content:
    """Return a line with neighbours of one style in one piece."""
    runs = groupby(glyphs, key=itemgetter(1))
    return Content.assemble(*(("".join(text for text, _ in run), _STYLES[style]) for style, run in runs))
