"""Journal of the changes made from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smarterise_sdk.journal.entries import JournalEntry, JournalOutcome, JournalReading
    from smarterise_sdk.journal.store import Journal, operator

__all__ = ["Journal", "JournalEntry", "JournalOutcome", "JournalReading", "operator"]


def __getattr__(name: str) -> object:
    """Return a public name; its module is loaded on first use."""
    if name in {"JournalEntry", "JournalOutcome", "JournalReading"}:
        from smarterise_sdk.journal import entries

        return vars(entries)[name]
    if name in {"Journal", "operator"}:
        from smarterise_sdk.journal import store

        return vars(store)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
