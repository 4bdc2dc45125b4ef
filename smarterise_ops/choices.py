"""Options that take one of a few words, in either case: told as they are written, with the one meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    Word = TypeVar("Word", bound=StrEnum)


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
