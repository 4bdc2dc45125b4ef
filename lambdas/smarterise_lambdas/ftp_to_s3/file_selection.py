"""Which files of a listing are to be taken now: plain values in, plain values out.

A file is the gateway's whose serial its name begins with, or whose serial its folder is called by. It is
taken when it has stopped growing: it has not changed for the server's quiet time, or not between two looks.
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
"""How the names of files end that a client is still writing."""


class FileDecision(Enum):
    """What is to be done with a file."""

    TAKE = auto()
    WAIT = auto()
    KNOWN = auto()


@dataclass(slots=True)
class ClassifiedFiles:
    """The files of some listings, by whose they are.

    Attributes:
        own: Files by the selected gateway they are of.
        others: How many are of gateways that were not selected.
        unfinished: How many are still being written, by their names.
        unknown: Names that begin with no gateway's serial that the site file knows.
        misplaced: Paths of files that name another gateway than their folder does.
        unusable: What the server listed that no command can ask for.
    """

    own: dict[str, list[RemoteFile]] = field(default_factory=dict)
    others: int = 0
    unfinished: int = 0
    unknown: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)


def sort_files(
    listings: Iterable[Listing], *, selected: Collection[str], serials: Collection[str]
) -> ClassifiedFiles:
    """Return whose the files are.

    Args:
        listings: Of the server's folder, and of folders in it that are called by a serial.
        selected: Serials of the gateways this sweep is about.
        serials: Serials of all gateways that the site file knows.
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
    """Return the serial that a name begins with, as a whole word and to the letter; empty if none."""
    word = _WORD.match(name)
    return word[0] if word and word[0] in serials else ""


def decide(
    file: RemoteFile, entry: Entry | None, *, quiet: timedelta, stability_window: timedelta, now: datetime
) -> FileDecision:
    """Return what is to be done with a file.

    Args:
        file: As it is listed now.
        entry: What is known of it.
        quiet: How long it must not have changed to be taken at first sight.
        stability_window: How far apart two looks must be that find it unchanged.
        now: This moment, UTC.
    """
    if entry is not None and entry.is_of(file):
        if entry.state is not FileState.SEEN:
            return FileDecision.KNOWN
        if now - entry.at >= stability_window:
            return FileDecision.TAKE
    if file.modified_at is not None and now - file.modified_at >= quiet:
        return FileDecision.TAKE
    return FileDecision.WAIT
