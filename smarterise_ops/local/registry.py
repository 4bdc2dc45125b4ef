"""Which stacks there are on this machine, so that the next one clears away what a killed owner left behind.

One file a stack under `$XDG_STATE_HOME/smarterise-ops/stacks`, without secrets. It outlives a stack only when
its supervisor was killed outright (SIGKILL, power): then `sweep` ends what it had started, removes its files.
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
    """Return the directory for things that outlive a command (`$XDG_STATE_HOME/smarterise-ops`)."""
    configured = os.environ.get("XDG_STATE_HOME", "")
    if Path(configured).is_absolute():
        return Path(configured) / "smarterise-ops"
    return home_directory() / ".local" / "state" / "smarterise-ops"


def default_data_dir() -> Path:
    """Return where `local up` keeps its stack unless told otherwise."""
    return state_home() / "local"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep other starts out for the length of a `with` block; the system lets go if we are killed.

    Raises:
        UsageError: If there is no place for the registry.
    """
    directory = _made_directory()
    held = os.open(directory, os.O_RDONLY)  # the directory itself: a lock file would be left behind
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def register(state: StackState) -> None:
    """Write down a stack, before it starts anything that could be left behind.

    Raises:
        UsageError: If there is no place for the registry.
    """
    _made_directory()
    write_private(_entry(state.stack_id), json.dumps(state.public(), indent=2) + "\n")


def forget(stack_id: str) -> None:
    """Remove a stack's entry, and what a process that was killed while it wrote the entry left."""
    entry = _entry(stack_id)
    entry.unlink(missing_ok=True)
    for draft in entry.parent.glob(f".{entry.name}.*"):
        draft.unlink(missing_ok=True)


def sweep() -> list[StackState]:
    """Clear away every stack whose supervisor is gone; return them.

    Processes are ended only if pid and start time are those written down. Directories are removed only if the
    state file in them (or, for directories elsewhere, the entry itself) says they are that stack's.
    """
    swept = []
    for entry in sorted(_directory().glob("*.json")):
        try:
            state = load_state(entry)
        except LocalStackError:  # not ours to understand, so not ours to act on; it holds nothing back
            continue
        if state is None or is_running(state.supervisor):
            continue
        clear_away(state)
        swept.append(state)
    return swept


def clear_away(state: StackState) -> None:
    """End what is left of a stack and remove its files and its entry."""
    end_processes(state.children.values(), ask=signal.SIGTERM, timeout=_TIMEOUT)
    for directory in state.extra_dirs:
        if directory.name.startswith(EXTRA_DIR_PREFIX):
            shutil.rmtree(directory, ignore_errors=True)
    if _is_of(state.data_dir, state.stack_id):
        remove_data_dir(state)
    forget(state.stack_id)


def remove_data_dir(state: StackState) -> None:
    """Remove a stack's data directory, or only what is in it if it was there before the stack.

    The state file goes last: while it is there, a removal that was cut short can be done again.

    Raises:
        LocalStackError: If something cannot be removed.
    """
    try:
        _empty(state)
        if not state.keep_data_dir:
            state.data_dir.rmdir()
    except OSError as error:
        raise LocalStackError(
            f"{error.filename or state.data_dir} cannot be removed",
            why=error.strerror or str(error),
            remedy=f"see what holds it, then remove it: rm -r {state.data_dir}",
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


def _made_directory() -> Path:
    directory = _directory()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"{directory} cannot be used: the stacks of this machine are listed there",
            why=error.strerror or str(error),
            remedy="point XDG_STATE_HOME at a directory that you may write to",
        ) from error
    return directory


def _directory() -> Path:
    return state_home() / "stacks"


def _entry(stack_id: str) -> Path:
    return _directory() / f"{stack_id}.json"
