"""Output and input formats, separate from their writers and readers for fast imports."""

from __future__ import annotations

from enum import StrEnum


class OutputFormat(StrEnum):
    """Output formats."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    YAML = "yaml"


class UpdateFormat(StrEnum):
    """Formats of update files."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
