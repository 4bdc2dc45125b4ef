"""Log files of simulated gateways: pure functions of site, seed and time.

A header and one row per interval in local time; the file name has serial, logger, local start with UTC
offset, and interval. Values equal those of the gateway's messages at the same second.
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
"""Row interval at speed 1."""
LEAST_BETWEEN_ROWS: Final = timedelta(seconds=4)
BACKLOG: Final = timedelta(hours=1)
"""Time range in a gateway's memory when the stack starts, at speed 1."""

_WITHOUT_UNIT: Final = ("V", "A", "Hz", "kW", "kvar", "kVA", "%", "")
"""Default units, omitted from column names."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file of a gateway.

    Attributes:
        name: File name.
        content: Content.
        end: Time of the first row after it, UTC.
        rows: Number of rows.
    """

    name: str
    content: bytes
    end: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class Logging:
    """Settings of the gateways' logs.

    Attributes:
        seed: Seed of the fleet.
        day: Simulated time.
    """

    seed: int
    day: SimulatedTime

    @property
    def row_every(self) -> timedelta:
        """Row interval in whole seconds, shorter at higher speed."""
        seconds = max(1, round(ROW_EVERY / timedelta(seconds=1) / self.day.speed))
        return max(LEAST_BETWEEN_ROWS, timedelta(seconds=seconds))

    @property
    def file_every(self) -> timedelta:
        """File interval of a gateway."""
        return ROWS_A_FILE * self.row_every

    @property
    def backlog(self) -> timedelta:
        """Time range in a gateway's memory when the stack starts."""
        return BACKLOG / ROW_EVERY * self.row_every

    def first_row(self, after: datetime) -> datetime:
        """Return the time of the first row at or after a time, UTC."""
        step = self.row_every.total_seconds()
        return datetime.fromtimestamp(-(-after.timestamp() // step) * step, UTC)

    def log_file(self, site: SimulatedSite, begin: datetime, end: datetime) -> LogFile:
        """Return the file of the rows from `begin` to before `end`.

        Args:
            site: The gateway.
            begin: Time of the first row, UTC, from `first_row`.
            end: End, UTC.
        """
        timestamps = list(self._timestamps(begin, end))
        rows = [logged_rows(site, measure(site, self.seed, self.day.at(time))) for time in timestamps]
        header = columns_of(tuple((name, unit) for name, _, unit in rows[0])) if rows else ()
        lines = [",".join(("Time", *header))]
        for time, row in zip(timestamps, rows, strict=True):
            # A gateway without its meter logs rows without values.
            cells = (NOT_THERE if site.fault is Fault.METER_OFFLINE else value for _, value, _ in row)
            lines.append(",".join((f"{_local(site, time):%Y-%m-%d %H:%M:%S}", *cells)))
        content = "".join(f"{line}\r\n" for line in lines).encode("ascii")
        return LogFile(self.name_of(site, begin), content, end, len(timestamps))

    def name_of(self, site: SimulatedSite, begin: datetime) -> str:
        """Return the name of the file whose first row is at `begin`."""
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
    """Return the column names, with units other than the default ones."""
    return tuple(
        name if unit in _WITHOUT_UNIT or name.endswith(f"_{unit}") else f"{name}_{unit}"
        for name, unit in parameters
    )


def _local(site: SimulatedSite, time: datetime) -> datetime:
    """Return the time of the gateway's clock, which may be wrong."""
    return timestamp(site, time).astimezone(ZoneInfo(TIMEZONE))
