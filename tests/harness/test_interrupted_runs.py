"""A run that is interrupted or killed leaves no process, and after the next run no directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from smarterise_ops.local.servers.processes import (
    ProcessIdentity,
    children_of,
    dying_with_parent,
    end_processes,
    identity_of,
    is_running,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
INTERRUPTED = ROOT / "tests" / "lambdas" / "interrupted.py"
# One at a time: each starts servers and workers of its own.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("interrupted-runs")]
LIMIT_SECONDS = 120.0
"""For each wait. A run takes a few seconds; xdist gives its workers fifteen to end."""


def wait_for(condition: Callable[[], object]) -> bool:
    """Wait until a condition holds; return whether it does."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class Run:
    """A run of pytest on `interrupted.py`, with temporary files in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._running, self._log = (folder / name for name in ("tmp", "running", "log"))
        self.folder.mkdir()
        self._running.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        self.marks: list[ProcessIdentity] = []

    def start(self, tests: str, *options: str) -> subprocess.Popen[bytes]:
        """Start it."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))
        }
        given = {"TMPDIR": str(self.folder), "RUNNING_TESTS": str(self._running)}
        line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, INTERRUPTED, "-k", tests]
        with self._log.open("ab") as sink:
            self._process = subprocess.Popen(
                line,
                cwd=ROOT,
                env=clean | given,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )
        return self._process

    def start_and_wait(self, tests: str, count: int, *options: str) -> subprocess.Popen[bytes]:
        """Start it, and wait until `count` tests have all they need; then note its processes."""
        process = self.start(tests, *options)
        assert wait_for(lambda: process.poll() is not None or len(list(self._running.iterdir())) == count)
        assert process.poll() is None, self.log
        self.marks = children_of(process.pid)
        return process

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text(errors="replace")

    def names(self) -> list[str]:
        """Return the command lines of the processes it started."""
        return [" ".join(psutil.Process(mark.pid).cmdline()) for mark in self.marks]

    def is_over(self) -> bool:
        """Return whether none of these processes runs any more."""
        return not any(is_running(mark) for mark in self.marks)

    def elsewhere(self) -> set[Path]:
        """Return the directories outside its folder that its stacks and servers have entered for removal."""
        entries = [json.loads(path.read_text()) for path in self.folder.rglob("stacks/*.json")]
        return {Path(name) for entry in entries for name in entry["extra_dirs"]}

    def close(self) -> None:
        """End what a failed test left."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        end_processes(self.marks, first=signal.SIGKILL, timeout=10)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run."""
    run = Run(tmp_path)
    yield run
    run.close()


def next_run(run: Run) -> None:
    """Run a test that passes."""
    assert run.start("test_that_ends").wait(LIMIT_SECONDS) == 0, run.log


@pytest.mark.parametrize("workers", [0, 2], ids=["alone", "with-workers"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_nothing_is_left_of_its_servers(run: Run, number: signal.Signals, workers: int) -> None:
    count = workers or 1
    tests = "test_with_servers" if workers else "test_with_servers and 0"
    process = run.start_and_wait(tests, count, "-n", str(workers))
    for part in ("emulator.py", "postgres -D"):
        assert sum(part in name for name in run.names()) == count, run.names()
    elsewhere = run.elsewhere()
    assert len(elsewhere) == count
    assert all(directory.is_dir() for directory in elsewhere)

    process.send_signal(number)
    assert process.wait(LIMIT_SECONDS) == (2 if number == signal.SIGINT else -signal.SIGKILL), run.log
    assert wait_for(run.is_over), run.log
    if number == signal.SIGINT and not workers:  # one process, which could clear up itself
        assert list(run.folder.iterdir()) == []

    next_run(run)
    assert list(run.folder.iterdir()) == []
    assert not any(directory.exists() for directory in elsewhere)


def test_a_stack_that_outlives_its_starter_is_ended_by_the_next_run(run: Run) -> None:
    process = run.start_and_wait("outlives", 1)
    elsewhere = run.elsewhere()
    process.kill()
    process.wait()
    assert not run.is_over()

    next_run(run)
    assert run.is_over()
    assert list(run.folder.iterdir()) == []
    assert not any(directory.exists() for directory in elsewhere)


def test_only_what_is_left_and_ours_is_removed(run: Run) -> None:
    own = identity_of(os.getpid())
    assert own is not None
    left, running, strange, unmarked, linked = (
        run.folder / name
        for name in (
            "smarterise-tests-1-left",
            "smarterise-tests-1-running",
            "smarterise-other",
            f"smarterise-tests-{own.pid}-unmarked",
            "smarterise-tests-1-linked",
        )
    )
    for folder in (left, running, strange, unmarked):
        (folder / "closed").mkdir(parents=True)
    linked.symlink_to(strange)
    gone = {"pid": own.pid, "started": "another boot:1"}
    (left / ".process-1.json").write_text(json.dumps(gone))
    (left / "closed").chmod(0)
    (running / ".process-1.json").write_text(json.dumps(gone))
    (running / ".process-2.json").write_text(json.dumps({"pid": own.pid, "started": own.started}))
    next_run(run)
    assert sorted(run.folder.iterdir()) == sorted([running, strange, unmarked, linked])
