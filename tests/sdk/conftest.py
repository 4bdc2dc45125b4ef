"""One AWS emulator a test process, with the site-config bucket and the real `site-config-manager` in it.

Tests of one process run one after another; each begins with a fresh site file, and faults are injected by a
proxy between the SDK and the emulator.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from smarterise_lambdas.bundle import source_zip
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.functions import spec_of
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.settings import Environment, EnvironmentKind, Settings
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

KEYS = {"AWS_ACCESS_KEY_ID": "111122223333", "AWS_SECRET_ACCESS_KEY": "test"}
REGION = "eu-west-2"
NAMES = StackNames()
ROLE = f"arn:aws:iam::111122223333:role/{NAMES.role(NAMES.site_config_manager)}"
SITES = {
    "ehm21120333": {"tier": "CRITICAL", "name": "Yaba Market", "note": "kept"},
    "AN54101471": {"tier": "NON_CRITICAL", "enabled": True, "nominal_voltage": 240},
    "AN10220456": {"tier": "CRITICAL", "enabled": False},
}


@dataclass
class Fault:
    """What happens to a request instead of being forwarded, or after it.

    Attributes:
        matches: Which requests, by method and path with query.
        times: How often.
        status: Answer with this status, headers and body; without one the connection is closed.
        forward: Whether the request reaches the emulator first.
        delay: Seconds to wait before anything is answered.
        cut: Whether the answer breaks off before its end.
    """

    matches: Callable[[str, str], bool]
    times: int = 10_000
    status: int | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    forward: bool = False
    delay: float = 0.0
    cut: bool = False


class Proxy(ThreadingHTTPServer):
    """Forwards to the emulator, counts, and goes wrong as told."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forwarder)
        self.target = target.removeprefix("http://")
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda _method, _path: None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fail(self, matches: Callable[[str, str], bool], **how: Any) -> Fault:
        """Have the requests that match go wrong from now on; returns the fault, to end it."""
        fault = Fault(matches, **how)
        with self._lock:
            self.faults.append(fault)
        return fault

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.seen.append((method, path))
            for fault in self.faults:
                if fault.times > 0 and fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients that hang up are part of the tests."""


class _Forwarder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault_for(self.command, self.path)
        self.server.before(self.command, self.path)
        response = self._forwarded(body) if fault is None or fault.forward else None
        if fault is not None:
            time.sleep(fault.delay)
            if fault.status is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            response = (fault.status, fault.headers, fault.body)
        assert response is not None
        status, headers, content = response
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        is_cut = fault is not None and fault.cut
        self.send_header("Content-Length", str(len(content) + 100 * is_cut))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection = self.close_connection or is_cut

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def _forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("expect", "connection")}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        dropped = ("content-length", "transfer-encoding", "connection", "date", "server")
        kept = {k: v for k, v in response.getheaders() if k.lower() not in dropped}
        content = response.read()
        connection.close()
        return response.status, kept, content

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Home:
    """The emulated account: AWS's side of things, for arranging and for looking behind the SDK's back."""

    url: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs list services one by one
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )

    def put_file(self, content: bytes | dict[str, Any]) -> str:
        body = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
        put = self.client("s3").put_object(
            Bucket=NAMES.site_config_bucket, Key=NAMES.site_config_key, Body=body
        )
        return str(put["ETag"])

    def file(self) -> Any:
        got = self.client("s3").get_object(Bucket=NAMES.site_config_bucket, Key=NAMES.site_config_key)
        return json.loads(got["Body"].read())

    def forget_file(self) -> None:
        """Delete every version of the file."""
        s3 = self.client("s3")
        listed = s3.list_object_versions(Bucket=NAMES.site_config_bucket)
        for version in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
            s3.delete_object(
                Bucket=NAMES.site_config_bucket, Key=version["Key"], VersionId=version["VersionId"]
            )

    def put_alarm(self, name: str, *, on: bool = True, actions: Sequence[str] = ()) -> None:
        """Make an alarm with its actions on or off."""
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            ActionsEnabled=on,
            AlarmActions=actions,
            Namespace=NAMES.metric_namespace,
            MetricName="VoltagePhase_A",
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=200,
            ComparisonOperator="LessThanThreshold",
        )

    def forget_alarms(self) -> None:
        """Delete every alarm."""
        cloudwatch = self.client("cloudwatch")
        pages = cloudwatch.get_paginator("describe_alarms").paginate()
        names = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
        cloudwatch.delete_alarms(AlarmNames=names)


@pytest.fixture(scope="session")
def emulator(start_emulator: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The emulator with bucket, role and function; use `home` in tests."""
    server = start_emulator(tmp_path_factory.mktemp("aws"))
    home = Home(server.endpoint)
    try:
        _provision(home)
        yield home
    finally:
        server.stop()


def _provision(home: Home) -> None:
    s3 = home.client("s3")
    s3.create_bucket(
        Bucket=NAMES.site_config_bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    s3.put_bucket_versioning(Bucket=NAMES.site_config_bucket, VersioningConfiguration={"Status": "Enabled"})
    iam, function = home.client("iam"), NAMES.site_config_manager
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=NAMES.role(function), AssumeRolePolicyDocument=_policy(trust))
    bucket = f"arn:aws:s3:::{NAMES.site_config_bucket}"
    on_object = ["s3:GetObject", "s3:PutObject", "s3:GetObjectVersion"]
    iam.put_role_policy(
        RoleName=NAMES.role(function),
        PolicyName=NAMES.role_policy(function),
        PolicyDocument=_policy(
            {"Effect": "Allow", "Action": on_object, "Resource": f"{bucket}/*"},
            {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:ListBucketVersions"], "Resource": bucket},
        ),
    )
    home.client("lambda").create_function(
        FunctionName=NAMES.site_config_manager,
        Runtime="python3.12",
        Role=ROLE,
        Handler=spec_of(NAMES.site_config_manager).handler,
        Code={"ZipFile": source_zip(NAMES.site_config_manager)},
        Timeout=30,
        Environment={
            "Variables": {
                "SITE_CONFIG_BUCKET": NAMES.site_config_bucket,
                "SITE_CONFIG_KEY": NAMES.site_config_key,
            }
        },
    )

    _provision_schedules(home)


def _provision_schedules(home: Home) -> None:
    """Make the scheduled rules by which both tiers are collected."""
    events = home.client("events")
    for tier, schedule in ((Tier.CRITICAL, "cron(0/15 * * * ? *)"), (Tier.NON_CRITICAL, "cron(0 * * * ? *)")):
        rule = NAMES.sweep_rule(tier)
        events.put_rule(Name=rule, ScheduleExpression=schedule)
        collector = f"arn:aws:lambda:{REGION}:111122223333:function:{NAMES.ftp_to_s3}"
        target = {"Id": "collector", "Arn": collector, "Input": json.dumps({"site_tier": tier.value})}
        events.put_targets(Rule=rule, Targets=[target])


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in the environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def home(emulator: Home, keys: None) -> Home:
    """The emulated account with a fresh site file."""
    emulator.forget_file()
    emulator.put_file({"schema_version": 1, "updated_by": "the test", "sites": SITES, "owner": "ops"})
    return emulator


@pytest.fixture
def proxy(home: Home) -> Iterator[Proxy]:
    """A proxy in front of the emulated account, to make things go wrong."""
    server = Proxy(home.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    """Make settings for an endpoint; anything can be replaced."""

    def make(endpoint_url: str | None, **changes: Any) -> Settings:
        values: dict[str, Any] = {
            "environment": Environment("local", EnvironmentKind.LOCAL, "cyan"),
            "profile": None,
            "region": REGION,
            "endpoint_url": endpoint_url,
            "read_only": False,
            "names": NAMES,
            "journal_dir": tmp_path / "journal",
        }
        return Settings(**values | changes)

    return make


@pytest.fixture
def stack(home: Home, settings_for: Callable[..., Settings]) -> Iterator[Stack]:
    """A stack that talks to the emulator."""
    with Stack(settings_for(home.url)) as made:
        yield made


@pytest.fixture
def frail(proxy: Proxy, settings_for: Callable[..., Settings]) -> Iterator[Stack]:
    """A stack that talks through the proxy."""
    with Stack(settings_for(proxy.url)) as made:
        yield made
