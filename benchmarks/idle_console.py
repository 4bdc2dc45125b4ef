"""CPU of an idle console, against the stock AWS CLI on the same stack in the same run.

Starts a stack of 40 sites and the console in a pseudo-terminal (160x45), waits for values, and measures the
console's process alone: CPU, bytes to the terminal, memory. In a minute the console requests the site file
twice and the latest values six times; the ratio is its CPU in a minute over that of a single `aws s3api
get-object` of the site file. Exits with 1 when the ratio is over its limit. With a process id it measures
that console, without the ratio.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks._report import Report, argument_parser
from smarterise_ops.local import client
from smarterise_sdk.domain.stack.names import StackNames

if TYPE_CHECKING:
    from collections.abc import Mapping

CALL_RATIO = 1.0
"""Most of one AWS CLI call's CPU that a minute of the console may take."""
CALLS = 5
BIN = Path(sys.executable).parent
SITES = 40
SIZE = (45, 160)
START_SECONDS = 180
WARM_UP_SECONDS = 30
SIGN_OF_LIFE = "● ok".encode()


class Terminal:
    """A terminal for one program: it reads and counts what the program sends, and can type."""

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        environ = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        os.close(slave)
        self.received = 0
        self.is_alive = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def type(self, text: str) -> None:
        """Send keys."""
        os.write(self._master, text.encode())

    def _read(self) -> None:
        tail = b""
        with contextlib.suppress(OSError):  # the other end closes when the program ends
            while data := os.read(self._master, 65_536):
                self.received += len(data)
                tail = (tail + data)[-100_000:]
                if SIGN_OF_LIFE in tail:
                    self.is_alive.set()


def measure(pid: int, seconds: float) -> tuple[float, float]:
    """Return the CPU seconds of a process in a minute, and its resident memory in MiB."""
    process = psutil.Process(pid)
    start, before = time.monotonic(), process.cpu_times()
    time.sleep(seconds)
    after, took = process.cpu_times(), time.monotonic() - start
    used = after.user + after.system - before.user - before.system
    return 60 * used / took, process.memory_info().rss / 2**20


def call_cpu_seconds(env: Mapping[str, str]) -> float:
    """Return the median CPU seconds of one call with the AWS CLI.

    Raises:
        subprocess.CalledProcessError: If the call failed.
    """
    bucket, key = StackNames().site_config_bucket, StackNames().site_config_key
    command = [str(BIN / "aws"), "s3api", "get-object", "--bucket", bucket, "--key", key, os.devnull]
    durations = []
    for _ in range(CALLS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=dict(env), check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        durations.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(durations[1:])  # the first warms the caches of the disk


def measure_console(env: Mapping[str, str], seconds: float, report: Report) -> None:
    """Open the console, wait until it is idle, and add its figures.

    Raises:
        RuntimeError: If no value appeared in time.
    """
    terminal = Terminal([str(BIN / "smarterise-ops")], env)
    try:
        if not terminal.is_alive.wait(START_SECONDS):
            raise RuntimeError(f"no value on screen after {START_SECONDS} s")
        time.sleep(WARM_UP_SECONDS)
        before = terminal.received
        minute, memory = measure(terminal.process.pid, seconds)
        rate = (terminal.received - before) / seconds
    finally:
        terminal.type("q")
        try:
            terminal.process.wait(60)
        except subprocess.TimeoutExpired:
            terminal.process.terminate()
            terminal.process.wait(60)
    call = call_cpu_seconds(env)
    report.add(
        "a minute of the console / one AWS CLI call",
        minute / call,
        at_most=CALL_RATIO,
        console_cpu_s=minute,
        call_cpu_s=call,
        memory_mib=memory,
        terminal_bytes_per_s=rate,
    )


def main() -> int:
    """Measure, print and evaluate."""
    parser = argument_parser(__doc__)
    parser.add_argument("pid", type=int, nargs="?", help="a console that runs already")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    report = Report("idle_console", ("smarterise-ops", "textual", "boto3", "awscli"), options.append)
    if options.pid is not None:
        minute, memory = measure(options.pid, options.seconds)
        report.add("CPU seconds in a minute", minute, memory_mib=memory)
        return report.finish()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stack = client.start(folder / "stack", sites=SITES, owned=True)
        try:
            env = {**os.environ, **stack.exports, "XDG_STATE_HOME": str(folder / "state")}
            measure_console(env, options.seconds, report)
        finally:
            stack.stop()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
