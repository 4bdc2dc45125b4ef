"""Processes we started, told apart from strangers that got the same number later.

A pid alone names nobody: numbers are used again. A `ProcessIdentity` is a pid and its start;
nothing here signals a process unless both are right.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LINUX = sys.platform.startswith("linux")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STAT_STATE, _STAT_START = 0, 19
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, for good.

    Attributes:
        pid: Its number.
        started: When it started, in the platform's own words; equal only for the same process.
    """

    pid: int
    started: str


def identity_of(pid: int) -> ProcessIdentity | None:
    """Return the mark of the process that has `pid` now, or `None` if there is none (a zombie is none)."""
    started = _started_linux(pid) if _LINUX else _started_elsewhere(pid)
    return None if started is None else ProcessIdentity(pid, started)


def is_running(mark: ProcessIdentity) -> bool:
    """Return whether this very process still runs."""
    return identity_of(mark.pid) == mark


def signal_process(mark: ProcessIdentity, number: signal.Signals) -> bool:
    """Send a signal to this very process; return whether it was there to get it."""
    if not is_running(mark):
        return False
    try:
        os.kill(mark.pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_gone(marks: Iterable[ProcessIdentity], seconds: float) -> list[ProcessIdentity]:
    """Wait until the processes are gone; return those that still run after `seconds`."""
    left = [mark for mark in marks if is_running(mark)]
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        left = [mark for mark in left if is_running(mark)]
    return left


def end_processes(marks: Iterable[ProcessIdentity], *, ask: signal.Signals, timeout: float) -> None:
    """Ask processes to end, and kill those that have not after `timeout` seconds."""
    asked = [mark for mark in marks if signal_process(mark, ask)]
    for mark in wait_gone(asked, timeout):
        signal_process(mark, signal.SIGKILL)
    wait_gone(asked, timeout)


def children_of(pid: int) -> list[ProcessIdentity]:
    """Return the marks of every process that descends from `pid` now."""
    import psutil

    try:
        descendants = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return [mark for mark in (identity_of(process.pid) for process in descendants) if mark is not None]


def dying_with_parent(ending: signal.Signals) -> Callable[[], None] | None:
    """Return what a child must run before `exec` so that it dies when its parent does, where Linux can.

    The kernel counts the parent's *thread* as the parent, so start such children in the main thread.
    Elsewhere the answer is `None`: there the registry of stacks is what cleans up.

    Args:
        ending: The signal the child gets.
    """
    if not _LINUX:
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: after the fork as little as possible is done
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(ending), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the tie was made
            os._exit(1)

    return tie


def _started_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    if fields[_STAT_STATE] in ("Z", "X"):
        return None
    # Ticks since boot do not move when the clock is set; the boot's id tells one boot from the next.
    boot = _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_ID.exists() else ""
    return f"{boot}:{fields[_STAT_START]}"


def _started_elsewhere(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except psutil.Error:
        return None
