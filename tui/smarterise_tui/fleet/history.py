"""The last half hour of one value of one site, a bucket a minute, for the sparkline in its row."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from smarterise_sdk.domain.readings.metrics import MetricPoint

MINUTES = 30
_BLOCKS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"
_HEADROOM = 0.1
_MAX_STEP = 2
"""Minutes between values that are not a gap."""


class History:
    """A ring buffer with the latest value of each minute."""

    __slots__ = ("_drawn", "_latest_minute", "_values")

    def __init__(self) -> None:
        self._values = array("d", [math.nan]) * MINUTES
        self._latest_minute = -1
        self._drawn: tuple[int, int, str] | None = None

    def add(self, point: MetricPoint) -> None:
        """Add a point; points older than the buffer are ignored."""
        minute = _minute(point.at)
        self._drawn = None
        if minute > self._latest_minute:
            if self._latest_minute >= 0:
                self._forget_between(self._latest_minute, minute)
            self._latest_minute = minute
        if minute > self._latest_minute - MINUTES:
            self._values[minute % MINUTES] = point.value

    def has_gap_before(self, point: MetricPoint) -> bool:
        """Return whether minutes before a point are unknown, e.g. after the load of a log file."""
        return _minute(point.at) > self._latest_minute + _MAX_STEP

    def extend(self, points: Iterable[MetricPoint]) -> None:
        """Add points."""
        for point in points:
            self.add(point)

    def blocks(self, width: int, now: datetime) -> str:
        """Return the span up to `now` as `width` block characters; `·` where there is no value.

        The scale is the span's own: from half its greatest value, or its least where that is lower, to
        a little above the greatest. So a load that wavers is an even line, and one that falls is seen to.
        """
        last = _minute(now)
        if self._drawn is None or self._drawn[:2] != (last, width):
            self._drawn = (last, width, self._draw(last, width))
        return self._drawn[2]

    def _draw(self, last: int, width: int) -> str:
        minutes = [self._at(minute) for minute in range(last - MINUTES + 1, last + 1)]
        bins = [_mean(minutes[i * MINUTES // width : (i + 1) * MINUTES // width]) for i in range(width)]
        known = [value for value in bins if not math.isnan(value)]
        top = max(known, default=0.0)
        bottom = min([*known, top / 2])
        return "".join(_block(value, bottom, top + abs(top) * _HEADROOM) for value in bins)

    def _at(self, minute: int) -> float:
        if self._latest_minute - MINUTES < minute <= self._latest_minute:
            return self._values[minute % MINUTES]
        return math.nan

    def _forget_between(self, previous: int, latest: int) -> None:
        for minute in range(max(previous + 1, latest - MINUTES + 1), latest + 1):
            self._values[minute % MINUTES] = math.nan


def _minute(timestamp: datetime) -> int:
    return int(timestamp.timestamp() // 60)


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _block(value: float, bottom: float, top: float) -> str:
    if math.isnan(value):
        return _NOTHING
    if top <= bottom:
        return _BLOCKS[0]
    return _BLOCKS[min(len(_BLOCKS) - 1, int((value - bottom) / (top - bottom) * len(_BLOCKS)))]
