"""Which rows of a file become metrics: the newest of each minute, of those that CloudWatch still takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.shared.publishing import NEWEST_POINT, OLDEST_POINT
from smarterise_sdk.domain.metrics import METRIC_QUANTITIES
from smarterise_sdk.domain.readings import Reading, Source
from smarterise_sdk.domain.stamps import MICROSECOND, count_of, moment_at

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime

    from smarterise_sdk.domain.csv_rows import RowBlock

PERIOD: Final = timedelta(minutes=1)

_PERIOD: Final = PERIOD // MICROSECOND
_QUANTITIES: Final = frozenset(METRIC_QUANTITIES.values())


class Newest:
    """Gathers what is worth publishing of one file; at most one reading a minute of two weeks.

    Args:
        gateway_serial: The site.
        device_serial: The meter; empty if it is not known.
        now: This moment, UTC.
    """

    def __init__(self, gateway_serial: str, device_serial: str, now: datetime) -> None:
        self._gateway_serial = gateway_serial
        self._device_serial = device_serial
        self._earliest = count_of(now - OLDEST_POINT)
        self._latest = count_of(now + NEWEST_POINT)
        self._staged: dict[int, tuple[int, Reading]] = {}
        self._kept: dict[int, Reading] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether there is anything staged that is worth publishing."""
        return bool(self._staged)

    @property
    def readings(self) -> list[Reading]:
        """What was kept, the newest first."""
        return [self._kept[minute] for minute in sorted(self._kept, reverse=True)]

    def stage(self, block: RowBlock) -> None:
        """Look at rows that are on their way to the table."""
        moments = block.moments
        if not moments or max(moments) < self._earliest or min(moments) > self._latest:
            return
        newest: dict[int, int] = {}
        for place, moment in enumerate(moments):
            if self._earliest <= moment <= self._latest:
                at = newest.setdefault(moment // _PERIOD, place)
                if moments[at] < moment:
                    newest[moment // _PERIOD] = place
        for minute, place in newest.items():
            found = self._staged.get(minute)
            if found is None or count_of(found[1].measured_at) < moments[place]:
                self._staged[minute] = (block.lines[place], self._reading(block, place))

    def keep(self, positions: Container[int] | None = None) -> None:
        """Settle what was staged.

        Args:
            positions: The positions of the rows that the table took; `None` for all.
        """
        for minute, (position, reading) in self._staged.items():
            if positions is None or position in positions:
                found = self._kept.get(minute)
                if found is None or found.measured_at < reading.measured_at:
                    self._kept[minute] = reading
        self._staged.clear()

    def _reading(self, block: RowBlock, place: int) -> Reading:
        values = {
            quantity: value
            for quantity, column in block.values.items()
            if quantity in _QUANTITIES and (value := column[place]) is not None
        }
        return Reading(
            gateway_serial=self._gateway_serial,
            device_serial=self._device_serial,
            measured_at=moment_at(block.moments[place]),
            source=Source.FTP,
            values=values,
            unbalance=block.unbalances[place],
            device_online=True,
            gateway_model="",
            device_model="",
            flags=block.flags.get(place, ()),
        )
