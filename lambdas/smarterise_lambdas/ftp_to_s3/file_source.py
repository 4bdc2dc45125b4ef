"""Protocol-independent interface to a file server, with its errors.

`ftp_client` implements it; another protocol needs only the protocols `Connection` and `Source`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file as a server lists it.

    Attributes:
        folder: Folder as requested; empty for the folder of the server's URL.
        name: File name; bytes that are not UTF-8 are lone surrogates.
        size: Size as listed, bytes; `None` if not listed.
        modified: Time of the last change as listed; only for comparison.
        modified_at: The same as a datetime, UTC; `None` if the server lists no full time.
    """

    folder: str
    name: str
    size: int | None
    modified: str
    modified_at: datetime | None = None

    @property
    def path(self) -> str:
        """Folder and name, joined by a slash."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    def has_same_state_as(self, other: RemoteFile) -> bool:
        """Return whether size and time of change are equal."""
        return self.size == other.size and self.modified == other.modified


@dataclass(frozen=True, slots=True)
class Listing:
    """Content of one folder.

    Attributes:
        folder: The folder as requested.
        files: Files that can be fetched.
        folders: Names of subfolders.
        unusable: Names that no FTP command can carry, and lines that were not parsed.
    """

    folder: str
    files: tuple[RemoteFile, ...]
    folders: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()


class SourceFault(Exception):
    """An operation on a file server failed.

    Attributes:
        code: Stable error code.
    """

    code = "SERVER_FAULT"


class Unreachable(SourceFault):
    """The server does not respond, or not with the expected protocol."""

    code = "SERVER_UNREACHABLE"


class LoginRefused(SourceFault):
    """The server rejected the login."""

    code = "LOGIN_REFUSED"


class TlsRefused(SourceFault):
    """The TLS handshake failed, or the certificate is not trusted."""

    code = "TLS_REFUSED"


class Busy(SourceFault):
    """The server accepts no further connections now."""

    code = "SERVER_BUSY"


class NotListed(SourceFault):
    """Listing a folder failed."""

    code = "NOT_LISTED"


class ConnectionCut(SourceFault):
    """A connection was closed, timed out or lost protocol synchronization; a new one may work."""

    code = "CONNECTION_CUT"


class FileRefused(SourceFault):
    """The server refused the file or no longer has it; the connection remains usable."""

    code = "FILE_REFUSED"


class Connection(Protocol):
    """One logged-in connection, used by one thread at a time."""

    def list(self, folder: str) -> Listing:
        """Return the content of a folder.

        Raises:
            NotListed: If the server refuses to list it.
            ConnectionCut: If the connection is no longer usable.
        """

    def fetch(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        """Pass the content of a file to `write` in blocks; return after the server confirms completion.

        Exceptions of `write` are not caught; the connection is not usable after one.

        Raises:
            FileRefused: If the server refuses the file.
            ConnectionCut: If the connection was lost.
        """

    def stat(self, file: RemoteFile) -> RemoteFile | None:
        """Return the current state of a file; `None` if it is gone or the server does not support it.

        Raises:
            ConnectionCut: If the connection is no longer usable.
        """

    def delete(self, file: RemoteFile) -> None:
        """Delete a file; no error if it does not exist.

        Raises:
            FileRefused: If the server refuses to delete it.
            ConnectionCut: If the connection is no longer usable.
        """

    def set_timeout(self, seconds: float) -> None:
        """Set the timeout of each network operation."""

    def close(self) -> None:
        """Close the connection, whatever its state."""


class Source(Protocol):
    """A file server."""

    @property
    def name(self) -> str:
        """Name in the settings."""

    @property
    def location(self) -> str:
        """URL without user and password, for messages."""

    def connect(self, *, timeout: float) -> Connection:
        """Open a connection and log in.

        Args:
            timeout: Timeout of each network operation, seconds.

        Raises:
            Unreachable: If the server does not respond.
            LoginRefused: If it rejects the login.
            TlsRefused: If the TLS handshake fails.
            Busy: If it accepts no further connections now.
        """
