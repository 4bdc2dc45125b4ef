"""What a simulated gateway writes into the log files that it uploads: pure functions of site, seed and time.

One header, one row an interval, local time; the name tells the serial, the logger, the local start with its
UTC offset, and the interval. The same second says the same here as on the gateway's topic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from smarterise_ops.local.simulation.fleet import TIMEZONE, Fault, SimulatedSite
from smarterise_ops.local.simulation.measurements import measure, timestamp
from smarterise_ops.local.simulation.mqtt_payload import NOT_THERE, logged_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smarterise_ops.local.simulation.measurements import SimulatedTime

LOGGER: Final = "logger1"
ROWS_A_FILE: Final = 15
ROW_EVERY: Final = timedelta(minutes=1)
"""Between two rows at speed 1."""
LEAST_BETWEEN_ROWS: Final = timedelta(seconds=4)
BACKLOG: Final = timedelta(hours=1)
"""At speed 1, what a gateway has in its memory when the stack starts."""

_WITHOUT_UNIT: Final = ("V", "A", "Hz", "kW", "kvar", "kVA", "%", "")
"""Units that columns do not tell: it is them, unless the name says another."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file that a gateway has written.

    Attributes:
        name: As it is uploaded.
        content: All of it.
        end: The moment of the first row that is not in it, UTC.
        rows: How many rows it has.
    """

    name: str
    content: bytes
    end: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class Logging:
    """How the gateways log.

    Attributes:
        seed: The fleet's seed.
        day: The simulated day.
    """

    seed: int
    day: SimulatedTime

    @property
    def row_every(self) -> timedelta:
        """Between two rows, whole seconds: shorter when the simulated day runs faster."""
        seconds = max(1, round(ROW_EVERY / timedelta(seconds=1) / self.day.speed))
        return max(LEAST_BETWEEN_ROWS, timedelta(seconds=seconds))

    @property
    def file_every(self) -> timedelta:
        """Between two files of a gateway."""
        return ROWS_A_FILE * self.row_every

    @property
    def backlog(self) -> timedelta:
        """What a gateway has in its memory when the stack starts."""
        return BACKLOG / ROW_EVERY * self.row_every

    def first_row(self, after: datetime) -> datetime:
        """Return the moment of the first row that is written at or after a moment, UTC."""
        step = self.row_every.total_seconds()
        return datetime.fromtimestamp(-(-after.timestamp() // step) * step, UTC)

    def log_file(self, site: SimulatedSite, begin: datetime, end: datetime) -> LogFile:
        """Return the file of the rows from a moment up to, and without, another.

        Args:
            site: The gateway, its meter and what ails it.
            begin: The first row's moment, UTC, as `first_row` returns it.
            end: The end, UTC.
        """
        timestamps = list(self._timestamps(begin, end))
        rows = [logged_rows(site, measure(site, self.seed, self.day.at(moment))) for moment in timestamps]
        header = columns_of(tuple((name, unit) for name, _, unit in rows[0])) if rows else ()
        lines = [",".join(("Time", *header))]
        for moment, row in zip(timestamps, rows, strict=True):
            # A gateway that has lost its meter logs on: it has a time, and nothing to say.
            cells = (NOT_THERE if site.fault is Fault.METER_OFFLINE else value for _, value, _ in row)
            lines.append(",".join((f"{_local(site, moment):%Y-%m-%d %H:%M:%S}", *cells)))
        content = "".join(f"{line}\r\n" for line in lines).encode("ascii")
        return LogFile(self.name_of(site, begin), content, end, len(timestamps))

    def name_of(self, site: SimulatedSite, begin: datetime) -> str:
        """Return the name of the file that begins with a row."""
        start = _local(site, begin)
        seconds = int(self.row_every.total_seconds())
        every = f"{seconds // 60}min" if seconds % 60 == 0 else f"{seconds}s"
        return f"{site.gateway_serial}-{LOGGER}-{start:%Y-%m-%dT%H-%M-%S%z}-{every}.csv"

    def _timestamps(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        while begin < end:
            yield begin
            begin += self.row_every


@cache
def columns_of(parameters: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the headings of columns: what they are in stands in their name, where it is not the usual."""
    return tuple(
        name if unit in _WITHOUT_UNIT or name.endswith(f"_{unit}") else f"{name}_{unit}"
        for name, unit in parameters
    )


def _local(site: SimulatedSite, moment: datetime) -> datetime:
    """Return what the gateway's clock says, which may be wrong."""
    return timestamp(site, moment).astimezone(ZoneInfo(TIMEZONE))
