"""Selects the files of a listing to transfer now; pure functions.

A file belongs to the gateway whose serial begins its name or is the name of its folder. It is transferred
when it is stable: unchanged for the server's quiet time, or between two listings a stability window apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.ftp_to_s3.manifest import Entry, FileState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, timedelta

    from smarterise_lambdas.ftp_to_s3.file_source import Listing, RemoteFile

_WORD = re.compile(r"[A-Za-z0-9]+")
_UNFINISHED: Final = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
"""Name suffixes of files that a client is still writing."""


class FileDecision(Enum):
    """Decision for a listed file: transfer it, wait for it to be stable, or skip it as known."""

    TRANSFER = auto()
    WAIT = auto()
    KNOWN = auto()


@dataclass(slots=True)
class ClassifiedFiles:
    """The files of some listings, grouped by gateway.

    Attributes:
        own: Files of the selected gateways, by serial.
        others: Number of files of gateways that were not selected.
        unfinished: Number of files whose name says that they are still being written.
        unknown: Paths of files whose name begins with no serial of the site file.
        misplaced: Paths of files that name another gateway than their folder.
        unusable: Names that no FTP command can carry.
    """

    own: dict[str, list[RemoteFile]] = field(default_factory=dict)
    others: int = 0
    unfinished: int = 0
    unknown: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)


def classify_files(
    listings: Iterable[Listing], *, selected: Collection[str], serials: Collection[str]
) -> ClassifiedFiles:
    """Group listed files by gateway.

    Args:
        listings: Listings of the server's folder and of its subfolders named by a serial.
        selected: Serials of the gateways that the sweep covers.
        serials: Serials of all gateways in the site file.
    """
    found = ClassifiedFiles()
    for listing in listings:
        found.unusable += (
            f"{listing.folder}/{name}" if listing.folder else name for name in listing.unusable
        )
        for file in listing.files:
            if file.name.startswith(".") or file.name.casefold().endswith(_UNFINISHED):
                found.unfinished += 1
                continue
            named = serial_in(file.name, serials)
            serial = listing.folder or named
            if listing.folder and named not in {"", listing.folder}:
                found.misplaced.append(file.path)
            elif not serial:
                found.unknown.append(file.path)
            elif serial in selected:
                found.own.setdefault(serial, []).append(file)
            else:
                found.others += 1
    return found


def serial_in(name: str, serials: Collection[str]) -> str:
    """Return the serial that a name begins with (whole word, case-sensitive); empty if none."""
    word = _WORD.match(name)
    return word[0] if word and word[0] in serials else ""


def decide(
    file: RemoteFile, entry: Entry | None, *, quiet: timedelta, stability_window: timedelta, now: datetime
) -> FileDecision:
    """Decide whether to transfer a file now.

    Args:
        file: The file as it is listed now.
        entry: Its manifest entry.
        quiet: Age since the last change at which it is transferred without a second check.
        stability_window: Time between two listings in which it must stay unchanged.
        now: Current time, UTC.
    """
    if entry is not None and entry.matches(file):
        if entry.state is not FileState.SEEN:
            return FileDecision.KNOWN
        if now - entry.at >= stability_window:
            return FileDecision.TRANSFER
    if file.modified_at is not None and now - file.modified_at >= quiet:
        return FileDecision.TRANSFER
    return FileDecision.WAIT
