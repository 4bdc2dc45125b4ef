"""What the console costs while nobody touches it: CPU, bytes to the terminal, memory.

Without arguments it starts the demo's 40 sites in a terminal of its own (160x45), waits for values, and
measures the console's process alone; with a process id it measures that one. Ends with 1 when the CPU is
beyond the limit.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import psutil

LIMIT_PERCENT = 1.0
SITES = 40
SIZE = (45, 160)
START_SECONDS = 180
WARM_UP_SECONDS = 30
SIGN_OF_LIFE = "● ok".encode()


class Terminal:
    """A terminal for one program: it reads and counts what the program sends, and can type."""

    def __init__(self, command: list[str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
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
    """Return CPU in percent of one core over a time, and resident memory in MiB."""
    process = psutil.Process(pid)
    start, before = time.monotonic(), process.cpu_times()
    time.sleep(seconds)
    after, took = process.cpu_times(), time.monotonic() - start
    used = after.user + after.system - before.user - before.system
    return 100 * used / took, process.memory_info().rss / 2**20


def measure_demo(seconds: float) -> tuple[float, float, float]:
    """Start the demo, let it settle, and return CPU, memory, and bytes per second.

    Raises:
        RuntimeError: No value appeared in time.
    """
    command = [str(Path(sys.executable).with_name("smarterise-ops")), "demo", "--sites", str(SITES)]
    terminal = Terminal(command)
    try:
        if not terminal.is_alive.wait(START_SECONDS):
            raise RuntimeError(f"no value on screen after {START_SECONDS} s")
        time.sleep(WARM_UP_SECONDS)
        before = terminal.received
        percent, memory = measure(terminal.process.pid, seconds)
        return percent, memory, (terminal.received - before) / seconds
    finally:
        terminal.type("q")
        try:
            terminal.process.wait(60)
        except subprocess.TimeoutExpired:
            terminal.process.terminate()
            terminal.process.wait(60)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description="Measure an idle console.")
    parser.add_argument("pid", type=int, nargs="?", help="a console that runs already")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    if options.pid is not None:
        percent, memory = measure(options.pid, options.seconds)
    else:
        percent, memory, rate = measure_demo(options.seconds)
        print(f"to the terminal   {rate:8.0f} bytes/s")
    print(f"resident memory   {memory:8.1f} MiB")
    print(f"idle CPU          {percent:8.2f} %   limit {LIMIT_PERCENT:.2f} %   {_verdict(percent)}")
    return int(percent >= LIMIT_PERCENT)


def _verdict(percent: float) -> str:
    return "ok" if percent < LIMIT_PERCENT else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
