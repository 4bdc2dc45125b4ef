"""What the names of log files tell, and under which keys the files lie in the lake's bucket.

A gateway names a file for itself, its logger and the local start with its UTC offset:
`AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv`. Installers choose prefixes, and some firmware gives
one fixed name: whatever a name does not tell is simply not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.serials import GATEWAY_SERIAL

if TYPE_CHECKING:
    from datetime import date

FTP_PREFIX: Final = "ftp-backups/"
"""Under it lie the files of FTP servers, as they were, one folder a gateway."""

_LONGEST_STEM: Final = 120
_LONGEST_SUFFIX: Final = 10
_DIGEST_LENGTH: Final = 12
_LARGEST_OFFSET: Final = timedelta(hours=14)

_UNSAFE = re.compile(r"[^A-Za-z0-9+._-]")
_TIMESTAMP = re.compile(
    r"(?<!\d)(?P<date>\d{4}-?\d{2}-?\d{2})[T_ ](?P<time>\d{2}[-:_.]?\d{2}(?:[-:_.]?\d{2})?)"
    r"(?:(?P<sign>[+-])(?P<hours>\d{2})[-:_]?(?P<minutes>\d{2})|(?P<utc>Z))?(?!\d)",
    re.ASCII,
)
_INTERVAL = re.compile(
    r"(?<![A-Za-z0-9])(\d{1,5})(s|sec|m|min|h|hour|d|day)s?(?![A-Za-z0-9])", re.ASCII | re.IGNORECASE
)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# A plain word with a number, `logger1`, is no serial: a serial of ours has many digits.
_SERIAL = re.compile(r"[A-Za-z]{0,8}[0-9]{5,}[A-Za-z0-9]*\Z")
_DATA_LAKE_KEY = re.compile(
    re.escape(FTP_PREFIX)
    + r"(?P<serial>[^/]+)/[0-9]{4}/[0-9]{2}/[0-9]{2}"
    + r"/(?P<stem>[^/]*)--(?P<digest>[0-9a-f]{12})(?P<suffix>(?:\.[^/]*)?)\Z"
)


@dataclass(frozen=True, slots=True)
class LogName:
    """What the name of a log file tells; nothing of it need be there.

    Attributes:
        gateway_serial: The gateway; empty when not told.
        logger: Which of the gateway's loggers, e.g. `logger1`; empty when not told.
        start: Local time of the first row, naive.
        offset: What local time is ahead of UTC.
        interval: What the name says of the interval, e.g. `1min`.
    """

    gateway_serial: str = ""
    logger: str = ""
    start: datetime | None = None
    offset: timedelta | None = None
    interval: timedelta | None = None

    @property
    def started_at(self) -> datetime | None:
        """The moment of the first row, if the name tells start and offset."""
        if self.start is None or self.offset is None:
            return None
        return self.start.replace(tzinfo=timezone(self.offset))


@dataclass(frozen=True, slots=True)
class DataLakeFile:
    """What the key of a file in the lake tells.

    Attributes:
        gateway_serial: The gateway it was collected from.
        name: The file's name, as far as it was safe.
        digest: The first twelve hexadecimal digits of the content's SHA-256.
    """

    gateway_serial: str
    name: str
    digest: str


def read_log_name(name: str) -> LogName:
    """Return what the name of a log file tells.

    Args:
        name: Without folders, as the server or the lake has it. Anything at all is borne.
    """
    found = _TIMESTAMP.search(name)
    text = [word for word in re.split(r"[-_ ]+", name[: found.start()] if found else _stem(name)) if word]
    serial = text.pop(0) if text and _SERIAL.match(text[0]) and GATEWAY_SERIAL.match(text[0]) else ""
    start = _start_of(found) if found else None
    return LogName(
        gateway_serial=serial,
        logger="-".join(text),
        start=start,
        offset=_offset_of(found) if found and start else None,
        interval=_interval_of(name[found.end() :] if found else ""),
    )


def safe_name(name: str) -> str:
    """Return a file's name without anything that a key, a path or a shell could misunderstand.

    The suffixes stay (`.csv`, `.csv.gz`), long names are cut, and a name never begins with a dot.
    """
    stem, suffix = _split(_UNSAFE.sub("_", name))
    stem = re.sub(r"\.{2,}", "_", stem)
    stem = "_" + stem[1:] if stem.startswith((".", "-")) else stem
    return (stem[:_LONGEST_STEM] or "_") + suffix


def data_lake_key(gateway_serial: str, on: date, name: str, sha256: str) -> str:
    """Return the key of a file in the lake: another content has another key, the same content the same.

    Args:
        gateway_serial: The gateway it was collected from.
        on: The day it is filed under.
        name: Its name on the server.
        sha256: Of its content, in hexadecimal digits.
    """
    stem, suffix = _split(safe_name(name))
    return f"{FTP_PREFIX}{gateway_serial}/{on:%Y/%m/%d}/{stem}--{sha256[:_DIGEST_LENGTH]}{suffix}"


def parse_data_lake_key(key: str) -> DataLakeFile | None:
    """Return what the key of a file tells; `None` if it is not one that `data_lake_key` makes."""
    found = _DATA_LAKE_KEY.match(key)
    if found is None or not GATEWAY_SERIAL.match(found["serial"]):
        return None
    return DataLakeFile(found["serial"], found["stem"] + found["suffix"], found["digest"])


def _stem(name: str) -> str:
    return _split(name)[0]


def _split(name: str) -> tuple[str, str]:
    """Return a name without its suffixes, and these: at most two, and short."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem or len(suffix) >= _LONGEST_SUFFIX or not suffix.isalnum():
        return name, ""
    if suffix.casefold() == "gz":
        inner, dot, inner_suffix = stem.rpartition(".")
        if dot and inner and len(inner_suffix) < _LONGEST_SUFFIX and inner_suffix.isalnum():
            return inner, f".{inner_suffix}.{suffix}"
    return stem, f".{suffix}"


def _start_of(found: re.Match[str]) -> datetime | None:
    digits = re.sub(r"\D", "", found["date"] + found["time"])
    try:
        return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 -- local time, as told
    except ValueError:
        return None


def _offset_of(found: re.Match[str]) -> timedelta | None:
    if found["utc"]:
        return timedelta(0)
    if not found["sign"] or int(found["minutes"]) >= 60:
        return None
    size = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    if size > _LARGEST_OFFSET:
        return None
    return size if found["sign"] == "+" else -size


def _interval_of(rest: str) -> timedelta | None:
    found = _INTERVAL.search(rest)
    size = int(found[1]) * _SECONDS[found[2][0].casefold()] if found else 0
    return timedelta(seconds=size) if size else None
