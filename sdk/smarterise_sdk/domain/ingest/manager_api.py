"""Actions, states and limits of the function `ingest-manager`, shared with its callers."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class IngestAction(StrEnum):
    """Actions of `ingest-manager`."""

    GATEWAYS = "gateways"
    """List the gateways known to the database."""
    STATUS = "status"
    GAPS = "gaps"
    FILES = "files"
    QUARANTINE_LIST = "quarantine_list"
    QUARANTINE_SHOW = "quarantine_show"
    QUARANTINE_DISCARD = "quarantine_discard"
    OBJECTS = "objects"
    """List objects of the data lake, for a backfill."""


class FileState(StrEnum):
    """State of a file in the file ledger."""

    LOADING = "loading"
    LOADED = "loaded"
    REJECTED = "rejected"
    FAILED = "failed"


class EntryState(StrEnum):
    """State of a quarantine entry; `any` matches all."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ANY = "any"


READING_ACTIONS: Final = frozenset(IngestAction) - {IngestAction.QUARANTINE_DISCARD}
"""Actions that change nothing."""

GATEWAYS_AT_MOST: Final = 200
"""Maximum number of gateways in a request; their readings of a day are read within seconds."""
ROWS_AT_MOST: Final = 1000
"""Maximum number of rows in a response; Lambda limits responses to 6 MB."""
OBJECTS_AT_MOST: Final = 2500
IDS_AT_MOST: Final = 1000
PIECE_BYTES_AT_MOST: Final = 3 * 1024 * 1024
"""Maximum number of bytes of an object in a response."""
LOAD_KEYS_AT_MOST: Final = 1000
"""Maximum number of objects per invocation of a loading function."""

STREAM_PREFIX: Final = "raw/source=iot/"
"""Key prefix of readings from the stream."""
QUARANTINE_PREFIX: Final = "quarantine/"
GIVEN_UP_PREFIX: Final = "aws/lambda/"
"""Key prefix where Lambda stores failed stream batches after all retries; defined by AWS."""
ENTRY_NOT_FOUND: Final = "ENTRY_NOT_FOUND"
OBJECT_GONE: Final = "OBJECT_GONE"

QUARANTINE_CHANGE: Final = "quarantine"
BACKFILL_CHANGE: Final = "backfill"
"""Kinds of changes to ingested data."""
