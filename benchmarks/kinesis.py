"""Throughput of the stream's function, in records a second, against bare `json.loads`.

The whole handler is measured: base64, filter, parse, data lake objects, rows in a real PostgreSQL, metrics.
Only the network to S3 and CloudWatch is replaced: requests are built, compressed and signed; a stub responds.
Exits with 1 when the first figure is over its limit. The best of alternating rounds counts, in wall time:
waiting for the database is part of it.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botocore.awsrequest import AWSResponse

from benchmarks._report import Report, argument_parser
from smarterise_lambdas.kinesis_to_s3_rds import handler as function
from smarterise_lambdas.migrations.runner import migrate
from smarterise_lambdas.shared import clients
from smarterise_ops.local.servers.postgres import initialise, postgres_directory, start_server, stop_server
from smarterise_ops.local.simulation.fleet import simulated_fleet
from smarterise_ops.local.simulation.mqtt_payload import message
from smarterise_sdk.domain.sites.document import new_site_tiers, render_site_tiers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

LEAST_SHARE = 0.25
"""Minimum ratio to the speed of `json.loads`."""
SHAPES = ((20, 25), (50, 10))
"""Gateways, and readings of each, of a batch of 500: the first has the limit, the second is recorded only.

Each gateway is one object in the data lake, so one request.
"""
ROUNDS = 20
SEED = 7
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "DATA_LAKE_BUCKET": "lake",
    "SITE_CONFIG_BUCKET": "sites",
}


@dataclass
class Context:
    """The invocation context that Lambda passes to a handler."""

    function_name: str = "kinesis_to_s3_rds"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-2:111122223333:function:kinesis_to_s3_rds"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining time, ms."""
        return 60_000


class Best:
    """Best of several rounds, seconds: wall time and CPU time of this process."""

    def __init__(self) -> None:
        self.wall = self.cpu = float("inf")

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Time a round."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall = min(self.wall, time.perf_counter() - wall)
        self.cpu = min(self.cpu, time.process_time() - cpu)


class Body(io.BytesIO):
    """Response body with the interface of urllib3."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.getvalue()


class Wire:
    """Stub for AWS: responds to requests and counts them."""

    def __init__(self, site_file: bytes) -> None:
        self.requests = 0
        self._site_file = site_file

    def response(self, request: Any, **_: object) -> Any:
        """Respond to a prepared request."""
        self.requests += 1
        body = self._site_file if request.method == "GET" else b""
        headers: Any = {"ETag": '"1"', "Content-Length": str(len(body))}
        return AWSResponse(request.url, 200, headers, cast("Any", Body(body)))


def batches(gateways: int, readings: int) -> tuple[bytes, list[list[bytes]]]:
    """Create a site file of gateways and batches of their messages, ten seconds apart."""
    fleet = [site for site in simulated_fleet(gateways * 3, SEED) if site.fault is None][:gateways]
    sites = {site.gateway_serial: {**site.to_config(), "tier": "CRITICAL", "enabled": True} for site in fleet}
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    made = []
    for number in range(ROUNDS + 1):
        timestamps = [start + timedelta(seconds=10 * (number * readings + step)) for step in range(readings)]
        made.append([message(site, SEED, at, at) for at in timestamps for site in fleet])
    return render_site_tiers(new_site_tiers(cast("Any", sites))), made


def event_of(payloads: Sequence[bytes], first: int) -> dict[str, Any]:
    """Create the Lambda event of a batch."""
    return {
        "Records": [
            {
                "eventSource": "aws:kinesis",
                "eventSourceARN": "arn:aws:kinesis:eu-west-2:111122223333:stream/device-data-stream",
                "eventID": f"shardId-000000000000:{number}",
                "awsRegion": "eu-west-2",
                "kinesis": {
                    "partitionKey": json.loads(payload)["gateway"]["serial"],
                    "sequenceNumber": str(number),
                    "data": base64.b64encode(payload).decode(),
                    "approximateArrivalTimestamp": time.time(),
                },
            }
            for number, payload in enumerate(payloads, first)
        ]
    }


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL with the schema."""
    with tempfile.TemporaryDirectory() as folder:
        home = initialise(postgres_directory(Path(folder)))
        process, port = start_server(home, Path(folder) / "postgres.log")
        try:
            migrate(home.url(port))
            yield home.url(port)
        finally:
            stop_server(process)
            shutil.rmtree(home.directory, ignore_errors=True)


def measure(gateways: int, readings: int, url: str, report: Report) -> None:
    """Measure one shape and add its share of the speed of `json.loads`; the first shape has a limit."""
    site_file, made = batches(gateways, readings)
    events = [event_of(payloads, 1 + number * len(payloads)) for number, payloads in enumerate(made)]
    wire = Wire(site_file)
    for cached in (clients.s3, clients.cloudwatch, function.sinks, function.maintenance):
        cached.cache_clear()
    os.environ.update(ENVIRONMENT, DATABASE_URL=url)
    for client in (clients.s3(), clients.cloudwatch()):
        client.meta.events.register("before-send", wire.response)
    bare, handled = Best(), Best()
    for payloads, event in zip(made, events, strict=True):
        with bare.timing():
            for payload in payloads:
                json.loads(payload)
        with handled.timing():
            response = function.handler(event, cast("LambdaContext", Context()))
        if response["batchItemFailures"]:
            raise SystemExit(f"records failed: {response}")
    function.sinks().database.close()
    count = len(made[0])
    report.add(
        f"json.loads / handler, {gateways} gateways",
        bare.wall / handled.wall,
        at_least=LEAST_SHARE if (gateways, readings) == SHAPES[0] else None,
        handler_records_per_s=count / handled.wall,
        json_loads_records_per_s=count / bare.wall,
        cpu_ratio=bare.cpu / handled.cpu,
        requests=wire.requests / len(made),
    )


def main() -> int:
    """Measure, print and evaluate."""
    options = argument_parser(__doc__).parse_args()
    report = Report("kinesis", ("boto3", "orjson", "isal", "pybase64", "psycopg"), options.append)
    logging.disable(logging.INFO)
    with database() as url:
        for gateways, readings in SHAPES:
            measure(gateways, readings, url, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
