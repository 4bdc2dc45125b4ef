"""Publishes the messages of all simulated gateways to the stack's IoT endpoint.

Gateways publish in every tier, as real ones do; the stream function filters by tier.
"""

from __future__ import annotations

import heapq
import http.client
import logging
import math
import threading
import time
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from smarterise_ops.local.simulation.measurements import speaks
from smarterise_ops.local.simulation.mqtt_payload import message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_ops.local.simulation.fleet import SimulatedSite
    from smarterise_ops.local.simulation.measurements import SimulatedTime
    from smarterise_sdk.domain.stack.names import StackNames

PUBLISH_EVERY = timedelta(seconds=10)
"""Message interval of a gateway at speed 1."""
LEAST_SECONDS = 1.0
"""Minimum interval: timestamps have a resolution of one second."""
FIRST_ROUND_SECONDS = 2.0
"""Time in which every gateway publishes once after the start."""
_NAP_SECONDS = 0.2

_log = logging.getLogger(__name__)


class Publisher:
    """Publishes for all gateways in one thread, in order of their due times."""

    def __init__(
        self,
        fleet: Sequence[SimulatedSite],
        topics_url: str,
        names: StackNames,
        *,
        seed: int,
        day: SimulatedTime,
    ) -> None:
        self._fleet = fleet
        self._names = names
        self._seed = seed
        self._slot = max(LEAST_SECONDS, PUBLISH_EVERY.total_seconds() / day.speed)
        self._day = day
        self._topics = _TopicsClient(topics_url)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopped.set()
        self._thread.join()
        self._topics.close()

    def _run(self) -> None:
        begun = time.monotonic()
        due = [
            (begun + FIRST_ROUND_SECONDS * turn / len(self._fleet), turn) for turn in range(len(self._fleet))
        ]
        while not self._stopped.is_set():
            when, turn = due[0]
            wait = when - time.monotonic()
            if wait > 0:
                self._stopped.wait(min(wait, _NAP_SECONDS))
                continue
            site = self._fleet[turn]
            now = time.monotonic()
            self._publish(site)
            heapq.heapreplace(due, (self._next_slot(site, now - begun) + begun, turn))

    def _next_slot(self, site: SimulatedSite, elapsed: float) -> float:
        """Return the gateway's next due time; gateways are spread over the interval by serial."""
        offset = zlib.crc32(site.gateway_serial.encode()) / 2**32 * self._slot
        return offset + (math.floor((elapsed - offset) / self._slot) + 1) * self._slot

    def _publish(self, site: SimulatedSite) -> None:
        # Whole seconds: log files have the same values at the same second.
        now = datetime.now(UTC).replace(microsecond=0)
        simulated = self._day.at(now)
        if not speaks(site, self._seed, simulated):
            return
        try:
            self._topics.publish(
                self._names.topic(site.gateway_serial), message(site, self._seed, simulated, now)
            )
        except (OSError, http.client.HTTPException) as error:
            if not self._stopped.is_set():
                _log.warning("publishing of %s failed: %s", site.gateway_serial, error)


class _TopicsClient:
    """Client of AWS IoT's HTTPS publish with one persistent connection."""

    def __init__(self, topics_url: str) -> None:
        parts = urlsplit(topics_url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish a message.

        Raises:
            OSError: If the endpoint is not reachable.
            http.client.HTTPException: If the response is an error or invalid.
        """
        try:
            self._connection.request("POST", f"{self._path}{quote(topic, safe='')}?qos=1", body=payload)
            response = self._connection.getresponse()
            body = response.read()
        except BaseException:
            self._connection.close()
            raise
        if response.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"{response.status} {body.decode(errors='replace')}")
