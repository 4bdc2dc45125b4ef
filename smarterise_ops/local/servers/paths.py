"""Directories that the servers make outside a stack's data directory."""

from __future__ import annotations

EXTRA_DIR_PREFIX = "smarterise-"
"""How every directory begins that a stack makes outside its data directory; nothing else is ever removed."""
