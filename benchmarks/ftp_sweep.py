"""Duration of a sweep of files from an FTP server into S3, against its floor in the same run.

2,000 files of 5 kB are on a real server in its own process, which delays each response by 10 ms. The floor is
the minimum work of a sweep: as many connections and threads fetch the listed files and put them into the
emulated S3. The sweep also verifies sizes, hashes, writes each object conditionally, and writes manifests and
a report. Rounds of both alternate, and the best of each counts. A mirror with a single `ftplib` connection is
measured too, without a limit: it mostly waits, so machine load affects it less than the sweep. Exits with 1
when the figure is over its limit.
"""

from __future__ import annotations

import argparse
import ftplib
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmarks._report import Report, argument_parser
from smarterise_ops.local.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext

FILES = 2_000
FILE_BYTES = 5_000
LATENCY = 0.010
FLOOR_RATIO = 1.5
"""Maximum ratio of the sweep's duration to the floor."""
ROUNDS = 3
USER, PASSWORD = "gateways", "secret"
SERIALS = tuple(f"AN{number:08d}" for number in range(20))
SITES = {"schema_version": 1, "sites": {serial: {"tier": "CRITICAL"} for serial in SERIALS}}
ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "111122223333",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "POWERTOOLS_LOG_LEVEL": "ERROR",
}


class Context:
    """Invocation context with ample time left."""

    function_name = "ftp_to_s3"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-2:111122223333:function:ftp_to_s3"
    aws_request_id = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining time, ms."""
        return 600_000


def serve(folder: str, port: int) -> None:
    """Serve a folder with delayed responses until the process is stopped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by asyncore and asynchat
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler
        from pyftpdlib.servers import FTPServer

    class Late(FTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
        def process_command(self, *arguments: Any, **options: Any) -> None:
            self.ioloop.call_later(LATENCY, super().process_command, *arguments, **options)

        def log(self, *_arguments: Any, **_options: Any) -> None:
            pass

    Late.authorizer = DummyAuthorizer()
    Late.authorizer.add_user(USER, PASSWORD, folder)
    FTPServer(("127.0.0.1", port), Late).serve_forever()


def floor(port: int, bucket: str) -> float:
    """Fetch and store everything with the sweep's connections and threads alone; return the seconds."""
    from smarterise_lambdas.ftp_to_s3.config import DEFAULT_CONNECTIONS
    from smarterise_lambdas.ftp_to_s3.server_sweep import WORKERS_PER_CONNECTION
    from smarterise_lambdas.shared import clients

    s3 = clients.s3()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    idle: queue.Queue[ftplib.FTP] = queue.Queue()

    def connect(_number: int) -> None:
        client = ftplib.FTP()
        client.connect("127.0.0.1", port)
        client.login(USER, PASSWORD)
        client.voidcmd("TYPE I")  # once: `retrbinary` sends it for every file
        idle.put(client)

    def copy(name: str) -> int:
        client = idle.get()
        with client.transfercmd(f"RETR {name}") as connection, connection.makefile("rb") as file:
            content = file.read()
        client.voidresp()
        idle.put(client)
        s3.put_object(Bucket=bucket, Key=name, Body=BytesIO(content))
        return len(content)

    started = time.perf_counter()
    with ThreadPoolExecutor(DEFAULT_CONNECTIONS * WORKERS_PER_CONNECTION) as threads:
        list(threads.map(connect, range(DEFAULT_CONNECTIONS)))
        client = idle.get()
        names = [name for name, facts in client.mlsd() if facts["type"] == "file"]
        client.voidcmd("TYPE I")  # `mlsd` has changed it
        idle.put(client)
        copied = sum(threads.map(copy, names))
    seconds = time.perf_counter() - started
    for _ in range(DEFAULT_CONNECTIONS):
        idle.get().close()
    if copied != FILES * FILE_BYTES:
        raise RuntimeError(f"the floor copied {copied} bytes of {FILES * FILE_BYTES}")
    return seconds


def mirror(port: int) -> float:
    """Fetch everything by one connection, as the documentation of `ftplib` shows; return the seconds."""
    started = time.perf_counter()
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", port)
        client.login(USER, PASSWORD)
        fetched = 0
        for name, facts in client.mlsd():
            if facts["type"] == "file":
                content = bytearray()
                client.retrbinary(f"RETR {name}", content.extend)
                fetched += len(content)
    seconds = time.perf_counter() - started
    if fetched != FILES * FILE_BYTES:
        raise RuntimeError(f"the mirror fetched {fetched} bytes of {FILES * FILE_BYTES}")
    return seconds


def sweep(bucket: str) -> float:
    """Let the function sweep everything into a new bucket; return the seconds."""
    from smarterise_lambdas.ftp_to_s3 import handler
    from smarterise_lambdas.shared import clients

    clients.s3().create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    clients.s3().put_object(Bucket=bucket, Key="site-tiers.json", Body=json.dumps(SITES).encode())
    os.environ |= {"SITE_CONFIG_BUCKET": bucket, "DATA_LAKE_BUCKET": bucket}
    started = time.perf_counter()
    response = handler.handler({}, cast("LambdaContext", Context()))
    seconds = time.perf_counter() - started
    if response["stored"] != FILES or response["errors"]:
        raise RuntimeError(f"the sweep did not take everything: {response}")
    return seconds


def make_files(folder: Path) -> None:
    """Make the files of 20 gateways, an hour old."""
    folder.mkdir()
    an_hour_ago = time.time() - 3600
    for number in range(FILES):
        serial, minute = SERIALS[number % len(SERIALS)], number // len(SERIALS)
        path = folder / f"{serial}-logger1-2025-03-20T{minute // 60:02d}-{minute % 60:02d}-00-0400-1min.csv"
        path.write_bytes(f"{path.name}\n".encode().ljust(FILE_BYTES, b"2"))
        os.utime(path, (an_hour_ago, an_hour_ago))


@contextmanager
def running(command: list[str], port: int, **variables: str) -> Iterator[None]:
    """Run a server in a process of its own, once it listens."""
    server = subprocess.Popen(
        command, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} did not start")
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait(10)


def main() -> int:
    """Measure, print and evaluate."""
    parser = argument_parser(__doc__)
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve[0], int(options.serve[1]))
    report = Report("ftp_sweep", ("boto3", "ministack", "pyftpdlib"), options.append)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_files(home / "files")
        ftp, s3 = free_port(), free_port()
        emulator = {"GATEWAY_PORT": str(s3), "BIND_HOST": "127.0.0.1", "HOME": str(home)}
        stack.enter_context(running([sys.executable, "-m", "ministack"], s3, **emulator))
        itself = [sys.executable, "-m", "benchmarks.ftp_sweep", "--serve", str(home / "files"), str(ftp)]
        stack.enter_context(running(itself, ftp))
        os.environ |= ACCOUNT | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3}"}
        os.environ["FTP_URL"] = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{ftp}"
        swept, floors = [], []
        for number in range(ROUNDS):
            swept.append(sweep(f"benchmark-lake-{number}"))
            floors.append(floor(ftp, f"benchmark-floor-{number}"))
        mirrored = mirror(ftp)
    sweep_s, floor_s = min(swept), min(floors)
    report.add(
        "sweep / floor",
        sweep_s / floor_s,
        at_most=FLOOR_RATIO,
        sweep_s=sweep_s,
        floor_s=floor_s,
        files=FILES,
        ms_a_command=LATENCY * 1000,
    )
    report.add("ftplib mirror / sweep", mirrored / sweep_s, mirror_s=mirrored, sweep_s=sweep_s)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
