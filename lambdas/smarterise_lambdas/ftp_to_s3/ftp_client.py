"""FTP and FTPS as a source of files: the standard library's client, made fit for servers as they are.

What it adds: names as bytes, the type set once and not for each file, and the TLS session of the control
connection on each data connection, which many servers demand.
"""

from __future__ import annotations

import ftplib
import re
import socket
import ssl
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from smarterise_lambdas.ftp_to_s3.config import Dialect, Security
from smarterise_lambdas.ftp_to_s3.file_source import (
    Busy,
    ConnectionCut,
    FileRefused,
    Listing,
    LoginRefused,
    NotListed,
    RemoteFile,
    TlsRefused,
    Unreachable,
)
from smarterise_lambdas.ftp_to_s3.listing_parser import (
    bytes_of,
    facts_of,
    parse_list,
    parse_mlsd,
    remote_file,
    text_of,
)
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_lambdas.ftp_to_s3.config import FtpServer

_BLOCK: Final = 256 * 1024
_LONGEST_LISTING: Final = 64 * 1024 * 1024
_LONGEST_RESPONSE: Final = 300
_TRANSPARENT: Final = "latin-1"
"""Each byte one character: what a name's bytes mean is not for the connection to judge."""

_NO_SUCH_COMMAND = ("500", "501", "502", "504")
_TLS_REPLIES = ("522", "534", "536", "431")
_TOO_MANY = re.compile(r"530.*(too many|maximum|limit|already connected)", re.IGNORECASE | re.DOTALL)
_DROPPED: Final = (OSError, EOFError, ftplib.Error)
"""What leaves a connection in a state that nobody knows. TLS's own errors and timeouts are `OSError`s."""


class FtpSource:
    """One FTP server."""

    def __init__(self, server: FtpServer) -> None:
        self._server = server
        self._context: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        """What it is called in the settings."""
        return self._server.name

    @property
    def location(self) -> str:
        """Its URL without user and password."""
        return self._server.location

    def connect(self, *, timeout: float) -> FtpConnection:
        """Return a new connection, logged in; see `Source`."""
        client = self._client(timeout)
        try:
            self._greet(client, timeout)
            self._log_in(client)
        except BaseException:
            client.close()
            raise
        return FtpConnection(client, self._server)

    def _client(self, timeout: float) -> ftplib.FTP:
        security = self._server.security
        if security is Security.NONE:
            return ftplib.FTP(timeout=timeout, encoding=_TRANSPARENT)  # noqa: S321 -- gateways know no other
        if self._context is None:  # two threads may make one each: either is good
            try:
                self._context = _context(self._server.certificate)
            except (ssl.SSLError, ValueError) as error:
                raise TlsRefused(f"the certificate of the secret is no PEM: {error}") from error
        client = _TlsClient(context=self._context, timeout=timeout, encoding=_TRANSPARENT)
        client.is_implicit = security is Security.IMPLICIT
        return client

    def _greet(self, client: ftplib.FTP, timeout: float) -> None:
        try:
            client.connect(self._server.host, self._server.port, timeout=timeout)
        except ftplib.error_temp as error:
            raise Busy(_told(error)) from error
        except ssl.SSLError as error:
            raise TlsRefused(_told(error)) from error
        except (OSError, EOFError, ftplib.Error) as error:
            raise Unreachable(_told(error)) from error

    def _log_in(self, client: ftplib.FTP) -> None:
        server = self._server
        try:
            if isinstance(client, ftplib.FTP_TLS):
                _secure(client)
            client.login(_wire(server.user), _wire(server.password))
            if isinstance(client, ftplib.FTP_TLS):
                client.prot_p()
            client.voidcmd("TYPE I")
        except ssl.SSLError as error:
            raise TlsRefused(_told(error)) from error
        except ftplib.error_perm as error:
            if _TOO_MANY.match(str(error)):
                raise Busy(_told(error)) from error
            if str(error).startswith(_TLS_REPLIES):
                raise TlsRefused(_told(error)) from error
            raise LoginRefused(_told(error)) from error
        except ftplib.error_temp as error:
            raise Busy(_told(error)) from error
        except ValueError as error:  # a line's end in user or password: no command can carry it
            raise LoginRefused("user or password has a line's end in it") from error
        except (OSError, EOFError, ftplib.Error) as error:
            raise Unreachable(_told(error)) from error


class FtpConnection:
    """One logged-in connection; see `Connection`."""

    def __init__(self, client: ftplib.FTP, server: FtpServer) -> None:
        self._client = client
        self._server = server

    def list(self, folder: str) -> Listing:
        """Return what is in a folder."""
        target = self._path(folder) if folder else _wire(self._server.folder)
        is_list = self._server.dialect is Dialect.LIST
        command = f"{'LIST' if is_list else 'MLSD'} {target}".rstrip()
        response = bytearray()

        def take(block: bytes) -> None:
            response.extend(block)
            if len(response) > _LONGEST_LISTING:
                raise ConnectionCut(f"the listing is longer than {_LONGEST_LISTING} bytes")

        try:
            with self._listening():
                self._receive(command, take)
        except ftplib.error_perm as error:
            if not is_list and str(error).startswith(_NO_SUCH_COMMAND):
                remedy = 'set "listing": "list" for it if it has no MLSD'
                raise NotListed(f"the server refuses {command}: {_told(error)}; {remedy}") from error
            raise NotListed(f"the server refuses {command}: {_told(error)}") from error
        return (parse_list if is_list else parse_mlsd)(bytes(response), folder)

    def fetch(self, file: RemoteFile, take: Callable[[bytes], None]) -> None:
        """Hand the content of a file to `take`, and return when the server says that this is all."""
        try:
            with self._listening():
                self._receive(f"RETR {self._path(file.path)}", take)
        except ftplib.error_perm as error:
            raise FileRefused(_told(error)) from error

    def stat(self, file: RemoteFile) -> RemoteFile | None:
        """Return the file as it is now; `None` if the server cannot tell, or it is gone."""
        path = self._path(file.path)
        with self._listening():
            try:
                if self._server.dialect is Dialect.MLSD:
                    _, _, line = self._client.sendcmd(f"MLST {path}").partition("\n")
                    facts, _, _ = line.strip().partition(" ")
                    return remote_file(file.folder, file.name, facts_of(facts.encode(_TRANSPARENT)))
                _, _, size = self._client.sendcmd(f"SIZE {path}").partition(" ")
            except ftplib.error_perm:
                return None
        return remote_file(file.folder, file.name, {"size": size.strip(), "modify": file.modified})

    def delete(self, file: RemoteFile) -> None:
        """Delete a file; one that is gone already is as good."""
        path = self._path(file.path)
        with self._listening():
            try:
                self._client.delete(path)
                return
            except ftplib.error_perm as error:
                refusal = error
            if self.stat(file) is not None:
                raise FileRefused(_told(refusal)) from refusal

    def close(self) -> None:
        """End it, whatever state it is in."""
        with suppress(OSError):  # it was gone
            self._client.close()

    def be_patient(self, seconds: float) -> None:
        """Set how long any one step may take from now on."""
        self._client.timeout = seconds
        if self._client.sock is not None:
            self._client.sock.settimeout(seconds)

    def _path(self, path: str) -> str:
        """Return a path under the folder of the server's URL, as it is to be sent."""
        folder = self._server.folder
        return _wire(f"{folder.rstrip('/')}/{path}" if folder else path)

    def _receive(self, command: str, take: Callable[[bytes], None]) -> None:
        with closing(self._client.transfercmd(command)) as data:
            while block := data.recv(_BLOCK):
                take(block)
        # The end of the data connection is the end of the file, or of the connection: the reply tells which.
        self._client.voidresp()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        try:
            yield
        except ftplib.error_perm:
            raise
        except _DROPPED as error:
            raise ConnectionCut(_told(error)) from error


class _TlsClient(ftplib.FTP_TLS):
    """FTPS whose data connections take up the control connection's TLS session.

    Servers demand it as the proof that both come from the same client; the standard library makes a new
    session for each (https://github.com/python/cpython/issues/63699).
    """

    is_implicit = False

    def connect(self, *arguments: object, **options: object) -> str:
        """Connect; an implicit server speaks TLS from the first byte."""
        if not self.is_implicit:
            return super().connect(*arguments, **options)  # type: ignore[arg-type]
        host, port, timeout = str(arguments[0]), int(str(arguments[1])), float(str(options["timeout"]))
        self.host, self.port, self.timeout = host, port, timeout
        plain = socket.create_connection((host, port), timeout)
        try:
            self.sock = self.context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """Open a data connection for a command."""
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 -- TLS is put on it below
        control = self.sock
        if isinstance(control, ssl.SSLSocket):
            try:
                session = control.session
                data = self.context.wrap_socket(data, server_hostname=self.host, session=session)
            except BaseException:
                data.close()
                raise
        return data, size


def _context(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=certificate or None)
    if certificate:
        # Who is believed by name needs no more: what servers sign themselves lacks what Python 3.13 wants.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _wire(text: str) -> str:
    """Return text as the client is to send it: one character for each of its bytes."""
    return bytes_of(text).decode(_TRANSPARENT)


def _secure(client: ftplib.FTP_TLS) -> None:
    if not isinstance(client.sock, ssl.SSLSocket):
        client.auth()


def _told(error: BaseException) -> str:
    """Return what an error says, short and safe to show."""
    text = str(error) or type(error).__name__
    told = text_of(text.encode(_TRANSPARENT)) if all(ord(character) < 256 for character in text) else text
    return visible(told)[:_LONGEST_RESPONSE]
