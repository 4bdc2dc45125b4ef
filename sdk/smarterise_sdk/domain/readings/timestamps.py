"""Time stamps as meters write them, and which moments a meter's clock may show at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

EARLIEST_CLOCK: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""Older stamps come from a gateway that lost its clock (factory time is 2000-01-01)."""
CLOCK_TOLERANCE: Final = timedelta(hours=2)
"""How far ahead of its arrival a reading may be stamped; CloudWatch takes no more either."""

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""From here a moment counts its microseconds, as PostgreSQL does: columns are carried over as they are."""
MICROSECOND: Final = timedelta(microseconds=1)

_MILLISECONDS_FROM: Final = 1e11  # as seconds the year 5138, as milliseconds 1973
_WALL: Final = datetime(2000, 1, 1)  # noqa: DTZ001 -- local time is naive here

_EPOCH_TEXT = re.compile(r"-?[0-9]{1,20}(\.[0-9]+)?\Z")
_TIMESTAMP_TEXT = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})[T ]\s*"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>[0-5]\d))?\Z",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """What a stamp says.

    Attributes:
        wall: The time on the clock, naive.
        offset: How far that clock is ahead of UTC; `None` when the stamp does not say.
    """

    wall: datetime
    offset: timedelta | None


def epoch_datetime(timestamp: float) -> datetime:
    """Return the moment of an epoch stamp, in seconds or milliseconds by its magnitude.

    Raises:
        ValueError: If there is no such moment.
        OverflowError: If there is none by far.
    """
    return datetime.fromtimestamp(
        timestamp / 1000 if abs(timestamp) >= _MILLISECONDS_FROM else timestamp, UTC
    )


def is_epoch_text(text: str) -> bool:
    """Return whether a text is a number, and so an epoch stamp if any."""
    return _EPOCH_TEXT.match(text) is not None


def parse_timestamp(text: str) -> Timestamp:
    """Return what a stamp in a log file says: a local time, ISO 8601, or epoch seconds.

    Day and month are never guessed: the year comes first, or it is no stamp.

    Raises:
        ValueError: If it is none.
    """
    text = text.strip()
    if is_epoch_text(text):
        try:
            return Timestamp(epoch_datetime(float(text)).replace(tzinfo=None), timedelta(0))
        except (OverflowError, OSError) as error:
            raise ValueError("out of range") from error
    found = _TIMESTAMP_TEXT.match(text)
    if found is None:
        raise ValueError("neither YYYY-MM-DD hh:mm:ss, ISO 8601 nor epoch seconds")
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    fraction = int((found["fraction"] or "").ljust(6, "0")[:6])
    wall = datetime(year, month, day, hour, minute, second, fraction)  # noqa: DTZ001 -- local, as written
    if found["utc"]:
        return Timestamp(wall, timedelta(0))
    if not found["sign"]:
        return Timestamp(wall, None)
    size = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    if size >= timedelta(hours=24):
        raise ValueError("no UTC offset is that large")
    return Timestamp(wall, size if found["sign"] == "+" else -size)


def datetime_at(count: int) -> datetime:
    """Return the moment of a count of microseconds since `EPOCH`."""
    return EPOCH + timedelta(microseconds=count)


def count_of(moment: datetime) -> int:
    """Return the microseconds from `EPOCH` to a moment, which is aware."""
    return (moment - EPOCH) // MICROSECOND


def wall_count(wall: datetime) -> int:
    """Return the microseconds that a naive local time is after that of 2000-01-01."""
    return (wall - _WALL) // MICROSECOND
