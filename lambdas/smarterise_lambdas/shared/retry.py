"""Retries with full jitter, limited by the remaining time of the invocation."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.backoff import full_jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_ATTEMPTS: Final = 100
RESERVE_MS: Final = 1500
"""Time kept back, so that the last attempt ends with a response instead of a timeout."""

_FIRST_PAUSE_S: Final = 0.03
_LONGEST_PAUSE_S: Final = 4.0


class Retries:
    """Iterates over attempts, with a random growing pause before each further one.

    Attributes:
        attempts: Number of attempts started.
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
        self.attempts = 0

    def __iter__(self) -> Iterator[int]:
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                wait = full_jitter(
                    attempt, first=_FIRST_PAUSE_S, longest=_LONGEST_PAUSE_S, chance=self._chance
                )
                if self._remaining_ms() - wait * 1000 < RESERVE_MS:
                    return
                self._pause(wait)
            self.attempts += 1
            yield attempt
