"""Directories that the servers make outside a stack's data directory."""

from __future__ import annotations

EXTRA_DIR_PREFIX = "smarterise-"
"""Prefix of directories outside the data directory; only such directories are removed."""
