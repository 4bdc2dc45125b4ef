"""Duration of switching 10,000 sites, against the guide's own ways, on one embedded stack in one run.

Alternatives: the guide's download, edit, upload and verify with the AWS CLI for 100 sites, one by one; and
one `aws lambda invoke` with the whole payload. The AWS calls of `sites bulk-update` are counted too. Exits
with 1 when a figure is over its limit. Rounds of `sites bulk-update` and of the invocation alternate, so that
temporary load of the machine affects both.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._report import Report, argument_parser
from smarterise_ops.local import client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SITES = 10_000
BY_HAND = 100
ROUNDS = 5
CALLS_AT_MOST = 3
FASTER_THAN_BY_HAND = 5.0
SLOWER_THAN_INVOKE = 2.0
BUCKET = "smarterise-site-config"
URL = f"s3://{BUCKET}/site-tiers.json"
BIN = Path(sys.executable).parent
OURS = str(BIN / "smarterise-ops")
AWS = str(BIN / "aws")
TIERS = ("NON_CRITICAL", "CRITICAL")


class Counter(ThreadingHTTPServer):
    """HTTP proxy to the stack that counts requests."""

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = endpoint.removeprefix("http://")
        self.seen: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """URL of the proxy."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counter

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(f"{self.command} {self.path}")
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("expect", "connection")}
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        content = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_PUT = do_POST = _pass_on  # noqa: N815 -- the base class asks for these names

    def log_message(self, *_: Any) -> None:
        """Suppress the log."""


class Bench:
    """The stack, and the ways to change its sites."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = dict(env)
        self.serials = [f"AN{10_000_000 + number}" for number in range(SITES)]

    def prepare(self) -> None:
        """Upload a file of 10,000 sites, and write the update files for both directions."""
        entry = {"enabled": True, "name": "Ikeja Substation", "asset_id": "C101", "capacity_kva": 500}
        document = {"schema_version": 1, "sites": {s: {"tier": "CRITICAL", **entry} for s in self.serials}}
        (self._folder / "site-tiers.json").write_text(json.dumps(document, indent=2))
        self._run([AWS, "s3", "cp", "--quiet", "site-tiers.json", URL])
        for tier in TIERS:
            rows = "".join(f"{serial},{tier}\n" for serial in self.serials)
            (self._folder / f"{tier}.csv").write_text(f"gateway_serial,tier\n{rows}")
            updates = {serial: {"tier": tier} for serial in self.serials}
            payload = {"action": "update_sites", "reason": "benchmark", "updates": updates}
            (self._folder / f"{tier}.payload").write_text(json.dumps(payload))

    def ours(self, tier: str, endpoint: str | None = None) -> float:
        """Switch all sites by our command; return the seconds it took."""
        where = ["--endpoint-url", endpoint] if endpoint else []
        command = [OURS, *where, "sites", "bulk-update", f"{tier}.csv", "--reason", "benchmark", "--yes"]
        return self._timed([command])

    def invoked(self, tier: str) -> float:
        """Switch all sites by one invocation with the AWS CLI; return the seconds it took."""
        command = [AWS, "lambda", "invoke", "--function-name", "site-config-manager"]
        seconds = self._timed([[*command, "--payload", f"fileb://{tier}.payload", "response.json"]])
        response = json.loads((self._folder / "response.json").read_text())
        if not response.get("ok"):
            raise SystemExit(f"the function rejected the request: {response}")
        return seconds

    def by_hand(self, tier: str, count: int) -> float:
        """Switch some sites one by one as the guide does; return the seconds it took."""
        started = time.perf_counter()
        for serial in self.serials[:count]:
            self._run([AWS, "s3", "cp", "--quiet", URL, "edited.json"])
            path = self._folder / "edited.json"
            document = json.loads(path.read_text())
            document["sites"][serial]["tier"] = tier
            path.write_text(json.dumps(document, indent=2))
            self._run([AWS, "s3", "cp", "--quiet", "edited.json", URL])
            payload = json.dumps({"action": "get_site", "gateway_serial": serial})
            command = [AWS, "lambda", "invoke", "--function-name", "site-config-manager"]
            self._run([*command, "--payload", payload, "response.json"])
            response = json.loads((self._folder / "response.json").read_text())
            if response["site"]["tier"] != tier:
                raise SystemExit(f"{serial} is {response['site']['tier']}, not {tier}")
        return time.perf_counter() - started

    def _timed(self, commands: Sequence[Sequence[str]]) -> float:
        started = time.perf_counter()
        for command in commands:
            self._run(command)
        return time.perf_counter() - started

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(
            command, env=self._env, cwd=self._folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")


def measure(bench: Bench, endpoint: str) -> tuple[list[str], float, float, float]:
    """Return the AWS calls of `bulk-update` and the seconds of (a), (b) and (c); medians of several runs."""
    bench.prepare()
    counter = Counter(endpoint)
    bench.ours(TIERS[0], counter.url)  # the first command with new credentials also calls GetCallerIdentity
    counter.seen.clear()
    bench.ours(TIERS[1], counter.url)
    calls = list(counter.seen)
    counter.shutdown()
    bench.ours(TIERS[0])
    bench.invoked(TIERS[1])
    ours, invoked = [], []
    for _ in range(ROUNDS):
        ours.append(bench.ours(TIERS[0]))
        invoked.append(bench.invoked(TIERS[1]))
    return calls, statistics.median(ours), bench.by_hand(TIERS[0], BY_HAND), statistics.median(invoked)


def main() -> int:
    """Measure on an embedded stack, print and evaluate."""
    options = argument_parser(__doc__).parse_args()
    report = Report("bulk_update", ("smarterise-ops", "awscli", "boto3", "ministack"), options.append)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stack = client.start(folder / "stack", sites=2, simulator=False)
        try:
            env = {**os.environ, **stack.exports, "XDG_STATE_HOME": str(folder / "state")}
            calls, ours, hand, invoked = measure(Bench(folder, env), stack.exports["AWS_ENDPOINT_URL"])
        finally:
            client.stop(folder / "stack")
    report.add("AWS calls of sites bulk-update", len(calls), at_most=CALLS_AT_MOST, sites=SITES)
    report.add(
        f"{BY_HAND} sites by hand / bulk-update",
        hand / ours,
        at_least=FASTER_THAN_BY_HAND,
        by_hand_s=hand,
        bulk_update_s=ours,
    )
    report.add(
        "bulk-update / aws lambda invoke",
        ours / invoked,
        at_most=SLOWER_THAN_INVOKE,
        bulk_update_s=ours,
        invoke_s=invoked,
    )
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
