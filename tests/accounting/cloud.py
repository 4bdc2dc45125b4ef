"""The account: bucket, stream, database and functions, and the ills that befall a delivery."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zlib import crc32

import boto3
import psycopg
from botocore.awsrequest import AWSResponse

from smarterise_lambdas.ftp_to_s3 import handler as sweep_function
from smarterise_lambdas.kinesis_to_s3_rds import handler as stream_function
from smarterise_lambdas.migrate_database import handler as maintenance_function
from smarterise_lambdas.migrate_database.privileges import grant_function_user
from smarterise_lambdas.migrations.runner import migrate
from smarterise_lambdas.s3_to_rds_lambda import handler as file_function
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.database import connect

from .faults import Fault
from .wire import ACCOUNT, Wire

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    import pytest

    from .ftp_server import FtpServer

BUCKET = "accounting"
STREAM = "device-data-stream"
SHARDS = 2
_DATABASE = "pipeline"
_ROLE, _PASSWORD = "functions", "functions"
_IMPATIENT_S = 11.0
"""Ten are kept back by the functions: a statement has one, and a lock half of it."""
_LONG_TIMEOUT_S = 60.0
_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_VICTIM = """
import importlib, json, sys
class Context:
    function_name = aws_request_id = invoked_function_arn = "x"
    memory_limit_in_mb = 512
    def get_remaining_time_in_millis(self):
        return 60_000
importlib.import_module(sys.argv[1]).handler(json.load(sys.stdin), Context())
"""


@dataclass
class Context:
    """Lambda context of an invocation."""

    ends_at: float
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-2:111122223333:function:function"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends_at - time.monotonic()) * 1000))


class Killed(Exception):
    """The function was killed before it responded."""


class _NoMaintenance:
    """Disables periodic maintenance; the run invokes maintenance itself."""

    def run_if_due(self, spare_s: float) -> None:
        pass


class _Lines(logging.Handler):
    """Keeps what a function logs of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "batch processed":
            self.batches.append(dict(record.__dict__))


@dataclass
class Cloud:
    """The functions, as AWS runs them, on servers that fail.

    Attributes:
        postgres: The database's server.
        rng: Draws how ills befall it.
        monkeypatch: Sets the functions' environment.
        namespace: Of the metrics.
        timeout_s: How long the next invocation may take, seconds.
        wire: What leads to the database.
        denials: How often S3 has denied something.
    """

    postgres: Any
    rng: random.Random
    monkeypatch: pytest.MonkeyPatch
    namespace: str = field(default_factory=lambda: f"Run{uuid.uuid4().hex}")
    timeout_s: float = _LONG_TIMEOUT_S

    def __post_init__(self) -> None:
        self.wire = Wire(lambda: self.postgres.address)
        self._kinesis: Any = None
        self._lines = _Lines()
        self._denied: Callable[[str], bool] | None = None
        self.denials = 0

    def open(self, emulator: Any, sites: dict[str, object], servers: dict[str, FtpServer]) -> None:
        """Make everything that a deployment makes."""
        self._make_database()
        entries: dict[str, dict[str, Any]] = {
            name: {"url": server.url, "connections": 4} for name, server in servers.items()
        }
        entries["old"] |= {"listing": "list", "delete": True}
        environment = {
            **ACCOUNT,
            "AWS_ENDPOINT_URL": emulator.endpoint,
            "SITE_CONFIG_BUCKET": BUCKET,
            "DATA_LAKE_BUCKET": BUCKET,
            "METRIC_NAMESPACE": self.namespace,
            "DATABASE_URL": self.wire.lead(self._url(_ROLE, _PASSWORD)),
            "FTP_SERVERS": json.dumps(entries),
            "FTP_STABILITY_SECONDS": "0.1",
            "FTP_RESERVE_SECONDS": "1",
        }
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        for function in (stream_function, file_function):
            self.monkeypatch.setattr(function, "maintenance", _NoMaintenance)
        for client in (clients.s3, clients.cloudwatch):
            client.cache_clear()
        maintenance_function.publisher.cache_clear()
        self.restart_functions()
        s3 = clients.s3()
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=BUCKET, Key="site-tiers.json", Body=json.dumps(sites).encode())
        s3.meta.events.register_first("before-send.s3", self._deny, unique_id="deny")
        stream_function.logger.addHandler(self._lines)
        self._kinesis = boto3.client("kinesis")
        self._kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)

    def close(self) -> None:
        stream_function.logger.removeHandler(self._lines)
        self.restart_functions()
        self._admin.close()
        self.wire.close()
        self._kinesis.close()
        for client in (clients.s3, clients.cloudwatch):
            client.cache_clear()
        maintenance_function.publisher.cache_clear()

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, past the wire."""
        for _ in range(2):
            try:
                found = self._admin.execute(statement.encode(), values or None)
                return found.fetchall() if found.description else []
            except psycopg.OperationalError:  # the server has died since
                self._admin.close()
                self._admin = psycopg.connect(self._url(), autocommit=True)
        raise AssertionError("the database does not come back")

    def restart_functions(self) -> None:
        """Let the next invocation of each function be a cold start."""
        for cached, opened in ((stream_function.sinks, "database"), (file_function.dependencies, "database")):
            if cached.cache_info().currsize:
                getattr(cached(), opened).close()
            cached.cache_clear()

    def stream(self, event: dict[str, Any]) -> tuple[set[str], dict[str, Any]]:
        """Invoke the stream's function; return the sequence numbers that failed, and what it logged."""
        response: Any = stream_function.handler(_as_json(event), self._context())
        return {failure["itemIdentifier"] for failure in response["batchItemFailures"]}, self._lines.batches[
            -1
        ]

    def files(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Invoke the file loader function; return the result of each file."""
        return list(_as_json(file_function.handler(_as_json(event), self._context()))["files"])

    def sweep(self, tier: str) -> dict[str, Any]:
        """Invoke the function that collects files."""
        return dict(_as_json(sweep_function.handler({"site_tier": tier}, self._context())))

    def maintain(self) -> dict[str, Any]:
        """Invoke the database maintenance as the owner."""
        with self.monkeypatch.context() as owner:
            owner.setenv("DATABASE_URL", self._url())
            response = maintenance_function.handler({"action": "maintain"}, self._context())
        return dict(_as_json(response)["maintenance"])

    def put_records(self, records: list[tuple[str, bytes]]) -> list[tuple[str, str]]:
        """Put records, keys and payloads, into the stream; return shard and sequence number of each."""
        result: list[tuple[str, str]] = []
        for start in range(0, len(records), 400):
            entries = [
                {"PartitionKey": key, "Data": payload} for key, payload in records[start : start + 400]
            ]
            response = self._kinesis.put_records(StreamName=STREAM, Records=entries)
            assert not response["FailedRecordCount"]
            result += [(entry["ShardId"], entry["SequenceNumber"]) for entry in response["Records"]]
        return result

    def shards(self) -> dict[str, str]:
        """Return where to begin to read each shard."""
        found = self._kinesis.list_shards(StreamName=STREAM)["Shards"]
        return {
            shard["ShardId"]: self._kinesis.get_shard_iterator(
                StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in found
        }

    def read(self, iterator: str) -> tuple[list[dict[str, Any]], str]:
        """Read on in a shard; return records, and where to read on."""
        response = self._kinesis.get_records(ShardIterator=iterator, Limit=1000)
        return response["Records"], response["NextShardIterator"]

    @contextmanager
    def ill(self, fault: Fault) -> Iterator[Callable[[], bool]]:
        """Inject a fault in the context; yields a function that returns whether it occurred."""
        before = self.wire.tripped, self.denials
        with ExitStack() as cleanup:
            if fault is Fault.DATABASE_DOWN:
                self.wire.go_down()
                cleanup.callback(self.wire.come_up)
            elif fault is Fault.NO_CONNECTION_LEFT:
                self._limit(0)
                self.wire.drop()
                cleanup.callback(self._limit, 20)
            elif fault is Fault.DATABASE_SLOW:
                self.timeout_s = _IMPATIENT_S
                cleanup.callback(setattr, self, "timeout_s", _LONG_TIMEOUT_S)
                cleanup.enter_context(self._locked())
            elif fault in (Fault.FAILOVER, Fault.SERVER_DIED):
                self._cut(dies=fault is Fault.SERVER_DIED)
                cleanup.callback(self.wire.disarm)
            else:
                salt, every = self.rng.randrange(10**6), self.rng.choice((1, 3))
                self._denied = lambda url: crc32(f"{salt}{url}".encode()) % every == 0
                cleanup.callback(setattr, self, "_denied", None)
            yield lambda: (self.wire.tripped, self.denials) != before

    def kill(self, function: str, event: dict[str, Any]) -> None:
        """Invoke a function in a process of its own, and kill it while it is putting rows into the table.

        Raises:
            Killed: Always.
        """
        with self._locked():
            victim = subprocess.Popen(
                [sys.executable, "-c", _VICTIM, f"smarterise_lambdas.{function}.handler"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ,
            )
            if victim.stdin is not None:
                victim.stdin.write(json.dumps(event).encode())
                victim.stdin.close()
            self._until(lambda: bool(self._waiting()) or victim.poll() is not None)
            backends = self._waiting()
            assert backends, "the victim ended before it could be killed"
            victim.send_signal(signal.SIGKILL)
            victim.wait(10)
        alive = "SELECT 1 FROM pg_stat_activity WHERE pid = ANY (%s)"
        self._until(lambda: not self.query(alive, backends))
        raise Killed

    def _waiting(self) -> list[int]:
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = %s"
        return [pid for (pid,) in self.query(waiting, _ROLE)]

    def _cut(self, *, dies: bool) -> None:
        on = self.rng.choice((b"COMMIT", b"COMMIT", b"COPY incoming", b"INSERT INTO readings"))
        delivered = self.rng.random() < 0.5
        self.wire.cut(on, delivered=delivered, then=self.postgres.restart if dies else None)

    def _deny(self, request: Any, **_: Any) -> AWSResponse | None:
        # Without the site file everything is taken, by its own rule: that is tested where the gate is.
        if self._denied is None or request.url.endswith("site-tiers.json") or not self._denied(request.url):
            return None
        self.denials += 1

        class Raw:
            def stream(self, **_: Any) -> Iterator[bytes]:
                yield _DENIED

        return AWSResponse(request.url, 403, {}, Raw())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with psycopg.connect(self._url()) as other:
            other.execute(b"LOCK TABLE readings IN SHARE ROW EXCLUSIVE MODE")
            yield
            other.rollback()

    def _limit(self, connections: int) -> None:
        self.query(f"ALTER ROLE {_ROLE} CONNECTION LIMIT {connections}")

    def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    def _make_database(self) -> None:
        with psycopg.connect(self.postgres.url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {_DATABASE}".encode())
            # What it has confirmed must outlast its process, as on RDS.
            server.execute(f"ALTER DATABASE {_DATABASE} SET synchronous_commit = on".encode())
        migrate(self._url())
        with connect(self._url()) as owner:
            grant_function_user(owner, _ROLE)
        self._admin = psycopg.connect(self._url(), autocommit=True)
        self._admin.execute(f"ALTER ROLE {_ROLE} PASSWORD '{_PASSWORD}'".encode())

    def _url(self, user: str = "", password: str = "") -> str:
        own, _, server = self.postgres.url.rpartition("@")
        login = f"postgresql://{user}:{password}" if user else own
        return f"{login}@{server.rpartition('/')[0]}/{_DATABASE}"

    def _context(self) -> Any:
        return Context(time.monotonic() + self.timeout_s)

    def metric(self, name: str) -> float:
        """Return the sum of a metric of the pipeline."""
        now = datetime.now(UTC)
        found = clients.cloudwatch().get_metric_statistics(
            Namespace=self.namespace,
            MetricName=name,
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(hours=1),
            Period=60,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])


def _as_json(value: Any) -> Any:
    """Return what comes through JSON, as everything does on AWS."""
    return json.loads(json.dumps(value))
