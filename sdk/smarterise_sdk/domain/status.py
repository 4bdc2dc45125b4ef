"""The eight status values used in every screen, table and check."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """A status. Glyph and word are always shown together; colour is only an addition."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    STALE = "stale"
    NO_DATA = "no data"
    DENIED = "denied"
    LOADING = "loading"
    UNKNOWN = "unknown"

    @property
    def glyph(self) -> str:
        """One character, one cell wide."""
        return _GLYPHS[self]

    @property
    def rank(self) -> int:
        """Sort position, worst first: 0 is the worst."""
        return _RANKS[self]

    @property
    def label(self) -> str:
        """Glyph and word, e.g. `▲ warn`."""
        return f"{self.glyph} {self.value}"


_GLYPHS = {
    Status.OK: "●",
    Status.WARN: "▲",
    Status.FAIL: "✖",
    Status.STALE: "◌",
    Status.NO_DATA: "∅",
    Status.DENIED: "⊘",
    Status.LOADING: "…",
    Status.UNKNOWN: "?",
}
_WORST_FIRST = (
    Status.FAIL,
    Status.DENIED,
    Status.NO_DATA,
    Status.STALE,
    Status.WARN,
    Status.UNKNOWN,
    Status.LOADING,
    Status.OK,
)
_RANKS = {status: rank for rank, status in enumerate(_WORST_FIRST)}
