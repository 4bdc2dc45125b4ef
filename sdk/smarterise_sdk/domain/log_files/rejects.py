"""Reasons for rejecting a log file or a row: codes and messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileReason(StrEnum):
    """Why a whole file is rejected."""

    EMPTY_FILE = "EMPTY_FILE"
    NOT_TEXT = "NOT_TEXT"
    BAD_GZIP = "BAD_GZIP"
    TOO_LARGE = "TOO_LARGE"
    LINE_TOO_LONG = "LINE_TOO_LONG"
    NO_HEADER = "NO_HEADER"
    NO_TIME_COLUMN = "NO_TIME_COLUMN"
    NO_KNOWN_COLUMNS = "NO_KNOWN_COLUMNS"
    NO_SERIAL = "NO_SERIAL"
    SERIAL_MISMATCH = "SERIAL_MISMATCH"
    NO_TIME_ZONE = "NO_TIME_ZONE"
    REFUSED_BY_DATABASE = "REFUSED_BY_DATABASE"


class RowReason(StrEnum):
    """Why a row is rejected."""

    BEFORE_HEADER = "BEFORE_HEADER"
    FIELD_COUNT = "FIELD_COUNT"
    BAD_QUOTES = "BAD_QUOTES"
    HALF_ROW = "HALF_ROW"
    BAD_TIMESTAMP = "BAD_TIMESTAMP"
    CLOCK_FAULT = "CLOCK_FAULT"
    NONEXISTENT_TIME = "NONEXISTENT_TIME"
    NO_USABLE_VALUES = "NO_USABLE_VALUES"


class RejectedFile(ValueError):
    """A rejected file: `reason` is a code, `message` the explanation."""

    def __init__(self, reason: FileReason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A rejected row.

    Attributes:
        line: Its line in the file, from 1.
        text: The line without its line end. Bytes that are not UTF-8 are lone surrogates.
        reason: The code.
        detail: The explanation.
    """

    line: int
    text: str
    reason: RowReason
    detail: str
