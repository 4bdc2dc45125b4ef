"""Telling our processes from strangers: nothing is ever signalled on its number alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from smarterise_ops.local.servers.processes import (
    ProcessIdentity,
    dying_with_parent,
    end_processes,
    identity_of,
    is_running,
    signal_process,
    wait_gone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def sleeper(*, stubborn: bool = False) -> Iterator[tuple[subprocess.Popen[str], ProcessIdentity]]:
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
    code = f"import signal, time; {ignore} print('up', flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        mark = identity_of(process.pid)
        assert mark is not None
        yield process, mark
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_mark_names_the_same_process_as_long_as_it_runs() -> None:
    with sleeper() as (process, mark):
        assert is_running(mark)
        assert identity_of(process.pid) == mark
    assert not is_running(mark)
    assert identity_of(mark.pid) is None


def test_a_stranger_with_the_same_number_is_left_alone() -> None:
    with sleeper() as (process, mark):
        stranger = replace(mark, started=mark.started + "0")
        assert not is_running(stranger)
        assert not signal_process(stranger, signal.SIGKILL)
        end_processes([stranger], first=signal.SIGTERM, timeout=0.2)
        time.sleep(0.1)
        assert process.poll() is None


def test_a_zombie_does_not_run() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    mark = identity_of(process.pid)
    assert mark is not None
    process.kill()
    assert wait_gone([mark], 5) == []  # dead, though nobody has waited for it
    process.wait()


def test_who_will_not_end_is_killed() -> None:
    with sleeper(stubborn=True) as (process, mark):
        end_processes([mark], first=signal.SIGTERM, timeout=0.3)
        assert process.wait(5) == -signal.SIGKILL


def test_who_will_end_is_asked_only() -> None:
    with sleeper() as (process, mark):
        end_processes([mark], first=signal.SIGTERM, timeout=5)
        assert process.wait(5) == -signal.SIGTERM


def test_no_process_has_no_mark() -> None:
    assert identity_of(2**22 + 1) is None


def test_a_tied_child_dies_with_its_parent(eventually: Callable[..., object]) -> None:
    if dying_with_parent(signal.SIGKILL) is None:
        return  # see test_the_tie_is_only_offered_where_it_holds
    code = textwrap.dedent("""
        import signal, subprocess, sys, time
        from smarterise_ops.local.servers.processes import dying_with_parent
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                                 preexec_fn=dying_with_parent(signal.SIGKILL), start_new_session=True)
        print(child.pid, flush=True)
        time.sleep(600)
    """)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = identity_of(int(parent.stdout.readline()))
    assert child is not None
    parent.kill()
    parent.wait()
    eventually(lambda: not is_running(child), seconds=5)


def test_the_tie_is_only_offered_where_it_holds() -> None:
    assert (dying_with_parent(signal.SIGKILL) is not None) == sys.platform.startswith("linux")


def test_we_ourselves_run() -> None:
    mark = identity_of(os.getpid())
    assert mark is not None
    assert is_running(mark)
