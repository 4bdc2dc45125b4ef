"""Records that hold many: the aggregated record format of the Kinesis Producer Library, taken apart.

Four magic bytes, a protobuf message `{partition keys = 1, hash keys = 2, records = 3 {key index = 1, hash key
index = 2, data = 3, tags = 4}}`, and its MD5. So little of protobuf is read here for want of a kept library:
the one there is stopped at Python 3.6 and would load all of protobuf at every cold start.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC: Final = b"\xf3\x89\x9a\xc2"

_DIGEST: Final = 16
_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_FIXED: Final = {_FIXED_64: 8, _FIXED_32: 4}
_KEYS, _RECORDS = 1, 3
_KEY_INDEX, _DATA = 1, 3
_LONGEST_VARINT: Final = 10

_Field: TypeAlias = "tuple[int, int | bytes]"


class BadAggregate(ValueError):
    """It has the magic bytes, and is none all the same."""


class Part(NamedTuple):
    """One of the records in an aggregate."""

    partition_key: str
    data: bytes


def parts_of(payload: bytes) -> tuple[Part, ...] | None:
    """Return the records in an aggregate, in their order; `None` if the payload is none.

    Raises:
        BadAggregate: If it claims to be one, and cannot be read.
    """
    if not payload.startswith(MAGIC):
        return None
    message, digest = payload[len(MAGIC) : -_DIGEST], payload[-_DIGEST:]
    if hashlib.md5(message, usedforsecurity=False).digest() != digest:
        raise BadAggregate("the checksum of the aggregate does not match: it is cut short or was changed")
    keys: list[str] = []
    found: list[tuple[int, bytes]] = []
    for number, value in _fields(message):
        if number == _KEYS:
            keys.append(_bytes(value).decode(errors="replace"))
        elif number == _RECORDS:
            found.append(_record(_bytes(value)))
    try:
        return tuple(Part(keys[index], data) for index, data in found)
    except IndexError:
        raise BadAggregate(f"a record names a partition key beyond the {len(keys)} that there are") from None


def _record(message: bytes) -> tuple[int, bytes]:
    index, data = None, None
    for number, value in _fields(message):
        if number == _KEY_INDEX and isinstance(value, int):
            index = value
        elif number == _DATA:
            data = _bytes(value)
    if index is None or data is None:
        raise BadAggregate("a record has no partition key or no data")
    return index, data


def _fields(message: bytes) -> Iterator[_Field]:
    """Yield number and value of each field; unknown ones too, for whoever asks to pass over."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == _LENGTH:
            size, position = _varint(message, position)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise BadAggregate(f"a field of the unknown kind {kind}")
        end = position + size
        if end > len(message):
            raise BadAggregate("a field is longer than what is left")
        yield number, message[position:end]
        position = end


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, position
    raise BadAggregate("a number that does not end")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise BadAggregate("a number where bytes should be")
    return value
