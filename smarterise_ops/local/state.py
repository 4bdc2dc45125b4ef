"""The state file of an embedded stack, in its data directory with mode 0600."""

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
"""Its presence marks a data directory of a stack, which `local down` may remove."""


class Phase(StrEnum):
    """Phase of a stack."""

    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class StackState:
    """State of an embedded stack.

    Attributes:
        stack_id: Id of this start of the stack.
        data_dir: Data directory.
        phase: Phase.
        supervisor: The supervisor process.
        children: Server processes by name.
        extra_dirs: Directories outside `data_dir` that are removed with the stack.
        exports: Environment variables for clients, including secrets.
        started_at: Start time, ISO 8601 UTC.
        options: Options: sites, seed, simulator, speed.
        keep_data_dir: Whether the data directory existed before: it is emptied, not removed.
        error: Error of a failed start: `what`, `why`, `remedy`.
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
        """Path of the state file."""
        return self.data_dir / STATE_FILE

    def save(self) -> None:
        """Write the state file atomically with mode 0600."""
        write_private(self.path, json.dumps(self._plain(), indent=2) + "\n")

    def claim(self) -> None:
        """Create the state file atomically.

        Raises:
            FileExistsError: If another stack has created it first.
        """
        first = self.path.with_name(f".{STATE_FILE}.{self.stack_id}")
        write_private(first, json.dumps(self._plain(), indent=2) + "\n")
        try:
            os.link(first, self.path)
        finally:
            first.unlink()

    def public(self) -> dict[str, Any]:
        """Return the state without secrets, for the registry."""
        return {key: value for key, value in self._plain().items() if key != "exports"}

    def failure(self) -> LocalStackError:
        """Return the error of a failed stack."""
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
    """Read a state file or registry entry; return `None` if it does not exist.

    Raises:
        LocalStackError: If it is invalid.
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
    """Replace a file atomically, with mode 0600."""
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
        children={str(name): ProcessIdentity(**child) for name, child in plain["children"].items()},
        extra_dirs=tuple(Path(path) for path in plain["extra_dirs"]),
        exports=dict(plain.get("exports", {})),
        started_at=str(plain["started_at"]),
        options=dict(plain["options"]),
        keep_data_dir=bool(plain["keep_data_dir"]),
        error=dict(plain["error"]),
    )
