"""Simulated gateways at work: how often they speak, and of what time."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from smarterise_ops.local.simulation.fleet import Fault, SimulatedSite, simulated_fleet
from smarterise_ops.local.simulation.measurements import SimulatedTime
from smarterise_ops.local.simulation.publisher import Publisher
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.names import StackNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = 7
NAMES = StackNames()
FLEET = tuple(replace(site, fault=None) for site in simulated_fleet(8, SEED))


class Topics(http.server.ThreadingHTTPServer):
    """An endpoint that remembers what came, or refuses everything."""

    daemon_threads = True

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.refusing = False
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/topics/"

    def counts(self) -> Counter[str]:
        return Counter(topic.removeprefix("accuenergy/") for topic, _ in self.messages)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Topics

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path, _, query = self.path.partition("?")
        assert query == "qos=1"
        if not self.server.refusing:
            self.server.messages.append((unquote(path.removeprefix("/topics/")), json.loads(body)))
        self.send_response(503 if self.server.refusing else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def topics() -> Iterator[Topics]:
    server = Topics()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def publish(topics: Topics) -> Iterator[Callable[..., Publisher]]:
    running: list[Publisher] = []

    def start(fleet: tuple[SimulatedSite, ...] = FLEET, speed: float = 10.0) -> Publisher:
        publisher = Publisher(
            fleet, topics.url, NAMES, seed=SEED, day=SimulatedTime(datetime.now(UTC), speed)
        )
        publisher.start()
        running.append(publisher)
        return publisher

    yield start
    for publisher in running:
        publisher.stop()


def test_every_site_publishes_at_once_and_then_at_the_interval(
    topics: Topics, publish: Callable[..., Publisher], eventually: Callable[..., Any]
) -> None:
    serials = {site.gateway_serial for site in FLEET}
    started = time.monotonic()
    publish()  # ten times as fast: once a second
    eventually(lambda: set(topics.counts()) == serials)
    eventually(lambda: min(topics.counts()[serial] for serial in serials) >= 4)
    most = max(topics.counts().values())
    assert most <= time.monotonic() - started + 2  # the first at once, and one that is under way


def test_messages_have_the_time_of_publication(
    topics: Topics, publish: Callable[..., Publisher], eventually: Callable[..., Any]
) -> None:
    before = int(time.time())
    publish(speed=1000.0)
    eventually(lambda: len(topics.messages) >= 50)
    stamps = [message["timestamp"] for _, message in topics.messages]
    assert before <= min(stamps)
    assert max(stamps) <= time.time()


def test_a_gateway_knows_nothing_of_tiers(
    topics: Topics, publish: Callable[..., Publisher], eventually: Callable[..., Any]
) -> None:
    fleet = tuple(
        replace(site, tier=Tier.NON_CRITICAL, enabled=turn > 0) for turn, site in enumerate(FLEET[:2])
    )
    publish(fleet)
    eventually(lambda: min(topics.counts()[site.gateway_serial] for site in fleet) >= 2, seconds=20)


def test_a_silent_gateway_is_silent(
    topics: Topics, publish: Callable[..., Publisher], eventually: Callable[..., Any]
) -> None:
    from smarterise_ops.local.simulation.measurements import speaks

    now = datetime.now(UTC)
    silent = next(
        candidate
        for candidate in (replace(site, fault=Fault.SILENT_GATEWAY) for site in simulated_fleet(60, SEED))
        if not any(speaks(candidate, SEED, now + timedelta(seconds=second)) for second in range(120))
    )
    fleet = (FLEET[0], silent)
    publish(fleet)
    eventually(lambda: topics.counts()[FLEET[0].gateway_serial] >= 3)
    assert set(topics.counts()) == {FLEET[0].gateway_serial}


def test_an_endpoint_that_refuses_does_not_end_the_gateways(
    topics: Topics, publish: Callable[..., Publisher], eventually: Callable[..., Any]
) -> None:
    topics.refusing = True
    publish()
    time.sleep(1)
    topics.refusing = False
    eventually(lambda: topics.counts()[FLEET[0].gateway_serial])
