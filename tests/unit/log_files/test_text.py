"""Decoding bytes into lines: encodings, line ends, archives, truncation, and size limits."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile
from smarterise_sdk.domain.log_files.text import TextLimits, line_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "Time,V1\n2025-03-20 08:00:00,230.1\n2025-03-20 08:01:00,230.2\n"
SMALL = TextLimits(text_bytes=4 * 1024 * 1024, ratio_from=64 * 1024, line=1000)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def lines(data: bytes, size: int = 1 << 18, limits: TextLimits | None = None) -> list[str]:
    found: list[str] = []
    for block in line_blocks(pieces(data, size), limits):
        assert block.first == len(found) + 1
        found += block.lines
    return found


def reason(data: bytes, size: int = 1 << 16, limits: TextLimits | None = None) -> FileReason:
    with pytest.raises(RejectedFile) as rejected:
        lines(data, size, limits)
    assert rejected.value.message.isprintable()
    return rejected.value.reason


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_every_form_gives_the_same_lines(end: str, encoding: str, packed: bool, size: int) -> None:
    text = TEXT.replace("\n", end)
    data = b"\xff\xfe" + text.encode("utf-16-le") if encoding.endswith("bom") else text.encode(encoding)
    assert lines(gzip.compress(data) if packed else data, size) == TEXT.splitlines()


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8")), min_size=1),
    st.integers(1, 9),
)
def test_any_lines_come_through(texts: list[str], size: int) -> None:
    data = "".join(f"{text}\n" for text in texts).encode()
    # A mark of another encoding, or of an archive, is taken for what it says.
    if not data.startswith((b"PK\x03\x04", b"\xef\xbb\xbf")):
        assert lines(data, size) == texts


def test_bytes_that_are_no_utf_8_are_kept() -> None:
    (line,) = lines(b"Temp \xb0C,\xff\n")
    assert line.encode(errors="surrogateescape") == b"Temp \xb0C,\xff"


def test_characters_that_only_some_call_line_ends_are_none() -> None:
    assert lines("a\x0b\x0c\x1c\x85\u2028b\n".encode()) == ["a\x0b\x0c\x1c\x85\u2028b"]


def test_what_a_power_failure_leaves_behind_is_no_line() -> None:
    assert lines(TEXT.encode() + b"\0" * 100_000, limits=SMALL) == TEXT.splitlines()


@pytest.mark.parametrize("packed", [False, True])
def test_a_last_line_without_end_is_said_to_be_cut(packed: bool) -> None:
    data = TEXT[:-5].encode()
    *_, last = line_blocks([gzip.compress(data) if packed else data])
    assert (last.is_cut, last.lines) == (True, ["2025-03-20 08:01:00,2"])


@pytest.mark.parametrize("missing", range(1, 60, 7))
def test_an_archive_that_ends_early_gives_what_there_is(missing: int) -> None:
    text = "".join(f"{number},{number**3}\n" for number in range(2000))
    blocks = list(line_blocks(pieces(gzip.compress(text.encode())[:-missing], 1000)))
    found = [line for block in blocks for line in block.lines]
    assert blocks[-1].is_cut
    assert text.startswith("\n".join(found))
    assert len(found) > 1900


def test_an_archive_of_several_members_and_padding_is_one_file() -> None:
    head, tail = TEXT[:20].encode(), TEXT[20:].encode()
    data = gzip.compress(head) + gzip.compress(tail) + b"\0" * 512
    for size in (1, 7, 10_000):
        assert lines(data, size) == TEXT.splitlines()


@pytest.mark.parametrize("data", [b"", b"\n"[:0], b"\xef\xbb\xbf", gzip.compress(b"", mtime=0), b"\0" * 500])
def test_a_file_without_a_line_is_empty(data: bytes) -> None:
    assert reason(data) is FileReason.EMPTY_FILE


def test_a_blank_line_is_a_line() -> None:
    assert lines(b"\n") == [""]


def test_damaged_archives_are_refused() -> None:
    data = bytearray(gzip.compress(("1,2\n" * 5000).encode()))
    data[20] ^= 0xFF
    assert reason(bytes(data)) is FileReason.BAD_GZIP
    assert reason(gzip.compress(TEXT.encode())[:-8] + b"\1" * 8) is FileReason.BAD_GZIP


@pytest.mark.parametrize("data", [b"PK\x03\x04" + b"x" * 99, b"%PDF-1.7\n", b"\xff\xfe\x41\xd8x\0\n\0abcd"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    assert reason(data) is FileReason.NOT_TEXT


@pytest.mark.parametrize("data", [b"x" * 5000, b"x" * 5000 + b"\n", b"a\n" + b"x" * 2000 + b"\nb\n"])
@pytest.mark.parametrize("size", [100, 100_000])
def test_endless_lines_are_refused(data: bytes, size: int) -> None:
    assert reason(data, size, SMALL) is FileReason.LINE_TOO_LONG


@pytest.mark.parametrize("unit", [b"\0", b"\n", b"2025-03-20 08:00:00,230.1\n"])
def test_a_bomb_is_stopped_long_before_it_is_unpacked(unit: bytes) -> None:
    packer = zlib.compressobj(9, wbits=31)
    block = unit * (1_000_000 // len(unit))
    bomb = b"".join(packer.compress(block) for _ in range(60)) + packer.flush()
    assert len(bomb) < 300_000
    assert reason(bomb, limits=SMALL) is FileReason.TOO_LARGE
    seen: list[int] = []
    with pytest.raises(RejectedFile):
        seen.extend(len(found.lines) for found in line_blocks(pieces(bomb, 1 << 16), SMALL))
    assert sum(seen) <= SMALL.text_bytes


def test_a_file_larger_than_any_log_is_refused_without_being_read() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"2025-03-20 08:00:00,230.1\n" * 1000

    with pytest.raises(RejectedFile) as rejected:
        list(line_blocks(endless(), SMALL))
    assert rejected.value.reason is FileReason.TOO_LARGE
    assert taken < 200
