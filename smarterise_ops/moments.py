"""Moments as one types them: `2026-03-01`, `2026-03-01T12:00Z`, `6h` ago, `now`."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from smarterise_ops.spans import span

MOMENT = "MOMENT"
"""How help names what is to be typed."""
MOMENT_HELP = "e.g. 2026-03-01T12:00Z, 2026-03-01 (UTC), 6h (ago) or now"
_AGO = span("3650d")


def moment(text: str) -> datetime:
    """Return a moment, UTC; what says no zone is UTC.

    Raises:
        typer.BadParameter: It is none.
    """
    word = text.strip()
    if word.casefold() == "now":
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(word)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC) - _AGO(word)
    except typer.BadParameter:
        raise typer.BadParameter(f"{text!r} is no moment: {MOMENT_HELP}") from None
