"""What the operator asked to see of the fleet: filter, order, marks, and the rows that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_tui.fleet.filters import Filter, parse_filter
from smarterise_tui.fleet.sorting import SORT_KEYS, WORST, Sort

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from smarterise_tui.fleet.model import FleetModel
    from smarterise_tui.fleet.rows import FleetRow


@dataclass(frozen=True, slots=True)
class Selection:
    """The sites an action is for, split by whether the operator can see them now."""

    shown: tuple[str, ...]
    hidden: tuple[str, ...]

    @property
    def serials(self) -> tuple[str, ...]:
        """All of them."""
        return self.shown + self.hidden


class FleetView:
    """Rows of a model, filtered and in order; the table reads `rows`."""

    def __init__(self, model: FleetModel) -> None:
        self.model = model
        self.filter: Filter = parse_filter("")
        self.sort = Sort()
        self.marks: set[str] = set()
        self.rows: list[FleetRow] = []

    def rebuild(self, now: datetime) -> None:
        """Filter and sort all rows."""
        self.marks &= self.model.rows.keys()
        rows: Iterable[FleetRow] = self.model.rows.values()
        if self.filter.tests:
            rows = (row for row in rows if self.filter.matches(row, now))
        self.rows = self.sort.arrange(list(rows), now)

    def after_values(self, moved: Collection[str], now: datetime) -> None:
        """Follow new values: rearrange only when they can have changed which rows, or their order."""
        if self.filter.tests:
            self.rebuild(now)
        elif self.sort.is_live or (moved and self.sort.key in (WORST, "tier")):
            self.rows = self.sort.arrange(self.rows, now)

    def set_filter(self, wanted: Filter, now: datetime) -> None:
        """Show only what the filter lets through."""
        self.filter = wanted
        self.rebuild(now)

    def sort_by(self, key: str, now: datetime) -> None:
        """Arrange by a key; asking for the same key again turns the order round."""
        turned = key == self.sort.key and not self.sort.is_reversed
        self.sort = Sort(key, is_reversed=turned)
        self.rebuild(now)

    def sort_by_next(self, now: datetime) -> None:
        """Arrange by the key after the present one."""
        reconciliation = SORT_KEYS[(SORT_KEYS.index(self.sort.key) + 1) % len(SORT_KEYS)]
        self.sort = Sort(reconciliation)
        self.rebuild(now)

    def reverse(self, now: datetime) -> None:
        """Turn the order round."""
        self.sort = Sort(self.sort.key, is_reversed=not self.sort.is_reversed)
        self.rebuild(now)

    def toggle_mark(self, serial: str) -> None:
        """Mark a site, or take its mark away."""
        self.marks ^= {serial}

    def mark_range(self, first: int, last: int) -> None:
        """Mark the rows from one index to another, both included."""
        low, high = sorted((first, last))
        self.marks.update(row.serial for row in self.rows[low : high + 1])

    def mark_all_shown(self) -> None:
        """Mark every row the filter lets through."""
        self.marks.update(row.serial for row in self.rows)

    @property
    def hidden_marks(self) -> int:
        """How many marked sites the filter hides."""
        return len(self._hidden())

    def selection(self, cursor: str | None) -> Selection:
        """Return the marked sites in the order shown, else the one under the cursor."""
        if not self.marks:
            return Selection((cursor,) if cursor is not None else (), ())
        shown = tuple(row.serial for row in self.rows if row.serial in self.marks)
        return Selection(shown, tuple(sorted(self._hidden())))

    def place_of(self, serial: str) -> int | None:
        """Return at which place a site is shown; `None` when it is not."""
        row = self.model.rows.get(serial)
        try:
            return None if row is None else self.rows.index(row)
        except ValueError:
            return None

    def _hidden(self) -> set[str]:
        if not self.marks or not self.filter.tests:
            return set()
        return self.marks - {row.serial for row in self.rows}
