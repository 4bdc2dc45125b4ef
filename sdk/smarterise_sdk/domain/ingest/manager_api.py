"""What `ingest-manager` may be asked, and how much at once: the function and its callers agree on it here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class IngestAction(StrEnum):
    """What can be asked for."""

    GATEWAYS = "gateways"
    """Which gateways the database has heard of."""
    STATUS = "status"
    GAPS = "gaps"
    FILES = "files"
    QUARANTINE_LIST = "quarantine_list"
    QUARANTINE_SHOW = "quarantine_show"
    QUARANTINE_DISCARD = "quarantine_discard"
    OBJECTS = "objects"
    """What lies in the lake, for a backfill."""


class FileWord(StrEnum):
    """How far a file has come, as the ledger says."""

    LOADING = "loading"
    LOADED = "loaded"
    REJECTED = "rejected"
    FAILED = "failed"


class EntryWord(StrEnum):
    """What became of something in the quarantine; `any` stands for all of it."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ANY = "any"


READING_ACTIONS: Final = frozenset(IngestAction) - {IngestAction.QUARANTINE_DISCARD}
"""What only looks."""

GATEWAYS_AT_MOST: Final = 200
"""Gateways one question may be about: what they sent in a day is read in seconds."""
ROWS_AT_MOST: Final = 1000
"""Rows of one answer; Lambda carries 6 MB of it."""
OBJECTS_AT_MOST: Final = 2500
IDS_AT_MOST: Final = 1000
PIECE_BYTES_AT_MOST: Final = 3 * 1024 * 1024
"""Bytes of an object that one answer carries."""
LOAD_KEYS_AT_MOST: Final = 1000
"""Objects that one invocation of a loading function takes."""

STREAM_PREFIX: Final = "raw/source=iot/"
"""Under it lies what came by the stream."""
QUARANTINE_PREFIX: Final = "quarantine/"
GIVEN_UP_PREFIX: Final = "aws/lambda/"
"""Under it Lambda keeps batches of the stream that no retry could bring in; the name is AWS's."""
ENTRY_NOT_FOUND: Final = "ENTRY_NOT_FOUND"
OBJECT_GONE: Final = "OBJECT_GONE"

QUARANTINE_CHANGE: Final = "quarantine"
BACKFILL_CHANGE: Final = "backfill"
"""The kinds of changes that operators make to what was ingested."""
