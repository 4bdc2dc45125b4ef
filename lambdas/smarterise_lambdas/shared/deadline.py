"""How much time a sweep has: the function's own, less what it needs to end well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_TIMEOUT: Final = 1.0
MAX_TIMEOUT: Final = 30.0


class Deadline:
    """The moment after which nothing new is begun.

    Args:
        remaining_ms: What Lambda says is left of the invocation, ms.
        reserve: Seconds kept back for writing down how far the sweep has come.
    """

    def __init__(self, remaining_ms: Callable[[], int], reserve: float) -> None:
        self._remaining_ms = remaining_ms
        self._reserve = reserve

    @property
    def left(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self._remaining_ms() / 1000 - self._reserve)

    @property
    def is_over(self) -> bool:
        """Whether it has come."""
        return self.left <= 0.0

    @property
    def timeout(self) -> float:
        """Seconds to wait for any one answer: a server that stalls must not eat up the reserve too."""
        return min(MAX_TIMEOUT, max(MIN_TIMEOUT, self.left))
