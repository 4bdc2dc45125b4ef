"""How far a backfill has come, kept on disk: one that was ended goes on there, under the same plan."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import Conflict, SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from smarterise_sdk.domain.ingest.status import DataPath

FOLDER: Final = "backfills"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a backfill is of.

    Attributes:
        environment: In which environment.
        endpoint_url: At which endpoint; empty for AWS itself.
        since: From when, UTC.
        until: Until when, UTC.
        gateways: Of these sites; empty for all.
        data_paths: What came by these roads.
        reload: Whether files are loaded that are settled already.
    """

    environment: str
    endpoint_url: str
    since: datetime
    until: datetime
    gateways: tuple[str, ...]
    data_paths: tuple[DataPath, ...]
    reload: bool

    @property
    def name(self) -> str:
        """What its progress is kept under: the same for the same scope."""
        told = [
            *(self.environment, self.endpoint_url, utc_text(self.since), utc_text(self.until)),
            *(",".join(sorted(self.gateways)), ",".join(sorted(self.data_paths)), str(self.reload)),
        ]
        return hashlib.sha256("\0".join(told).encode(errors="backslashreplace")).hexdigest()[:16]


@dataclass(slots=True)
class Progress:
    """How far a backfill has come.

    Attributes:
        plan_id: The plan it is carried out under.
        done_to: By road, the last object that is done, in the order of their keys.
        failed: Objects before it that are not done, by road.
        rows: Readings by what became of them.
        is_done: Whether nothing is left.
    """

    plan_id: str
    done_to: dict[str, str] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    is_done: bool = False

    def is_left(self, data_path: DataPath, key: str) -> bool:
        """Whether an object is still to be loaded."""
        return key > self.done_to.get(data_path, "") or key in self.failed.get(data_path, ())


class ProgressFile:
    """The progress of one backfill.

    Args:
        state_dir: The folder of what the tools remember.
        scope: What it is of.
    """

    def __init__(self, state_dir: Path, scope: Scope) -> None:
        self._folder = state_dir / FOLDER
        self.path = self._folder / f"{scope.name}.json"

    def read(self) -> Progress | None:
        """Return how far it has come; `None` when it was not begun, or what is there is of no use."""
        return _progress_in(self.path)

    def write(self, progress: Progress) -> None:
        """Keep how far it has come; whoever is killed while it is written finds what was there before.

        Raises:
            SmarteriseError: It cannot be kept (code `PROGRESS`).
        """
        new = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            new.write_text(json.dumps(asdict(progress)), encoding="utf-8")
            new.replace(self.path)
        except OSError as error:
            raise _unusable(SmarteriseError, self.path, error) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See to it that no other process carries out the same backfill meanwhile.

        Raises:
            Conflict: Another one does (code `UNDER_WAY`).
            UsageError: The folder cannot be used (code `PROGRESS`).
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(UsageError, self.path, error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Conflict(
                    "this backfill is under way already, in another process of this machine",
                    why=f"it holds {self.path.with_suffix('.lock')}",
                    remedy="wait for it, or end it: what it has done is kept",
                    code="UNDER_WAY",
                ) from error
            yield
        finally:
            os.close(descriptor)


def progress_of(state_dir: Path, plan_id: str) -> Progress | None:
    """Return how far the backfill of a plan has come; `None` when nothing is known of it."""
    with suppress(OSError):
        for path in sorted((state_dir / FOLDER).glob("*.json")):
            progress = _progress_in(path)
            if progress is not None and progress.plan_id == plan_id:
                return progress
    return None


def _progress_in(path: Path) -> Progress | None:
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8"))
        return Progress(
            plan_id=str(told["plan_id"]),
            done_to={str(data_path): str(key) for data_path, key in told["done_to"].items()},
            failed={str(data_path): list(map(str, keys)) for data_path, keys in told["failed"].items()},
            rows={str(name): int(count) for name, count in told["rows"].items()},
            is_done=told["is_done"] is True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _unusable(kind: type[SmarteriseError], path: Path, error: OSError) -> SmarteriseError:
    return kind(
        f"how far the backfill has come cannot be kept in {path}",
        why=error.strerror or str(error),
        remedy=f"make room and see to its rights: ls -ld {path.parent}; df -h {path.parent}",
        code="PROGRESS",
    )
