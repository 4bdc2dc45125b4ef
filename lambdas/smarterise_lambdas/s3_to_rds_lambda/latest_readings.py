"""Which rows of a file become metrics: the newest of each minute, of those that CloudWatch still takes."""

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
    """What is worth publishing of a row; of two weeks there are many."""

    timestamp: int
    position: int
    quantities: tuple[Quantity, ...]
    values: tuple[float | None, ...]
    unbalance: float | None
    method: UnbalanceMethod | None
    flags: tuple[str, ...]


class LatestReadings:
    """Gathers what is worth publishing of one file; at most one reading a minute of two weeks.

    Args:
        gateway_serial: The site.
        device_serial: The meter; empty if it is not known.
        now: This moment, UTC.
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
        """Whether there is anything staged that is worth publishing."""
        return bool(self._staged)

    def __iter__(self) -> Iterator[Reading]:
        """Yield what was kept, the newest first."""
        for minute in sorted(self._kept, reverse=True):
            yield self._reading(self._kept[minute])

    def stage(self, block: RowBlock) -> None:
        """Look at rows that are on their way to the table."""
        timestamps = block.timestamps
        earliest, latest = self._earliest, self._latest
        if not timestamps or max(timestamps) < earliest or min(timestamps) > latest:
            return
        # The newest of a minute comes last, and of two of one moment the one that the table takes: the first.
        order = sorted(range(len(timestamps) - 1, -1, -1), key=timestamps.__getitem__)
        newest = {
            timestamps[place] // _PERIOD: place for place in order if earliest <= timestamps[place] <= latest
        }
        quantities = tuple(quantity for quantity in block.values if quantity in _QUANTITIES)
        columns = [block.values[quantity] for quantity in quantities]
        for minute, place in newest.items():
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
        """Settle what was staged.

        Args:
            positions: The positions of the rows that the table took; `None` for all.
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
