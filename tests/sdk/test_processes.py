"""Which process it was, and whether it still runs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smarterise_sdk import processes
from smarterise_sdk.processes import ProcessMark, this_process

if TYPE_CHECKING:
    import pytest

NOWHERE = Path("/nowhere/at/all")


def mark_of(pid: int) -> ProcessMark:
    return replace(this_process(), pid=pid, started=processes._started(pid) or "")


def test_this_process_runs() -> None:
    mark = this_process()
    assert mark.is_running
    assert mark.is_this_process
    assert mark.started
    assert not replace(mark, pid=os.getppid(), started="").is_this_process


def test_another_process_runs_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mark = mark_of(child.pid)
        assert mark.started
        assert mark.is_running
        assert not mark.is_this_process
        child.kill()
        # A zombie is no running process: it is one that nobody has buried yet.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not mark.is_running
    assert not mark.is_running


def test_a_number_used_again_is_another_process() -> None:
    assert not replace(this_process(), started="another boot:1").is_running
    assert not replace(this_process(), started="another boot:1").is_this_process


def test_another_host_is_not_ours_to_judge() -> None:
    mark = replace(this_process(), host="elsewhere")
    assert not mark.is_of_this_host
    assert not mark.is_running
    assert not mark.is_this_process


def test_a_system_without_proc_asks_ps(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.read_text

    def without_proc(path: Path, *args: object, **kwargs: object) -> str:
        if str(path).startswith("/proc"):
            raise FileNotFoundError(path)
        return real(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", without_proc)
    monkeypatch.setattr(processes, "_BOOT_ID", NOWHERE)
    mark = this_process()
    assert mark.started
    assert ":" in mark.started
    assert mark.is_running
    assert not replace(mark, pid=2**22 - 1).is_running


def test_without_proc_and_ps_nothing_runs_for_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError("ps")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert processes._started_by_ps(os.getpid()) is None
