"""What one embedded stack says about itself: the state file in its data directory, private to its owner."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from smarterise_ops.local.servers.processes import ProcessIdentity
from smarterise_sdk.errors import LocalStackError

STATE_FILE = "stack.json"
"""In the data directory. Its presence says: this directory is ours, `down` may remove it."""


class Phase(StrEnum):
    """How far a stack is."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class StackState:
    """One embedded stack.

    Attributes:
        stack_id: Tells this start of the stack from any other.
        data_dir: Where it keeps its files.
        phase: How far it is.
        supervisor: The process that owns the rest.
        children: The servers it started, by name.
        extra_dirs: Directories outside `data_dir` that go when it goes.
        exports: Environment variables that point a client at it; they hold its secrets.
        started_at: When it was started, ISO 8601 UTC.
        options: What it was started with: sites, seed, simulator, speed.
        keep_data_dir: The data directory was there before us: empty it, but leave it.
        error: Why it failed: `what`, `why`, `remedy`.
    """

    stack_id: str
    data_dir: Path
    phase: Phase
    supervisor: ProcessIdentity
    children: dict[str, ProcessIdentity] = field(default_factory=dict)
    extra_dirs: tuple[Path, ...] = ()
    exports: dict[str, str] = field(default_factory=dict)
    started_at: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    keep_data_dir: bool = False
    error: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the state file is."""
        return self.data_dir / STATE_FILE

    def save(self) -> None:
        """Write the state file, whole or not at all, readable by its owner alone."""
        write_private(self.path, json.dumps(self._plain(), indent=2) + "\n")

    def claim(self) -> None:
        """Write the state file for the first time, whole, unless there is one already.

        Raises:
            FileExistsError: If there is one: another stack was quicker.
        """
        first = self.path.with_name(f".{STATE_FILE}.{self.stack_id}")
        write_private(first, json.dumps(self._plain(), indent=2) + "\n")
        try:
            os.link(first, self.path)
        finally:
            first.unlink()

    def public(self) -> dict[str, Any]:
        """Return what may lie around in a registry: everything but the secrets."""
        return {key: value for key, value in self._plain().items() if key != "exports"}

    def failure(self) -> LocalStackError:
        """Return the error of a stack that failed to start."""
        return LocalStackError(
            self.error.get("what", "the embedded stack did not start"),
            why=self.error.get("why", ""),
            remedy=self.error.get("remedy", ""),
        )

    def _plain(self) -> dict[str, Any]:
        plain = asdict(self)
        return {
            **plain,
            "data_dir": str(self.data_dir),
            "phase": self.phase.value,
            "extra_dirs": [str(path) for path in self.extra_dirs],
        }


def load_state(path: Path) -> StackState | None:
    """Read a state file or registry entry; `None` if there is none.

    Raises:
        LocalStackError: If there is one that cannot be understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LocalStackError(
            f"the state of the embedded stack in {path} cannot be read",
            why=error.strerror or str(error),
            remedy="use the account that started it, or another --data-dir",
        ) from error
    try:
        return _parse(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LocalStackError(
            f"{path} is not the state of an embedded stack",
            why=f"{type(error).__name__}: {error}",
            remedy=f"if it is a leftover, remove it: rm {path}",
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: readers see the old one or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _parse(plain: dict[str, Any]) -> StackState:
    return StackState(
        stack_id=str(plain["stack_id"]),
        data_dir=Path(plain["data_dir"]),
        phase=Phase(plain["phase"]),
        supervisor=ProcessIdentity(**plain["supervisor"]),
        children={str(name): ProcessIdentity(**mark) for name, mark in plain["children"].items()},
        extra_dirs=tuple(Path(path) for path in plain["extra_dirs"]),
        exports=dict(plain.get("exports", {})),
        started_at=str(plain["started_at"]),
        options=dict(plain["options"]),
        keep_data_dir=bool(plain["keep_data_dir"]),
        error=dict(plain["error"]),
    )
