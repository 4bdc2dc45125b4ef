"""How often to try again when several write at once: jittered, and within the time that is left."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRIES_AT_MOST: Final = 100
RESERVE_MS: Final = 1500
"""Time kept back, so that the last try ends with an answer and not with a timeout."""

_FIRST_PAUSE = 0.03
_LONGEST_PAUSE = 4.0


class Retries:
    """Iterate over tries; between two of them it waits a random while that grows with each.

    Attributes:
        made: How many tries were begun.
    """

    def __init__(
        self,
        remaining_ms: Callable[[], int],
        *,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._remaining_ms = remaining_ms
        self._pause = pause
        self._chance = chance
        self.made = 0

    def __iter__(self) -> Iterator[int]:
        for attempt in range(TRIES_AT_MOST):
            if attempt:
                # Full jitter: writers that met once must not meet again.
                wait = self._chance() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
                if self._remaining_ms() - wait * 1000 < RESERVE_MS:
                    return
                self._pause(wait)
            self.made += 1
            yield attempt
