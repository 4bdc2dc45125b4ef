"""Reads, replaces and creates files named on the command line."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from contextlib import suppress
from pathlib import Path

from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import UsageError

STDIN = "-"
"""The name of standard input or output."""
_STDIN_NAME = "standard input"
_OPEN_FILES = re.compile(r"(?:/dev|/proc/(?P<pid>\d+)(?:/task/\d+)?)/fd\Z")
"""Directories with one entry per open file of a process."""
_MAX_LINKS = 40


def name_of(file: str) -> str:
    """Return the name of a file as messages show it."""
    return _STDIN_NAME if file == STDIN else visible(file) or "''"


def read_named(file: str, at_most: int) -> bytes:
    """Return the content of a file, or of standard input.

    Args:
        file: The name; `-` is standard input.
        at_most: Maximum bytes to read.

    Raises:
        UsageError: If it cannot be read.
    """
    try:
        if file != STDIN:
            with open(file, "rb") as source:  # noqa: PTH123 -- Path treats an empty name as the directory
                return source.read(at_most)
        if sys.stdin is not None:
            return sys.stdin.buffer.read(at_most)
    except (OSError, ValueError) as error:
        raise UsageError(f"{name_of(file)} cannot be read", why=reason_of(error)) from error
    raise UsageError(
        f"{_STDIN_NAME} cannot be read",
        why="standard input is closed",
        remedy=f"name a file instead of {STDIN}, or redirect one: < FILE",
    )


def write_named(file: str, content: bytes) -> bool:
    """Write or replace a file atomically.

    Symbolic links are followed, and their target is replaced; it keeps its permissions. Devices, FIFOs and
    open files of a process such as /dev/stdout are written to, not replaced.

    The content is first written to a temporary file in the same directory.

    Args:
        file: The name.
        content: The whole content.

    Returns:
        Whether everything was written: False if the reader closed the pipe.

    Raises:
        UsageError: If it cannot be written.
    """
    try:
        _write(file, content)
    except BrokenPipeError:
        return False
    except (OSError, ValueError) as error:
        raise _not_written(file, error) from error
    return True


def create_named(file: str, content: bytes) -> None:
    """Create a file that must not exist.

    Args:
        file: The name.
        content: The whole content.

    Raises:
        FileExistsError: If the file or a symbolic link exists.
        UsageError: If it cannot be written; the partial file is removed.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            _write_all(descriptor, content)
        except BaseException:
            with suppress(OSError):
                os.unlink(file)  # noqa: PTH108 -- the same name as above
            raise
    except FileExistsError:
        raise
    except (OSError, ValueError) as error:
        raise _not_written(file, error) from error


def directory_named(directory: Path) -> Path:
    """Return the absolute path of a directory that need not exist yet.

    Raises:
        UsageError: If the path is not a directory or not accessible.
    """
    try:
        path = directory.expanduser().absolute()
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.stat().st_mode):
                raise _error(errno.ENOTDIR)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"{name_of(str(directory))} cannot be used as a directory",
            why="no such user, or no home directory" if isinstance(error, RuntimeError) else reason_of(error),
            remedy="choose another directory",
        ) from error
    return path


def reason_of(error: OSError | ValueError) -> str:
    """Return the reason of a file error; a ValueError concerns the name."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeError):
        return "the name contains characters that are not allowed in file names"
    return "the name contains a null character"


def _not_written(file: str, error: OSError | ValueError) -> UsageError:
    return UsageError(f"{name_of(file)} cannot be written", why=reason_of(error))


def _write(file: str, content: bytes) -> None:
    about = None
    with suppress(FileNotFoundError):
        about = os.stat(file)  # noqa: PTH116 -- Path drops a slash at the end
    if about is not None and stat.S_ISDIR(about.st_mode):
        raise _error(errno.EISDIR)
    place = _resolved(file)
    opened = _OPEN_FILES.match(str(place.parent))
    if opened is not None and opened["pid"] in (None, str(os.getpid())):
        # Duplicate the descriptor: a new one would overwrite the file from its start.
        _write_all(os.dup(int(place.name)), content)
    elif opened is not None or (about is not None and not stat.S_ISREG(about.st_mode)):
        flags = os.O_WRONLY | os.O_TRUNC | os.O_NOCTTY | os.O_CLOEXEC
        _write_all(os.open(file, flags), content)
    else:
        _replace(place, content, about)


def _resolved(file: str) -> Path:
    """Resolve symbolic links, except those to the open files of a process."""
    path = file
    for _ in range(_MAX_LINKS):
        folder, name = os.path.split(path)
        if not name:
            raise _error(errno.EISDIR if folder else errno.ENOENT)
        place = Path(os.path.realpath(folder)) / name
        if _OPEN_FILES.match(str(place.parent)):
            return place
        try:
            path = os.path.join(place.parent, os.readlink(place))  # noqa: PTH115, PTH118 -- keeps a slash
        except OSError:  # no link
            return place
    raise _error(errno.ELOOP)


def _replace(path: Path, content: bytes, about: os.stat_result | None) -> None:
    """Replace a regular file, or create it.

    Args:
        path: The file, no symbolic link.
        content: The whole content.
        about: Status of the existing file, or `None`.
    """
    if about is not None and not os.access(path, os.W_OK):
        raise _error(errno.EACCES)
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o666 if about is None else 0o600)
    try:
        _write_all(descriptor, content, about)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _write_all(descriptor: int, content: bytes, about: os.stat_result | None = None) -> None:
    """Write to a descriptor and close it.

    Args:
        descriptor: The open file.
        content: What to write.
        about: Owner and permissions for the file.
    """
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        if about is not None:
            with suppress(PermissionError):
                os.fchown(descriptor, about.st_uid, about.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(about.st_mode))
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fsync(descriptor)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
