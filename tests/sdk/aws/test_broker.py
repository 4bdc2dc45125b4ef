"""The broker against a real server: bodies, retries, counting, joining, and what goes wrong on the way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.aws import broker as broker_module
from smarterise_sdk.aws.broker import Broker
from smarterise_sdk.aws.session import ClientFactory, ClientTimeouts, default_timeouts
from smarterise_sdk.errors import (
    CredentialsError,
    Denied,
    InvalidDocument,
    NotFound,
    Throttled,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_sdk.settings import Settings
    from smarterise_sdk.stack import Stack

XML = '<?xml version="1.0"?><Error><Code>{}</Code><Message>told by the test</Message></Error>'
PLACE = {"Bucket": "smarterise-site-config", "Key": "site-tiers.json"}


def is_file(method: str, path: str) -> bool:
    return method == "GET" and "site-tiers.json" in path


def fault(proxy: Any, status: int | None, code: str = "", **more: Any) -> None:
    proxy.fail(is_file, status=status, body=XML.format(code).encode(), **more)


def test_bodies_are_read_whole(stack: Stack) -> None:
    response = stack.broker.call("s3", "get_object", **PLACE)
    assert isinstance(response["Body"], bytes)
    assert response["Body"].startswith(b"{")


def test_a_body_that_is_too_large_is_refused(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "MAX_BODY_BYTES", 10)
    with pytest.raises(InvalidDocument) as caught:
        stack.broker.call("s3", "get_object", **PLACE)
    assert caught.value.code == "TOO_LARGE"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", Denied),
        (400, "ExpiredToken", CredentialsError),
        (404, "NoSuchKey", NotFound),
    ],
)
def test_refusals_are_told_and_not_repeated(
    frail: Stack, proxy: Any, status: int, code: str, kind: type[Exception]
) -> None:
    fault(proxy, status, code)
    with pytest.raises(kind) as caught:
        frail.broker.call("s3", "get_object", **PLACE)
    assert "told by the test" in str(caught.value.why)  # type: ignore[attr-defined]
    assert frail.broker.stats().calls == 1


def test_throttling_is_retried_then_told_and_each_request_is_counted(frail: Stack, proxy: Any) -> None:
    fault(proxy, 503, "SlowDown")
    with pytest.raises(Throttled):
        frail.broker.call("s3", "get_object", **PLACE)
    stats = frail.broker.stats()
    assert (stats.calls, stats.throttled) == (3, 3)


def test_a_read_that_fails_once_is_tried_again(frail: Stack, proxy: Any) -> None:
    fault(proxy, 500, "InternalError", times=1)
    assert frail.broker.call("s3", "get_object", **PLACE)["Body"]
    stats = frail.broker.stats()
    assert (stats.calls, stats.throttled) == (2, 0)
    assert stats.p95_ms is not None
    assert stats.cost_usd == pytest.approx(0.0004 / 1000)


def test_a_connection_that_is_dropped_each_time_has_no_answer(frail: Stack, proxy: Any) -> None:
    fault(proxy, None)
    with pytest.raises(Unreachable) as caught:
        frail.broker.call("s3", "get_object", **PLACE)
    assert caught.value.code == "NO_ANSWER"


def test_a_server_that_is_too_slow_has_no_answer(proxy: Any, settings_for: Callable[..., Settings]) -> None:
    fault(proxy, 200, delay=2)
    factory = ClientFactory(settings_for(proxy.url), timeouts=lambda _: ClientTimeouts(0.3, 1))
    with pytest.raises(Unreachable) as caught:
        Broker(factory, read_only=True).call("s3", "get_object", **PLACE)
    assert caught.value.code == "NO_ANSWER"
    factory.close()


def test_a_body_that_breaks_off_has_no_answer(frail: Stack, proxy: Any) -> None:
    fault(proxy, 200, cut=True)
    with pytest.raises(Unreachable) as caught:
        frail.broker.call("s3", "get_object", **PLACE)
    assert caught.value.code == "NO_ANSWER"


def test_concurrent_identical_reads_are_one_request(frail: Stack, proxy: Any) -> None:
    together = threading.Barrier(8)
    arrived = threading.Event()
    proxy.before = lambda _method, path: arrived.wait(5) if "site-tiers.json" in path else None
    bodies = []

    def read() -> None:
        together.wait()
        bodies.append(frail.broker.call("s3", "get_object", **PLACE)["Body"])

    frail.broker.call("s3", "head_bucket", Bucket=PLACE["Bucket"])
    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    while frail.broker.stats().joined < 7:
        threading.Event().wait(0.005)
    arrived.set()
    for thread in threads:
        thread.join(10)
    assert len(bodies) == 8
    assert len(set(bodies)) == 1
    assert sum(is_file(*seen) for seen in proxy.seen) == 1


def test_the_pace_is_kept(home: Any, settings_for: Callable[..., Settings]) -> None:
    slept: list[float] = []
    factory = ClientFactory(settings_for(home.url))
    broker = Broker(
        factory, read_only=True, rates={("s3", "head_bucket"): 0.5}, clock=lambda: 0.0, sleep=slept.append
    )
    for number in range(12):
        broker.call("s3", "head_bucket", Bucket=PLACE["Bucket"])
        assert len(slept) == max(0, number - 9)
    assert slept == [pytest.approx(2), pytest.approx(4)]
    factory.close()


def test_clients_are_made_once_and_shared_by_threads(
    home: Any, settings_for: Callable[..., Settings]
) -> None:
    factory = ClientFactory(settings_for(home.url))
    made: list[Any] = []
    threads = [threading.Thread(target=lambda: made.append(factory.client("s3"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in made}) == 1
    assert factory.client("s3", writing=True) is not made[0]
    factory.close()
    assert factory.client("s3") is not made[0]
    factory.close()


def test_patience(home: Any, settings_for: Callable[..., Settings]) -> None:
    factory = ClientFactory(settings_for(home.url))
    reading: Any = factory.client("s3").meta.config
    writing: Any = factory.client("s3", writing=True).meta.config
    invoking: Any = factory.client("lambda").meta.config
    assert reading.retries == {"mode": "standard", "total_max_attempts": 3}
    assert writing.retries["total_max_attempts"] == 1
    assert invoking.retries["total_max_attempts"] == 1
    assert (reading.connect_timeout, reading.read_timeout, invoking.read_timeout) == (3, 15, 70)
    assert "smarterise-ops" in reading.user_agent_appid
    assert default_timeouts("cloudwatch").attempts == 3
    factory.close()
