"""The content of what is in the quarantine: as lines that are safe to show, or as the bytes that came.

Pure, and a piece at a time: a file may be large, compressed, broken, or all three.
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
"""A line that goes on for longer is shown in parts, bytes."""
_LONGEST_RECORD: Final = 64 * 1024 * 1024
_PIECE: Final = 256 * 1024
_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31


class ContentKind(StrEnum):
    """What is kept."""

    MESSAGE = "message"
    """A record of the stream."""
    ROWS = "rows"
    """Rows of a file, with their lines and headers."""
    FILE = "file"
    """A whole file, where it was put."""


def kind_of(source: str, key: str) -> ContentKind:
    """Return what is kept under a key.

    Args:
        source: `iot` or `ftp`.
        key: The object's key.
    """
    if not key.startswith(QUARANTINE_PREFIX):
        return ContentKind.FILE
    return ContentKind.MESSAGE if source == Source.IOT.value else ContentKind.ROWS


def shown_lines(kind: ContentKind, pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the content as lines that are safe to show, without their ends.

    Args:
        kind: What is kept.
        pieces: The object's bytes.
    """
    lines = _lines(_unpacked(pieces), LONGEST_LINE if kind is ContentKind.FILE else _LONGEST_RECORD)
    for line in lines:
        if isinstance(line, str):
            yield line
        elif kind is ContentKind.FILE:
            yield visible(_text(line.removesuffix(b"\r")))
        else:
            yield from _told(kind, line)


def raw_pieces(kind: ContentKind, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes that came: of a file they are the object's, else they are taken out of it.

    Args:
        kind: What is kept.
        pieces: The object's bytes.
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


def _told(kind: ContentKind, line: bytes) -> Iterator[str]:
    record = _record(line)
    if record is None:
        yield f"(no object of ours) {visible(_text(line[:LONGEST_LINE]))}"
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
        # Bytes that were no UTF-8 are kept as lone surrogates, and come back as they were.
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace")


def _text(line: bytes) -> str:
    return line.decode(errors="backslashreplace")


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes | str]:
    """Yield bytes, decompressed where they are gzip; words where that ends in trouble."""
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
            left = piece
            while left:
                yield unpacker.decompress(left, _PIECE)
                left = unpacker.unconsumed_tail
                if unpacker.eof and unpacker.unused_data:
                    left = unpacker.unused_data
                    unpacker = zlib.decompressobj(_GZIP_WINDOW)
        if not unpacker.eof:
            yield "(the archive ends early)"
    except zlib.error as error:
        yield f"(no more can be unpacked: {error})"


def _lines(pieces: Iterable[bytes | str], longest: int) -> Iterator[bytes | str]:
    """Yield lines without their ends; words come as they are."""
    held = b""
    for piece in pieces:
        if isinstance(piece, str):
            if held:
                yield held
                held = b""
            yield piece
            continue
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            yield from _cut(line, longest)
        while len(held) > longest:
            yield held[:longest]
            held = held[longest:]
    if held:
        yield held


def _cut(line: bytes, longest: int) -> Iterator[bytes]:
    for start in range(0, max(1, len(line)), longest):
        yield line[start : start + longest]
