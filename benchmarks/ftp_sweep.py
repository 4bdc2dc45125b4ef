"""How fast a sweep brings files from an FTP server into S3, against a mirror of one `ftplib` connection.

2,000 files of 5 kB on a real server in a process of its own, which takes 10 ms to answer a command. The
mirror fetches the files into memory, and that is all. The sweep fetches, hashes and stores them in an
emulated S3, each under a condition, and writes the manifests. The best of three sweeps counts: a busy machine
slows what computes, and not what waits. Prints the ratio; ends with 1 when it is below its limit.
"""

from __future__ import annotations

import argparse
import ftplib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from smarterise_ops.local.network import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext

FILES = 2_000
FILE_BYTES = 5_000
LATENCY = 0.010
LEAST_RATIO = 8.0
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
    """An invocation with much time left."""

    function_name = "ftp_to_s3"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-2:111122223333:function:ftp_to_s3"
    aws_request_id = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return 600_000


def serve(folder: str, port: int) -> None:
    """Serve a folder, each answer late, until the process is ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the modules that it is made of
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


def mirror(port: int) -> float:
    """Fetch everything by one connection, as the documentation of `ftplib` has it; return the seconds."""
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
    from smarterise_lambdas.shared import aws

    aws.s3().create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    aws.s3().put_object(Bucket=bucket, Key="site-tiers.json", Body=json.dumps(SITES).encode())
    os.environ |= {"SITE_CONFIG_BUCKET": bucket, "DATA_LAKE_BUCKET": bucket}
    started = time.perf_counter()
    answer = handler.handler({}, cast("LambdaContext", Context()))
    seconds = time.perf_counter() - started
    if answer["stored"] != FILES or answer["troubles"]:
        raise RuntimeError(f"the sweep did not take everything: {answer}")
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
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--serve", nargs=2, metavar=("FOLDER", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve[0], int(options.serve[1]))
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_files(home / "files")
        ftp, s3 = free_port(), free_port()
        emulator = {"GATEWAY_PORT": str(s3), "BIND_HOST": "127.0.0.1", "HOME": str(home)}
        stack.enter_context(running([sys.executable, "-m", "ministack"], s3, **emulator))
        itself = [sys.executable, __file__, "--serve", str(home / "files"), str(ftp)]
        stack.enter_context(running(itself, ftp))
        os.environ |= ACCOUNT | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3}"}
        os.environ["FTP_URL"] = f"ftp://{USER}:{PASSWORD}@127.0.0.1:{ftp}"
        swept = [sweep(f"benchmark-lake-{number}") for number in range(ROUNDS)]
        mirrored = mirror(ftp)
    best = min(swept)
    ratio = mirrored / best
    print(
        f"ftplib mirror / sweep              {ratio:5.1f}  "
        f"({FILES / best:.0f} files/s against {FILES / mirrored:.0f}; "
        f"{FILES} files, {LATENCY * 1000:.0f} ms a command, at least {LEAST_RATIO:.0f})"
    )
    return int(ratio < LEAST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
