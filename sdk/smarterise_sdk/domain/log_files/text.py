"""The bytes of a log file to blocks of lines, a bounded piece at a time, whatever was sent.

Plain or gzipped, UTF-8 with or without a byte order mark or UTF-16, lines ended in any way. A file that was
cut short gives what there is of it. Nothing here grows with the file.
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
    """How much of a file is looked at before it is taken for something else.

    Attributes:
        text_bytes: Bytes once unpacked; more than a gateway can hold of one logger.
        ratio: Bytes unpacked a byte packed; rows of measured values come to a tenth of it.
        ratio_from: Bytes unpacked from which the ratio is looked at.
        line: Characters of one line.
    """

    text_bytes: int = 2 * 1024**3
    ratio: int = 200
    ratio_from: int = 8 * 1024**2
    line: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some lines that follow each other.

    Attributes:
        first: The number of the first line in the file, from 1.
        lines: The lines, without their ends.
        is_cut: Whether the file ends here without having come to an end: its last line may be half of one.
            Without any line, it is the archive that ends early.
    """

    first: int
    lines: list[str]
    is_cut: bool = False


def line_blocks(chunks: Iterable[bytes], limits: TextLimits | None = None) -> Iterator[LineBlock]:
    """Yield the lines of a file, a block for each chunk or so.

    NUL characters are left out: no reading holds one, and the file systems of gateways leave them behind when
    the power fails.

    Args:
        chunks: The file's bytes, in pieces of some hundred kilobytes.
        limits: How much is taken.

    Raises:
        RejectedFile: If it is empty, no text, a broken archive, or larger than any log.
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
        raise RejectedFile(FileReason.EMPTY_FILE, "there is no line in it")


def _texts(chunks: Iterable[bytes], limits: TextLimits) -> Iterator[str | None]:
    """Yield decoded text, a newline at the end of each line; at last `None` if an archive ends early."""
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
    except UnicodeError as error:  # UTF-16 with half a character; UTF-8 is never at a loss
        raise RejectedFile(FileReason.NOT_TEXT, f"not the text its byte order mark says: {error}") from error
    return text.replace("\0", "") if "\0" in text else text


class _Unpacking:
    """A file's bytes, unpacked if they are gzip, and stopped when they are more than any log.

    Attributes:
        ended_early: Whether the archive was cut short; true only once all was read.
    """

    def __init__(self, limits: TextLimits) -> None:
        self.ended_early = False
        self._limits = limits
        self._packed = 0
        self._size = 0

    def pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield bounded pieces of what was packed.

        Args:
            chunks: Of the file; the first is long enough to tell what it is.
        """
        chunks = iter(chunks)
        head = next(chunks, b"")
        for magic, name in _ARCHIVES.items():
            if head.startswith(magic):
                raise RejectedFile(FileReason.NOT_TEXT, f"it is {name}, not a log")
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
                        return  # behind the last member there may be padding
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
            raise RejectedFile(FileReason.TOO_LARGE, f"there are more than {limits.text_bytes} bytes of text")
        if self._packed and self._size > max(limits.ratio_from, limits.ratio * self._packed):
            text = f"{self._packed} bytes of it unpack to more than {self._size}: no log does that"
            raise RejectedFile(FileReason.TOO_LARGE, text)


def _too_long(limits: TextLimits) -> RejectedFile:
    return RejectedFile(FileReason.LINE_TOO_LONG, f"a line is longer than {limits.line} characters")


def _with_whole_head(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks of which the first, if it can be, is long enough to tell what they are; none is empty."""
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
