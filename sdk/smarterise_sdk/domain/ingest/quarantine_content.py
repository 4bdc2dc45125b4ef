"""Content of quarantine entries: as lines that are safe to display, or as the original bytes.

Content is processed in pieces: a file may be large, compressed or damaged.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.ingest.manager_api import QUARANTINE_PREFIX
from smarterise_sdk.domain.readings.model import Source
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE: Final = 64 * 1024
"""Longer lines are split, bytes."""
_LONGEST_RECORD: Final = 64 * 1024 * 1024
_PIECE: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31


class ContentKind(StrEnum):
    """Kind of the content of an entry."""

    MESSAGE = "message"
    """A record of the stream."""
    ROWS = "rows"
    """Rows of a file, with line numbers and headers."""
    FILE = "file"
    """A whole file, at its original key."""


def kind_of(source: str, key: str) -> ContentKind:
    """Return the kind of content at a key.

    Args:
        source: `iot` or `ftp`.
        key: The object's key.
    """
    if not key.startswith(QUARANTINE_PREFIX):
        return ContentKind.FILE
    return ContentKind.MESSAGE if source == Source.IOT.value else ContentKind.ROWS


def shown_lines(kind: ContentKind, pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the content as lines that are safe to display, without line ends.

    Args:
        kind: Kind of the content.
        pieces: Bytes of the object.
    """
    lines = _lines(_unpacked(pieces), LONGEST_LINE if kind is ContentKind.FILE else _LONGEST_RECORD)
    for line in lines:
        if isinstance(line, str):
            yield line
        elif kind is ContentKind.FILE:
            yield visible(_text(line.removesuffix(b"\r")))
        else:
            yield from _record_lines(kind, line)


def raw_pieces(kind: ContentKind, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the original bytes: of a file those of the object, else extracted from its records.

    Args:
        kind: Kind of the content.
        pieces: Bytes of the object.
    """
    if kind is ContentKind.FILE:
        yield from pieces
        return
    for line in _lines(_unpacked(pieces), _LONGEST_RECORD):
        record = _record(line) if isinstance(line, bytes) else None
        if record is None:
            continue
        if kind is ContentKind.MESSAGE:
            yield _payload(record)
        else:
            for name in ("header", "text"):
                if isinstance(record.get(name), str):
                    yield _bytes(record[name]) + b"\n"


def _record_lines(kind: ContentKind, line: bytes) -> Iterator[str]:
    record = _record(line)
    if record is None:
        yield f"(unknown format) {visible(_text(line[:LONGEST_LINE]))}"
    elif kind is ContentKind.MESSAGE:
        payload = _payload(record)
        for start in range(0, max(1, len(payload)), LONGEST_LINE):
            for part in payload[start : start + LONGEST_LINE].split(b"\n"):
                yield visible(_text(part))
    elif "line" in record:
        yield f"{record['line']:>8}  {visible(str(record.get('text')))}"
        yield f"{'':>8}  ^ {visible(str(record.get('detail')))}"
    elif "header" in record:
        yield f"{'header':>8}  {visible(str(record['header']))}"


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _payload(record: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(record.get("payload_base64", "")), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _bytes(text: str) -> bytes:
    try:
        # Bytes that are not UTF-8 are stored as lone surrogates, and converted back here.
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace")


def _text(line: bytes) -> str:
    return line.decode(errors="backslashreplace")


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes | str]:
    """Yield bytes, decompressed if they are gzip, and a text (str) if decompression fails."""
    source = iter(pieces)
    first = b""
    for piece in source:
        first += piece
        if len(first) >= len(_GZIP):
            break
    if not first.startswith(_GZIP):
        yield first
        yield from source
        return
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        for piece in chain((first,), source):
            rest = piece
            while rest:
                yield unpacker.decompress(rest, _PIECE)
                rest = unpacker.unconsumed_tail
                if unpacker.eof and unpacker.unused_data:
                    rest = unpacker.unused_data
                    unpacker = zlib.decompressobj(_GZIP_WINDOW)
        if not unpacker.eof:
            yield "(the archive ends early)"
    except zlib.error as error:
        yield f"(decompression failed: {error})"


def _lines(pieces: Iterable[bytes | str], longest: int) -> Iterator[bytes | str]:
    """Yield lines without line ends; texts (str) are passed through."""
    pending = b""
    for piece in pieces:
        if isinstance(piece, str):
            if pending:
                yield pending
                pending = b""
            yield piece
            continue
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            yield from _cut(line, longest)
        while len(pending) > longest:
            yield pending[:longest]
            pending = pending[longest:]
    if pending:
        yield pending


def _cut(line: bytes, longest: int) -> Iterator[bytes]:
    for start in range(0, max(1, len(line)), longest):
        yield line[start : start + longest]
