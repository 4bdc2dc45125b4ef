"""Process identity, and detection of running processes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from smarterise_sdk.journal import process
from smarterise_sdk.journal.process import ProcessIdentity, this_process

NOWHERE = Path("/nowhere/at/all")


def identity_of(pid: int) -> ProcessIdentity:
    return replace(this_process(), pid=pid, started=process._started(pid) or "")


def test_this_process_runs() -> None:
    mark = this_process()
    assert mark.is_running
    assert mark.is_this_process
    assert mark.started
    assert not replace(mark, pid=os.getppid(), started="").is_this_process


def test_another_process_runs_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mark = identity_of(child.pid)
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


# As POSIX has it, for the one call the SDK makes: `ps -o stat=,lstart= -p PID`.
PS = """
import sys, time, psutil
_, option, columns, of, pid = sys.argv
assert (option, columns, of) == ("-o", "stat=,lstart=", "-p"), sys.argv
try:
    process = psutil.Process(int(pid))
    state = "Z" if process.status() == psutil.STATUS_ZOMBIE else "Ss+"
    print(state, time.ctime(process.create_time()))
except psutil.NoSuchProcess:
    sys.exit(1)
"""
REAL_PS = shutil.which("ps", path=process._PS_PATH)


@pytest.fixture(params=["written-here", *(["of-the-system"] if REAL_PS else [])])
def without_proc(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A system without `/proc`, and with a `ps`: one written here, and the system's where there is one."""
    real = Path.read_text

    def read_text(path: Path, *args: object, **kwargs: object) -> str:
        if str(path).startswith("/proc"):
            raise FileNotFoundError(path)
        return real(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(process, "_BOOT_ID", NOWHERE)
    if request.param == "written-here":
        program = tmp_path / "ps"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(PS)} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setattr(process, "_PS_PATH", str(tmp_path))


@pytest.mark.usefixtures("without_proc")
def test_a_system_without_proc_asks_ps() -> None:
    mark = this_process()
    assert datetime.strptime(mark.started, "%a %b %d %H:%M:%S %Y")  # noqa: DTZ007 -- local, as ps prints it
    assert mark.is_running
    assert mark.is_this_process
    assert not replace(mark, started="Thu Jan  1 00:00:00 1970").is_running
    assert not replace(mark, pid=2**22 + 1).is_running


@pytest.mark.usefixtures("without_proc")
def test_ps_reports_a_zombie_and_it_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mark = identity_of(child.pid)
        assert mark.is_running
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not mark.is_running
        assert not replace(mark, started="").is_running


def test_without_proc_and_ps_nothing_runs_for_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError("ps")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert process._started_by_ps(os.getpid()) is None
