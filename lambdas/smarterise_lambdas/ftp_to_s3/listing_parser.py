"""What FTP servers answer to MLSD and LIST, as files and folders.

Works on bytes: names come in any encoding, and with characters that end a line for most readers of lines.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from smarterise_lambdas.ftp_to_s3.file_source import Listing, RemoteFile

LONGEST_NAME: Final = 1000
"""Bytes; file systems end at 255. Names go into metadata and manifests, which have their limits."""

_TIMESTAMP_PARTS: Final = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
_UNSENDABLE = re.compile(r"[\r\n\0]")
_UNIX_LINE = re.compile(
    rb"(?P<kind>[-dlbcps])[-rwxsStTl.+@]{9,11}\s+\d+\s+(?:\S+\s+){1,2}(?P<size>\d+)\s+"
    rb"(?P<modified>(?:[A-Za-z]{3}\s+\d{1,2}|\d{1,2}\s+[A-Za-z]{3}|\d{4}-\d{2}-\d{2})"
    rb"\s+(?:\d{1,2}:\d{2}|\d{4})) "
    rb"(?P<name>.+)\Z",
    re.DOTALL,
)
_WINDOWS_LINE = re.compile(
    rb"(?P<modified>\d{2}-\d{2}-\d{2,4}\s+\d{1,2}:\d{2}\s?(?:[AaPp][Mm])?)\s+"
    rb"(?:(?P<folder><DIR>)|(?P<size>\d+)) +"
    rb"(?P<name>.+)\Z",
    re.DOTALL,
)


def text_of(name: bytes) -> str:
    """Return a name as text, from which `bytes_of` makes the same bytes again."""
    return name.decode("utf-8", "surrogateescape")


def bytes_of(name: str) -> bytes:
    """Return the bytes that a name was made of."""
    return name.encode("utf-8", "surrogateescape")


def parse_mlsd(response: bytes, folder: str) -> Listing:
    """Return what MLSD has answered (RFC 3659): `fact=value;fact=value; name`, a line each."""
    found = _Found(folder)
    for line in _lines(response):
        facts, blank, name = line.partition(b" ")
        if not blank or (facts and not facts.endswith(b";")):
            found.unusable.append(text_of(line))
            continue
        known = facts_of(facts)
        kind = known.get("type", "file").casefold()
        if kind in {"cdir", "pdir"}:
            continue
        size, modified = known.get("size", ""), known.get("modify", "")
        found.add(
            text_of(name),
            size,
            modified,
            _datetime(modified),
            is_file=kind == "file",
            is_folder=kind == "dir",
        )
    return found.listing()


def parse_list(response: bytes, folder: str) -> Listing:
    """Return what LIST has answered, as Unix or as Windows writes it.

    Its times have no zone and often no year, so they only tell one state of a file from another.
    """
    found = _Found(folder)
    for line in _lines(response):
        if re.match(rb"total\s+\d+\s*\Z", line):
            continue
        unix, windows = _UNIX_LINE.match(line), _WINDOWS_LINE.match(line)
        match = unix or windows
        if match is None:
            found.unusable.append(text_of(line))
            continue
        is_file = unix["kind"] == b"-" if unix else match["size"] is not None
        is_folder = unix["kind"] == b"d" if unix else match["size"] is None
        name = text_of(match["name"])
        if name in {".", ".."}:
            continue
        size = (match["size"] or b"").decode("ascii")
        modified = " ".join(match["modified"].decode("ascii").split())
        found.add(name, size, modified, None, is_file=is_file, is_folder=is_folder)
    return found.listing()


def facts_of(facts: bytes) -> dict[str, str]:
    """Return the facts of one line of MLSD or MLST by their names in lower case."""
    pairs = (fact.partition("=") for fact in facts.decode("latin-1").split(";") if "=" in fact)
    return {name.strip().casefold(): value for name, _, value in pairs}


def remote_file(folder: str, name: str, facts: dict[str, str]) -> RemoteFile:
    """Return the file that facts tell of."""
    size, modified = facts.get("size", ""), facts.get("modify", "")
    return RemoteFile(folder, name, _number(size), modified, _datetime(modified))


class _Found:
    """A listing in the making."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: list[RemoteFile] = []
        self._folders: list[str] = []
        self.unusable: list[str] = []

    def add(
        self,
        name: str,
        size: str,
        modified: str,
        modified_at: datetime | None,
        *,
        is_file: bool,
        is_folder: bool,
    ) -> None:
        """Take one entry; links, devices and such are left out."""
        if not (is_file or is_folder):
            return
        # A name with a slash would lead out of the folder; one with a line's end cannot be asked for.
        if not name or "/" in name or _UNSENDABLE.search(name) or len(bytes_of(name)) > LONGEST_NAME:
            self.unusable.append(name)
        elif is_folder:
            self._folders.append(name)
        else:
            self._files.append(RemoteFile(self._folder, name, _number(size), modified, modified_at))

    def listing(self) -> Listing:
        """Return what was found."""
        return Listing(self._folder, tuple(self._files), tuple(self._folders), tuple(self.unusable))


def _lines(response: bytes) -> list[bytes]:
    # Split at what the protocol ends lines with: a bare line feed may be a part of a name. A server that
    # ends them all with that alone is told by there being nothing else.
    ending = b"\r\n" if b"\r\n" in response else b"\n"
    return [line for line in response.split(ending) if line.strip()]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _datetime(timestamp: str) -> datetime | None:
    """Return the moment of an RFC 3659 stamp: `YYYYMMDDHHMMSS`, UTC, with or without a fraction."""
    digits, _, _ = timestamp.partition(".")
    if len(digits) != 14 or not digits.isascii() or not digits.isdigit():
        return None
    year, month, day, hour, minute, second = (int(digits[start:end]) for start, end in _TIMESTAMP_PARTS)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
