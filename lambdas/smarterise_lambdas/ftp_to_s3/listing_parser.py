"""Parses the responses to MLSD and LIST into files and folders.

Parses bytes, as names have any encoding and may contain characters that `str.splitlines` treats as breaks.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from smarterise_lambdas.ftp_to_s3.file_source import Listing, RemoteFile

MAX_NAME_LENGTH: Final = 1000
"""Bytes. File systems allow 255; S3 metadata and manifests hold names up to this length."""

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
    """Decode a name; `bytes_of` is the inverse."""
    return name.decode("utf-8", "surrogateescape")


def bytes_of(name: str) -> bytes:
    """Encode a name to the bytes it was decoded from."""
    return name.encode("utf-8", "surrogateescape")


def parse_mlsd(response: bytes, folder: str) -> Listing:
    """Parse the response to MLSD (RFC 3659), lines of the form `fact=value;fact=value; name`."""
    found = _ListingBuilder(folder)
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
    """Parse the response to LIST, in Unix or Windows format.

    Its times have no time zone and often no year, so they only serve to detect changes.
    """
    found = _ListingBuilder(folder)
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
    """Parse the facts of one MLSD or MLST line; names in lower case."""
    pairs = (fact.partition("=") for fact in facts.decode("latin-1").split(";") if "=" in fact)
    return {name.strip().casefold(): value for name, _, value in pairs}


def remote_file(folder: str, name: str, facts: dict[str, str]) -> RemoteFile:
    """Build a `RemoteFile` from MLST facts."""
    size, modified = facts.get("size", ""), facts.get("modify", "")
    return RemoteFile(folder, name, _number(size), modified, _datetime(modified))


class _ListingBuilder:
    """Collects the entries of one listing."""

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
        """Add one entry; links and devices are skipped."""
        if not (is_file or is_folder):
            return
        # A slash would lead out of the folder; an FTP command cannot carry a line break.
        if not name or "/" in name or _UNSENDABLE.search(name) or len(bytes_of(name)) > MAX_NAME_LENGTH:
            self.unusable.append(name)
        elif is_folder:
            self._folders.append(name)
        else:
            self._files.append(RemoteFile(self._folder, name, _number(size), modified, modified_at))

    def listing(self) -> Listing:
        """Build the listing."""
        return Listing(self._folder, tuple(self._files), tuple(self._folders), tuple(self.unusable))


def _lines(response: bytes) -> list[bytes]:
    # The protocol ends lines with CRLF, and a bare LF may be part of a name. A response without any CRLF
    # comes from a server that ends lines with LF.
    ending = b"\r\n" if b"\r\n" in response else b"\n"
    return [line for line in response.split(ending) if line.strip()]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _datetime(timestamp: str) -> datetime | None:
    """Parse an RFC 3659 timestamp (`YYYYMMDDHHMMSS`, UTC, optional fraction); `None` if invalid."""
    digits, _, _ = timestamp.partition(".")
    if len(digits) != 14 or not digits.isascii() or not digits.isdigit():
        return None
    year, month, day, hour, minute, second = (int(digits[start:end]) for start, end in _TIMESTAMP_PARTS)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
