"""The books: where each reading that was sent must be now, by the rules alone and in the order things came.

They know nothing of the product's code. What the functions answer, log and write down is compared with them.
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
"""A reading that was sent, once: shard and position in the stream; or key in the lake and line."""


class Place(StrEnum):
    """Where a reading that was sent is."""

    ROW = "rows"
    IDENTICAL = "identical"
    SUPERSEDED = "superseded"
    DIFFERING = "differing"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"


class Key(NamedTuple):
    """What tells rows apart."""

    gateway: str
    meter: str
    timestamp: datetime


class Kept(NamedTuple):
    """A row of the table."""

    source: str
    values: tuple[float, ...]
    item: Item


class Conflict(NamedTuple):
    """A row that contradicts the one that was kept."""

    key: Key
    source: str
    values: tuple[float, ...]


@dataclass(slots=True)
class FileEntry:
    """What the ledger must say of a file.

    Attributes:
        content: What is in it.
        counts: What became of its rows.
    """

    content: Content
    counts: Counter[str]


@dataclass(slots=True)
class ManifestWriter:
    """What must be where.

    Attributes:
        table: The rows.
        conflicts: Those that contradict them.
        places: Where each reading is.
        rejected: What of the stream is in the quarantine, with its reason.
        taken: What of the stream was taken, and must be in the raw lake.
        files: The ledger.
        reported: What the functions must have reported, over all deliveries.
    """

    table: dict[Key, Kept] = field(default_factory=dict)
    conflicts: set[Conflict] = field(default_factory=set)
    places: dict[Item, Place] = field(default_factory=dict)
    rejected: dict[Item, Message] = field(default_factory=dict)
    taken: set[Item] = field(default_factory=set)
    files: dict[str, FileEntry] = field(default_factory=dict)
    reported: Counter[str] = field(default_factory=Counter)
    _meters: dict[str, set[str]] = field(default_factory=dict)

    def stream(self, came: Iterable[tuple[Item, Message, bool]]) -> Counter[str]:
        """Note what a batch has done; return what it must have reported.

        Args:
            came: The messages in their order, and whether they were reported as failed.
        """
        told: Counter[str] = Counter()
        for item, message, has_failed in came:
            if not message.site.is_critical and message.reason != "BAD_AGGREGATE":
                told["dropped"] += 1
                self.places[item] = Place.DROPPED
            elif has_failed:
                continue
            elif message.reading is None:
                told["quarantined"] += 1
                self.places[item] = Place.QUARANTINED
                self.rejected[item] = message
            else:
                self.taken.add(item)
                self._meters.setdefault(message.site.serial, set()).add(message.meter)
                self._put(item, message.site.serial, message.meter, IOT, message.reading, told)
        self._report(IOT, told)
        return told

    def file(self, key: str, content: Content) -> Counter[str]:
        """Note that a file was loaded or rejected; return what became of its rows."""
        told: Counter[str] = Counter()
        site = content.site
        meter = self._meter_of(site, content.logger)
        for line in content.lines:
            item = key, str(line.number)
            if content.reason or line.reading is None:
                told["rejected"] += 1
                self.places[item] = Place.QUARANTINED
            else:
                self._put(item, site.serial, meter, FTP, line.reading, told)
        self.files[key] = FileEntry(content, told)
        told["files_rejected" if content.reason else "files_loaded"] += 1
        self._report(FTP, told)
        return told

    def name_rows(self) -> Counter[str]:
        """Give rows without a meter to their gateway's only one; return what must be reported of that."""
        told: Counter[str] = Counter()
        for key in [key for key in self.table if key.meter == NO_METER]:
            meters = self._meters.get(key.gateway, set())
            if len(meters) == 1:
                kept = self.table.pop(key)
                named = key._replace(meter=next(iter(meters)))
                self._settle(named, kept, told)
        for conflict in [conflict for conflict in self.conflicts if conflict.key.meter == NO_METER]:
            meters = self._meters.get(conflict.key.gateway, set())
            if len(meters) == 1:
                self.conflicts.remove(conflict)
                key = conflict.key._replace(meter=next(iter(meters)))
                self.conflicts.add(conflict._replace(key=key))
        self._report("named", told)
        return told

    def sums(self) -> Mapping[Place, int]:
        """Return how many readings are where."""
        return Counter(self.places.values())

    def _meter_of(self, site: Site, logger: str) -> str:
        if len(site.meters) > 1:  # the site file says which logger logs which
            return site.meters[site.loggers.index(logger)]
        heard = self._meters.get(site.serial, set())
        return next(iter(heard)) if heard else NO_METER

    def _put(
        self, item: Item, gateway: str, meter: str, source: str, reading: Reading, told: Counter[str]
    ) -> None:
        key = Key(gateway, meter, reading.timestamp)
        self._settle(key, Kept(source, reading.values, item), told)

    def _settle(self, key: Key, new: Kept, told: Counter[str]) -> None:
        """Apply the rule: the stream wins over files, and within one source the first."""
        held = self.table.get(key)
        if held is None or (held.source, new.source) == (FTP, IOT):
            if held is not None:
                told["replaced"] += 1
                self.places[held.item] = Place.SUPERSEDED
            told["loaded"] += 1
            self.table[key] = new
            self.places[new.item] = Place.ROW
        elif held.source != new.source:
            told["superseded"] += 1
            self.places[new.item] = Place.SUPERSEDED
        elif held.values != new.values:
            told["differing"] += 1
            self.conflicts.add(Conflict(key, new.source, new.values))
            self._place(new.item, Place.DIFFERING, held)
        else:
            told["identical"] += 1
            self._place(new.item, Place.IDENTICAL, held)

    def _place(self, item: Item, place: Place, held: Kept) -> None:
        if item != held.item:  # delivered again it meets itself, and stays where it is
            self.places[item] = place

    def _report(self, path: str, told: Mapping[str, int]) -> None:
        self.reported.update({f"{path} {what}": count for what, count in told.items()})


def agree(what: str, found: Iterable[object], expected: Iterable[object]) -> None:
    """See that two sets are one; else tell what is in only one of them."""
    has, wants = set(found), set(expected)
    if has != wants:
        some = [
            *(f"not expected: {one}" for one in sorted(map(str, has - wants))[:12]),
            *(f"missing: {one}" for one in sorted(map(str, wants - has))[:12]),
        ]
        told = f"{what}: {len(has - wants)} are not expected, {len(wants - has)} are missing"
        raise AssertionError("\n".join([told, *some]))
