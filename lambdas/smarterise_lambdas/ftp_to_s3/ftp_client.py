"""FTP and FTPS client, based on ftplib.

It adds to ftplib: file names as bytes, one TYPE command per connection instead of one per file, and reuse of
the control connection's TLS session for data connections, which many servers require.
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
_MAX_LISTING_SIZE: Final = 64 * 1024 * 1024
_MAX_ERROR_LENGTH: Final = 300
_TRANSPARENT: Final = "latin-1"
"""Maps each byte to one character, so that names of any encoding pass unchanged."""

_NO_SUCH_COMMAND = ("500", "501", "502", "504")
_TLS_CODES = ("522", "534", "536", "431")
_TOO_MANY = re.compile(r"530.*(too many|maximum|limit|already connected)", re.IGNORECASE | re.DOTALL)
_DROPPED: Final = (OSError, EOFError, ftplib.Error)
"""Errors that leave a connection in an undefined state. TLS errors and timeouts are `OSError`s."""


class FtpSource:
    """One FTP server."""

    def __init__(self, server: FtpServer) -> None:
        self._server = server
        self._context: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._server.name

    @property
    def location(self) -> str:
        """URL without user and password."""
        return self._server.location

    def connect(self, *, timeout: float) -> FtpConnection:
        """Open a connection and log in; see `Source`."""
        client = self._client(timeout)
        try:
            self._open(client, timeout)
            self._log_in(client)
        except BaseException:
            client.close()
            raise
        return FtpConnection(client, self._server)

    def _client(self, timeout: float) -> ftplib.FTP:
        security = self._server.security
        if security is Security.NONE:
            return ftplib.FTP(timeout=timeout, encoding=_TRANSPARENT)  # noqa: S321 -- gateways support nothing else
        if self._context is None:  # two threads may create one each, without harm
            try:
                self._context = _tls_context(self._server.certificate)
            except (ssl.SSLError, ValueError) as error:
                raise TlsRefused(f"certificate in the secret is not valid PEM: {error}") from error
        client = _TlsClient(context=self._context, timeout=timeout, encoding=_TRANSPARENT)
        client.is_implicit = security is Security.IMPLICIT
        return client

    def _open(self, client: ftplib.FTP, timeout: float) -> None:
        try:
            client.connect(self._server.host, self._server.port, timeout=timeout)
        except ftplib.error_temp as error:
            raise Busy(_error_text(error)) from error
        except ssl.SSLError as error:
            raise TlsRefused(_error_text(error)) from error
        except (OSError, EOFError, ftplib.Error) as error:
            raise Unreachable(_error_text(error)) from error

    def _log_in(self, client: ftplib.FTP) -> None:
        server = self._server
        try:
            if isinstance(client, ftplib.FTP_TLS):
                _start_tls(client)
            client.login(_encode(server.user), _encode(server.password))
            if isinstance(client, ftplib.FTP_TLS):
                client.prot_p()
            client.voidcmd("TYPE I")
        except ssl.SSLError as error:
            raise TlsRefused(_error_text(error)) from error
        except ftplib.error_perm as error:
            if _TOO_MANY.match(str(error)):
                raise Busy(_error_text(error)) from error
            if str(error).startswith(_TLS_CODES):
                raise TlsRefused(_error_text(error)) from error
            raise LoginRefused(_error_text(error)) from error
        except ftplib.error_temp as error:
            raise Busy(_error_text(error)) from error
        except ValueError as error:  # from ftplib: line break in user or password
            raise LoginRefused("user or password has a line break") from error
        except (OSError, EOFError, ftplib.Error) as error:
            raise Unreachable(_error_text(error)) from error


class FtpConnection:
    """One logged-in connection; see `Connection`."""

    def __init__(self, client: ftplib.FTP, server: FtpServer) -> None:
        self._client = client
        self._server = server

    def list(self, folder: str) -> Listing:
        """Return the content of a folder."""
        target = self._path(folder) if folder else _encode(self._server.folder)
        is_list = self._server.dialect is Dialect.LIST
        command = f"{'LIST' if is_list else 'MLSD'} {target}".rstrip()
        response = bytearray()

        def write(block: bytes) -> None:
            response.extend(block)
            if len(response) > _MAX_LISTING_SIZE:
                raise ConnectionCut(f"the listing is longer than {_MAX_LISTING_SIZE} bytes")

        try:
            with self._connection_errors():
                self._receive(command, write)
        except ftplib.error_perm as error:
            if not is_list and str(error).startswith(_NO_SUCH_COMMAND):
                remedy = 'if it does not support MLSD, set "listing": "list" for this server'
                raise NotListed(f"the server refused {command}: {_error_text(error)}; {remedy}") from error
            raise NotListed(f"the server refused {command}: {_error_text(error)}") from error
        return (parse_list if is_list else parse_mlsd)(bytes(response), folder)

    def fetch(self, file: RemoteFile, write: Callable[[bytes], None]) -> None:
        """Pass the content of a file to `write` in blocks; return after the server confirms completion."""
        try:
            with self._connection_errors():
                self._receive(f"RETR {self._path(file.path)}", write)
        except ftplib.error_perm as error:
            raise FileRefused(_error_text(error)) from error

    def stat(self, file: RemoteFile) -> RemoteFile | None:
        """Return the current state of a file; `None` if it is gone or the server does not support it."""
        path = self._path(file.path)
        with self._connection_errors():
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
        """Delete a file; no error if it does not exist."""
        path = self._path(file.path)
        with self._connection_errors():
            try:
                self._client.delete(path)
                return
            except ftplib.error_perm as error:
                refusal = error
            if self.stat(file) is not None:
                raise FileRefused(_error_text(refusal)) from refusal

    def close(self) -> None:
        """Close the connection, whatever its state."""
        with suppress(OSError):  # closed already
            self._client.close()

    def set_timeout(self, seconds: float) -> None:
        """Set the timeout of each network operation."""
        self._client.timeout = seconds
        if self._client.sock is not None:
            self._client.sock.settimeout(seconds)

    def _path(self, path: str) -> str:
        """Return a path under the folder of the server's URL, encoded for ftplib."""
        folder = self._server.folder
        return _encode(f"{folder.rstrip('/')}/{path}" if folder else path)

    def _receive(self, command: str, write: Callable[[bytes], None]) -> None:
        with closing(self._client.transfercmd(command)) as data:
            while block := data.recv(_BLOCK):
                write(block)
        # Data connections also end on errors: only the 226 response confirms that the file is complete.
        self._client.voidresp()

    @contextmanager
    def _connection_errors(self) -> Iterator[None]:
        try:
            yield
        except ftplib.error_perm:
            raise
        except _DROPPED as error:
            raise ConnectionCut(_error_text(error)) from error


class _TlsClient(ftplib.FTP_TLS):
    """FTPS client whose data connections reuse the control connection's TLS session.

    Servers require this as proof that both connections belong to the same client; ftplib starts a new session
    for each (https://github.com/python/cpython/issues/63699).
    """

    is_implicit = False

    def connect(self, *arguments: object, **options: object) -> str:
        """Connect; in implicit mode TLS starts before the first command."""
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
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 -- wrapped in TLS below
        control = self.sock
        if isinstance(control, ssl.SSLSocket):
            try:
                session = control.session
                data = self.context.wrap_socket(data, server_hostname=self.host, session=session)
            except BaseException:
                data.close()
                raise
        return data, size


def _tls_context(certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=certificate or None)
    if certificate:
        # Self-signed server certificates lack extensions that Python 3.13 requires in strict mode.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _encode(text: str) -> str:
    """Return text in the encoding of ftplib: one character for each UTF-8 byte."""
    return bytes_of(text).decode(_TRANSPARENT)


def _start_tls(client: ftplib.FTP_TLS) -> None:
    if not isinstance(client.sock, ssl.SSLSocket):
        client.auth()


def _error_text(error: BaseException) -> str:
    """Return the message of an error, shortened and with control characters escaped."""
    text = str(error) or type(error).__name__
    if all(ord(character) < 256 for character in text):
        text = text_of(text.encode(_TRANSPARENT))
    return visible(text)[:_MAX_ERROR_LENGTH]
