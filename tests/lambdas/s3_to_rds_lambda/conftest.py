"""The files' function on real servers: uploads in, and what became of them out."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit

import psycopg
import pytest

from smarterise_lambdas.s3_to_rds_lambda import handler as file_handler
from smarterise_lambdas.s3_to_rds_lambda.event import ObjectRequest, Request
from smarterise_lambdas.s3_to_rds_lambda.load import load
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.database import Database
from smarterise_sdk.domain.log_files.names import data_lake_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_lambdas.s3_to_rds_lambda.load import ObjectResult

SERIAL = "AN54101471"
START = datetime(2025, 3, 20, 12, tzinfo=UTC)
NAME = f"{SERIAL}-logger1-2025-03-20T08-00-00-0400-1min.csv"
HEADER = "Time,Freq_Hz,V1,V2,V3,Psum_kW,EP_IMP_kWh"
MINUTE = timedelta(minutes=1)


@dataclass
class Context:
    """What Lambda tells a handler about its invocation."""

    function_name: str = "s3_to_rds_lambda"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-2:111122223333:function:s3_to_rds_lambda"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    ends_at: float = field(default_factory=lambda: time.monotonic() + 300)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends_at - time.monotonic()) * 1000))


@dataclass
class Loads:
    """The function, and what it works on."""

    bucket: str
    database_url: str
    namespace: str
    seconds: float = 300

    serial = SERIAL
    name = NAME
    start = START
    header = HEADER

    @staticmethod
    def rows(
        count: int,
        *,
        start: datetime = START,
        step: timedelta = MINUTE,
        voltage: float = 230.0,
        energy: float = 1000.0,
    ) -> list[str]:
        """Return rows of a gateway whose clock is 4 hours behind UTC."""
        local = start - timedelta(hours=4)
        return [
            f"{local + number * step:%Y-%m-%d %H:%M:%S},50.01,{voltage + number % 7:.1f},231.2,229.9,10.53,"
            f"{energy + number / 10:.1f}"
            for number in range(count)
        ]

    @staticmethod
    def log(lines: list[str], header: str = HEADER) -> bytes:
        """Return a log file."""
        return "\n".join([header, *lines, ""]).encode(errors="surrogateescape")

    def put(
        self, data: bytes, name: str = NAME, *, key: str | None = None, serial: str = SERIAL, **metadata: str
    ) -> str:
        """Upload a file as `ftp_to_s3` does; return its key."""
        digest = uuid.uuid5(uuid.NAMESPACE_OID, data.hex()).hex
        key = key or data_lake_key(serial, START.date(), name, digest)
        metadata.setdefault("original-name", "")
        kept = {name: value for name, value in metadata.items() if value}
        clients.s3().put_object(Bucket=self.bucket, Key=key, Body=data, Metadata=kept)
        return key

    def record(self, key: str, **entry: Any) -> dict[str, Any]:
        """Return the record of an S3 event that tells of a key."""
        found = clients.s3().head_object(Bucket=self.bucket, Key=key)
        described = {
            "key": quote_plus(key, safe="/"),
            "size": found["ContentLength"],
            "eTag": found["ETag"].strip('"'),
            "versionId": found.get("VersionId"),
            "sequencer": "0055AED6DCD90281E5",
        }
        return {
            "eventVersion": "2.6",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "eventTime": "2025-03-20T12:00:00.000Z",
            "s3": {"bucket": {"name": self.bucket}, "object": {**described, **entry}},
        }

    def invoke(self, event: Any) -> list[dict[str, Any]]:
        """Invoke the function; return what it says of each file. It must survive JSON, as it does on AWS."""
        context: Any = Context(ends_at=time.monotonic() + self.seconds)
        response = file_handler.handler(json.loads(json.dumps(event)), context)
        return list(json.loads(json.dumps(response))["files"])

    def deliver(self, *keys: str) -> list[dict[str, Any]]:
        """Deliver one event of these keys."""
        return self.invoke({"Records": [self.record(key) for key in keys]})

    def load(self, data: bytes, name: str = NAME, **options: Any) -> dict[str, Any]:
        """Upload a file and deliver its event; return what became of it."""
        (told,) = self.deliver(self.put(data, name, **options))
        return told

    def again(self, *keys: str) -> list[dict[str, Any]]:
        return self.invoke({"action": "load", "keys": list(keys), "reload": True})

    @staticmethod
    def restart() -> None:
        """Let the next invocation be a cold start."""
        restart()

    def within(self, remaining_s: Callable[[], float], *keys: str) -> list[ObjectResult]:
        """Load objects as another instance of the function would, by a clock of its own."""
        dependencies = replace(file_handler.dependencies(), database=Database())
        request = Request(tuple(ObjectRequest(self.bucket, key) for key in keys))
        with closing(dependencies.database):
            return load(request, dependencies, now=datetime.now(UTC), remaining_s=remaining_s)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def execute(self, statement: str, *values: Any) -> None:
        with psycopg.connect(self.database_url) as connection:
            connection.execute(statement.encode(), values or None)

    def hang_up(self) -> None:
        """Let the server cut all connections of the function, which does not notice before it uses one."""
        self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def readings(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT measured_at, voltage_a, source, device_serial FROM readings ORDER BY 1, 4")

    def ledger(self) -> dict[str, dict[str, Any]]:
        columns = [
            "key",
            "state",
            "attempts",
            "rows_loaded",
            "rows_identical",
            "rows_superseded",
            "rows_differing",
            "rows_rejected",
            "first_measured_at",
            "last_measured_at",
            "reason",
            "gateway_serial",
        ]
        found = self.query(f"SELECT {', '.join(columns)} FROM ingest_files")
        return {row[0]: dict(zip(columns, row, strict=True)) for row in found}

    def quarantine(self) -> list[tuple[Any, ...]]:
        """Return reason, rows, state and key of all that is in the quarantine."""
        return self.query("SELECT reason, rows, state, key FROM quarantine ORDER BY reason, key")

    def lines(self, key: str) -> list[dict[str, Any]]:
        body = clients.s3().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return [json.loads(line) for line in gzip.decompress(body).splitlines()]

    def points(self, metric: str, serial: str | None = None) -> list[float]:
        """Return the points of a metric, the oldest first."""
        dimensions: Any = [{"Name": "GatewaySerial", "Value": serial}] if serial else []
        now = datetime.now(UTC)
        found = clients.cloudwatch().get_metric_statistics(
            Namespace=self.namespace,
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=now - timedelta(days=15),
            EndTime=now + timedelta(hours=3),
            Period=60,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in sorted(found["Datapoints"], key=lambda point: point["Timestamp"])]

    def sites(self, sites: dict[str, dict[str, Any]], *, warm: bool = False) -> None:
        """Upload a site file; the function sees it at once, unless it is warm and has just looked."""
        body = json.dumps({"schema_version": 1, "sites": sites}).encode()
        clients.s3().put_object(Bucket=self.bucket, Key="site-tiers.json", Body=body)
        if not warm:
            restart()


def restart() -> None:
    """Let the next invocation be a cold start."""
    if file_handler.dependencies.cache_info().currsize:
        file_handler.dependencies().database.close()
    file_handler.dependencies.cache_clear()
    file_handler.maintenance.cache_clear()


@pytest.fixture
def loads(bucket: str, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loads]:
    """The function, with a database of its own and a site file of two sites."""
    namespace = f"Test{uuid.uuid4().hex}"
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("METRIC_NAMESPACE", namespace)
    restart()
    found = Loads(bucket, database_url, namespace)
    found.sites(
        {
            SERIAL: {"tier": "NON_CRITICAL", "timezone": "America/New_York"},
            "ehm21120333": {"tier": "CRITICAL", "timezone": "Africa/Lagos"},
        }
    )
    yield found
    restart()


class Faucet:
    """What lies between the function and S3: it can run dry in the middle of an answer."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._server = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._drops = 0
        self._after = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def run_dry(self, *, times: int, after: int) -> None:
        """Cut so many connections, each after so many bytes of what S3 sends."""
        self._drops, self._after = times, after

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pour, args=(server, client), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def _pour(self, source: socket.socket, target: socket.socket) -> None:
        poured = 0
        with suppress(OSError):
            while data := source.recv(4096):
                target.sendall(data)
                poured += len(data)
                with self._lock:
                    if self._drops and poured > self._after:
                        self._drops -= 1
                        break
        for each in (target, source):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def faucet(loads: Loads, aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faucet]:
    """A way to S3 that can run dry."""
    found = Faucet(aws_endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
    clients.s3.cache_clear()
    restart()
    yield found
    found.close()
    clients.s3.cache_clear()
    restart()
