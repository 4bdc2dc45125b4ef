"""AWS IoT's HTTP publish endpoint, which applies the stack's topic rules.

ministack stores topic rules but does not run them. `POST /topics/<topic>?qos=1` has the form of AWS IoT's
HTTPS publish. Rules are read again every few seconds.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from smarterise_ops.local.emulator.topic_rules import (
    TopicRule,
    UnsupportedRuleError,
    problem_of_topic,
    substitute,
    topic_filter_of,
)
from smarterise_ops.local.servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_ops.local.clients import Clients

TOPICS_PATH = "/topics/"
MAX_PAYLOAD_BYTES = 128 * 1024
RULES_KEPT_SECONDS = 5.0
_SHUTDOWN_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


class TopicRules:
    """The topic rules and their actions; thread-safe."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._lock = threading.Lock()
        self._rules: tuple[TopicRule, ...] = ()
        self._read_at = float("-inf")
        self._logged: set[str] = set()
        self._actions: dict[str, Callable[[dict[str, str], str, bytes], None]] = {
            "kinesis": self._to_stream,
            "s3": self._to_bucket,
        }

    def publish(self, topic: str, payload: bytes) -> int:
        """Apply the matching rules to a message; return their number."""
        matching = [rule for rule in self._current() if rule.accepts(topic)]
        for rule in matching:
            for action in rule.actions:
                self._do(rule, action, topic, payload)
        return len(matching)

    def _do(self, rule: TopicRule, action: dict[str, dict[str, str]], topic: str, payload: bytes) -> None:
        try:
            self._carry_out(action, topic, payload)
        except Exception as error:  # noqa: BLE001 -- passed to the error action
            self._report(f"action {next(iter(action))} of topic rule {rule.name} failed: {error}")
            if rule.error_action:
                failure = {
                    "ruleName": rule.name,
                    "topic": topic,
                    "base64OriginalPayload": base64.b64encode(payload).decode("ascii"),
                    "failures": [{"failedAction": next(iter(action)), "errorMessage": str(error)}],
                }
                self._carry_out(rule.error_action, topic, json.dumps(failure).encode())

    def _carry_out(self, action: dict[str, dict[str, str]], topic: str, payload: bytes) -> None:
        ((kind, settings),) = action.items()
        carry_out = self._actions.get(kind)
        if carry_out is None:
            raise UnsupportedRuleError(f"actions of kind {kind} are not supported")
        carry_out(settings, topic, payload)

    def _to_stream(self, settings: dict[str, str], topic: str, payload: bytes) -> None:
        partition_key = substitute(settings.get("partitionKey", "${newuuid()}"), topic)
        self._clients.kinesis.put_record(
            StreamName=settings["streamName"], PartitionKey=partition_key, Data=payload
        )

    def _to_bucket(self, settings: dict[str, str], topic: str, payload: bytes) -> None:
        key = substitute(settings["key"], topic)
        self._clients.s3.put_object(Bucket=settings["bucketName"], Key=key, Body=payload)

    def _current(self) -> tuple[TopicRule, ...]:
        with self._lock:
            if time.monotonic() - self._read_at >= RULES_KEPT_SECONDS:
                self._rules = tuple(self._read())
                self._read_at = time.monotonic()
            return self._rules

    def _read(self) -> list[TopicRule]:
        rules = []
        for page in self._clients.iot.get_paginator("list_topic_rules").paginate():
            for listed in page["rules"]:
                name = listed["ruleName"]
                rule = self._clients.iot.get_topic_rule(ruleName=name)["rule"]
                if rule.get("ruleDisabled", False):
                    continue
                try:
                    rules.append(_parsed(name, dict(rule)))
                except UnsupportedRuleError as unsupported:
                    self._report(f"topic rule {name} is not applied: {unsupported}")
        return rules

    def _report(self, text: str) -> None:
        if text not in self._logged:  # log each message once
            self._logged.add(text)
            _log.warning(text)


def _parsed(name: str, rule: dict[str, Any]) -> TopicRule:
    return TopicRule(
        name=name,
        topic_filter=topic_filter_of(rule["sql"]),
        actions=tuple(rule["actions"]),
        error_action=rule.get("errorAction") or {},
    )


class IotEndpoint:
    """The HTTP endpoint for gateways."""

    def __init__(self, rules: TopicRules) -> None:
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.rules = rules
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), name="iot", daemon=True
        )

    @property
    def topics_url(self) -> str:
        """The URL before the URL-encoded topic."""
        return f"http://{LOOPBACK}:{self._server.server_port}{TOPICS_PATH}"

    def start(self) -> None:
        """Start the server."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    rules: TopicRules


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        content_length = self.headers.get("Content-Length", "")
        if not content_length.isdecimal():
            self.close_connection = True
            self._response(HTTPStatus.LENGTH_REQUIRED, "Content-Length required")
            return
        length = int(content_length)
        if length > MAX_PAYLOAD_BYTES:
            self.close_connection = True
            self._response(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_PAYLOAD_BYTES} bytes per message"
            )
            return
        payload = self.rfile.read(length)
        path = urlsplit(self.path).path
        if not path.startswith(TOPICS_PATH):
            self._response(HTTPStatus.NOT_FOUND, f"publish with POST {TOPICS_PATH}<topic>?qos=1")
            return
        topic = unquote(path.removeprefix(TOPICS_PATH))
        problem = problem_of_topic(topic)
        if problem:
            self._response(HTTPStatus.BAD_REQUEST, problem)
            return
        try:
            self.server.rules.publish(topic, payload)
        except Exception as error:  # noqa: BLE001 -- returned to the publisher
            _log.warning("message on %s lost: %s", topic, error)
            self._response(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            return
        self._response(HTTPStatus.OK, "OK")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name http.server uses
        """Log nothing: one line per message would fill the disk."""

    def _response(self, status: HTTPStatus, message: str) -> None:
        body = json.dumps({"message": message, "traceId": str(uuid.uuid4())}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
