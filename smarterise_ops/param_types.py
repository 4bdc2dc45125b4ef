"""Parsers of option values: durations (`30m`), times (`2026-03-01`, `6h` ago, `now`) and choices."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    Choice = TypeVar("Choice", bound=StrEnum)

_DURATION = re.compile(r"([0-9]+)([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAX_DIGITS = 12

TIME = "TIME"
"""The metavar of times."""
TIME_EXAMPLES = "2026-03-01T12:00Z, 2026-03-01 (UTC), 6h (ago), now"


def duration(longest: str) -> Callable[[str], timedelta]:
    """Return a parser of durations greater than zero.

    Args:
        longest: The maximum, e.g. `455d`.
    """
    maximum = _timedelta(longest)

    def parse(text: str) -> timedelta:
        value = _timedelta(text)
        if not timedelta(0) < value <= maximum:
            raise typer.BadParameter(
                f"Invalid duration {text!r}. Examples: 90s, 30m, 6h, 2d; at most {longest}"
            )
        return value

    return parse


def _timedelta(text: str) -> timedelta:
    match = _DURATION.match(text)
    # Numbers with more digits exceed every limit and overflow timedelta.
    seconds = int(match[1][:_MAX_DIGITS]) * _SECONDS[match[2]] if match else 0
    return timedelta(seconds=min(seconds, 10**9))


_AGO = duration("3650d")


def timestamp(text: str) -> datetime:
    """Parse a time; return it in UTC, which is also the default time zone.

    Raises:
        typer.BadParameter: If the text is not a time.
    """
    stripped = text.strip()
    if stripped.casefold() == "now":
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(stripped)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC) - _AGO(stripped)
    except typer.BadParameter:
        raise typer.BadParameter(f"Invalid time {text!r}. Examples: {TIME_EXAMPLES}") from None


def one_of(choices: type[Choice]) -> dict[str, Any]:
    """Return `typer.Option` arguments for a case-insensitive choice of an enum's values.

    Typer's own case-insensitive choice would show the values in lower case.
    """
    return {
        "parser": _parser(choices),
        "metavar": "|".join(choices),
        "autocompletion": lambda incomplete: [
            choice.value for choice in choices if choice.value.casefold().startswith(incomplete.casefold())
        ],
    }


def _parser(choices: type[Choice]) -> Callable[[str], Choice]:
    known = {choice.value.casefold(): choice for choice in choices}

    def parse(text: str) -> Choice:
        folded = text.strip().casefold()
        if folded in known:
            return known[folded]
        # Imported for the error message only.
        from difflib import get_close_matches

        near = get_close_matches(folded.replace("-", "_"), known, n=1)
        suggestion = f"; did you mean {known[near[0]]}?" if near else ""
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(choices)}{suggestion}")

    # Typer shows a parser's name where there is no metavar.
    parse.__name__ = choices.__name__
    return parse
