"""Identity of the process that wrote a journal line, and whether it still runs; safe against PID reuse."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19
"""Index of the start time in `/proc/<pid>/stat`, where the state has index 0."""
_GONE_STATES = frozenset("ZXx")
_PS_PATH = "/bin:/usr/bin"
"""Search path of `ps`, independent of the caller's PATH."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process on a machine.

    Attributes:
        host: Host name.
        pid: Process id.
        started: Start time in a system-specific format; empty if unknown.
    """

    host: str
    pid: int
    started: str

    @property
    def is_of_this_host(self) -> bool:
        """Whether it is or was a process of this host."""
        return self.host == socket.gethostname()

    @property
    def is_this_process(self) -> bool:
        """Whether it is the current process."""
        return self.pid == os.getpid() and self.is_of_this_host and self.started in ("", _started(self.pid))

    @property
    def is_running(self) -> bool:
        """Whether it is running on this host; False for a process of another host."""
        if not self.is_of_this_host:
            return False
        started = _started(self.pid)
        return started is not None and self.started in ("", started)


def this_process() -> ProcessIdentity:
    """Return the identity of the current process."""
    return ProcessIdentity(socket.gethostname(), os.getpid(), _started(os.getpid()) or "")


def _started(pid: int) -> str | None:
    """Return the start time of a process in a system-specific format; `None` if it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None if _BOOT_ID.exists() else _started_by_ps(pid)
    except OSError:
        # The process ended during the read.
        return None
    # The program name is in parentheses and may contain any character.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in _GONE_STATES else f"{_boot_id()}:{fields[_START_FIELD - 1]}"


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _started_by_ps(pid: int) -> str | None:
    try:
        fields = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env={"PATH": _PS_PATH, "LC_ALL": "C"},
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    return None if not fields or fields[0].startswith("Z") else " ".join(fields[1:])
