"""Timed leave to write where an environment is read-only: given by a person, with a reason, over by itself.

One small file an environment in the state folder. What is not exactly right about it counts as locked.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import UsageError
from smarterise_sdk.journal.masking import masked_text

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "unlocks"
LONGEST_MINUTES = 480
"""A working day: leave that lasts longer is what a settings file is for."""
LONGEST_REASON = 200
MAX_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Unlock:
    """Leave to write.

    Attributes:
        environment: Where.
        opened_at: Since when, UTC.
        until: Until when, UTC; at this moment it is over.
        reason: Why, in the operator's words.
        by: Who gave it, e.g. `anna@ops-1`.
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
        state_dir: The folder of what the tools remember.
    """

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / FOLDER

    def open(self, environment: str, *, minutes: int, reason: str, by: str, now: datetime) -> Unlock:
        """Give leave to write, in place of any given before.

        Args:
            environment: Name of the environment.
            minutes: For how long: 1 to 480.
            reason: Why; kept with every change made under it.
            by: Who gives it.
            now: This moment, with its zone.

        Raises:
            UsageError: The time or the reason is not valid, or the unlock cannot be written (code
                `UNLOCK`); the environment stays as it was.
        """
        if not 1 <= minutes <= LONGEST_MINUTES:
            raise UsageError(
                f"an unlock lasts 1 to {LONGEST_MINUTES} minutes, not {minutes}",
                remedy="for good, write read_only = false into the settings file of the environment",
            )
        text = masked_text(visible(reason.strip()))
        if not text or len(text) > LONGEST_REASON:
            raise UsageError(
                "an unlock needs a reason" if not text else f"the reason has {len(text)} characters",
                why="it is shown while the unlock lasts and kept with every change made under it",
                remedy=f"say it in 1 to {LONGEST_REASON} characters",
            )
        at = now.astimezone(UTC).replace(microsecond=0)
        unlock = Unlock(environment, at, at + timedelta(minutes=minutes), text, by)
        self._write(unlock)
        return unlock

    def close(self, environment: str) -> bool:
        """Take the leave back, and return whether there was any, in force or over.

        Raises:
            UsageError: It cannot be taken back (code `UNLOCK`).
        """
        try:
            self._path(environment).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._error(environment, error) from error
        return True

    def current(self, environment: str, now: datetime) -> Unlock | None:
        """Return the unlock that is in force, if there is one.

        A clock that was set back behind the moment of opening ends it, too: nobody knows how long ago that
        was. So does a file that somebody else may write.
        """
        try:
            descriptor = os.open(self._path(environment), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            unlock = _parsed(os.read(descriptor, MAX_FILE_BYTES)) if _is_ours(descriptor) else None
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
        # The folder belongs to the tools: a link in place of the file is replaced, never followed.
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 -- a descriptor again
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
            remedy=f"make room and see to its rights: ls -ld {self.folder}; df -h {self.folder.parent}",
            code="UNLOCK",
        )


def _is_ours(descriptor: int) -> bool:
    about = os.fstat(descriptor)
    is_guarded = not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISREG(about.st_mode) and about.st_uid == os.getuid() and is_guarded


def _parsed(source: bytes) -> Unlock | None:
    try:
        said = json.loads(source)
        texts = [said[name] for name in ("environment", "opened_at", "until", "reason", "by")]
        opened_at, until = datetime.fromisoformat(texts[1]), datetime.fromisoformat(texts[2])
        lasts = until - opened_at
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_sound = all(isinstance(text, str) for text in texts) and opened_at.tzinfo is not None
    if not is_sound or not timedelta() < lasts <= timedelta(minutes=LONGEST_MINUTES):
        return None
    return Unlock(texts[0], opened_at, until, texts[3], texts[4])
