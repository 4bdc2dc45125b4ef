"""What a sweep needs of a file server, whatever that speaks, and what can go wrong with one.

`ftp_client` is the one there is; another protocol needs only the two classes of the foot of this page.
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
        folder: Where it is, as it was asked for; empty for the folder that the server's URL names.
        name: Its name there; bytes that are no UTF-8 are lone surrogates.
        size: Bytes, as far as the server says so.
        modified: What the server says of its last change: good for comparing, not for reading.
        modified_at: The same as a moment, UTC, when the server tells one.
    """

    folder: str
    name: str
    size: int | None
    modified: str
    modified_at: datetime | None = None

    @property
    def path(self) -> str:
        """Folder and name."""
        return f"{self.folder}/{self.name}" if self.folder else self.name

    def is_as(self, other: RemoteFile) -> bool:
        """Return whether nothing that the server tells of it has changed."""
        return self.size == other.size and self.modified == other.modified


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in one folder.

    Attributes:
        folder: Which one.
        files: The files that can be asked for.
        folders: Names of the folders in it.
        unusable: Names that no command can carry, and what else could not be understood.
    """

    folder: str
    files: tuple[RemoteFile, ...]
    folders: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()


class SourceFault(Exception):
    """Something went wrong with a server.

    Attributes:
        code: Stable word for it.
    """

    code = "SERVER_FAULT"


class Unreachable(SourceFault):
    """The server does not answer, or not as such a server does."""

    code = "SERVER_UNREACHABLE"


class LoginRefused(SourceFault):
    """The server knows neither this user nor this password, or does not let it in."""

    code = "LOGIN_REFUSED"


class TlsRefused(SourceFault):
    """Server and function cannot agree on TLS, or the certificate is not to be trusted."""

    code = "TLS_REFUSED"


class Busy(SourceFault):
    """The server takes no further connection now."""

    code = "SERVER_BUSY"


class NotListed(SourceFault):
    """A folder cannot be listed."""

    code = "NOT_LISTED"


class ConnectionCut(SourceFault):
    """A connection ended, stalled or got out of step; the next one may fare better."""

    code = "CONNECTION_CUT"


class FileRefused(SourceFault):
    """The server does not hand out this file, or no longer has it. The connection is sound."""

    code = "FILE_REFUSED"


class Connection(Protocol):
    """One logged-in connection, of one thread at a time."""

    def list(self, folder: str) -> Listing:
        """Return what is in a folder.

        Raises:
            NotListed: If it cannot be listed.
            ConnectionCut: If the connection is of no further use.
        """

    def fetch(self, file: RemoteFile, take: Callable[[bytes], None]) -> None:
        """Hand the content of a file to `take`, block by block, and return when the server says: complete.

        What `take` raises comes through; the connection is of no further use then.

        Raises:
            FileRefused: If the server does not hand it out.
            ConnectionCut: If it ended in the middle.
        """

    def stat(self, file: RemoteFile) -> RemoteFile | None:
        """Return the file as it is now; `None` if the server cannot tell, or it is gone.

        Raises:
            ConnectionCut: If the connection is of no further use.
        """

    def delete(self, file: RemoteFile) -> None:
        """Delete a file; one that is gone already is as good.

        Raises:
            FileRefused: If the server does not let us.
            ConnectionCut: If the connection is of no further use.
        """

    def be_patient(self, seconds: float) -> None:
        """Set how long any one step may take from now on."""

    def close(self) -> None:
        """End it, whatever state it is in."""


class Source(Protocol):
    """A server."""

    @property
    def name(self) -> str:
        """What it is called in the settings."""

    @property
    def location(self) -> str:
        """Its URL without user and password, for messages."""

    def connect(self, *, timeout: float) -> Connection:
        """Return a new connection.

        Args:
            timeout: Seconds that any one step may take, at most.

        Raises:
            Unreachable: If the server does not answer.
            LoginRefused: If it does not let us in.
            TlsRefused: If no agreement on TLS is possible.
            Busy: If it takes no further connection now.
        """
