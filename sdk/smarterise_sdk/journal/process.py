"""Which process wrote something down, and whether it still runs; a number used again fools nobody."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19
"""Where the start time stands in `/proc/<pid>/stat`, counted from the state, which is 0."""
_GONE_STATES = frozenset("ZXx")
_PS_PATH = "/bin:/usr/bin"
"""Where `ps` is looked for, whatever PATH says."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process of some machine.

    Attributes:
        host: The machine's name.
        pid: Its number there.
        started: When it was started, as the system tells it; empty where it does not.
    """

    host: str
    pid: int
    started: str

    @property
    def is_of_this_host(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.host == socket.gethostname()

    @property
    def is_this_process(self) -> bool:
        """Whether it is the very process that asks."""
        return self.pid == os.getpid() and self.is_of_this_host and self.started in ("", _started(self.pid))

    @property
    def is_running(self) -> bool:
        """Whether it runs on this machine. Of another machine's process nobody here knows: no."""
        if not self.is_of_this_host:
            return False
        started = _started(self.pid)
        return started is not None and self.started in ("", started)


def this_process() -> ProcessIdentity:
    """Return the mark of the process that asks."""
    return ProcessIdentity(socket.gethostname(), os.getpid(), _started(os.getpid()) or "")


def _started(pid: int) -> str | None:
    """Return when a process was started, in the system's own words; `None` if there is no such process."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None if _BOOT_ID.exists() else _started_by_ps(pid)
    except OSError:
        # It went while we looked.
        return None
    # The name of the program stands in brackets and may hold anything; what follows is plain.
    state, *fields = about.rpartition(")")[2].split()
    return None if state in _GONE_STATES else f"{_boot_id()}:{fields[_START_FIELD - 1]}"


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _started_by_ps(pid: int) -> str | None:
    try:
        told = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
            env={"PATH": _PS_PATH, "LC_ALL": "C"},
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    return None if not told or told[0].startswith("Z") else " ".join(told[1:])
