"""Deadline of a sweep: the remaining time of the invocation, less a reserve for finishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_TIMEOUT: Final = 1.0
MAX_TIMEOUT: Final = 30.0


class Deadline:
    """The time after which no new work is started.

    Args:
        remaining_ms: Returns the remaining time of the invocation, ms.
        reserve: Seconds kept back for saving the sweep's progress.
    """

    def __init__(self, remaining_ms: Callable[[], int], reserve: float) -> None:
        self._remaining_ms = remaining_ms
        self._reserve = reserve

    @property
    def remaining_s(self) -> float:
        """Remaining seconds; never negative."""
        return max(0.0, self._remaining_ms() / 1000 - self._reserve)

    @property
    def is_exceeded(self) -> bool:
        """Whether the deadline is exceeded."""
        return self.remaining_s <= 0.0

    @property
    def timeout(self) -> float:
        """Timeout of a single response, seconds, so that a stalled server does not use up the reserve."""
        return min(MAX_TIMEOUT, max(MIN_TIMEOUT, self.remaining_s))
