"""Decode the bytes of a log file into blocks of lines, with bounded memory.

Plain or gzip, UTF-8 with or without byte order mark or UTF-16, any line end. A truncated file yields the
lines up to its end. Memory use does not depend on the file size.
"""

from __future__ import annotations

import codecs
import io
import zlib
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GZIP: Final = b"\x1f\x8b"
_ARCHIVES: Final = {b"PK\x03\x04": "a zip archive", b"7z\xbc\xaf": "a 7z archive", b"%PDF": "a PDF"}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD_BYTES: Final = 8
_GUNZIPPED_AT_ONCE: Final = 256 * 1024
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class TextLimits:
    """Size limits above which a file is rejected.

    Attributes:
        text_bytes: Uncompressed bytes; more than a gateway can store for one logger.
        ratio: Compression ratio; measured values reach about a tenth of it.
        ratio_from: Uncompressed bytes from which the ratio is checked.
        line: Characters in one line.
    """

    text_bytes: int = 2 * 1024**3
    ratio: int = 200
    ratio_from: int = 8 * 1024**2
    line: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class LineBlock:
    """A block of consecutive lines.

    Attributes:
        first: Number of the first line in the file, from 1.
        lines: The lines, without line ends.
        is_cut: Whether the file ends here without a line end, so that its last line may be incomplete.
            Without any line, the archive ends early.
    """

    first: int
    lines: list[str]
    is_cut: bool = False


def line_blocks(chunks: Iterable[bytes], limits: TextLimits | None = None) -> Iterator[LineBlock]:
    """Yield the lines of a file, about one block for each chunk.

    NUL characters are removed: gateway file systems write them after a power failure.

    Args:
        chunks: The bytes of the file, in chunks of a few hundred kilobytes.
        limits: Size limits.

    Raises:
        RejectedFile: If it is empty, not text, a damaged archive, or too large.
    """
    limits = limits or TextLimits()
    first, rest, is_cut = 1, "", False
    for text in _texts(chunks, limits):
        if text is None:
            is_cut = True
            continue
        head, end, tail = text.rpartition("\n")
        if not end:
            rest += tail
        else:
            lines = (rest + head).split("\n")
            rest = tail
            if max(map(len, lines)) > limits.line:
                raise _too_long(limits)
            yield LineBlock(first, lines)
            first += len(lines)
        if len(rest) > limits.line:
            raise _too_long(limits)
    if rest or is_cut:
        yield LineBlock(first, [rest] if rest else [], is_cut=True)
    elif first == 1:
        raise RejectedFile(FileReason.EMPTY_FILE, "the file has no lines")


def _texts(chunks: Iterable[bytes], limits: TextLimits) -> Iterator[str | None]:
    """Yield decoded text with newline line ends; a final `None` if an archive ends early."""
    unpacking = _Unpacking(limits)
    decoder: io.IncrementalNewlineDecoder | None = None
    for data in _with_whole_head(unpacking.pieces(_with_whole_head(chunks))):
        if decoder is None:
            encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
            inner = codecs.getincrementaldecoder(encoding)("surrogateescape")
            decoder = io.IncrementalNewlineDecoder(inner, translate=True)
        yield _decoded(decoder, data, final=False)
    if decoder is not None:
        yield _decoded(decoder, b"", final=True)
    if unpacking.ended_early:
        yield None


def _decoded(decoder: io.IncrementalNewlineDecoder, data: bytes, *, final: bool) -> str:
    try:
        text = decoder.decode(data, final)
    except UnicodeError as error:  # incomplete UTF-16; UTF-8 with surrogateescape never fails
        raise RejectedFile(FileReason.NOT_TEXT, f"invalid UTF-16 text: {error}") from error
    return text.replace("\0", "") if "\0" in text else text


class _Unpacking:
    """Decompresses gzip files, and rejects files above the size limits.

    Attributes:
        ended_early: Whether the archive is truncated; known after everything was read.
    """

    def __init__(self, limits: TextLimits) -> None:
        self.ended_early = False
        self._limits = limits
        self._packed = 0
        self._size = 0

    def pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield decompressed pieces of bounded size.

        Args:
            chunks: The bytes of the file; the first chunk contains the whole file signature.
        """
        chunks = iter(chunks)
        head = next(chunks, b"")
        for magic, name in _ARCHIVES.items():
            if head.startswith(magic):
                raise RejectedFile(FileReason.NOT_TEXT, f"the file is {name}, not a log")
        whole = chain((head,), chunks)
        for piece in self._inflated(whole) if head.startswith(_GZIP) else whole:
            self._count(piece)
            yield piece

    def _inflated(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        stream = zlib.decompressobj(_GZIP_WINDOW)
        for chunk in chunks:
            self._packed += len(chunk)
            data = chunk
            while data:
                if stream.eof:
                    if not data.startswith(_GZIP[:1]):
                        return  # padding after the last member
                    stream = zlib.decompressobj(_GZIP_WINDOW)
                try:
                    yield stream.decompress(data, _GUNZIPPED_AT_ONCE)
                except zlib.error as error:
                    raise RejectedFile(
                        FileReason.BAD_GZIP, f"the gzip archive is damaged: {error}"
                    ) from error
                data = stream.unconsumed_tail or stream.unused_data
        yield stream.flush()
        self.ended_early = not stream.eof

    def _count(self, piece: bytes) -> None:
        self._size += len(piece)
        limits = self._limits
        if self._size > limits.text_bytes:
            raise RejectedFile(FileReason.TOO_LARGE, f"more than {limits.text_bytes} bytes of text")
        if self._packed and self._size > max(limits.ratio_from, limits.ratio * self._packed):
            text = f"compression ratio too high: {self._packed} bytes decompress to more than {self._size}"
            raise RejectedFile(FileReason.TOO_LARGE, text)


def _too_long(limits: TextLimits) -> RejectedFile:
    return RejectedFile(FileReason.LINE_TOO_LONG, f"a line is longer than {limits.line} characters")


def _with_whole_head(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield non-empty chunks, the first with at least the length of a file signature if possible."""
    head, is_whole = b"", False
    for chunk in chunks:
        if is_whole:
            if chunk:
                yield chunk
            continue
        head += chunk
        is_whole = len(head) >= _HEAD_BYTES
        if is_whole:
            yield head
    if head and not is_whole:
        yield head
