"""Counts what was asked of AWS: requests, throttling, time, money."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smarterise_sdk.aws.errors import THROTTLING_CODES

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE_S = 60.0
COST_WINDOW_S = 300.0
DURATIONS_KEPT = 500
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class BrokerStats:
    """What the broker has done since it was made.

    Attributes:
        calls: Requests sent, repetitions included.
        calls_last_minute: Those of the last 60 seconds.
        joined: Reads that shared the answer of an identical one.
        throttled: Requests that AWS turned away for being too many.
        p95_ms: 95th percentile of the last 500 calls' time to answer, in ms; `None` before the first.
        cost_usd: What AWS takes for the calls so far (list prices).
        cost_usd_per_hour: The same an hour, at the pace of the last five minutes.
    """

    calls: int
    calls_last_minute: int
    joined: int
    throttled: int
    p95_ms: float | None
    cost_usd: float
    cost_usd_per_hour: float


class Ledger:
    """The running count. Safe in threads.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._started = clock()
        self._calls = 0
        self._throttled = 0
        self._cost = 0.0
        self._request_times: deque[float] = deque()
        self._costs: deque[tuple[float, float]] = deque()
        self._durations: deque[float] = deque(maxlen=DURATIONS_KEPT)

    def attempted(self, response: Any = None, **_: Any) -> None:
        """Count one request; a listener of botocore's `needs-retry` event, which comes after each."""
        http, parsed = response if response is not None else (None, {})
        code = parsed.get("Error", {}).get("Code")
        turned_away = code in THROTTLING_CODES or getattr(http, "status_code", None) == TOO_MANY_REQUESTS
        with self._lock:
            self._calls += 1
            self._throttled += turned_away
            self._request_times.append(self._clock())
            self._forget()

    def answered(self, duration_s: float, cost_usd: float) -> None:
        """Count one call that has come to an end, well or not."""
        with self._lock:
            self._durations.append(duration_s)
            self._cost += cost_usd
            if cost_usd:
                self._costs.append((self._clock(), cost_usd))
            self._forget()

    def stats(self, joined: int) -> BrokerStats:
        """Return the count so far."""
        with self._lock:
            self._forget()
            running_s = min(COST_WINDOW_S, max(MINUTE_S, self._clock() - self._started))
            recent = sum(cost for _, cost in self._costs)
            return BrokerStats(
                self._calls,
                len(self._request_times),
                joined,
                self._throttled,
                _p95_ms(sorted(self._durations)),
                self._cost,
                recent * 3600 / running_s,
            )

    def _forget(self) -> None:
        now = self._clock()
        while self._request_times and self._request_times[0] <= now - MINUTE_S:
            self._request_times.popleft()
        while self._costs and self._costs[0][0] <= now - COST_WINDOW_S:
            self._costs.popleft()


def _p95_ms(ordered: list[float]) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] * 1000 if ordered else None
