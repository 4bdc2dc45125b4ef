"""What a sweep has done, counted by many threads, and what went wrong: as an answer, and for the log."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

TROUBLES_AT_MOST: Final = 100
"""Told in an answer one by one; all are counted."""

_LONGEST_MESSAGE = 500


class Count(StrEnum):
    """What is counted, files unless said otherwise."""

    LISTED = "listed"
    """Of the selected sites, on all servers."""
    STORED = "stored"
    """Put into the lake."""
    IDENTICAL = "identical"
    """Fetched, and in the lake already."""
    UNCHANGED = "unchanged"
    """Known from before and not fetched."""
    EMPTY = "empty"
    """Fetched, with nothing in them."""
    WAITING = "waiting"
    """May still grow."""
    DEFERRED = "deferred"
    """Left to the next sweep, for want of time or of a server."""
    DELETED = "deleted"
    """Deleted on their server, being in the lake."""
    DISPUTED = "disputed"
    """Stored although the server says another length than it sends, always the same bytes."""
    OTHERS = "others"
    """Of gateways that this sweep is not about."""
    UNFINISHED = "unfinished"
    """Still being written, by their names."""
    BYTES = "bytes"
    """Put into the lake: bytes."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong, on its own.

    Attributes:
        code: Stable word for it.
        server: Name of the server.
        message: What, for people.
        gateway_serial: Whose file; empty if of none.
        file: Its path on the server; empty if of none.
        is_fault: Whether the sweep failed for it: it is not the file's own fault, and might not come again.
    """

    code: str
    server: str
    message: str
    gateway_serial: str = ""
    file: str = ""
    is_fault: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as the answer tells it, safe to show."""
        told = asdict(self)
        return {
            name: visible(value)[:_LONGEST_MESSAGE] if isinstance(value, str) else value
            for name, value in told.items()
        }


class Tally:
    """Counts and troubles of one sweep; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Count] = Counter()
        self._troubles: list[Trouble] = []

    def count(self, what: Count, number: int = 1) -> None:
        """Add to a count."""
        with self._lock:
            self._counts[what] += number

    def trouble(self, trouble: Trouble) -> None:
        """Note that something went wrong."""
        with self._lock:
            self._troubles.append(trouble)

    def __getitem__(self, what: Count) -> int:
        return self._counts[what]

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """All of them: those that the sweep failed for first, and of these what is more than one file's."""
        return tuple(sorted(self._troubles, key=lambda trouble: (not trouble.is_fault, trouble.file != "")))

    @property
    def faults(self) -> tuple[Trouble, ...]:
        """Those that the sweep failed for."""
        return tuple(trouble for trouble in self.troubles if trouble.is_fault)

    def counts(self) -> dict[str, int]:
        """Return every count, by name."""
        return {what.value: self._counts[what] for what in Count}

    def answer(self) -> dict[str, Any]:
        """Return all of it as the function answers."""
        return {
            **self.counts(),
            "is_complete": not self._counts[Count.DEFERRED] and not self.faults,
            "trouble_count": len(self._troubles),
            "troubles": [trouble.to_json() for trouble in self.troubles[:TROUBLES_AT_MOST]],
        }


def summary(troubles: Iterable[Trouble], *, most: int = 5) -> str:
    """Return troubles in one line: the first few, and how many more."""
    told = [f"{each.code} {each.file or each.server}: {each.message}" for each in troubles]
    more = f"; and {len(told) - most} more" if len(told) > most else ""
    return visible("; ".join(told[:most]) + more)
