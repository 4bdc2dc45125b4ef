"""Standard streams of the process, which may be closed, full, or a terminal that hung up.

Imports only the standard library: `--version` uses it before other modules are imported.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

STDOUT_FAILED = "Standard output cannot be written"
"""The error of a command whose output is lost."""
_STANDARD = (0, 1, 2)


class GuardedStream:
    """An output stream with central handling of write errors, of commands and of Typer.

    The first error points the stream's descriptor at the null device, so that later writes, and the flush at
    interpreter exit, succeed. A broken pipe is not reported.

    Args:
        stream: The stream; binary and text streams have the same methods.
        on_error: Called with any error other than a broken pipe.
    """

    def __init__(self, stream: Any, on_error: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._on_error = on_error

    @property
    def buffer(self) -> Any:
        """The binary stream below a text stream, guarded as well."""
        return GuardedStream(self._stream.buffer, self._on_error)

    def write(self, data: Any) -> int:
        """Write data and return its length."""
        is_text = isinstance(self._stream, io.TextIOBase)
        if not data and isinstance(data, str) is is_text:
            # Typer writes an empty string to detect the kind of stream; on a full disk that would fail.
            return 0
        try:
            self._stream.write(data)
        except OSError as error:
            self._failed(error)
        return len(data)

    def flush(self) -> None:
        """Flush the buffer."""
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        _discard(self._stream)
        if not isinstance(error, BrokenPipeError):
            self._on_error(error)

    @property
    def encoding(self) -> str:
        """The encoding of a text stream."""
        return str(self._stream.encoding)

    @property
    def errors(self) -> str | None:
        """The error handler of a text stream for characters that its encoding lacks."""
        return cast("str | None", self._stream.errors)

    @property
    def closed(self) -> bool:
        """Whether the stream is closed."""
        return bool(self._stream.closed)

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._stream.fileno())

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return bool(self._stream.isatty())

    def readable(self) -> bool:
        """Return False: this is an output stream."""
        return False

    def writable(self) -> bool:
        """Return True: this is an output stream."""
        return True

    def seekable(self) -> bool:
        """Return False, also for a regular file."""
        return False


def fill_closed_descriptors() -> None:
    """Open the null device in place of closed standard streams.

    Otherwise the next file or socket gets descriptor 0, 1 or 2, and child processes use it as a stream.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            # `open` returns the lowest free descriptor, which is this one. Child processes inherit it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003


def guard_output(on_error: Callable[[OSError], None]) -> None:
    """Guard `sys.stdout` and `sys.stderr`; a closed stream discards writes.

    Characters that the encoding of a stream lacks are written as escapes.

    Args:
        on_error: Called with an error of standard output; an error of standard error cannot be reported.
    """
    sys.stdout = _guarded(sys.stdout, on_error)
    sys.stderr = _guarded(sys.stderr, _ignore)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="backslashreplace")


def write_text(stream: TextIO | None, text: str, on_error: Callable[[OSError], None] | None = None) -> None:
    """Write text to a standard stream and flush it; a closed stream discards the text.

    Args:
        stream: The stream.
        text: The text.
        on_error: Called with any error other than a broken pipe; by default errors are ignored.
    """
    if stream is not None:
        guarded = stream if isinstance(stream, GuardedStream) else GuardedStream(stream, on_error or _ignore)
        guarded.write(text)
        guarded.flush()


def flush_at_exit() -> None:
    """Flush the standard streams, so that the flush at interpreter exit cannot fail.

    Python exits with 120 when that flush fails, e.g. after Textual wrote to a terminal that hung up.
    """
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            _discard(stream)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a standard stream is open and is a terminal."""
    return stream is not None and stream.isatty()


def _guarded(stream: Any, on_error: Callable[[OSError], None]) -> TextIO:
    if isinstance(stream, GuardedStream):
        return cast("TextIO", stream)
    if isinstance(stream, io.TextIOWrapper):
        with contextlib.suppress(OSError):  # the next write flushes again
            stream.reconfigure(errors="backslashreplace")
    return cast("TextIO", GuardedStream(io.StringIO() if stream is None else stream, on_error))


def _ignore(_error: OSError) -> None:
    """Ignore an error of standard error, which cannot be reported."""


def _discard(stream: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
