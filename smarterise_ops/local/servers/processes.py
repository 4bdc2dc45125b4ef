"""Identification of started processes, robust to PID reuse.

A `ProcessIdentity` is a pid and its start time; a process is signalled only if both match.
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
    """Identity of a process.

    Attributes:
        pid: Process id.
        started: Start time in a platform-specific format; equal only for the same process.
    """

    pid: int
    started: str


def identity_of(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process with `pid`, or `None` if it does not run (or is a zombie)."""
    started = _started_linux(pid) if _LINUX else _started_elsewhere(pid)
    return None if started is None else ProcessIdentity(pid, started)


def is_running(identity: ProcessIdentity) -> bool:
    """Return whether the process still runs."""
    return identity_of(identity.pid) == identity


def signal_process(identity: ProcessIdentity, number: signal.Signals) -> bool:
    """Send a signal to the process; return whether it was running."""
    if not is_running(identity):
        return False
    try:
        os.kill(identity.pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_gone(identities: Iterable[ProcessIdentity], seconds: float) -> list[ProcessIdentity]:
    """Wait until the processes have exited; return those that still run after `seconds`."""
    running = [identity for identity in identities if is_running(identity)]
    deadline = time.monotonic() + seconds
    while running and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        running = [identity for identity in running if is_running(identity)]
    return running


def end_processes(identities: Iterable[ProcessIdentity], *, first: signal.Signals, timeout: float) -> None:
    """Signal processes, and kill those that still run after `timeout` seconds."""
    signalled = [identity for identity in identities if signal_process(identity, first)]
    for identity in wait_gone(signalled, timeout):
        signal_process(identity, signal.SIGKILL)
    wait_gone(signalled, timeout)


def children_of(pid: int) -> list[ProcessIdentity]:
    """Return the identities of all descendants of `pid`."""
    import psutil

    try:
        descendants = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return [
        identity for identity in (identity_of(process.pid) for process in descendants) if identity is not None
    ]


def dying_with_parent(ending: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` that makes a child die with its parent on Linux; `None` elsewhere.

    The kernel treats the parent's *thread* as the parent, so start such children in the main thread. On other
    systems the registry of stacks is used for cleanup.

    Args:
        ending: The signal sent to the child.
    """
    if not _LINUX:
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(ending), 0, 0, 0)
        if os.getppid() != parent:  # the parent has died already
            os._exit(1)

    return tie


def _started_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    fields = stat.rpartition(")")[2].split()  # the process name may contain any character
    if fields[_STAT_STATE] in ("Z", "X"):
        return None
    # Ticks since boot are independent of the clock; the boot id distinguishes boots.
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
