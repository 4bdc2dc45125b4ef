"""Selects the rows of a file to publish as metrics: the latest of each minute that CloudWatch accepts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from smarterise_lambdas.shared.cloudwatch import MAX_POINT_AGE, MAX_POINT_LEAD
from smarterise_sdk.domain.readings.metrics import METRIC_QUANTITIES
from smarterise_sdk.domain.readings.model import Quantity, Reading, Source
from smarterise_sdk.domain.readings.timestamps import MICROSECOND, count_of, datetime_at
from smarterise_sdk.domain.readings.voltage_quality import Unbalance, UnbalanceMethod

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from datetime import datetime

    from smarterise_sdk.domain.log_files.rows import RowBlock

PERIOD: Final = timedelta(minutes=1)

_PERIOD: Final = PERIOD // MICROSECOND
_QUANTITIES: Final = frozenset(METRIC_QUANTITIES.values())


class _Row(NamedTuple):
    """Publishable values of a row; compact, as two weeks have many rows."""

    timestamp: int
    position: int
    quantities: tuple[Quantity, ...]
    values: tuple[float | None, ...]
    unbalance: float | None
    method: UnbalanceMethod | None
    flags: tuple[str, ...]


class LatestReadings:
    """Collects the readings of one file to publish: at most one per minute of two weeks.

    Args:
        gateway_serial: Serial of the gateway.
        device_serial: Serial of the meter; empty if unknown.
        now: Current time, UTC.
    """

    def __init__(self, gateway_serial: str, device_serial: str, now: datetime) -> None:
        self._gateway_serial = gateway_serial
        self._device_serial = device_serial
        self._earliest = count_of(now - MAX_POINT_AGE)
        self._latest = count_of(now + MAX_POINT_LEAD)
        self._staged: dict[int, _Row] = {}
        self._kept: dict[int, _Row] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether rows are staged."""
        return bool(self._staged)

    def __iter__(self) -> Iterator[Reading]:
        """Yield the kept readings, the latest first."""
        for minute in sorted(self._kept, reverse=True):
            yield self._reading(self._kept[minute])

    def stage(self, block: RowBlock) -> None:
        """Stage the rows of a block that is about to be written to the table."""
        timestamps = block.timestamps
        earliest, latest = self._earliest, self._latest
        if not timestamps or max(timestamps) < earliest or min(timestamps) > latest:
            return
        # The last entry of each minute wins: the latest row, and of equal timestamps the first in the file,
        # which is the one that the table keeps.
        order = sorted(range(len(timestamps) - 1, -1, -1), key=timestamps.__getitem__)
        latest_of_minute = {
            timestamps[place] // _PERIOD: place for place in order if earliest <= timestamps[place] <= latest
        }
        quantities = tuple(quantity for quantity in block.values if quantity in _QUANTITIES)
        columns = [block.values[quantity] for quantity in quantities]
        for minute, place in latest_of_minute.items():
            found = self._staged.get(minute)
            if found is None or found.timestamp < timestamps[place]:
                self._staged[minute] = _Row(
                    timestamps[place],
                    block.lines[place],
                    quantities,
                    tuple([column[place] for column in columns]),
                    block.unbalances[place],
                    block.methods[place],
                    block.flags.get(place, ()),
                )

    def keep(self, positions: Container[int] | None = None) -> None:
        """Keep staged rows that were loaded and discard the others.

        Args:
            positions: Positions of the loaded rows; `None` for all.
        """
        for minute, row in self._staged.items():
            if positions is None or row.position in positions:
                found = self._kept.get(minute)
                if found is None or found.timestamp < row.timestamp:
                    self._kept[minute] = row
        self._staged.clear()

    def _reading(self, row: _Row) -> Reading:
        values = zip(row.quantities, row.values, strict=True)
        unbalance = None
        if row.unbalance is not None and row.method is not None:
            unbalance = Unbalance(row.unbalance, row.method)
        return Reading(
            gateway_serial=self._gateway_serial,
            device_serial=self._device_serial,
            measured_at=datetime_at(row.timestamp),
            source=Source.FTP,
            values={quantity: value for quantity, value in values if value is not None},
            unbalance=unbalance,
            device_online=True,
            gateway_model="",
            device_model="",
            flags=row.flags,
        )
