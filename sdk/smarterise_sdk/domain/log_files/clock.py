"""The clock of a log file: its rows' local times to moments, by the best that is known of its offset.

What the file's name says of the offset goes before what a row says, and that before the site's time zone;
nothing is guessed. Without an offset, the hour that comes twice when summer time ends is told apart by the
order of the rows: after the clock has stepped back it is winter time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile, RowReason
from smarterise_sdk.domain.readings.timestamps import (
    EARLIEST_CLOCK,
    MICROSECOND,
    Timestamp,
    parse_timestamp,
    wall_count,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from smarterise_sdk.domain.log_files.names import LogName

_YEARS: Final = range(1970, 2200)
"""What can be reckoned with; which moments are plausible is judged later."""
_LOST_BEFORE: Final = EARLIEST_CLOCK.replace(tzinfo=None) - timedelta(days=1)
"""An earlier stamp is of a clock that was lost, in whatever zone; it tells nothing of the rows beside it."""
_QUARTER: Final = timedelta(minutes=15)
_REMEMBERED_AT_MOST: Final = 20_000

# ASCII digits alone: `\d` and int() know those of every script.
_HOUR_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}\Z")
_REST_TEXT = re.compile(r":([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?\Z")


class CloserLook(ValueError):
    """A column that must be gone through row by row."""


class InvalidTimestamp(ValueError):
    """A stamp that is no moment: `reason` for machines, `detail` for people."""

    def __init__(self, reason: RowReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Timed:
    """The moment of a row.

    Attributes:
        count: Microseconds since `EPOCH`.
        is_ambiguous: Whether it could as well have been an hour later, and nothing told which.
    """

    count: int
    is_ambiguous: bool = False


class LogClock:
    """Tells the moments of one file's rows; must see every row once, in the order of the file.

    Args:
        name: What the file's name tells.
        zone: The site's time zone; `None` when nobody can say.
        why_no_zone: Why not, for people.
    """

    def __init__(self, name: LogName, zone: tzinfo | None, why_no_zone: str = "") -> None:
        self._name = name
        self._zone = zone
        self._why_no_zone = why_no_zone
        self._told = name.offset
        self._rows_tell: bool | None = None
        # With an offset that the site's zone has at that moment, the zone knows what comes after a switch.
        self._fixed = name.offset if name.offset is not None and not self._zone_agrees() else None
        self._hours = _Hours(self)
        self._rests = _Rests()
        self._last: Sequence[str] = ()
        self._before: datetime | None = None
        self._step = name.interval or timedelta(0)
        self._is_second = False
        self._is_sure = False
        if self._told is not None and self._fixed is None and name.start is not None:
            self._begin(name.start)

    def column(self, cells: Sequence[str]) -> list[int]:
        """Return the moments of a column, when all of it is plain.

        Raises:
            CloserLook: If any row needs `row`. Then this column has not been seen.
        """
        hours, rests = self._hours, self._rests
        timestamps = [hours[cell[:13]] + rests[cell[13:]] for cell in cells]
        self._last = cells[-2:]
        return timestamps

    def row(self, cell: str) -> Timed:
        """Return the moment of one row.

        Raises:
            InvalidTimestamp: If it has none.
            RejectedFile: If there is nothing to tell the offset by.
        """
        try:
            timestamp = parse_timestamp(cell)
        except ValueError as error:
            raise InvalidTimestamp(RowReason.BAD_TIMESTAMP, str(error)) from error
        if timestamp.wall.year not in _YEARS:
            raise InvalidTimestamp(
                RowReason.CLOCK_FAULT, f"stamped {timestamp.wall}: the gateway has lost its clock"
            )
        if timestamp.wall < _LOST_BEFORE:
            return Timed(_count(timestamp.wall, self._roughly(timestamp)))
        if timestamp.offset is not None and self._trusts(timestamp):
            return Timed(_count(timestamp.wall, timestamp.offset))
        return self._local(timestamp.wall)

    def simple_offset(self, hour: datetime) -> timedelta | None:
        """Return the offset of a whole hour of local time; `None` if a switch is too near to tell.

        Args:
            hour: Its beginning, naive.
        """
        if self._fixed is not None:
            return self._fixed
        if self._zone is None:
            return None
        # From an hour before: when a meter comes out of the hour that is twice, it shows whether it switched.
        near = {
            _offset(self._zone, hour + shift * _QUARTER, fold) for shift in range(-4, 5) for fold in (0, 1)
        }
        return near.pop() if len(near) == 1 else None

    def _zone_agrees(self) -> bool:
        start = self._name.start
        if self._zone is None or start is None:
            return False
        return self._told in {_offset(self._zone, start, 0), _offset(self._zone, start, 1)}

    def _begin(self, start: datetime) -> None:
        self._before = start
        self._is_sure = True
        self._is_second = self._zone is not None and self._told != _offset(self._zone, start, 0)

    def _trusts(self, timestamp: Timestamp) -> bool:
        """Return whether a row's own offset holds against the one in the file's name.

        Firmware is known to write a `Z` behind local time. The first row is near the start that the name
        tells: either on the clock, then the name is right, or as a moment, then the row is.
        """
        if self._rows_tell is None:
            start, told = self._name.start, self._told
            if told is None or start is None or timestamp.offset is None or timestamp.offset == told:
                self._rows_tell = True
            else:
                on_the_clock = abs(timestamp.wall - start)
                as_datetime = abs((timestamp.wall - timestamp.offset) - (start - told))
                self._rows_tell = as_datetime < on_the_clock
        return self._rows_tell

    def _roughly(self, timestamp: Timestamp) -> timedelta:
        """Return an offset for a stamp that is to be rejected by whoever looks at its year."""
        for offset in (timestamp.offset, self._fixed):
            if offset is not None:
                return offset
        return _offset(self._known_zone(), timestamp.wall, 0)

    def _known_zone(self) -> tzinfo:
        if self._zone is None:
            text = "its name tells no UTC offset, its rows tell none, and the site's time zone is not known"
            raise RejectedFile(FileReason.NO_TIME_ZONE, f"{text}: {self._why_no_zone or 'no site'}")
        return self._zone

    def _local(self, wall: datetime) -> Timed:
        self._catch_up()
        before, step = self._before, self._step
        self._before = wall
        if before is not None and wall > before:
            self._step = wall - before
        if self._fixed is not None:
            return Timed(_count(wall, self._fixed))
        zone = self._known_zone()
        first, second = _offset(zone, wall, 0), _offset(zone, wall, 1)
        if first < second:
            return self._in_gap(wall)
        if first == second:
            return self._outside(wall, before, first)
        return self._in_double_hour(wall, before, step, first, second)

    def _in_gap(self, wall: datetime) -> Timed:
        if self._told is None:
            text = f"{wall} does not exist in {self._zone}: the clock goes forward there"
            raise InvalidTimestamp(RowReason.NONEXISTENT_TIME, text)
        return self._stand_still(wall, self._told)

    def _outside(self, wall: datetime, before: datetime | None, offset: timedelta) -> Timed:
        left = self._delta_at(before) if before is not None and before < wall else None
        was_second, self._is_second, self._is_sure = self._is_second, False, False
        went_on = left is not None and before is not None and not was_second and wall - before <= left
        if self._told is not None and went_on:
            # Through the double hour once and on: this meter does not switch.
            return self._stand_still(wall, self._told)
        return Timed(_count(wall, offset))

    def _stand_still(self, wall: datetime, offset: timedelta) -> Timed:
        """Take the name's offset from here on: the meter's clock has shown that it knows no summer time."""
        self._fixed = offset
        self._hours.clear()
        return Timed(_count(wall, offset))

    def _in_double_hour(
        self, wall: datetime, before: datetime | None, step: timedelta, first: timedelta, second: timedelta
    ) -> Timed:
        delta = first - second
        if before is not None and self._delta_at(before) is not None and abs(wall - before) <= delta:
            if wall < before or (wall == before and step >= delta):
                self._is_second = self._is_sure = True
        elif before is not None and before < wall <= before + delta:
            self._is_second, self._is_sure = False, True
        else:
            self._is_second = self._is_sure = False
        offset = second if self._is_second else first
        return Timed(_count(wall, offset), is_ambiguous=not self._is_sure)

    def _delta_at(self, wall: datetime) -> timedelta | None:
        """Return by how much the clock goes back in the double hour that a time is in; else `None`."""
        if self._zone is None:
            return None
        delta = _offset(self._zone, wall, 0) - _offset(self._zone, wall, 1)
        return delta if delta > timedelta(0) else None

    def _catch_up(self) -> None:
        """Remember the last rows of the column before, which were plain."""
        walls = [wall for wall in _walls(self._last) if wall >= _LOST_BEFORE]
        self._last = ()
        if walls:
            self._before = walls[-1]
        if len(walls) == 2 and walls[1] > walls[0]:
            self._step = walls[1] - walls[0]


class _Hours(dict[str, int]):
    """The moments at which hours begin, by their text; found out once each."""

    def __init__(self, clock: LogClock) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, text: str) -> int:
        if not _HOUR_TEXT.match(text):
            raise CloserLook(text)
        try:
            hour = datetime.strptime(text.replace("T", " "), "%Y-%m-%d %H")  # noqa: DTZ007 -- local time
        except ValueError:
            raise CloserLook(text) from None
        offset = self._clock.simple_offset(hour) if hour.year in _YEARS else None
        if offset is None:
            raise CloserLook(text)
        if len(self) >= _REMEMBERED_AT_MOST:
            self.clear()
        found = self[text] = _count(hour, offset)
        return found


class _Rests(dict[str, int]):
    """The microseconds of what follows the hour, by its text; found out once each."""

    def __missing__(self, text: str) -> int:
        match = _REST_TEXT.match(text)
        if match is None:
            raise CloserLook(text)
        minute, second, fraction = match.groups()
        found = (int(minute) * 60 + int(second or 0)) * 1_000_000 + int((fraction or "").ljust(6, "0"))
        if len(self) >= _REMEMBERED_AT_MOST:
            self.clear()
        self[text] = found
        return found


def _offset(zone: tzinfo, wall: datetime, fold: int) -> timedelta:
    return wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0)


def _count(wall: datetime, offset: timedelta) -> int:
    return wall_count(wall) - offset // MICROSECOND


def _walls(cells: Iterable[str]) -> list[datetime]:
    return [parse_timestamp(cell).wall for cell in cells]
