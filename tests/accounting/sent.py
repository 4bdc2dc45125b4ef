"""What gateways send, and what must become of each reading of it: written without asking the product."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

HOUR_BEGINS = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
"""The hour in the midst of which clocks go back in London; long enough ago to publish no metrics of it."""
MINUTE = timedelta(minutes=1)

COLUMNS = (
    *("frequency", "voltage_a", "voltage_b", "voltage_c"),
    *("active_power_total", "energy_import"),
)
"""The table's columns that a reading fills, in the order of `Reading.values`."""
PARAMETERS = ("Freq_Hz", "V1", "V2", "V3", "Psum_kW", "EP_IMP_kWh")
"""The same as a log calls them."""
DECIMALS = (2, 1, 1, 1, 3, 1)


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway.

    Attributes:
        serial: Its serial.
        meters: Its meters; the first one streams.
        is_critical: Whether its stream is taken.
        zone: Where its clock is.
        server: The FTP server it uploads to; empty if it streams alone.
    """

    serial: str
    meters: tuple[str, ...]
    is_critical: bool
    zone: ZoneInfo
    server: str

    @property
    def loggers(self) -> tuple[str, ...]:
        """The names of its loggers, one a meter."""
        return tuple(f"logger{number}" for number in range(1, len(self.meters) + 1))


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a meter; two with equal values are the same reading, sent twice.

    Attributes:
        timestamp: Expected time of measurement, UTC.
        values: What, by `COLUMNS`.
    """

    timestamp: datetime
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log that is no blank and no header.

    Attributes:
        number: In its file, from 1.
        text: The line.
        reading: What it says; `None` if it is to be rejected.
        reason: Why it is to be rejected.
    """

    number: int
    text: str
    reading: Reading | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """The content that a log file had at some time.

    Attributes:
        site: Whose.
        logger: Which of its loggers.
        data: The bytes.
        lines: Its lines.
        reason: Why the whole of it is to be rejected; else empty.
    """

    site: Site
    logger: str
    data: bytes
    lines: tuple[Line, ...]
    reason: str = ""

    @property
    def digest(self) -> str:
        """What the data lake's keys call it."""
        return hashlib.sha256(self.data).hexdigest()[:12]

    def until(self, size: int) -> Content:
        """Return its beginning: the last line is cut, and can be no row, if it is not whole."""
        if self.data[size : size + 1] == b"\n":
            size += 1
        data = self.data[:size]
        whole = data.count(b"\n")
        lines = [line for line in self.lines if line.number <= whole]
        rest = data.rpartition(b"\n")[2].decode()
        if rest:
            lines.append(Line(whole + 1, rest, None, "HALF_ROW"))
        return Content(self.site, self.logger, data, tuple(lines), self.reason)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a log is written.

    Attributes:
        delimiter: Between cells.
        decimal: The decimal sign.
        order: The places of time (0) and of the quantities (1 and so on) in a row.
        extra: Unknown columns and their cells.
    """

    delimiter: str = ","
    decimal: str = "."
    order: tuple[int, ...] = tuple(range(len(PARAMETERS) + 1))
    extra: tuple[tuple[str, str], ...] = ()

    def header(self) -> str:
        names = ("Time", *PARAMETERS)
        return self.delimiter.join([*(names[at] for at in self.order), *(name for name, _ in self.extra)])

    def row(self, timestamp: str, values: Sequence[float]) -> str:
        numbers = [f"{value:.{decimals}f}" for value, decimals in zip(values, DECIMALS, strict=True)]
        cells = (timestamp, *(number.replace(".", self.decimal) for number in numbers))
        return self.delimiter.join([*(cells[at] for at in self.order), *(cell for _, cell in self.extra)])


PLAIN = Layout()


def local(site: Site, timestamp: datetime) -> str:
    """Return a time as local time of a site."""
    return f"{timestamp.astimezone(site.zone):%Y-%m-%d %H:%M:%S}"


def lines_of(site: Site, readings: Sequence[Reading], layout: Layout = PLAIN) -> list[Line]:
    """Return the lines of readings below a header."""
    return [
        Line(number, layout.row(local(site, reading.timestamp), reading.values), reading)
        for number, reading in enumerate(readings, 2)
    ]


def content_of(site: Site, logger: str, header: str, lines: Sequence[Line], *, reason: str = "") -> Content:
    """Return a whole file of lines; they are renumbered."""
    numbered = tuple(
        Line(number, line.text, line.reading, line.reason) for number, line in enumerate(lines, 2)
    )
    data = "".join(f"{text}\n" for text in (header, *(line.text for line in numbered))).encode()
    return Content(site, logger, data, numbered, reason)


def name_of(site: Site, logger: str, start: datetime, *, has_offset: bool = True, mark: str = "") -> str:
    """Return the name that a gateway gives a log that starts at a time."""
    timestamp = start.astimezone(site.zone).strftime(
        "%Y-%m-%dT%H-%M-%S%z" if has_offset else "%Y-%m-%dT%H-%M-%S"
    )
    return f"{site.serial}-{logger}{mark}-{timestamp}-1min.csv"
