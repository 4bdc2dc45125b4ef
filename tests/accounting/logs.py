"""The logs that gateways upload: plain ones, and those with each fault that a file can have."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .faults import Fault
from .sent import (
    COLUMNS,
    DECIMALS,
    MINUTE,
    PLAIN,
    Content,
    Layout,
    Line,
    Reading,
    Site,
    content_of,
    lines_of,
    name_of,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

BOMB_LINES = 200
"""Of 60 KB each: twelve megabytes of nothing in twelve kilobytes."""
MANY = 30
HOSTILE = (
    ("Colour", "=cmd|'/C calc'!A0"),
    ("=HYPERLINK(1)", "'); DELETE FROM readings--"),
    ("../../etc", "\x1b[2J${jndi:ldap}"),
)
SPRING = datetime(2025, 3, 30, 1, tzinfo=UTC)
"""When clocks went forward in London."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file put on a server.

    Attributes:
        minute: When, in minutes of the hour.
        site: Whose.
        name: Its name, without folders.
        content: What is in it.
        fault: What is odd about it, if anything.
        is_young: Whether it was changed only now.
        grown: What it has become once it is fetched, if it grows.
        cuts: How often its transfer is cut.
        lie: What the server adds to its size.
    """

    minute: float
    site: Site
    name: str
    content: Content
    fault: Fault | None = None
    is_young: bool = False
    grown: Content | None = None
    cuts: int = 0
    lie: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A time for which a logger writes a file.

    Attributes:
        site: Whose.
        logger: Which logger.
        start: Time of its first row.
        rows: How many rows, one a minute.
        minute: When it is uploaded.
    """

    site: Site
    logger: str
    start: datetime
    rows: int
    minute: float


def measured(rng: random.Random, timestamp: datetime) -> Reading:
    """Return the values of a meter at a time."""
    low = (49.8, 225.0, 225.0, 225.0, 5.0, 0.0)
    high = (50.2, 240.0, 240.0, 240.0, 90.0, 0.0)
    values = [
        round(rng.uniform(*bounds), decimals)
        for bounds, decimals in zip(zip(low, high, strict=True), DECIMALS, strict=True)
    ]
    # The register rises with time, for every meter.
    values[COLUMNS.index("energy_import")] = round(
        5000 + (timestamp - datetime(2025, 1, 1, tzinfo=UTC)) / timedelta(minutes=6), 1
    )
    return Reading(timestamp, tuple(values))


class Logger:
    """Writes the files of all loggers."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def uploads(self, slot: Slot, fault: Fault | None) -> list[Upload]:
        """Return what is uploaded for a slot: one file, or what its fault makes of it."""
        writers: dict[Fault | None, Callable[[Slot], list[Upload]]] = {
            Fault.HALF_ROW: self._half_row,
            Fault.WRONG_DELIMITER: self._wrong_delimiter,
            Fault.DECIMAL_COMMA: self._decimal_comma,
            Fault.OTHER_ORDER: self._other_order,
            Fault.UNKNOWN_COLUMNS: self._unknown_columns,
            Fault.NO_TIME_COLUMN: self._no_time_column,
            Fault.FACTORY_CLOCK: self._factory_clock,
            Fault.DUPLICATE_TIMESTAMPS: self._duplicate_timestamps,
            Fault.DST_HOUR: self._dst_hour,
            Fault.ODD_NAME: self._odd_name,
            Fault.NAME_WITH_NEWLINE: self._newline,
            Fault.ZIP_BOMB: self._zip_bomb,
            Fault.SAME_FILE_TWICE: self._twice,
            Fault.SAME_FILE_LONGER: self._longer,
            Fault.MANY_FILES_AT_ONCE: self._many,
            Fault.GROWING_FILE: self._growing,
        }
        made = writers.get(fault, self._plain)(slot)
        if fault is Fault.CUT_IN_MID_FILE:  # three failures end the attempts of a sweep
            made = [replace(upload, cuts=self._rng.choice((1, 2, 3))) for upload in made]
        if fault is Fault.LYING_SIZE:
            made = [replace(upload, lie=self._rng.choice((-40, 7, 100_000))) for upload in made]
        return [replace(upload, fault=fault) for upload in made]

    def readings(self, slot: Slot) -> list[Reading]:
        """Return what is measured in a slot."""
        return [measured(self._rng, slot.start + number * MINUTE) for number in range(slot.rows)]

    def _upload(self, slot: Slot, content: Content, *, name: str = "", after: float = 0) -> Upload:
        name = name or name_of(slot.site, slot.logger, slot.start)
        return Upload(slot.minute + after, slot.site, name, content)

    def _written(self, slot: Slot, layout: Layout) -> list[Upload]:
        lines = lines_of(slot.site, self.readings(slot), layout)
        return [self._upload(slot, content_of(slot.site, slot.logger, layout.header(), lines))]

    def _plain(self, slot: Slot) -> list[Upload]:
        return self._written(slot, PLAIN)

    def _content(self, slot: Slot) -> Content:
        return self._plain(slot)[0].content

    def _half_row(self, slot: Slot) -> list[Upload]:
        whole = self._content(slot)
        last = len(whole.lines[-1].text)
        cut = whole.until(len(whole.data) - 1 - self._rng.randrange(1, last))
        later = [self._upload(slot, whole, after=1)] if self._rng.random() < 0.5 else []
        return [self._upload(slot, cut), *later]

    def _wrong_delimiter(self, slot: Slot) -> list[Upload]:
        delimiter = self._rng.choice((";", "\t", "|", ""))
        if delimiter:
            return self._written(slot, Layout(delimiter))
        lines = lines_of(slot.site, self.readings(slot))
        for at in self._rng.sample(range(len(lines)), 3):  # rows that are not of their header
            lines[at] = Line(0, lines[at].text.replace(",", ";"), None, "FIELD_COUNT")
        return [self._upload(slot, content_of(slot.site, slot.logger, PLAIN.header(), lines))]

    def _decimal_comma(self, slot: Slot) -> list[Upload]:
        if self._rng.random() < 0.6:
            return self._written(slot, Layout(";", ","))
        odd = Layout(",", ",")  # ambiguous: the end of a number is unknown
        lines = [
            Line(0, line.text, None, "FIELD_COUNT") for line in lines_of(slot.site, self.readings(slot), odd)
        ]
        return [self._upload(slot, content_of(slot.site, slot.logger, odd.header(), lines))]

    def _other_order(self, slot: Slot) -> list[Upload]:
        order = list(PLAIN.order)
        while order == list(PLAIN.order):
            self._rng.shuffle(order)
        return self._written(slot, Layout(order=tuple(order)))

    def _unknown_columns(self, slot: Slot) -> list[Upload]:
        return self._written(slot, Layout(extra=HOSTILE))

    def _no_time_column(self, slot: Slot) -> list[Upload]:
        layout = Layout(order=PLAIN.order[1:])
        lines = [Line(0, line.text, None) for line in lines_of(slot.site, self.readings(slot), layout)]
        content = content_of(slot.site, slot.logger, layout.header(), lines, reason="NO_TIME_COLUMN")
        return [self._upload(slot, content)]

    def _factory_clock(self, slot: Slot) -> list[Upload]:
        lines = lines_of(slot.site, self.readings(slot))
        first = self._rng.randrange(len(lines))
        for at in range(first, min(first + 4, len(lines))):  # until it hears the time again
            text = f"2000-01-01 00:{at - first:02}:00{lines[at].text[19:]}"
            lines[at] = Line(0, text, None, "CLOCK_FAULT")
        return [self._upload(slot, content_of(slot.site, slot.logger, PLAIN.header(), lines))]

    def _duplicate_timestamps(self, slot: Slot) -> list[Upload]:
        readings = self.readings(slot)
        twice: list[Reading] = []
        for reading in readings:
            twice.append(reading)
            drawn = self._rng.random()
            if drawn < 0.2:
                twice.append(measured(self._rng, reading.timestamp))
            elif drawn < 0.3:
                twice.append(reading)
        lines = lines_of(slot.site, twice)
        return [self._upload(slot, content_of(slot.site, slot.logger, PLAIN.header(), lines))]

    def _dst_hour(self, slot: Slot) -> list[Upload]:
        """Return a log without UTC offset of a night in which the clock changes."""
        if self._rng.random() < 0.5:
            start = slot.start.replace(hour=0, minute=30)
            slot = replace(slot, start=start, rows=60, minute=60)
            lines = lines_of(slot.site, self.readings(slot))
        else:
            slot = replace(slot, start=SPRING - 3 * MINUTE, rows=8)
            lines = lines_of(slot.site, self.readings(slot))
            never = [f"2025-03-30 01:{minute:02}:00{lines[0].text[19:]}" for minute in (0, 30, 59)]
            lines += [Line(0, text, None, "NONEXISTENT_TIME") for text in never]
        name = name_of(slot.site, slot.logger, slot.start, has_offset=False, mark="-night")
        return [self._upload(slot, content_of(slot.site, slot.logger, PLAIN.header(), lines), name=name)]

    def _odd_name(self, slot: Slot) -> list[Upload]:
        mark = self._rng.choice((" a+b", "..x", "+ ..", "%2F..%2F", "-'; DROP TABLE readings;--", "-=A1+1"))
        name = name_of(slot.site, slot.logger, slot.start, mark=mark)
        return [self._upload(slot, self._content(slot), name=name)]

    def _newline(self, slot: Slot) -> list[Upload]:
        name = name_of(slot.site, slot.logger, slot.start, mark="\n")
        return [self._upload(slot, self._content(slot), name=name)]

    def _zip_bomb(self, slot: Slot) -> list[Upload]:
        plain = self._content(slot)
        blank = (b" " * 60_000 + b"\n") * BOMB_LINES
        data = gzip.compress(plain.data + blank, 6, mtime=0)
        bomb = replace(plain, data=data, reason="TOO_LARGE")
        name = name_of(slot.site, slot.logger, slot.start) + ".gz"
        return [self._upload(slot, bomb, name=name)]

    def _twice(self, slot: Slot) -> list[Upload]:
        content = self._content(slot)
        copy = name_of(slot.site, slot.logger, slot.start).replace("-1min", "-1min-copy")
        return [
            self._upload(slot, content),
            self._upload(slot, content, after=1),
            self._upload(slot, content, name=copy, after=self._rng.choice((0, 1))),
        ]

    def _longer(self, slot: Slot) -> list[Upload]:
        whole = self._content(slot)
        sizes = sorted(self._rng.randrange(len(whole.data) // 4, len(whole.data)) for _ in range(2))
        return [
            *(self._upload(slot, whole.until(size), after=after) for after, size in enumerate(sizes)),
            self._upload(slot, whole, after=2),
        ]

    def _many(self, slot: Slot) -> list[Upload]:
        """Return what a gateway sends that was cut off for a while: all of it at once."""
        slots = [
            replace(slot, start=slot.start - timedelta(minutes=3 * back), rows=3) for back in range(MANY)
        ]
        return [self._plain(each)[0] for each in slots]

    def _growing(self, slot: Slot) -> list[Upload]:
        whole = self._content(slot)
        young = whole.until(self._rng.randrange(len(whole.data) // 4, len(whole.data) - 1))
        return [replace(self._upload(slot, young), is_young=True, grown=whole)]
