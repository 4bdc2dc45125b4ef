"""Deaggregates records in the aggregated record format of the Kinesis Producer Library (KPL).

Format: four magic bytes, a protobuf message `{partition keys = 1, hash keys = 2, records = 3 {key index = 1,
hash key index = 2, data = 3, tags = 4}}`, and its MD5. The few protobuf types are decoded here, as the
existing library supports only Python up to 3.6 and loads all of protobuf at every cold start.
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
_MAX_VARINT_BYTES: Final = 10

_Field: TypeAlias = "tuple[int, int | bytes]"


class BadAggregate(ValueError):
    """The payload has the KPL magic but is not a valid aggregate."""


class Part(NamedTuple):
    """One record of an aggregate."""

    partition_key: str
    data: bytes


def parts_of(payload: bytes) -> tuple[Part, ...] | None:
    """Return the records of an aggregate in order; `None` if the payload is not an aggregate.

    Raises:
        BadAggregate: If it has the KPL magic but is invalid.
    """
    if not payload.startswith(MAGIC):
        return None
    message, digest = payload[len(MAGIC) : -_DIGEST], payload[-_DIGEST:]
    if hashlib.md5(message, usedforsecurity=False).digest() != digest:
        raise BadAggregate("checksum mismatch: the aggregate is truncated or corrupt")
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
        raise BadAggregate(f"a record has a partition key index beyond the {len(keys)} keys") from None


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
    """Yield number and value of each protobuf field, including unknown ones."""
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
            raise BadAggregate(f"a field has the unknown wire type {kind}")
        end = position + size
        if end > len(message):
            raise BadAggregate("a field is longer than the rest of the message")
        yield number, message[position:end]
        position = end


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MAX_VARINT_BYTES):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, position
    raise BadAggregate("a varint is not terminated")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise BadAggregate("a field is a number instead of bytes")
    return value
