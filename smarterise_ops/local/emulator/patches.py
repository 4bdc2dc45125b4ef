"""The AWS emulator's process: ministack with corrections; run by `server`.

ministack is pinned to one version, because its internals are patched. Each correction below documents the
behaviour of AWS. If a patched name is missing, the process exits with a message; a test runs each correction.
"""

from __future__ import annotations

import contextvars
import json
import os.path
import threading
import time
from collections import defaultdict
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions
from ministack.services import cloudwatch, cloudwatch_logs, eventbridge, kinesis, lambda_svc, sns

if TYPE_CHECKING:
    from collections.abc import Callable

FULL_RESOLUTION_SECONDS = 3600.0
"""Younger metric points are kept unchanged; older ones become one statistic set per minute.

CloudWatch does the same after three hours; here memory is limited.
"""
METRICS_KEPT_SECONDS = 14 * 86_400.0
STREAM_KEPT_SECONDS = 600.0
"""Records that every mapping has read are dropped after this long (AWS: after the retention period)."""
LOG_STREAMS_KEPT_SECONDS = 3 * 3600.0
_HOUSEKEEPING_SECONDS = 60.0
_ROLL_UP_SECONDS = 60

EVENTS_AT_ONCE = 2
"""Maximum concurrent asynchronous invocations of a function; others are queued, as in AWS."""

_polling = threading.local()
_is_queued = contextvars.ContextVar("is_queued", default=False)
_turns: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(EVENTS_AT_ONCE))


def correct() -> None:
    """Apply the corrections."""
    _replace(cloudwatch, "_evaluate_alarm", _leave_alarm)
    _replace(cloudwatch, "_evaluate_all_alarms", _leave_alarms)
    _replace(cloudwatch, "_evict_old_metrics", _Every(_HOUSEKEEPING_SECONDS, _keep_house))
    _replace(kinesis, "_expire_records", _leave_records)
    _wrap(lambda_svc, "_execute_function", _counting_item_failures)
    _wrap(lambda_svc, "_execute_function", _in_turn)
    _wrap(lambda_svc, "invoke_async_with_retry", _queueing)
    _wrap(sns, "_deliver_to_lambda", _queueing)
    _replace(eventbridge, "_dispatch_to_lambda", _dispatch_as_event)
    _wrap(lambda_svc, "_poll_kinesis", _polling_when_due)
    _wrap(iam_actions, "request_tag_context", _knowing_namespace)
    _wrap(iam_actions, "extract_resource_arn", _naming_resources)


def _leave_alarm(_alarm: Any) -> None:
    """Do nothing: `alarm_evaluator` evaluates alarms."""


def _leave_alarms() -> None:
    """Do nothing; see `_leave_alarm`. It would run at every PutMetricData."""


def _leave_records(_stream: Any) -> None:
    """Do nothing: `_drop_read_records` drops records and adjusts the mappings' positions."""


def _counting_item_failures(original: Callable[..., Any]) -> Callable[..., Any]:
    """Handle `batchItemFailures` of a stream by delivering the batch again.

    AWS restarts at the first failed record; here the whole batch is redelivered (at-least-once either way).
    """

    def execute(function: Any, event: Any) -> Any:
        result = original(function, event)
        body = result.get("body")
        if getattr(_polling, "kinesis", False) and isinstance(body, dict) and body.get("batchItemFailures"):
            count = len(body["batchItemFailures"])
            why = {"errorType": "BatchItemFailures", "errorMessage": f"{count} records failed"}
            return {**result, "error": True, "body": why}
        return result

    return execute


def _queueing(original: Callable[..., None]) -> Callable[..., None]:
    """Set a context variable for asynchronous invocations, which `_in_turn` reads."""

    def invoke(*arguments: Any) -> None:
        before = _is_queued.set(True)
        try:
            original(*arguments)
        finally:
            _is_queued.reset(before)

    return invoke


def _dispatch_as_event(arn: str, payload: str) -> None:
    """Invoke scheduled functions asynchronously, queued and with retries, as AWS does."""
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if function and config:
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))


def _in_turn(original: Callable[..., Any]) -> Callable[..., Any]:
    """Queue asynchronous invocations: ministack would start one process for each."""

    def execute(function: Any, event: Any) -> Any:
        if not _is_queued.get():
            return original(function, event)
        name = str((function.get("config") or function).get("FunctionName"))
        with _turns[name]:
            # The function may call itself for another account or region: that is not queued again.
            before = _is_queued.set(False)
            try:
                return original(function, event)
            finally:
                _is_queued.reset(before)

    return execute


def _polling_when_due(original: Callable[[], bool]) -> Callable[[], bool]:
    """Poll only after `MaximumBatchingWindowInSeconds`, as AWS does."""

    def poll() -> bool:
        if not any(_due(*mapping) for mapping in _kinesis_mappings()):
            return False
        _polling.kinesis = True
        try:
            return original()
        finally:
            _polling.kinesis = False
            _drop_read_records()

    return poll


def _knowing_namespace(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Provide the IAM condition key `cloudwatch:namespace`."""

    def context(service: str, action: str, body: bytes, parameters: Any) -> dict[str, Any]:
        known = original(service, action, body, parameters)
        if action == "cloudwatch:PutMetricData":
            return {**known, "cloudwatch:namespace": _namespace_in(body)}
        return known

    return context


def _namespace_in(body: bytes) -> str:
    """Return the namespace of a PutMetricData request, JSON or form-encoded."""
    if body[:1] == b"{":
        return str(json.loads(body).get("Namespace", ""))
    return parse_qs(body.decode(errors="replace")).get("Namespace", [""])[0]


def _naming_resources(original: Callable[..., str]) -> Callable[..., str]:
    """Provide resource ARNs of alarms, rules and SES identities for IAM; ministack uses `*`.

    AWS checks every alarm of a call; here their common prefix is checked. Rules of the default bus have no
    bus in their ARN. The resource of an e-mail is the sender's identity.
    """

    def resource(service: str, *request: Any) -> str:
        known = original(service, *request)
        _method, _path, _headers, body, _query, region, account = request
        if service == "monitoring":
            names = _values_in(body, "AlarmNames")
            if names:
                shared = os.path.commonprefix(names)  # noqa: RUF071 -- of names, and no paths
                alarms = names[0] if len(names) == 1 else f"{shared}*"
                return f"arn:aws:cloudwatch:{region}:{account}:alarm:{alarms}"
        if service == "events":
            rules = _values_in(body, "Rule")
            rule_arn = f"arn:aws:events:{region}:{account}:rule/"
            return rule_arn + rules[0] if rules else known.replace("rule/default/", "rule/")
        if service == "ses":
            senders = _values_in(body, "FromEmailAddress")
            if senders:
                return f"arn:aws:ses:{region}:{account}:identity/{parseaddr(senders[0])[1]}"
        return known

    return resource


def _values_in(body: bytes, name: str) -> list[str]:
    """Return a member of a JSON or form-encoded request as a list."""
    if body[:1] == b"{":
        value = json.loads(body).get(name) or []
        return [str(one) for one in value] if isinstance(value, list) else [str(value)]
    form = parse_qs(body.decode(errors="replace"))
    return [value for key, values in form.items() if key.split(".")[0] == name for value in values]


def _kinesis_mappings() -> list[tuple[dict[str, Any], dict[str, int] | None, dict[str, Any]]]:
    """Return (mapping, its positions by shard, its stream) of each enabled mapping on a stream."""
    found = []
    for (account, region, mapping_id), mapping in lambda_svc._esms.all_items():
        stream_name = str(mapping.get("EventSourceArn", "")).partition(":stream/")[2]
        stream = kinesis._streams.get_scoped(account, region, stream_name)
        if stream is not None and mapping.get("Enabled", True):
            positions = lambda_svc._kinesis_positions.get_scoped(account, region, mapping_id)
            found.append((mapping, positions, stream))
    return found


def _due(mapping: dict[str, Any], positions: dict[str, int] | None, stream: dict[str, Any]) -> bool:
    if positions is None:  # never polled: the first poll sets the positions
        return True
    ripe = time.time() - float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    for shard_id, shard in stream["shards"].items():
        unread = shard["records"][positions.get(shard_id, 0) :]
        if unread and (
            len(unread) >= mapping.get("BatchSize", 100) or unread[0]["ApproximateArrivalTimestamp"] <= ripe
        ):
            return True
    return False


def _drop_read_records() -> None:
    """Drop old records that every mapping has read, and adjust positions; only in the poller's thread."""
    horizon = time.time() - STREAM_KEPT_SECONDS
    mappings = _kinesis_mappings()
    for stream in {id(stream): stream for _, _, stream in mappings}.values():
        read_by = [positions for _, positions, read in mappings if read is stream]
        for shard_id, shard in stream["shards"].items():
            read = min((positions or {}).get(shard_id, 0) for positions in read_by)
            records = shard["records"]
            drop = next(
                (at for at in range(read) if records[at]["ApproximateArrivalTimestamp"] >= horizon), read
            )
            if drop == 0:
                continue
            del records[:drop]
            for positions in read_by:
                if positions is not None:
                    positions[shard_id] -= drop
            for iterator in list(kinesis._shard_iterators.values()):
                if iterator["stream"] == stream["StreamName"] and iterator["shard_id"] == shard_id:
                    iterator["position"] = max(0, iterator["position"] - drop)


def _keep_house() -> None:
    """Limit memory: roll up old metric points, drop old log streams."""
    now = time.time()
    for key, points in cloudwatch._metrics.all_items():
        kept = thinned(points, now)
        if kept:
            cloudwatch._metrics._data[key] = kept
        else:
            del cloudwatch._metrics._data[key]
    horizon = (now - LOG_STREAMS_KEPT_SECONDS) * 1000
    for _, group in cloudwatch_logs._log_groups.all_items():
        for name, stream in list(group["streams"].items()):
            if (stream["lastEventTimestamp"] or stream["creationTime"]) < horizon:
                del group["streams"][name]


def thinned(points: list[dict[str, Any]], now: float) -> list[dict[str, Any]]:
    """Return a series with old points rolled up per minute and the oldest dropped.

    Args:
        points: Points of one series in ministack's format, in any order.
        now: Current time, seconds since the epoch.
    """
    full_from = (now - FULL_RESOLUTION_SECONDS) // _ROLL_UP_SECONDS * _ROLL_UP_SECONDS
    kept_from = now - METRICS_KEPT_SECONDS
    minutes: dict[float, list[dict[str, Any]]] = {}
    recent = []
    for point in points:
        if point["Timestamp"] >= full_from:
            recent.append(point)
        elif point["Timestamp"] >= kept_from:
            minute = point["Timestamp"] // _ROLL_UP_SECONDS * _ROLL_UP_SECONDS
            minutes.setdefault(minute, []).append(point)
    return [_rolled_up(minute, of_minute) for minute, of_minute in sorted(minutes.items())] + recent


def _rolled_up(minute: float, points: list[dict[str, Any]]) -> dict[str, Any]:
    if len(points) == 1:
        return points[0]
    statistics = cloudwatch._calc_stats(points)
    return {**points[0], "Timestamp": minute, "Value": statistics["Average"], "_stat": statistics}


class _Every:
    """A callable that runs a function at most once per interval."""

    def __init__(self, seconds: float, work: Callable[[], None]) -> None:
        self._seconds = seconds
        self._work = work
        self._next = time.monotonic() + seconds

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._seconds
            self._work()


def _replace(module: Any, name: str, by: Any) -> None:
    if not hasattr(module, name):
        raise SystemExit(
            f"ministack {app._version()} has no {module.__name__}.{name}: not the pinned version"
        )
    setattr(module, name, by)


def _wrap(module: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
    _replace(module, name, wrapper(getattr(module, name, None)))


if __name__ == "__main__":
    correct()
    app.main()
