"""Parse the names of log files, and build their keys in the data lake bucket.

A name consists of gateway serial, logger, local start time with UTC offset, and interval:
`AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv`. Installers choose prefixes, and some firmware uses a
fixed name, so every part is optional.
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
"""Key prefix of the unchanged files of the FTP servers, one folder per gateway."""

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
# A word with a number, such as `logger1`, is not a serial: serials have at least five digits.
_SERIAL = re.compile(r"[A-Za-z]{0,8}[0-9]{5,}[A-Za-z0-9]*\Z")
_DATA_LAKE_KEY = re.compile(
    re.escape(FTP_PREFIX)
    + r"(?P<serial>[^/]+)/[0-9]{4}/[0-9]{2}/[0-9]{2}"
    + r"/(?P<stem>[^/]*)--(?P<digest>[0-9a-f]{12})(?P<suffix>(?:\.[^/]*)?)\Z"
)


@dataclass(frozen=True, slots=True)
class LogName:
    """The parsed name of a log file; every part is optional.

    Attributes:
        gateway_serial: The gateway; empty if unknown.
        logger: The logger of the gateway, e.g. `logger1`; empty if unknown.
        start: Local time of the first row, naive.
        offset: UTC offset of the local time.
        interval: Logging interval, e.g. of `1min`.
    """

    gateway_serial: str = ""
    logger: str = ""
    start: datetime | None = None
    offset: timedelta | None = None
    interval: timedelta | None = None

    @property
    def started_at(self) -> datetime | None:
        """Time of the first row, if the name contains start and offset."""
        if self.start is None or self.offset is None:
            return None
        return self.start.replace(tzinfo=timezone(self.offset))


@dataclass(frozen=True, slots=True)
class DataLakeFile:
    """The parsed key of a file in the data lake.

    Attributes:
        gateway_serial: The gateway it was collected from.
        name: The sanitized file name.
        digest: The first twelve hexadecimal digits of the content's SHA-256.
    """

    gateway_serial: str
    name: str
    digest: str


def read_log_name(name: str) -> LogName:
    """Parse the name of a log file.

    Args:
        name: File name without folders, on the server or in the data lake; any text is accepted.
    """
    found = _TIMESTAMP.search(name)
    parts = [part for part in re.split(r"[-_ ]+", name[: found.start()] if found else _stem(name)) if part]
    serial = parts.pop(0) if parts and _SERIAL.match(parts[0]) and GATEWAY_SERIAL.match(parts[0]) else ""
    start = _start_of(found) if found else None
    return LogName(
        gateway_serial=serial,
        logger="-".join(parts),
        start=start,
        offset=_offset_of(found) if found and start else None,
        interval=_interval_of(name[found.end() :] if found else ""),
    )


def safe_name(name: str) -> str:
    """Return a file name with characters replaced that are unsafe in a key, a path or a shell.

    Suffixes are kept (`.csv`, `.csv.gz`), long names are cut, and a name never begins with a dot.
    """
    stem, suffix = _split(_UNSAFE.sub("_", name))
    stem = re.sub(r"\.{2,}", "_", stem)
    stem = "_" + stem[1:] if stem.startswith((".", "-")) else stem
    return (stem[:_LONGEST_STEM] or "_") + suffix


def data_lake_key(gateway_serial: str, on: date, name: str, sha256: str) -> str:
    """Return the data lake key of a file; it contains a digest of the content.

    Args:
        gateway_serial: The gateway it was collected from.
        on: The day of its folder.
        name: Its name on the server.
        sha256: SHA-256 of its content, hexadecimal.
    """
    stem, suffix = _split(safe_name(name))
    return f"{FTP_PREFIX}{gateway_serial}/{on:%Y/%m/%d}/{stem}--{sha256[:_DIGEST_LENGTH]}{suffix}"


def parse_data_lake_key(key: str) -> DataLakeFile | None:
    """Parse a data lake key; `None` if it does not have the form of `data_lake_key`."""
    found = _DATA_LAKE_KEY.match(key)
    if found is None or not GATEWAY_SERIAL.match(found["serial"]):
        return None
    return DataLakeFile(found["serial"], found["stem"] + found["suffix"], found["digest"])


def _stem(name: str) -> str:
    return _split(name)[0]


def _split(name: str) -> tuple[str, str]:
    """Split a name into stem and suffixes: at most two, and short."""
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
        return datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 -- local time
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
