"""The orders in which the fleet can be shown. The worst comes first unless the operator says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.readings.metrics import Metric

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_tui.fleet.rows import FleetRow

WORST = "worst"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: by which key, and whether turned round."""

    key: str = WORST
    is_reversed: bool = False

    @property
    def is_live(self) -> bool:
        """Whether new values can change the order."""
        return self.key in _LIVE

    def arrange(self, rows: list[FleetRow], now: datetime) -> list[FleetRow]:
        """Return the rows in this order; sites without a value come last either way."""
        if self.key in _TEXT:
            return sorted(rows, key=_TEXT[self.key], reverse=self.is_reversed)
        value_of = _NUMBERS[self.key]
        known: list[tuple[float, str, FleetRow]] = []
        rest: list[FleetRow] = []
        for row in rows:
            value = value_of(row, now)
            if value is None:
                rest.append(row)
            else:
                known.append((value, row.serial, row))
        known.sort(key=_value_then_serial, reverse=not self.is_reversed)
        rest.sort(key=_TEXT["serial"])
        return [row for _, _, row in known] + rest


def _value_then_serial(entry: tuple[float, str, FleetRow]) -> tuple[float, str]:
    return entry[0], entry[1]


def _age(row: FleetRow, now: datetime) -> float | None:
    age = row.age(now)
    return None if age is None else age.total_seconds()


_TEXT: dict[str, Callable[[FleetRow], Any]] = {
    WORST: attrgetter("rank_key"),
    "serial": lambda row: row.site.gateway_serial,
    "name": lambda row: (row.site.name.casefold(), row.site.gateway_serial),
    "tier": lambda row: (row.site.tier.value, row.rank_key),
}
_NUMBERS: dict[str, Callable[[FleetRow, datetime], float | None]] = {
    "va": lambda row, _now: row.value(Metric.VOLTAGE_A),
    "vb": lambda row, _now: row.value(Metric.VOLTAGE_B),
    "vc": lambda row, _now: row.value(Metric.VOLTAGE_C),
    "u2": lambda row, _now: row.value(Metric.VOLTAGE_UNBALANCE),
    "kw": lambda row, _now: row.value(Metric.ACTIVE_POWER),
    "load": lambda row, _now: row.load_percent,
    "age": _age,
}
_LIVE = frozenset(_NUMBERS)
SORT_KEYS = (*_TEXT, *_NUMBERS)
