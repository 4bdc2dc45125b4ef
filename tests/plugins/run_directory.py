"""Gives each run of tests one directory for its temporary files, and removes what a killed run left.

The run's directory is `TMPDIR` for its tests, their workers and what they start. Each pytest process of the
run writes its mark into it. It is removed when the run ends, unless tests failed; then by the next run. What
a killed run left, the next one clears away: its processes, its stacks and servers, and its directory.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from smarterise_ops.local.registry import clear_away
from smarterise_ops.local.servers.processes import ProcessIdentity, end_processes, identity_of, is_running
from smarterise_ops.local.state import load_state, write_private
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

PREFIX = "smarterise-tests-"
"""How a run's directory is named; the process id of the run follows."""
_MARKS = ".process-*.json"
_REGISTRIES = "smarterise-ops/stacks/*.json"
_KEPT = (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERNAL_ERROR)
_STOP_SECONDS = 20.0

_directory = pytest.StashKey[Path]()
_before = pytest.StashKey[pytest.MonkeyPatch]()
_status = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Sweep, and make the run's directory; a worker joins that of its run."""
    if hasattr(config, "workerinput"):
        claim(Path(tempfile.gettempdir()))
        return
    base = Path(tempfile.gettempdir())
    sweep(base)
    directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=base))
    claim(directory)
    if os.geteuid() == 0:  # PostgreSQL then runs as another account, with its data in here
        directory.chmod(0o755)
    patch = pytest.MonkeyPatch()
    patch.setenv("TMPDIR", str(directory))
    patch.setattr(tempfile, "tempdir", str(directory))
    # For fixtures of the whole session; each test has a state home of its own.
    patch.setenv("XDG_STATE_HOME", str(directory / "state"))
    config.stash[_directory], config.stash[_before] = directory, patch


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Note how the run ended."""
    yield
    session.config.stash[_status] = session.exitstatus


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's directory, unless it shows why tests failed."""
    if _directory not in config.stash:
        return
    config.stash[_before].undo()
    if config.stash.get(_status, pytest.ExitCode.OK) not in _KEPT:
        remove(config.stash[_directory])


def claim(directory: Path) -> None:
    """Write into a run's directory that this process uses it."""
    mark = identity_of(os.getpid())
    assert mark is not None
    write_private(directory / _MARKS.replace("*", str(mark.pid)), json.dumps(asdict(mark)))


def sweep(base: Path) -> None:
    """Clear away each run of this account whose processes are all gone."""
    for directory in sorted(base.glob(f"{PREFIX}*")):
        with suppress(FileNotFoundError):  # another run sweeps too
            if directory.lstat().st_uid == os.geteuid() and directory.is_dir() and is_left(directory):
                clear(directory)


def is_left(directory: Path) -> bool:
    """Return whether no process of a run is running any more."""
    marks = [ProcessIdentity(**json.loads(path.read_text())) for path in directory.glob(_MARKS)]
    if not marks:  # it was killed before it wrote one, or is about to write it
        pid = directory.name.removeprefix(PREFIX).partition("-")[0]
        return pid.isdigit() and identity_of(int(pid)) is None
    return not any(is_running(mark) for mark in marks)


def clear(directory: Path) -> None:
    """End what a run left running, and remove its stacks, the data of its servers and its directory."""
    end_processes(_processes_of(directory), first=signal.SIGTERM, timeout=_STOP_SECONDS)
    _open(directory)
    for entry in list(directory.rglob(_REGISTRIES)):
        with suppress(LocalStackError):  # no entry of a stack, or one whose files go with the directory
            state = load_state(entry)
            if state is not None:
                clear_away(state)
    remove(directory)


def remove(directory: Path) -> None:
    """Remove a run's directory."""
    _open(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _processes_of(directory: Path) -> Iterator[ProcessIdentity]:
    """Yield the processes whose temporary files are in a run's directory."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            folder = process.environ().get("TMPDIR", "")
            mark = identity_of(process.pid) if Path(folder).is_relative_to(directory) else None
            if mark is not None:
                yield mark


def _open(directory: Path) -> None:
    """Make every folder one that can be read and emptied: tests close some."""
    for folder, names, _ in os.walk(directory):
        for path in (Path(folder, name) for name in names):
            with suppress(OSError):  # it is being removed
                if not path.is_symlink() and path.stat().st_mode & 0o700 != 0o700:
                    path.chmod(0o700)
