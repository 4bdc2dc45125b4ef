"""Expected state: where each sent reading must be, computed from the rules in the order of arrival.

Independent of the product's code; the responses, logs and data of the functions are compared with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from .messages import Message
    from .sent import Content, Reading, Site

IOT, FTP = "iot", "ftp"
NO_METER = ""

Item: TypeAlias = "tuple[str, str]"
"""One sent reading: shard and position in the stream, or key in the data lake and line."""


class Place(StrEnum):
    """Where a sent reading is."""

    ROW = "rows"
    IDENTICAL = "identical"
    SUPERSEDED = "superseded"
    DIFFERING = "differing"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"


class Key(NamedTuple):
    """Key of a row."""

    gateway: str
    meter: str
    timestamp: datetime


class Kept(NamedTuple):
    """A row of the table."""

    source: str
    values: tuple[float, ...]
    item: Item


class Conflict(NamedTuple):
    """A row that differs from the kept row of its key."""

    key: Key
    source: str
    values: tuple[float, ...]


@dataclass(slots=True)
class FileEntry:
    """Expected ledger entry of a file.

    Attributes:
        content: Content of the file.
        counts: Rows by outcome.
    """

    content: Content
    counts: Counter[str]


@dataclass(slots=True)
class ExpectedState:
    """Expected place of every reading.

    Attributes:
        table: The rows.
        conflicts: Rows that differ from the kept row of their key.
        places: Where each reading is.
        rejected: Stream records in the quarantine, with their reason.
        accepted: Accepted stream records, which must be in the data lake.
        files: The file ledger.
        reported: Counts that the functions must have reported, over all deliveries.
    """

    table: dict[Key, Kept] = field(default_factory=dict)
    conflicts: set[Conflict] = field(default_factory=set)
    places: dict[Item, Place] = field(default_factory=dict)
    rejected: dict[Item, Message] = field(default_factory=dict)
    accepted: set[Item] = field(default_factory=set)
    files: dict[str, FileEntry] = field(default_factory=dict)
    reported: Counter[str] = field(default_factory=Counter)
    _meters: dict[str, set[str]] = field(default_factory=dict)

    def stream(self, came: Iterable[tuple[Item, Message, bool]]) -> Counter[str]:
        """Record the expected result of a batch; return the counts that it must have reported.

        Args:
            came: The messages in their order, and whether they were reported as failed.
        """
        counts: Counter[str] = Counter()
        for item, message, has_failed in came:
            if not message.site.is_critical and message.reason != "BAD_AGGREGATE":
                counts["dropped"] += 1
                self.places[item] = Place.DROPPED
            elif has_failed:
                continue
            elif message.reading is None:
                counts["quarantined"] += 1
                self.places[item] = Place.QUARANTINED
                self.rejected[item] = message
            else:
                self.accepted.add(item)
                self._meters.setdefault(message.site.serial, set()).add(message.meter)
                self._put(item, message.site.serial, message.meter, IOT, message.reading, counts)
        self._report(IOT, counts)
        return counts

    def file(self, key: str, content: Content) -> Counter[str]:
        """Record that a file was loaded or rejected; return its rows by outcome."""
        counts: Counter[str] = Counter()
        site = content.site
        meter = self._meter_of(site, content.logger)
        for line in content.lines:
            item = key, str(line.number)
            if content.reason or line.reading is None:
                counts["rejected"] += 1
                self.places[item] = Place.QUARANTINED
            else:
                self._put(item, site.serial, meter, FTP, line.reading, counts)
        self.files[key] = FileEntry(content, counts)
        counts["files_rejected" if content.reason else "files_loaded"] += 1
        self._report(FTP, counts)
        return counts

    def name_rows(self) -> Counter[str]:
        """Assign rows without a meter to the gateway's only meter; return the counts to be reported."""
        counts: Counter[str] = Counter()
        for key in [key for key in self.table if key.meter == NO_METER]:
            meters = self._meters.get(key.gateway, set())
            if len(meters) == 1:
                kept = self.table.pop(key)
                named = key._replace(meter=next(iter(meters)))
                self._apply(named, kept, counts)
        for conflict in [conflict for conflict in self.conflicts if conflict.key.meter == NO_METER]:
            meters = self._meters.get(conflict.key.gateway, set())
            if len(meters) == 1:
                self.conflicts.remove(conflict)
                key = conflict.key._replace(meter=next(iter(meters)))
                self.conflicts.add(conflict._replace(key=key))
        self._report("named", counts)
        return counts

    def sums(self) -> Mapping[Place, int]:
        """Return how many readings are where."""
        return Counter(self.places.values())

    def _meter_of(self, site: Site, logger: str) -> str:
        if len(site.meters) > 1:  # the site file says which logger logs which
            return site.meters[site.loggers.index(logger)]
        heard = self._meters.get(site.serial, set())
        return next(iter(heard)) if heard else NO_METER

    def _put(
        self, item: Item, gateway: str, meter: str, source: str, reading: Reading, counts: Counter[str]
    ) -> None:
        key = Key(gateway, meter, reading.timestamp)
        self._apply(key, Kept(source, reading.values, item), counts)

    def _apply(self, key: Key, new: Kept, counts: Counter[str]) -> None:
        """Apply the rule: the stream wins over files, and within one source the first."""
        held = self.table.get(key)
        if held is None or (held.source, new.source) == (FTP, IOT):
            if held is not None:
                counts["replaced"] += 1
                self.places[held.item] = Place.SUPERSEDED
            counts["loaded"] += 1
            self.table[key] = new
            self.places[new.item] = Place.ROW
        elif held.source != new.source:
            counts["superseded"] += 1
            self.places[new.item] = Place.SUPERSEDED
        elif held.values != new.values:
            counts["differing"] += 1
            self.conflicts.add(Conflict(key, new.source, new.values))
            self._place(new.item, Place.DIFFERING, held)
        else:
            counts["identical"] += 1
            self._place(new.item, Place.IDENTICAL, held)

    def _place(self, item: Item, place: Place, held: Kept) -> None:
        if item != held.item:  # a redelivered reading stays where it is
            self.places[item] = place

    def _report(self, path: str, counts: Mapping[str, int]) -> None:
        self.reported.update({f"{path} {what}": count for what, count in counts.items()})


def agree(what: str, found: Iterable[object], expected: Iterable[object]) -> None:
    """Assert that two sets are equal; report the differences."""
    has, wants = set(found), set(expected)
    if has != wants:
        some = [
            *(f"not expected: {one}" for one in sorted(map(str, has - wants))[:12]),
            *(f"missing: {one}" for one in sorted(map(str, wants - has))[:12]),
        ]
        counts = f"{what}: {len(has - wants)} are not expected, {len(wants - has)} are missing"
        raise AssertionError("\n".join([counts, *some]))
