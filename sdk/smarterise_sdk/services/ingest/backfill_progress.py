"""Progress of a backfill, stored on disk so that it can be resumed under the same plan."""

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
    """The scope of a backfill.

    Attributes:
        environment: Name of the environment.
        endpoint_url: Endpoint override; empty for AWS.
        since: Start of the time range, UTC.
        until: End of the time range, UTC.
        gateways: Gateway serials; empty for all sites.
        data_paths: Data paths to load.
        reload: Whether to load files again that are already finalized.
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
        """Name of the progress file: a digest of the scope."""
        fields = [
            *(self.environment, self.endpoint_url, utc_text(self.since), utc_text(self.until)),
            *(",".join(sorted(self.gateways)), ",".join(sorted(self.data_paths)), str(self.reload)),
        ]
        return hashlib.sha256("\0".join(fields).encode(errors="backslashreplace")).hexdigest()[:16]


@dataclass(slots=True)
class Progress:
    """The progress of a backfill.

    Attributes:
        plan_id: Id of the plan that is applied.
        done_to: The last processed key by data path; objects are processed in key order.
        failed: Keys up to it that failed, by data path.
        rows: Number of readings by result.
        is_done: Whether all objects are loaded.
    """

    plan_id: str
    done_to: dict[str, str] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    is_done: bool = False

    def is_left(self, data_path: DataPath, key: str) -> bool:
        """Return whether an object must still be loaded."""
        return key > self.done_to.get(data_path, "") or key in self.failed.get(data_path, ())


class ProgressFile:
    """The progress file of one backfill.

    Args:
        state_dir: The state directory of the tools.
        scope: The scope of the backfill.
    """

    def __init__(self, state_dir: Path, scope: Scope) -> None:
        self._folder = state_dir / FOLDER
        self.path = self._folder / f"{scope.name}.json"

    def read(self) -> Progress | None:
        """Return the stored progress; `None` when the file is missing or invalid."""
        return _progress_in(self.path)

    def write(self, progress: Progress) -> None:
        """Write the progress atomically: an interrupted write keeps the previous file.

        Raises:
            SmarteriseError: The file cannot be written (code `PROGRESS`).
        """
        new = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            new.write_text(json.dumps(asdict(progress)), encoding="utf-8")
            new.replace(self.path)
        except OSError as error:
            raise _unusable(SmarteriseError, self.path, error) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold a lock that keeps other processes from running the same backfill.

        Raises:
            Conflict: Another process holds the lock (code `UNDER_WAY`).
            UsageError: The directory cannot be used (code `PROGRESS`).
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
    """Return the progress of a plan's backfill; `None` when there is no progress file for it."""
    with suppress(OSError):
        for path in sorted((state_dir / FOLDER).glob("*.json")):
            progress = _progress_in(path)
            if progress is not None and progress.plan_id == plan_id:
                return progress
    return None


def _progress_in(path: Path) -> Progress | None:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        return Progress(
            plan_id=str(data["plan_id"]),
            done_to={str(data_path): str(key) for data_path, key in data["done_to"].items()},
            failed={str(data_path): list(map(str, keys)) for data_path, keys in data["failed"].items()},
            rows={str(name): int(count) for name, count in data["rows"].items()},
            is_done=data["is_done"] is True,
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
