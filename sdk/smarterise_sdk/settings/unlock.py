"""Time-limited permission to write to a read-only environment (unlock), with a reason.

Each environment has one file in the state folder. An invalid file counts as locked.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from smarterise_sdk.domain.text import MAX_REASON, visible
from smarterise_sdk.errors import UsageError
from smarterise_sdk.journal.masking import masked_text

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "unlocks"
LONGEST_MINUTES = 480
"""Maximum duration, minutes; a longer permission belongs in a settings file."""
MAX_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Unlock:
    """Time-limited permission to write.

    Attributes:
        environment: Name of the environment.
        opened_at: Start, UTC.
        until: End (exclusive), UTC.
        reason: Reason given by the operator.
        by: The operator, e.g. `anna@ops-1`.
    """

    environment: str
    opened_at: datetime
    until: datetime
    reason: str
    by: str

    def __str__(self) -> str:
        return f"until {self.until:%H:%MZ}: {self.reason}"


class Unlocks:
    """The unlocks of one user on one machine.

    Args:
        state_dir: State folder of the tools.
    """

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / FOLDER

    def open(self, environment: str, *, minutes: int, reason: str, by: str, now: datetime) -> Unlock:
        """Unlock an environment; replaces an earlier unlock.

        Args:
            environment: Name of the environment.
            minutes: Duration, 1 to 480 minutes.
            reason: Reason, recorded with every change made during the unlock.
            by: The operator.
            now: Current time, aware.

        Raises:
            UsageError: The duration or the reason is invalid, or the unlock cannot be written (code
                `UNLOCK`); nothing was changed.
        """
        if not 1 <= minutes <= LONGEST_MINUTES:
            raise UsageError(
                f"an unlock lasts 1 to {LONGEST_MINUTES} minutes, not {minutes}",
                remedy="for permanent write access, set read_only = false in the settings file",
            )
        text = masked_text(visible(reason.strip()))
        if not text or len(text) > MAX_REASON:
            raise UsageError(
                "an unlock needs a reason" if not text else f"the reason has {len(text)} characters",
                why="it is shown during the unlock and recorded with every change",
                remedy=f"give a reason of 1 to {MAX_REASON} characters",
            )
        at = now.astimezone(UTC).replace(microsecond=0)
        unlock = Unlock(environment, at, at + timedelta(minutes=minutes), text, by)
        self._write(unlock)
        return unlock

    def close(self, environment: str) -> bool:
        """Remove the unlock of an environment; return whether there was one, current or expired.

        Raises:
            UsageError: It cannot be removed (code `UNLOCK`).
        """
        try:
            self._path(environment).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._error(environment, error) from error
        return True

    def current(self, environment: str, now: datetime) -> Unlock | None:
        """Return the current unlock of an environment, or `None`.

        An unlock is invalid if the clock was set back to before its start, or if other users can write its
        file.
        """
        try:
            descriptor = os.open(self._path(environment), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            unlock = _parsed(os.read(descriptor, MAX_FILE_BYTES)) if _is_owned_by_user(descriptor) else None
        except OSError:
            return None
        finally:
            os.close(descriptor)
        if unlock is None or unlock.environment != environment:
            return None
        return unlock if unlock.opened_at <= now < unlock.until else None

    def _write(self, unlock: Unlock) -> None:
        content = json.dumps(
            {
                "environment": unlock.environment,
                "opened_at": unlock.opened_at.isoformat(),
                "until": unlock.until.isoformat(),
                "reason": unlock.reason,
                "by": unlock.by,
            }
        )
        path = self._path(unlock.environment)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        # A symbolic link in place of the file is replaced, not followed.
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 -- a descriptor
                stream.write(content)
            draft.replace(path)
        except OSError as error:
            raise self._error(unlock.environment, error) from error

    def _path(self, environment: str) -> Path:
        return self.folder / f"{quote(environment, safe='')}.json"

    def _error(self, environment: str, error: OSError) -> UsageError:
        return UsageError(
            f"the unlock of environment {visible(environment)} cannot be written",
            why=error.strerror or str(error),
            remedy=f"check permissions and free space: ls -ld {self.folder}; df -h {self.folder.parent}",
            code="UNLOCK",
        )


def _is_owned_by_user(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    is_private = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() and is_private


def _parsed(source: bytes) -> Unlock | None:
    try:
        data = json.loads(source)
        texts = [data[name] for name in ("environment", "opened_at", "until", "reason", "by")]
        opened_at, until = datetime.fromisoformat(texts[1]), datetime.fromisoformat(texts[2])
        duration = until - opened_at
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_valid = all(isinstance(text, str) for text in texts) and opened_at.tzinfo is not None
    if not is_valid or not timedelta() < duration <= timedelta(minutes=LONGEST_MINUTES):
        return None
    return Unlock(texts[0], opened_at, until, texts[3], texts[4])
