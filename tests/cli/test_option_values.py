"""Parsers of option values: durations and choices, and their error messages."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import pytest
import typer

from smarterise_ops.param_types import duration, one_of
from smarterise_sdk.domain.sites.model import Tier

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("6h", 21_600), ("2d", 172_800), ("455d", 455 * 86_400)]
)
def test_durations(text: str, seconds: int) -> None:
    assert duration("455d")(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "-5m", "0s", "1.5h", "456d", "9" * 40 + "d", "5 m", "٣m", "5m\n"]
)
def test_invalid_durations(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="at most 455d"):
        duration("455d")(text)


class Fruit(StrEnum):
    PLUM = "Plum"
    PEAR = "Pear"


@pytest.mark.parametrize(
    ("message", "text", "word"),
    [
        (Tier, "CRITICAL", Tier.CRITICAL),
        (Tier, " critical", Tier.CRITICAL),
        (Tier, "Non_Critical", Tier.NON_CRITICAL),
        (Fruit, "PLUM", Fruit.PLUM),
    ],
)
def test_words_in_either_case(message: type[StrEnum], text: str, word: StrEnum) -> None:
    assert one_of(message)["parser"](text) is word


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CRITICL", "'CRITICL' is not one of CRITICAL, NON_CRITICAL; did you mean CRITICAL?"),
        ("noncritical", "'noncritical' is not one of CRITICAL, NON_CRITICAL; did you mean NON_CRITICAL?"),
        ("non-critical", "'non-critical' is not one of CRITICAL, NON_CRITICAL; did you mean NON_CRITICAL?"),
        ("high", "'high' is not one of CRITICAL, NON_CRITICAL"),
        ("", "'' is not one of CRITICAL, NON_CRITICAL"),
    ],
)
def test_what_is_none_of_the_words(text: str, message: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        one_of(Tier)["parser"](text)
    assert refused.value.message == message


def test_words_are_completed_in_either_case() -> None:
    complete = one_of(Tier)["autocompletion"]
    assert complete("") == ["CRITICAL", "NON_CRITICAL"]
    assert complete("non") == ["NON_CRITICAL"]


def test_a_mistyped_tier_is_told_as_tiers_are_written(cli: Run) -> None:
    done = cli("sites", "set-tier", "AN54101471", "--to", "NONCRITICAL")
    assert done.returncode == 2
    what, remedy = done.stderr.splitlines()
    assert what.startswith(
        "error: invalid value for '--to': 'NONCRITICAL' is not one of CRITICAL, NON_CRITICAL"
    )
    assert what.endswith("did you mean NON_CRITICAL?")
    assert remedy == "try: smarterise-ops sites set-tier --help"
    missing = cli("sites", "set-tier", "AN54101471")
    assert missing.stderr.splitlines()[0] == "error: missing option '--to'"
