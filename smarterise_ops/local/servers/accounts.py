"""The account of the PostgreSQL server, which refuses to run as root."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody")
"""Candidates, in order; one of them exists on nearly every system."""

_READ_AND_ENTER = 0o5


@dataclass(frozen=True, slots=True)
class Account:
    """An account to run a program as."""

    name: str
    uid: int
    gid: int

    def can_enter(self, directory: Path) -> bool:
        """Return whether this account can read `directory`, by mode bits."""
        places = [directory, *directory.parents]
        return all(self._mode(place) & 0o1 for place in places) and (
            self._mode(directory) & _READ_AND_ENTER == _READ_AND_ENTER
        )

    def subprocess_options(self) -> dict[str, Any]:
        """Return the arguments of `subprocess.Popen` that make the child run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Make this account the owner of a path."""
        os.chown(path, self.uid, self.gid)

    def _mode(self, path: Path) -> int:
        status = path.stat()
        if status.st_uid == self.uid:
            return status.st_mode >> 6 & 0o7
        if status.st_gid == self.gid:
            return status.st_mode >> 3 & 0o7
        return status.st_mode & 0o7


def server_account() -> Account | None:
    """Return the account of the database server; `None`: the current one.

    Raises:
        LocalStackError: If the current account is root and no other account exists.
    """
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return Account(name, found.pw_uid, found.pw_gid)
    raise LocalStackError(
        "PostgreSQL cannot be started",
        why=f"it refuses to run as root, and there is no account {' or '.join(UNPRIVILEGED)} to run it as",
        remedy="run the command as an ordinary user, or make the account: useradd --system postgres",
    )
