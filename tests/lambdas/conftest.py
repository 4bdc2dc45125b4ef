"""Real servers for the functions: an AWS emulator and PostgreSQL, one of each a test process.

Every test has a bucket, a metric namespace and a database of its own, so tests neither meet nor clean up.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest

from smarterise_lambdas.kinesis_to_s3_rds import handler as stream_handler
from smarterise_lambdas.migrations.runner import migrate
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.database import Connection, connect
from smarterise_lambdas.site_config_manager import handler as manager_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "111122223333",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-2",
}


@pytest.fixture(scope="session")
def aws_endpoint(
    start_emulator: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of an AWS emulator."""
    server = start_emulator(tmp_path_factory.mktemp("aws"), __file__.replace("conftest", "emulator"))
    yield server.endpoint
    server.stop()


@pytest.fixture(scope="session")
def postgres(start_postgres: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server."""
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


def new_database(server: str, *, template: str = "template1") -> str:
    """Make a database; return its URL. Copying its files takes half the time of logging all that is in it."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY".encode())
    return f"{server.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def migrated_template(postgres: Any) -> str:
    """The name of a database with the schema, to make others of."""
    url = new_database(postgres.url)
    migrate(url)
    return url.rpartition("/")[2]


@pytest.fixture
def empty_database_url(postgres: Any) -> str:
    """The URL of a database with nothing in it."""
    return new_database(postgres.url)


@pytest.fixture
def database_url(postgres: Any, migrated_template: str) -> str:
    """The URL of a database with the schema, and no rows."""
    return new_database(postgres.url, template=migrated_template)


class Wire:
    """A proxy between a function and its database that can inject faults."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = url.replace(f":{parts.port}/", f":{port}/")
        self._fault: tuple[bytes, bool] | None = None
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, on: bytes, *, delivered: bool) -> None:
        """Cut the connection once, when the client sends these bytes.

        Args:
            on: What the client sends, e.g. `COMMIT`.
            delivered: Whether the server still receives them; its response is lost in any case.
        """
        self._fault = (on, delivered)

    def refuse(self) -> None:
        """Refuse all further connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._open += [client, server]
            for source, target, sends in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=(source, target, sends), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, sends: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if sends and self._fault and self._fault[0] in data:
                    delivered, self._fault = self._fault[1], None
                    source.shutdown(socket.SHUT_RDWR)
                    if delivered:
                        target.sendall(data)
                        target.shutdown(socket.SHUT_WR)
                        return
                    break
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    """A way to a database with the schema, that can be cut."""
    wire = Wire(database_url)
    yield wire
    wire.close()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection to a database with the schema, and no rows."""
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def bucket(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty, versioned bucket; the environment is that of a function which owns it."""
    name = f"test-{uuid.uuid4().hex}"
    for variable, value in (ACCOUNT | {"AWS_ENDPOINT_URL": aws_endpoint}).items():
        monkeypatch.setenv(variable, value)
    for client in (clients.s3, clients.cloudwatch, clients.events):
        client.cache_clear()
    clients.s3().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    clients.s3().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("SITE_CONFIG_BUCKET", name)
    monkeypatch.setenv("DATA_LAKE_BUCKET", name)
    return name


@dataclass
class Context:
    """The context of a Lambda invocation."""

    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-2:111122223333:function:function"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    ends_at: float = field(default_factory=lambda: time.monotonic() + 30)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends_at - time.monotonic()) * 1000))


@pytest.fixture
def context() -> Context:
    """An invocation with 30 seconds left."""
    return Context()


@dataclass
class Pipeline:
    """The stream's function with sinks of its own, and eyes on each of them."""

    bucket: str
    database_url: str
    namespace: str
    context: Context

    def deliver(self, *payloads: bytes, first: int = 1) -> dict[str, Any]:
        """Invoke the handler with these payloads as one batch; return its response."""
        return self.handle(stream_event(*payloads, first=first))

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        return dict(stream_handler.handler(event, cast("LambdaContext", self.context)))

    def event(self, *payloads: bytes) -> dict[str, Any]:
        return stream_event(*payloads)

    def keys(self, prefix: str) -> list[str]:
        found = clients.s3().list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def points(self, metric: str, serial: str | None, at: datetime) -> list[float]:
        """Return the averages of one metric around a time, by exact dimensions.

        One a minute, from the minute before: what was published is looked for a little later.
        """
        site: DimensionTypeDef = {"Name": "GatewaySerial", "Value": serial or ""}
        start = datetime.fromtimestamp((at.timestamp() // 60 - 1) * 60, UTC)
        response = boto3.client("cloudwatch").get_metric_statistics(
            Namespace=self.namespace,
            MetricName=metric,
            Dimensions=[site] if serial else [],
            StartTime=start,
            EndTime=datetime.fromtimestamp(start.timestamp() + 180, UTC),
            Period=60,
            Statistics=["Average"],
        )
        return [point["Average"] for point in response["Datapoints"]]


@pytest.fixture
def pipeline(
    bucket: str, database_url: str, context: Context, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """The stream's function, ready to be given batches."""
    namespace = f"Test{uuid.uuid4().hex}"
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("METRIC_NAMESPACE", namespace)
    stream_handler.sinks.cache_clear()
    stream_handler.maintenance.cache_clear()
    yield Pipeline(bucket, database_url, namespace, context)
    stream_handler.sinks().database.close()
    stream_handler.sinks.cache_clear()
    stream_handler.maintenance.cache_clear()


def stream_event(*payloads: bytes, first: int = 1) -> dict[str, Any]:
    """Return the event of a batch whose sequence numbers count up from `first`."""
    return {
        "Records": [
            {
                "eventSource": "aws:kinesis",
                "eventSourceARN": "arn:aws:kinesis:eu-west-2:111122223333:stream/device-data-stream",
                "eventID": f"shardId-000000000000:{sequence}",
                "awsRegion": "eu-west-2",
                "kinesis": {
                    "partitionKey": "AN54101471",
                    "sequenceNumber": str(sequence),
                    "data": base64.b64encode(payload).decode(),
                    "approximateArrivalTimestamp": time.time(),
                },
            }
            for sequence, payload in enumerate(payloads, first)
        ]
    }


@pytest.fixture
def message() -> Callable[..., bytes]:
    """Make payloads of the real firmware's dialect."""

    def make(
        serial: str = "AN54101471", at: float | None = None, voltage: float = 230, **extra: Any
    ) -> bytes:
        readings = [
            *({"param": f"V{phase}", "value": f"{voltage + phase:.1f}", "unit": "V"} for phase in (1, 2, 3)),
            {"param": "Psum", "value": "10530", "unit": "W"},
            {"param": "Freq_Hz", "value": "50.01", "unit": "Hz"},
            {"param": "LoadType", "value": "L", "unit": ""},
        ]
        device = {"name": "", "model": "Acuvim-L", "serial": "CLD00000001", "online": True}
        document = {
            "timestamp": int(time.time() if at is None else at),
            "gateway": {"name": "AXM-WEB2", "model": "AXM-WEB2", "serial": serial},
            "device": {**device, "readings": readings, **extra},
        }
        return json.dumps(document).encode()

    return make


SAMPLE: dict[str, Any] = {
    "schema_version": 1,
    "updated_at": "2026-03-01T12:00:00Z",
    "updated_by": "hand",
    "reason": "",
    "note": {"kept": [1, 2.5, None]},
    "sites": {
        "ehm21120333": {"tier": "CRITICAL", "asset_id": "C001", "colour": "blue"},
        "AN54101471": {"tier": "NON_CRITICAL", "enabled": False},
    },
}


class SiteFile:
    """The site file as an operator with the AWS CLI sees it."""

    sample = SAMPLE

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket

    def upload(self, content: object) -> str:
        body = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
        return clients.s3().put_object(Bucket=self.bucket, Key="site-tiers.json", Body=body)["ETag"]

    def read(self) -> bytes:
        return clients.s3().get_object(Bucket=self.bucket, Key="site-tiers.json")["Body"].read()

    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.read()))

    def versions(self) -> int:
        return len(clients.s3().list_object_versions(Bucket=self.bucket).get("Versions", []))


@pytest.fixture
def file(bucket: str) -> SiteFile:
    """The site file; there is none yet."""
    return SiteFile(bucket)


@pytest.fixture
def invoke(bucket: str, context: Any) -> Callable[..., dict[str, Any]]:
    """Invoke the handler; its response must be valid JSON, as on AWS."""

    def call(action: str | None = None, **fields: Any) -> dict[str, Any]:
        event = fields if action is None else {"action": action, **fields}
        return dict(json.loads(json.dumps(manager_handler.handler(event, context))))

    return call
