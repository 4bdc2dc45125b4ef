"""Parse and convert the timestamps of meters; limits of plausible times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

EARLIEST_CLOCK: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""Earlier timestamps come from a gateway whose clock was reset (factory time is 2000-01-01)."""
CLOCK_TOLERANCE: Final = timedelta(hours=2)
"""How far a timestamp may be ahead of the arrival time; CloudWatch has the same limit."""

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Timestamps are counted in microseconds from here, as in PostgreSQL's binary format."""
MICROSECOND: Final = timedelta(microseconds=1)

_MIN_MILLISECONDS: Final = 1e11  # in seconds the year 5138, in milliseconds 1973
_LOCAL_EPOCH: Final = datetime(2000, 1, 1)  # noqa: DTZ001 -- local time is naive here

_EPOCH_TEXT = re.compile(r"-?[0-9]{1,20}(\.[0-9]+)?\Z")
_TIMESTAMP_TEXT = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})[T ]\s*"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?:(?P<utc>Z|UTC|GMT)|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>[0-5]\d))?\Z",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A parsed timestamp.

    Attributes:
        wall: Local time, naive.
        offset: UTC offset of the local time; `None` if the text does not contain one.
    """

    wall: datetime
    offset: timedelta | None


def epoch_datetime(timestamp: float) -> datetime:
    """Return the datetime of an epoch timestamp, in seconds or milliseconds depending on its magnitude.

    Raises:
        ValueError: If it is out of range.
        OverflowError: If it is far out of range.
    """
    return datetime.fromtimestamp(timestamp / 1000 if abs(timestamp) >= _MIN_MILLISECONDS else timestamp, UTC)


def is_epoch_text(text: str) -> bool:
    """Return whether a text is a number, i.e. possibly an epoch timestamp."""
    return _EPOCH_TEXT.match(text) is not None


def parse_timestamp(text: str) -> Timestamp:
    """Parse a timestamp of a log file: local time, ISO 8601, or epoch seconds.

    The year must come first: the order of day and month is never guessed.

    Raises:
        ValueError: If the text is not a timestamp.
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
        raise ValueError("UTC offset is too large")
    return Timestamp(wall, size if found["sign"] == "+" else -size)


def datetime_at(count: int) -> datetime:
    """Return the datetime for a number of microseconds since `EPOCH`."""
    return EPOCH + timedelta(microseconds=count)


def count_of(at: datetime) -> int:
    """Return the microseconds from `EPOCH` to an aware datetime."""
    return (at - EPOCH) // MICROSECOND


def wall_count(wall: datetime) -> int:
    """Return the microseconds from 2000-01-01 local time to a naive local time."""
    return (wall - _LOCAL_EPOCH) // MICROSECOND
