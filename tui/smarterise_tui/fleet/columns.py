"""The columns of the fleet table: heading, width, what of a row they show, and which go first when narrow.

Cells are plain text cut and padded to the cell width of their column, so that a row is the
concatenation of its cells; wide and combining characters count by what they occupy on screen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from rich.cells import cell_len, set_cell_size

from smarterise_sdk.domain.readings.metrics import METRICS, Metric
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import age_text, visible
from smarterise_tui.fleet.history import MINUTES
from smarterise_tui.fleet.rows import SPARK_METRIC, FleetRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

Cell: TypeAlias = tuple[str, str]
"""Text and the name of its style."""

DIM, PLAIN, TITLE, ACCENT, SPARK = "dim", "plain", "title", "accent", "spark"
NOTHING = "–"

VOLTAGES = (Metric.VOLTAGE_A, Metric.VOLTAGE_B, Metric.VOLTAGE_C)
EVALUATED_METRICS = frozenset({*VOLTAGES, Metric.VOLTAGE_UNBALANCE})
"""Metrics that determine the state: fetched for all columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        key: Sort key it stands for, if any, and its name in tests.
        heading: Text of the head, with the unit.
        width: Width in cells.
        priority: Lower stays longer when the terminal is narrow.
        show: Text and style name of a row's cell, before cutting and padding.
        metrics: What has to be asked for to fill it.
        is_number: Whether cells align to the right.
    """

    key: str
    heading: str
    width: int
    priority: int
    show: Callable[[FleetRow, datetime, int], Cell]
    metrics: frozenset[Metric] = frozenset()
    is_number: bool = False

    def cell(self, row: FleetRow, now: datetime) -> Cell:
        """Return a row's cell, exactly `width` wide."""
        text, style = self.show(row, now, self.width)
        return fitted(text, self.width, to_right=self.is_number), style

    @property
    def head(self) -> str:
        """The heading, exactly `width` wide."""
        return fitted(self.heading, self.width, to_right=self.is_number)


def fitted(text: str, width: int, *, to_right: bool = False) -> str:
    """Return text cut or padded to a width in cells; what is cut ends in an ellipsis."""
    if text.isascii():
        if len(text) > width:
            return text[: width - 1] + "…"
        return text.rjust(width) if to_right else text.ljust(width)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - length)
    return padding + text if to_right else text + padding


def _serial(row: FleetRow, _now: datetime, _width: int) -> Cell:
    return visible(row.serial), TITLE


def _name(row: FleetRow, _now: datetime, _width: int) -> Cell:
    return visible(row.site.name) or NOTHING, PLAIN


def _tier(row: FleetRow, _now: datetime, _width: int) -> Cell:
    return row.site.tier.value, ACCENT if row.site.tier is Tier.CRITICAL else DIM


def _state(row: FleetRow, _now: datetime, _width: int) -> Cell:
    return row.state.label, row.state.status.value


def _value(metric: Metric) -> Callable[[FleetRow, datetime, int], Cell]:
    decimals = METRICS[metric].decimals

    def show(row: FleetRow, _now: datetime, width: int) -> Cell:
        point = row.points.get(metric)
        if point is None:
            return NOTHING, DIM
        return _number_text(point.value, decimals, width), _style_of_values(row)

    return show


def _style_of_values(row: FleetRow) -> str:
    """Return how values of a row are drawn: dim when they are not those of now."""
    return PLAIN if row.has_response and row.state.status is not Status.STALE else DIM


def _number_text(value: float, decimals: int, width: int) -> str:
    """Return a number with fewer decimals rather than cut: a cut number is a wrong one."""
    for digits in range(decimals, -1, -1):
        text = f"{value:.{digits}f}"
        if len(text) <= width:
            return text
    return f"{value:.0e}".replace("e+0", "e")


def _load(row: FleetRow, _now: datetime, _width: int) -> Cell:
    load = row.load_percent
    return (NOTHING, DIM) if load is None else (f"{load:.0f}", _style_of_values(row))


def _spark(row: FleetRow, now: datetime, width: int) -> Cell:
    return (NOTHING, DIM) if row.history is None else (row.history.blocks(width, now), SPARK)


def _age(row: FleetRow, now: datetime, _width: int) -> Cell:
    age = row.age(now)
    return (NOTHING, DIM) if age is None else (age_text(age), DIM)


def _number(key: str, heading: str, width: int, priority: int, metric: Metric) -> Column:
    return Column(key, heading, width, priority, _value(metric), frozenset({metric}), is_number=True)


SERIAL = Column("serial", "SERIAL", 12, 0, _serial)
COLUMNS = (
    Column("name", "NAME", 20, 8, _name),
    Column("tier", "TIER", 12, 2, _tier),
    Column("worst", "STATE", 14, 1, _state),
    _number("va", "V A", 5, 3, Metric.VOLTAGE_A),
    _number("vb", "V B", 5, 3, Metric.VOLTAGE_B),
    _number("vc", "V C", 5, 3, Metric.VOLTAGE_C),
    _number("u2", "u2 %", 6, 4, Metric.VOLTAGE_UNBALANCE),
    _number("kw", "kW", 6, 6, Metric.ACTIVE_POWER),
    Column(
        "load",
        "LOAD %",
        6,
        10,
        _load,
        frozenset({Metric.ACTIVE_POWER, Metric.POWER_FACTOR}),
        is_number=True,
    ),
    Column("spark", "kW LAST 30 MIN", MINUTES // 2, 9, _spark, frozenset({SPARK_METRIC})),
    Column("age", "AGE", 4, 5, _age, is_number=True),
)
SERIAL_WIDTHS = (10, 16)
WIDE_SPARK = MINUTES
WIDEST_NAME = 36
GAP = " "
MORE = "›"
"""At the end of the headings while there are columns further right; it has a place of its own."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns are drawn in which order for a width; the last ones may lie beyond the edge.

    Attributes:
        serial: The frozen column.
        columns: The scrolling ones, those that fit first.
        shown: How many of them fit without scrolling.
    """

    serial: Column
    columns: tuple[Column, ...]
    shown: int

    @property
    def scrolling_width(self) -> int:
        """Width of everything right of the frozen column."""
        return sum(len(GAP) + column.width for column in self.columns)


def lay_out(width: int, serials: Iterable[str]) -> Layout:
    """Choose columns for a width in cells.

    Columns that do not fit are not lost: they come last, reached by scrolling to the right.
    """
    low, high = SERIAL_WIDTHS
    longest = max((len(serial) for serial in serials), default=0)
    serial = replace(SERIAL, width=min(max(low, longest), high))
    fitting, room = _that_fit(width - serial.width)
    if len(fitting) < len(COLUMNS):
        fitting, room = _that_fit(width - serial.width - len(MORE))
    shown = [column for column in COLUMNS if column.key in fitting]
    beyond = [column for column in COLUMNS if column.key not in fitting]
    return Layout(serial, (*_widened(shown, room), *beyond), len(shown))


def _that_fit(room: int) -> tuple[set[str], int]:
    """Return the keys of the columns that fit, and the room they leave."""
    fitting: set[str] = set()
    for column in sorted(COLUMNS, key=lambda column: column.priority):
        needed = len(GAP) + column.width
        if needed <= room:
            room -= needed
            fitting.add(column.key)
    return fitting, room


def _widened(columns: Sequence[Column], room: int) -> list[Column]:
    """Give the room that is left to the sparkline, where it doubles, and to the names."""
    widths = {column.key: column.width for column in columns}
    if "spark" in widths and room >= WIDE_SPARK - widths["spark"]:
        room -= WIDE_SPARK - widths["spark"]
        widths["spark"] = WIDE_SPARK
    if "name" in widths:
        widths["name"] += min(room, WIDEST_NAME - widths["name"])
    return [replace(column, width=widths[column.key]) for column in columns]
