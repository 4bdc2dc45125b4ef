"""Values of options as one types them: durations (`30m`), times (`2026-03-01`, `6h` ago, `now`), choices."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    Word = TypeVar("Word", bound=StrEnum)

_DURATION = re.compile(r"([0-9]+)([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST_DIGITS = 12

TIME = "MOMENT"
"""How help names what is to be typed."""
TIME_HELP = "e.g. 2026-03-01T12:00Z, 2026-03-01 (UTC), 6h (ago) or now"


def duration(longest: str) -> Callable[[str], timedelta]:
    """Return what reads a span of more than nothing.

    Args:
        longest: The longest that is taken, e.g. `455d`.
    """
    most = _timedelta(longest)

    def parse(text: str) -> timedelta:
        found = _timedelta(text)
        if not timedelta(0) < found <= most:
            raise typer.BadParameter(f"{text!r} is no span such as 90s, 30m, 6h or 2d, of at most {longest}")
        return found

    return parse


def _timedelta(text: str) -> timedelta:
    match = _DURATION.match(text)
    # More digits than this are more than any limit, and more than a timedelta holds.
    seconds = int(match[1][:_MOST_DIGITS]) * _SECONDS[match[2]] if match else 0
    return timedelta(seconds=min(seconds, 10**9))


_AGO = duration("3650d")


def timestamp(text: str) -> datetime:
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
        raise typer.BadParameter(f"{text!r} is no moment: {TIME_HELP}") from None


def one_of(words: type[Word]) -> dict[str, Any]:
    """Return what makes an option take one of an enum's words: to be given on to `typer.Option`.

    Typer's own choice tells the words in lower case once it takes them in either.
    """
    return {
        "parser": _parser(words),
        "metavar": "|".join(words),
        "autocompletion": lambda incomplete: [
            word.value for word in words if word.value.casefold().startswith(incomplete.casefold())
        ],
    }


def _parser(words: type[Word]) -> Callable[[str], Word]:
    known = {word.value.casefold(): word for word in words}

    def parse(text: str) -> Word:
        folded = text.strip().casefold()
        if folded in known:
            return known[folded]
        # Loaded for those who mistype only.
        from difflib import get_close_matches

        near = get_close_matches(folded.replace("-", "_"), known, n=1)
        meant = f"; did you mean {known[near[0]]}?" if near else ""
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(words)}{meant}")

    # Typer shows a parser's name where there is no metavar.
    parse.__name__ = words.__name__
    return parse
