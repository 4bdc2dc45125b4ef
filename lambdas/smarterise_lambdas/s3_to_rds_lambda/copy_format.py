"""Encodes blocks of rows in PostgreSQL's binary COPY format; fields equal in all rows are encoded once."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final, cast

from smarterise_lambdas.shared.readings_table import POSITION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smarterise_sdk.domain.log_files.rows import Column, RowBlock
    from smarterise_sdk.domain.readings.voltage_quality import UnbalanceMethod

BEGINNING: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Header before the first row."""
END: Final = b"\xff\xff"
"""Trailer after the last row."""

_EIGHT: Final = b"\0\0\0\x08"
_NULL: Final = b"\xff\xff\xff\xff"
_TEXT_TYPE: Final = 25
_COUNT: Final = struct.Struct(">h")
_LENGTH: Final = struct.Struct(">i")
_POSITION: Final = struct.Struct(">ii")
_NUMBER: Final = struct.Struct(">id")
_DATETIME: Final = struct.Struct(">iq")


@dataclass(frozen=True, slots=True)
class Packed:
    """Encoded rows of one block.

    Attributes:
        columns: Table columns, in the order of the fields.
        block: The rows as parsed.
        head: Encoded fields that are equal in all rows.
        rests: Encoded other fields of each row.
    """

    columns: tuple[str, ...]
    block: RowBlock
    head: bytes
    rests: Sequence[bytes]

    @property
    def rows(self) -> bytes:
        """All rows, encoded with `columns`."""
        head = _COUNT.pack(len(self.columns)) + self.head
        return head + head.join(self.rests)

    @property
    def staged_columns(self) -> tuple[str, ...]:
        """The columns of `staged_rows`."""
        return (POSITION, *self.columns)

    @property
    def staged_rows(self) -> bytes:
        """All rows, encoded with their line number in the file."""
        count, head = _COUNT.pack(len(self.columns) + 1), self.head
        return b"".join(
            part
            for line, rest in zip(self.block.lines, self.rests, strict=True)
            for part in (count, _POSITION.pack(4, line), head, rest)
        )


class Packer:
    """Encodes the rows of one file.

    Args:
        constants: Text values equal in all rows, by column.
        flags: Quality flags of every row.
        encoding: Python name of the connection's encoding.
    """

    def __init__(self, constants: Mapping[str, str], flags: Sequence[str], encoding: str) -> None:
        self._flags = tuple(flags)
        self._columns = (*constants, "device_online")
        self._head = b"".join(_field(text.encode(encoding)) for text in constants.values()) + _field(b"\1")

    def pack(self, block: RowBlock) -> Packed:
        """Encode the rows of a block; columns without any value are omitted."""
        if not block.timestamps:
            return Packed((), block, b"", ())
        columns: list[str] = [*self._columns]
        head = self._head
        texts: dict[str, Iterable[bytes]] = {}
        measured: dict[str, Column | Sequence[float | None]] = {
            quantity.value: column for quantity, column in block.values.items() if _has_value(column)
        }
        if _has_value(block.unbalances):
            measured["voltage_unbalance"] = block.unbalances
            methods = block.methods
            if methods.count(methods[0]) == len(methods):
                columns.append("unbalance_method")
                head += _method(methods[0])
            else:
                texts["unbalance_method"] = map(_method, methods)
        if block.flags:
            flags = block.flags
            texts["flags"] = [
                _texts((*self._flags, *flags.get(place, ()))) for place in range(len(block.timestamps))
            ]
        else:
            columns.append("flags")
            head += _texts(self._flags)
        rests = _rests(block.timestamps, list(measured.values()))
        if texts:
            rests = map(b"".join, zip(rests, *texts.values(), strict=True))
        return Packed((*columns, "measured_at", *measured, *texts), block, head, list(rests))


def _rests(timestamps: Sequence[int], measured: Sequence[Sequence[float | None]]) -> Iterable[bytes]:
    """Encode the numeric fields of each row, timestamp first."""
    try:
        full = [array("d", cast("Sequence[float]", column)) for column in measured]
    except TypeError:  # a value is missing
        return map(
            b"".join,
            zip(
                (_DATETIME.pack(8, timestamp) for timestamp in timestamps),
                *map(_with_gaps, measured),
                strict=True,
            ),
        )
    fields = chain.from_iterable((repeat(_EIGHT), column) for column in (timestamps, *full))
    return map(_row_of(len(full)).pack, *fields)


@lru_cache(maxsize=64)
def _row_of(numbers: int) -> struct.Struct:
    return struct.Struct(">4sq" + "4sd" * numbers)


def _with_gaps(column: Sequence[float | None]) -> Iterator[bytes]:
    return (_NULL if value is None else _NUMBER.pack(8, value) for value in column)


def _has_value(column: Sequence[float | None]) -> bool:
    return isinstance(column, array) or any(value is not None for value in column)


@lru_cache(maxsize=8)
def _method(method: UnbalanceMethod | None) -> bytes:
    return _NULL if method is None else _field(method.value.encode("ascii"))


@lru_cache(maxsize=64)
def _texts(texts: tuple[str, ...]) -> bytes:
    """Encode a text[] value of ASCII strings."""
    if not texts:
        return _field(struct.pack(">iii", 0, 0, _TEXT_TYPE))
    items = b"".join(_field(text.encode("ascii")) for text in texts)
    return _field(struct.pack(">iiiii", 1, 0, _TEXT_TYPE, len(texts), 1) + items)


def _field(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data
