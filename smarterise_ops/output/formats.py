"""The formats of data, out and in. Apart from what writes and reads them, so that options cost nothing."""

from __future__ import annotations

from enum import StrEnum


class OutputFormat(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    YAML = "yaml"


class UpdateFormat(StrEnum):
    """How an update file is written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
