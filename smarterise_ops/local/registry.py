"""Registry of the stacks of this machine, for removing the remains of killed stacks.

One file per stack under `$XDG_STATE_HOME/smarterise-ops/stacks`, without secrets. It remains only if the
supervisor was killed (SIGKILL, power loss): then `sweep` stops its processes and removes its files.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from smarterise_ops.local.servers.paths import EXTRA_DIR_PREFIX
from smarterise_ops.local.servers.processes import end_processes, is_running
from smarterise_ops.local.state import STATE_FILE, StackState, load_state, write_private
from smarterise_sdk.errors import LocalStackError, UsageError
from smarterise_sdk.settings.files import home_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT = 3.0


def state_home() -> Path:
    """Return the state directory (`$XDG_STATE_HOME/smarterise-ops`)."""
    configured = os.environ.get("XDG_STATE_HOME", "")
    if Path(configured).is_absolute():
        return Path(configured) / "smarterise-ops"
    return home_directory() / ".local" / "state" / "smarterise-ops"


def default_data_dir() -> Path:
    """Return the default data directory of `local up`."""
    return state_home() / "local"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Lock out other starts for a `with` block; the lock ends with the process.

    Raises:
        UsageError: If the registry's directory is not usable.
    """
    directory = _create_directory()
    held = os.open(directory, os.O_RDONLY)  # no lock file, which would remain
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def register(state: StackState) -> None:
    """Register a stack before it starts processes.

    Raises:
        UsageError: If the registry's directory is not usable.
    """
    _create_directory()
    write_private(_entry(state.stack_id), json.dumps(state.public(), indent=2) + "\n")


def forget(stack_id: str) -> None:
    """Remove a stack's entry and temporary files of it."""
    entry = _entry(stack_id)
    entry.unlink(missing_ok=True)
    for draft in entry.parent.glob(f".{entry.name}.*"):
        draft.unlink(missing_ok=True)


def sweep() -> list[StackState]:
    """Remove every stack whose supervisor is not running; return them.

    Processes are stopped only if pid and start time match. Directories are removed only if the state file in
    them (or, for other directories, the entry itself) belongs to that stack.
    """
    swept = []
    for entry in sorted(_directory().glob("*.json")):
        try:
            state = load_state(entry)
        except LocalStackError:  # an invalid entry is skipped
            continue
        if state is None or is_running(state.supervisor):
            continue
        clear_away(state)
        swept.append(state)
    return swept


def clear_away(state: StackState) -> None:
    """Stop the remaining processes of a stack, and remove its files and its entry."""
    end_processes(state.children.values(), first=signal.SIGTERM, timeout=_TIMEOUT)
    for directory in state.extra_dirs:
        if directory.name.startswith(EXTRA_DIR_PREFIX):
            shutil.rmtree(directory, ignore_errors=True)
    if _is_of(state.data_dir, state.stack_id):
        remove_data_dir(state)
    forget(state.stack_id)


def remove_data_dir(state: StackState) -> None:
    """Remove a stack's data directory, or only its content if it existed before the stack.

    The state file is removed last, so that an interrupted removal can be repeated.

    Raises:
        LocalStackError: If a file cannot be removed.
    """
    try:
        _empty(state)
        if not state.keep_data_dir:
            state.data_dir.rmdir()
    except OSError as error:
        raise LocalStackError(
            f"{error.filename or state.data_dir} cannot be removed",
            why=error.strerror or str(error),
            remedy=f"check permissions and open files, then remove it: rm -r {state.data_dir}",
        ) from error


def _empty(state: StackState) -> None:
    for child in state.data_dir.iterdir():
        if child.name == STATE_FILE:
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink(missing_ok=True)
    state.path.unlink(missing_ok=True)


def _is_of(data_dir: Path, stack_id: str) -> bool:
    try:
        found = load_state(data_dir / STATE_FILE)
    except LocalStackError:
        return False
    return found is not None and found.stack_id == stack_id


def _create_directory() -> Path:
    directory = _directory()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"{directory} is not usable as the registry of embedded stacks",
            why=error.strerror or str(error),
            remedy="set XDG_STATE_HOME to a writable directory",
        ) from error
    return directory


def _directory() -> Path:
    return state_home() / "stacks"


def _entry(stack_id: str) -> Path:
    return _directory() / f"{stack_id}.json"
