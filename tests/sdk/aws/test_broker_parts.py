"""The broker's parts alone: pace, joining, count and price, payloads of functions."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.aws.lambda_payload import FUNCTION_ERROR, MAX_PAYLOAD_BYTES, encoded, payload_of
from smarterise_sdk.aws.operations import INVOKE, READS, WRITES, is_reading
from smarterise_sdk.aws.rate_limit import TokenBucket
from smarterise_sdk.aws.single_flight import SingleFlight
from smarterise_sdk.aws.usage import DURATIONS_KEPT, Ledger
from smarterise_sdk.errors import NotFound, RemoteFault, UsageError


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


# Pace -------------------------------------------------------------------------------------------


def test_a_burst_goes_at_once_then_the_rate_holds() -> None:
    clock = Clock()
    bucket = TokenBucket(rate=2, burst=3, clock=clock)
    assert [bucket.reserve() for _ in range(3)] == [0, 0, 0]
    assert bucket.reserve() == pytest.approx(0.5)
    assert bucket.reserve() == pytest.approx(1.0)
    clock.at += 1.0
    assert bucket.reserve() == pytest.approx(0.5)
    clock.at += 100
    assert [bucket.reserve() for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]


@given(st.floats(0.5, 50), st.integers(1, 20), st.lists(st.floats(0, 2), max_size=60))
def test_no_window_ever_sees_more_than_burst_and_rate(rate: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    times = []
    for pause in pauses:
        clock.at += pause
        times.append(clock.at + bucket.reserve())
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= burst + (times[last] - start) * rate + 1e-6


# Joining ----------------------------------------------------------------------------------------


class Gate:
    """A call that waits until it is let go, and counts."""

    def __init__(self, outcome: object = "answer") -> None:
        self.started = threading.Event()
        self.release = threading.Event()
        self.calls = 0
        self.outcome = outcome

    def __call__(self) -> object:
        self.calls += 1
        self.started.set()
        assert self.release.wait(10)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def run_in_threads(single_flight: SingleFlight[object], gate: Gate, followers: int) -> list[object]:
    """Return what a leader and its followers get, an exception as itself."""
    results: list[object] = []

    def ask() -> None:
        try:
            results.append(single_flight.run("what", gate))
        except BaseException as error:
            results.append(error)

    leader = threading.Thread(target=ask)
    leader.start()
    assert gate.started.wait(10)
    others = [threading.Thread(target=ask) for _ in range(followers)]
    for thread in others:
        thread.start()
    while single_flight.joined < followers:
        threading.Event().wait(0.001)
    gate.release.set()
    for thread in (leader, *others):
        thread.join(10)
    return results


def test_identical_calls_share_one_answer() -> None:
    single_flight, gate = SingleFlight[object](), Gate(object())
    results = run_in_threads(single_flight, gate, 5)
    assert gate.calls == 1
    assert results == [gate.outcome] * 6
    assert single_flight.joined == 5


def test_identical_calls_share_an_error() -> None:
    gate = Gate(NotFound("gone"))
    assert run_in_threads(SingleFlight[object](), gate, 3) == [gate.outcome] * 4


def test_an_interrupt_strikes_only_the_thread_it_is_meant_for() -> None:
    results = run_in_threads(SingleFlight[object](), Gate(KeyboardInterrupt()), 2)
    assert sorted(type(result).__name__ for result in results) == [
        "KeyboardInterrupt",
        "RemoteFault",
        "RemoteFault",
    ]


def test_nothing_is_kept_after_the_answer() -> None:
    single_flight = SingleFlight[int]()
    assert [single_flight.run("what", lambda number=number: number) for number in range(3)] == [0, 1, 2]  # type: ignore[misc]
    assert single_flight.joined == 0


def test_a_read_after_a_write_never_shares_one_from_before() -> None:
    single_flight, gate = SingleFlight[object](), Gate("old")
    results: list[object] = []
    early = threading.Thread(target=lambda: results.append(single_flight.run("what", gate)))
    early.start()
    assert gate.started.wait(10)
    single_flight.separate()
    assert single_flight.run("what", lambda: "new") == "new"
    gate.release.set()
    early.join(10)
    assert results == ["old"]


def test_different_questions_are_not_joined() -> None:
    single_flight, gate = SingleFlight[object](), Gate("slow")
    thread = threading.Thread(target=lambda: single_flight.run("one", gate))
    thread.start()
    assert gate.started.wait(10)
    assert single_flight.run("another", lambda: "quick") == "quick"
    gate.release.set()
    thread.join(10)


# Count and price ----------------------------------------------------------------------------------


def test_counting() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    assert ledger.stats(0).p95_ms is None
    ledger.attempted(response=(SimpleNamespace(status_code=200), {}))
    ledger.attempted(response=(SimpleNamespace(status_code=400), {"Error": {"Code": "ThrottlingException"}}))
    ledger.attempted(response=(SimpleNamespace(status_code=429), {"Error": {"Code": "New"}}))
    ledger.attempted(response=None, caught_exception=OSError())
    clock.at += 59
    assert (ledger.stats(7).calls_last_minute, ledger.stats(7).joined) == (4, 7)
    clock.at += 2
    stats = ledger.stats(0)
    assert (stats.calls, stats.calls_last_minute, stats.throttled) == (4, 0, 2)


def test_the_95th_percentile_is_of_the_last_calls() -> None:
    ledger = Ledger(Clock())
    for milliseconds in range(1, 101):
        ledger.answered(milliseconds / 1000, 0)
    assert ledger.stats(0).p95_ms == pytest.approx(96)
    for _ in range(DURATIONS_KEPT):
        ledger.answered(0.001, 0)
    assert ledger.stats(0).p95_ms == pytest.approx(1)


def test_cost_an_hour_follows_the_last_five_minutes() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.answered(0.1, 0.01)
    assert ledger.stats(0).cost_usd_per_hour == pytest.approx(0.6)
    clock.at += 240
    ledger.answered(0.1, 0.01)
    assert ledger.stats(0).cost_usd_per_hour == pytest.approx(0.02 / 240 * 3600)
    clock.at += 100
    assert ledger.stats(0).cost_usd_per_hour == pytest.approx(0.01 / 300 * 3600)
    clock.at += 1000
    stats = ledger.stats(0)
    assert stats.cost_usd == pytest.approx(0.02)
    assert stats.cost_usd_per_hour == 0


def test_metrics_are_priced_by_the_metric_and_calls_by_the_call() -> None:
    metric_data = READS["cloudwatch", "get_metric_data"]
    assert metric_data.price_of({"MetricDataQueries": [{}] * 1000}) == pytest.approx(0.01)
    assert READS["s3", "get_object"].price_of({}) == pytest.approx(0.0004 / 1000)
    assert READS["sts", "get_caller_identity"].price_of({}) == 0


def test_targets_and_actions() -> None:
    get_object = READS["s3", "get_object"]
    assert get_object.target_of({"Bucket": "b", "Key": "k", "VersionId": "v"}) == "s3://b/k"
    assert get_object.action_of({"VersionId": "v"}) == "s3:GetObjectVersion"
    assert get_object.action_of({}) == "s3:GetObject"
    assert INVOKE.target_of({"FunctionName": "f", "Payload": b"{}"}) == "function f"
    assert READS["lambda", "list_functions"].target_of({}) == ""
    assert all(
        operation.rate > 0 and operation.burst >= 1 for operation in (*READS.values(), *WRITES.values())
    )


# Payloads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "reads"),
    [
        ({"action": "get_config"}, True),
        ({"action": "get_site", "gateway_serial": "x"}, True),
        ({"action": "list_sites"}, True),
        ({"action": "history"}, True),
        ({"action": "update_sites", "dry_run": True}, True),
        ({"action": "update_sites"}, False),
        ({"action": "update_sites", "dry_run": False}, False),
        ({"action": "update_sites", "dry_run": 1}, False),
        ({"action": "update_sites", "dry_run": "true"}, False),
        ({"action": "rollback", "version_id": "v"}, False),
        ({"action": "delete_everything"}, False),
        ({"action": ["get_config"]}, False),
        ({"action": None}, False),
        ({}, False),
    ],
)
def test_what_only_reads(payload: dict[str, Any], reads: bool) -> None:
    assert is_reading(payload) is reads


def test_equal_payloads_are_equal_bytes() -> None:
    assert encoded({"b": 1, "a": [2]}) == encoded({"a": [2], "b": 1})


@pytest.mark.parametrize(
    "value", [float("nan"), {1, 2}, "x" * (MAX_PAYLOAD_BYTES + 1)], ids=["nan", "set", "size"]
)
def test_payloads_that_cannot_be_sent(value: Any) -> None:
    with pytest.raises(UsageError):
        encoded({"value": value})


def response(payload: bytes, **more: Any) -> dict[str, Any]:
    return {"Payload": payload, "ResponseMetadata": {"RequestId": "req-9"}, **more}


def test_a_reply_is_an_object() -> None:
    assert payload_of("f", response(b'{"ok": true}'), "/log") == {"ok": True}


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'"text"', b"{", b"\xff", b"[" * 100_000])
def test_replies_that_are_none(payload: bytes) -> None:
    with pytest.raises(RemoteFault) as caught:
        payload_of("f", response(payload), "/aws/lambda/f")
    assert "/aws/lambda/f" in caught.value.remedy
    assert caught.value.request_id == "req-9"


def test_a_fault_of_the_function_is_told_with_its_own_words() -> None:
    said = {"errorType": "KeyError", "errorMessage": "'tier' password=hunter2 \x1b[31m", "stackTrace": ["x"]}
    with pytest.raises(RemoteFault) as caught:
        payload_of("f", response(json.dumps(said).encode(), FunctionError="Unhandled"), "/aws/lambda/f")
    error = caught.value
    assert error.code == FUNCTION_ERROR
    assert error.why.startswith("KeyError: 'tier'")
    assert "hunter2" not in error.why
    assert "\x1b" not in error.why
    assert "aws logs filter-log-events --log-group-name /aws/lambda/f" in error.remedy


@pytest.mark.parametrize(("payload", "why"), [(b"plain words", "plain words"), (b"{}", "nothing about why")])
def test_a_fault_without_json(payload: bytes, why: str) -> None:
    with pytest.raises(RemoteFault) as caught:
        payload_of("f", response(payload, FunctionError="Handled"), "/log")
    assert why in caught.value.why
