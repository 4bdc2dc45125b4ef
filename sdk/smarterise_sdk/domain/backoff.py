"""Exponential backoff with full jitter, for retries of conflicting writes and throttled calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_EXPONENT = 1000
"""Keeps the power within the range of a float."""


def full_jitter(attempt: int, *, first: float, longest: float, chance: Callable[[], float]) -> float:
    """Return the pause before a further attempt, seconds.

    A random time up to min(longest, first * 2 ** attempt), so that writers that conflicted once are unlikely
    to conflict again. Source: AWS Architecture Blog, "Exponential Backoff And Jitter", "Full Jitter".

    Args:
        attempt: Number of the attempt, at least 0.
        first: Upper limit of the pause for attempt 0, seconds.
        longest: Upper limit of any pause, seconds.
        chance: Returns a random number from 0 to less than 1.
    """
    return chance() * min(longest, first * 2.0 ** min(attempt, _MAX_EXPONENT))
