"""The corrections to ministack: memory stays bounded, positions stay true, a wrong version ends at once."""

from __future__ import annotations

import contextvars
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import cloudwatch, kinesis, lambda_svc

from smarterise_ops.local.emulator import patches

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT, REGION = "123456789012", "eu-west-2"
STREAM_ARN = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"


def point(at: float, value: float) -> dict[str, Any]:
    return {"Timestamp": at, "Value": value, "Unit": "None", "Dimensions": {"GatewaySerial": "S"}}


def test_old_points_become_one_a_minute_and_keep_their_statistics() -> None:
    now = 1_800_000_000.0
    old = [point(now - 7200 + second, float(second)) for second in range(0, 120, 10)]
    recent = [point(now - 600, 5.0), point(now - 590, 6.0)]
    kept = patches.thinned([*old, *recent], now)
    assert kept[-2:] == recent
    before, after = cloudwatch._calc_stats([*old, *recent]), cloudwatch._calc_stats(kept)
    assert after == pytest.approx(before)
    minutes = {point["Timestamp"] // 60 for point in old}
    assert len(kept) == len(minutes) + len(recent)
    assert {point["Timestamp"] // 60 for point in kept[:-2]} == minutes


def test_thinning_twice_changes_nothing_more() -> None:
    now = 1_800_000_000.0
    once = patches.thinned([point(now - 7200 + second, second) for second in range(300)], now)
    assert patches.thinned(once, now) == once


def test_points_older_than_two_weeks_are_dropped() -> None:
    now = 1_800_000_000.0
    assert patches.thinned([point(now - 15 * 86_400, 1.0)], now) == []


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A stream of one shard with a mapping on it, in ministack's own stores."""
    now = time.time()
    records = [{"ApproximateArrivalTimestamp": now - 1000 + at, "n": at} for at in range(900)]
    stream = {"StreamName": "s", "StreamARN": STREAM_ARN, "shards": {"shard-0": {"records": records}}}
    mapping = {"EventSourceArn": STREAM_ARN, "BatchSize": 10, "MaximumBatchingWindowInSeconds": 1}
    positions = {"shard-0": 0}
    key = (ACCOUNT, REGION)
    monkeypatch.setattr(kinesis._streams, "_data", {(*key, "s"): stream})
    monkeypatch.setattr(lambda_svc._esms, "_data", {(*key, "m"): mapping})
    monkeypatch.setattr(lambda_svc._kinesis_positions, "_data", {(*key, "m"): positions})
    iterators = {"it": {"stream": "s", "shard_id": "shard-0", "position": 700}}
    monkeypatch.setattr(kinesis, "_shard_iterators", iterators)
    return SimpleNamespace(
        records=records, mapping=mapping, positions=positions, stream=stream, iterator=iterators["it"]
    )


def test_records_are_dropped_when_old_and_read_and_positions_follow(stream: SimpleNamespace) -> None:
    stream.positions["shard-0"] = 600
    next_record = stream.records[600]
    patches._drop_read_records()
    assert stream.records[stream.positions["shard-0"]] is next_record
    assert stream.records[0]["n"] in (400, 401)  # younger ones stay, though they are read
    assert stream.records[stream.iterator["position"]]["n"] == 700


def test_unread_records_are_never_dropped(stream: SimpleNamespace) -> None:
    patches._drop_read_records()
    assert len(stream.records) == 900
    stream.positions["shard-0"] = 100
    patches._drop_read_records()
    assert stream.records[0]["n"] == 100
    assert stream.positions["shard-0"] == 0


def test_the_slowest_of_two_mappings_decides(stream: SimpleNamespace) -> None:
    slow = {"shard-0": 50}
    lambda_svc._esms._data[(ACCOUNT, REGION, "slow")] = {"EventSourceArn": STREAM_ARN}
    lambda_svc._kinesis_positions._data[(ACCOUNT, REGION, "slow")] = slow
    stream.positions["shard-0"] = 300
    patches._drop_read_records()
    assert stream.records[0]["n"] == 50
    assert slow == {"shard-0": 0}
    assert stream.positions == {"shard-0": 250}


@pytest.mark.parametrize(
    ("unread", "age", "due"),
    [(0, 0.0, False), (1, 0.2, False), (1, 1.5, True), (9, 0.2, False), (10, 0.0, True)],
)
def test_a_batch_is_due_when_full_or_old_enough(
    stream: SimpleNamespace, unread: int, age: float, due: bool
) -> None:
    stream.records[:] = [{"ApproximateArrivalTimestamp": time.time() - age} for _ in range(unread)]
    assert patches._due(stream.mapping, stream.positions, stream.stream) is due


def test_a_mapping_never_polled_is_due(stream: SimpleNamespace) -> None:
    assert patches._due(stream.mapping, None, stream.stream)


def test_failed_items_fail_the_batch_of_a_stream_but_no_direct_call() -> None:
    response = {"body": {"batchItemFailures": [{"itemIdentifier": "1"}]}}
    execute = patches._counting_item_failures(lambda function, event: response)
    assert execute({}, {}) == response
    patches._polling.kinesis = True
    try:
        assert execute({}, {})["error"] is True
        response = {"body": {"batchItemFailures": []}}
        assert "error" not in execute({}, {})
    finally:
        patches._polling.kinesis = False


def test_events_of_a_function_wait_for_their_turn_and_direct_calls_do_not() -> None:
    under_way, most, done = 0, 0, threading.Semaphore(0)
    lock = threading.Lock()

    def run(_function: Any, event: Any) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.05)
        with lock:
            under_way -= 1
        done.release()

    execute = patches._in_turn(run)

    def start(function: Any, event: Any) -> None:
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(execute, function, event)).start()

    send = patches._queueing(start)
    for _ in range(6):
        send({"config": {"FunctionName": "in-turn"}}, {})
    for _ in range(6):
        assert done.acquire(timeout=5)
    assert most == patches.EVENTS_AT_ONCE
    most = 0
    for _ in range(6):
        start({"FunctionName": "in-turn"}, {})
    for _ in range(6):
        assert done.acquire(timeout=5)
    assert most > patches.EVENTS_AT_ONCE


@pytest.mark.parametrize(
    ("body", "namespace"),
    [
        (b'{"Namespace": "SmartMeterMetrics", "MetricData": []}', "SmartMeterMetrics"),
        (b"Action=PutMetricData&Namespace=Smart%2FMeters", "Smart/Meters"),
        (b"\xa1", ""),
    ],
)
def test_the_namespace_of_a_request_is_known_to_policies(body: bytes, namespace: str) -> None:
    context = patches._knowing_namespace(lambda *_: {"aws:tagkeys": None})
    assert context("monitoring", "cloudwatch:PutMetricData", body, {}) == {
        "aws:tagkeys": None,
        "cloudwatch:namespace": namespace,
    }
    assert "cloudwatch:namespace" not in context("monitoring", "cloudwatch:ListMetrics", body, {})


@pytest.mark.parametrize(
    ("service", "body", "resource"),
    [
        ("monitoring", b'{"AlarmNames": ["smartmeter-A1-x"]}', "cloudwatch:R:A:alarm:smartmeter-A1-x"),
        ("monitoring", b'{"AlarmNames": ["meter-1-x", "meter-2-x"]}', "cloudwatch:R:A:alarm:meter-*"),
        ("monitoring", b'{"AlarmNames": ["smartmeter-A1-x", "other"]}', "cloudwatch:R:A:alarm:*"),
        ("monitoring", b"Action=EnableAlarmActions&AlarmNames.member.1=a-1", "cloudwatch:R:A:alarm:a-1"),
        ("events", b'{"Rule": "critical-sites-x"}', "events:R:A:rule/critical-sites-x"),
        ("events", b'{"Name": "critical-sites-x"}', "events:R:A:rule/critical-sites-x"),
        ("ses", b'{"FromEmailAddress": "Alarms <alarms@a.example>"}', "ses:R:A:identity/alarms@a.example"),
    ],
)
def test_policies_can_name_alarms_rules_and_senders(service: str, body: bytes, resource: str) -> None:
    named = patches._naming_resources(lambda *_: "arn:aws:events:R:A:rule/default/critical-sites-x")
    assert named(service, "POST", "/", {}, body, {}, "R", "A") == f"arn:aws:{resource}"


@pytest.mark.parametrize("body", [b'{"AlarmNamePrefix": "smartmeter-"}', b"", b"\xa1"])
def test_calls_on_no_alarm_in_particular_are_calls_on_any(body: bytes) -> None:
    named = patches._naming_resources(lambda *_: "*")
    assert named("monitoring", "POST", "/", {}, body, {}, "R", "A") == "*"
    assert named("s3", "PUT", "/", {}, b'{"AlarmNames": ["x"]}', {}, "R", "A") == "*"


def test_a_schedule_invokes_as_an_event_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    invoked: list[tuple[Any, Any]] = []
    monkeypatch.setattr(lambda_svc, "invoke_async_with_retry", lambda *told: invoked.append(told))
    found = {"arn:f": ({"code": 1}, {"FunctionName": "f"}, "f")}
    monkeypatch.setattr(
        lambda_svc, "_get_func_record_for_ref", lambda arn: found.get(arn, (None, None, "gone"))
    )
    monkeypatch.setattr(lambda_svc, "_execution_record_for_config", lambda function, config: config)
    patches._dispatch_as_event("arn:f", '{"site_tier": "CRITICAL"}')
    patches._dispatch_as_event("arn:gone", "{}")
    assert invoked == [({"FunctionName": "f"}, {"site_tier": "CRITICAL"})]


def test_another_version_of_ministack_ends_the_process_with_words() -> None:
    code = (
        "from ministack.services import cloudwatch; del cloudwatch._evict_old_metrics\n"
        "from smarterise_ops.local.emulator import patches; patches.correct()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not the pinned version" in done.stderr
    assert "Traceback" not in done.stderr


def test_housekeeping_runs_once_in_a_while() -> None:
    calls: list[int] = []
    every = patches._Every(0.05, lambda: calls.append(1))
    every()
    assert calls == []
    time.sleep(0.06)
    every()
    every()
    assert calls == [1]
