"""Convert the local times of a log file's rows to UTC.

The UTC offset is taken from the file name, else from the row, else from the site's time zone; it is never
guessed. Without an offset, the hour that occurs twice when summer time ends is resolved by the order of the
rows: after the clock has stepped back, it is winter time.
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
"""Years that can be converted; plausibility is checked later."""
_RESET_BEFORE: Final = EARLIEST_CLOCK.replace(tzinfo=None) - timedelta(days=1)
"""Earlier timestamps come from a clock that was reset, in any zone; other rows are not affected by them."""
_QUARTER: Final = timedelta(minutes=15)
_MAX_CACHED: Final = 20_000

# ASCII digits only: `\d` and int() accept the digits of every script.
_HOUR_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}\Z")
_REST_TEXT = re.compile(r":([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?\Z")


class NeedsRowParsing(ValueError):
    """A column that cannot be converted as a whole, but only row by row."""


class InvalidTimestamp(ValueError):
    """A timestamp that cannot be converted: `reason` is a code, `detail` the explanation."""

    def __init__(self, reason: RowReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RowTime:
    """The timestamp of a row.

    Attributes:
        count: Microseconds since `EPOCH`.
        is_ambiguous: Whether it may also be one hour later (end of summer time).
    """

    count: int
    is_ambiguous: bool = False


class LogClock:
    """Converts the times of one file's rows to UTC; must be called once for each row, in file order.

    Args:
        name: The parsed file name.
        zone: The site's time zone; `None` if unknown.
        why_no_zone: Why the time zone is unknown.
    """

    def __init__(self, name: LogName, zone: tzinfo | None, why_no_zone: str = "") -> None:
        self._name = name
        self._zone = zone
        self._why_no_zone = why_no_zone
        self._name_offset = name.offset
        self._trusts_rows: bool | None = None
        # If the site's zone has the offset of the name at that time, the zone also gives later offsets.
        self._fixed = name.offset if name.offset is not None and not self._zone_agrees() else None
        self._hours = _Hours(self)
        self._rests = _Rests()
        self._last: Sequence[str] = ()
        self._before: datetime | None = None
        self._step = name.interval or timedelta(0)
        self._is_second = False
        self._is_sure = False
        if self._name_offset is not None and self._fixed is None and name.start is not None:
            self._begin(name.start)

    def column(self, cells: Sequence[str]) -> list[int]:
        """Convert a column of simple timestamps, in microseconds since `EPOCH`.

        Raises:
            NeedsRowParsing: If a row needs `row`. The state of the clock is then unchanged.
        """
        hours, rests = self._hours, self._rests
        timestamps = [hours[cell[:13]] + rests[cell[13:]] for cell in cells]
        self._last = cells[-2:]
        return timestamps

    def row(self, cell: str) -> RowTime:
        """Convert the timestamp of one row.

        Raises:
            InvalidTimestamp: If it cannot be converted.
            RejectedFile: If the UTC offset is unknown.
        """
        try:
            timestamp = parse_timestamp(cell)
        except ValueError as error:
            raise InvalidTimestamp(RowReason.BAD_TIMESTAMP, str(error)) from error
        if timestamp.wall.year not in _YEARS:
            raise InvalidTimestamp(
                RowReason.CLOCK_FAULT, f"timestamp {timestamp.wall} is out of range: gateway clock fault"
            )
        if timestamp.wall < _RESET_BEFORE:
            return RowTime(_count(timestamp.wall, self._approximate_offset(timestamp)))
        if timestamp.offset is not None and self._trusts(timestamp):
            return RowTime(_count(timestamp.wall, timestamp.offset))
        return self._local(timestamp.wall)

    def simple_offset(self, hour: datetime) -> timedelta | None:
        """Return the offset of a whole hour of local time; `None` close to a summer time change.

        Args:
            hour: Start of the hour, naive.
        """
        if self._fixed is not None:
            return self._fixed
        if self._zone is None:
            return None
        # Including the hour before: the rows after the repeated hour show whether the meter switched.
        near = {
            _offset(self._zone, hour + shift * _QUARTER, fold) for shift in range(-4, 5) for fold in (0, 1)
        }
        return near.pop() if len(near) == 1 else None

    def _zone_agrees(self) -> bool:
        start = self._name.start
        if self._zone is None or start is None:
            return False
        return self._name_offset in {_offset(self._zone, start, 0), _offset(self._zone, start, 1)}

    def _begin(self, start: datetime) -> None:
        self._before = start
        self._is_sure = True
        self._is_second = self._zone is not None and self._name_offset != _offset(self._zone, start, 0)

    def _trusts(self, timestamp: Timestamp) -> bool:
        """Return whether the offset of a row takes precedence over the one in the file name.

        Some firmware writes a `Z` after local time. The first row is close to the start time in the name:
        either in local time (then the name is right) or in UTC (then the row is right).
        """
        if self._trusts_rows is None:
            start, offset = self._name.start, self._name_offset
            if offset is None or start is None or timestamp.offset is None or timestamp.offset == offset:
                self._trusts_rows = True
            else:
                local_distance = abs(timestamp.wall - start)
                utc_distance = abs((timestamp.wall - timestamp.offset) - (start - offset))
                self._trusts_rows = utc_distance < local_distance
        return self._trusts_rows

    def _approximate_offset(self, timestamp: Timestamp) -> timedelta:
        """Return an offset for a timestamp that the plausibility check will reject."""
        for offset in (timestamp.offset, self._fixed):
            if offset is not None:
                return offset
        return _offset(self._known_zone(), timestamp.wall, 0)

    def _known_zone(self) -> tzinfo:
        if self._zone is None:
            text = "no UTC offset in the file name or the rows, and the time zone of the site is unknown"
            raise RejectedFile(FileReason.NO_TIME_ZONE, f"{text}: {self._why_no_zone or 'no site'}")
        return self._zone

    def _local(self, wall: datetime) -> RowTime:
        self._catch_up()
        before, step = self._before, self._step
        self._before = wall
        if before is not None and wall > before:
            self._step = wall - before
        if self._fixed is not None:
            return RowTime(_count(wall, self._fixed))
        zone = self._known_zone()
        first, second = _offset(zone, wall, 0), _offset(zone, wall, 1)
        if first < second:
            return self._in_gap(wall)
        if first == second:
            return self._outside(wall, before, first)
        return self._in_repeated_hour(wall, before, step, first, second)

    def _in_gap(self, wall: datetime) -> RowTime:
        if self._name_offset is None:
            text = f"{wall} does not exist in {self._zone}: skipped at the start of summer time"
            raise InvalidTimestamp(RowReason.NONEXISTENT_TIME, text)
        return self._fix_offset(wall, self._name_offset)

    def _outside(self, wall: datetime, before: datetime | None, offset: timedelta) -> RowTime:
        repeated = self._delta_at(before) if before is not None and before < wall else None
        was_second, self._is_second, self._is_sure = self._is_second, False, False
        continued = (
            repeated is not None and before is not None and not was_second and wall - before <= repeated
        )
        if self._name_offset is not None and continued:
            # The repeated hour occurred only once: this meter does not use summer time.
            return self._fix_offset(wall, self._name_offset)
        return RowTime(_count(wall, offset))

    def _fix_offset(self, wall: datetime, offset: timedelta) -> RowTime:
        """Use the offset of the name from here on: the meter's clock does not use summer time."""
        self._fixed = offset
        self._hours.clear()
        return RowTime(_count(wall, offset))

    def _in_repeated_hour(
        self, wall: datetime, before: datetime | None, step: timedelta, first: timedelta, second: timedelta
    ) -> RowTime:
        delta = first - second
        if before is not None and self._delta_at(before) is not None and abs(wall - before) <= delta:
            if wall < before or (wall == before and step >= delta):
                self._is_second = self._is_sure = True
        elif before is not None and before < wall <= before + delta:
            self._is_second, self._is_sure = False, True
        else:
            self._is_second = self._is_sure = False
        offset = second if self._is_second else first
        return RowTime(_count(wall, offset), is_ambiguous=not self._is_sure)

    def _delta_at(self, wall: datetime) -> timedelta | None:
        """Return the clock change if the time is in the repeated hour; else `None`."""
        if self._zone is None:
            return None
        delta = _offset(self._zone, wall, 0) - _offset(self._zone, wall, 1)
        return delta if delta > timedelta(0) else None

    def _catch_up(self) -> None:
        """Update the state with the last rows of the previous column."""
        walls = [wall for wall in _walls(self._last) if wall >= _RESET_BEFORE]
        self._last = ()
        if walls:
            self._before = walls[-1]
        if len(walls) == 2 and walls[1] > walls[0]:
            self._step = walls[1] - walls[0]


class _Hours(dict[str, int]):
    """Cache of hour texts: start of the hour in microseconds since `EPOCH`."""

    def __init__(self, clock: LogClock) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, text: str) -> int:
        if not _HOUR_TEXT.match(text):
            raise NeedsRowParsing(text)
        try:
            hour = datetime.strptime(text.replace("T", " "), "%Y-%m-%d %H")  # noqa: DTZ007 -- local time
        except ValueError:
            raise NeedsRowParsing(text) from None
        offset = self._clock.simple_offset(hour) if hour.year in _YEARS else None
        if offset is None:
            raise NeedsRowParsing(text)
        if len(self) >= _MAX_CACHED:
            self.clear()
        found = self[text] = _count(hour, offset)
        return found


class _Rests(dict[str, int]):
    """Cache of texts after the hour (minutes, seconds, fraction), in microseconds."""

    def __missing__(self, text: str) -> int:
        match = _REST_TEXT.match(text)
        if match is None:
            raise NeedsRowParsing(text)
        minute, second, fraction = match.groups()
        found = (int(minute) * 60 + int(second or 0)) * 1_000_000 + int((fraction or "").ljust(6, "0"))
        if len(self) >= _MAX_CACHED:
            self.clear()
        self[text] = found
        return found


def _offset(zone: tzinfo, wall: datetime, fold: int) -> timedelta:
    return wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0)


def _count(wall: datetime, offset: timedelta) -> int:
    return wall_count(wall) - offset // MICROSECOND


def _walls(cells: Iterable[str]) -> list[datetime]:
    return [parse_timestamp(cell).wall for cell in cells]
