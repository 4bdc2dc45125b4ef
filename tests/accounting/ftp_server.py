"""The FTP servers that gateways upload to: real ones, which cut, lie, and let files grow as they are read."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of the modules that it is made of
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import DTPHandler, FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USER, PASSWORD = "gateways", "pass word+1"
LONG_AGO_S = 86_400
"""A file that was last changed so long ago has stopped growing."""


@dataclass
class Misdeeds:
    """What a server does wrong, by file name without folders; each entry is used up when it is done.

    Attributes:
        cuts: After how many bytes both connections end, and how often.
        lies: What is added to a file's size in listings.
        stubborn: Those of them whose size is a lie when asked for, too.
        grows: Bytes to append to a file after it is fetched, with a callback.
        cut: Files that were cut.
        lied: Files whose size was listed wrong.
        grown: Files that grew while they were fetched.
    """

    cuts: dict[str, tuple[int, int]] = field(default_factory=dict)
    lies: dict[str, int] = field(default_factory=dict)
    stubborn: set[str] = field(default_factory=set)
    grows: dict[str, Callable[[], bytes]] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    lied: set[str] = field(default_factory=set)
    grown: set[str] = field(default_factory=set)


class _Data(DTPHandler):  # type: ignore[misc]
    """A data connection that may be cut."""

    sent = 0

    def send(self, data: bytes) -> int:
        misdeeds: Misdeeds = self.cmd_channel.misdeeds
        name = self.cmd_channel.sending
        after, times = misdeeds.cuts.get(name, (0, 0))
        if times:
            data = data[: max(0, after - self.sent)]
            if not data:
                misdeeds.cuts[name] = (after, times - 1)
                misdeeds.cut.add(name)
                self.cmd_channel.close()
                return 0
        sent = super().send(data)
        self.sent += sent
        return int(sent)


class _FileSystem(AbstractedFS):  # type: ignore[misc]
    """A file system whose sizes are not always true."""

    def getsize(self, path: str) -> int:
        name = Path(path).name
        lie = self._misdeeds.lies.get(name, 0) if name in self._misdeeds.stubborn else 0
        return int(super().getsize(path) + lie)

    def format_mlsx(self, basedir: str, listing: list[str], *rest: Any, **options: Any) -> Iterator[bytes]:
        is_listing = options.get("ignore_err", True)
        for name in listing:
            is_lie = name in self._misdeeds.lies and (is_listing or name in self._misdeeds.stubborn)
            for line in super().format_mlsx(basedir, [name], *rest, **options):
                yield self._lying(line, name) if is_lie else line

    @property
    def _misdeeds(self) -> Misdeeds:
        found: Misdeeds = self.cmd_channel.misdeeds
        return found

    def _lying(self, line: bytes, name: str) -> bytes:
        self._misdeeds.lied.add(name)
        facts, blank, result = line.partition(b" ")
        return b";".join(self._lie(fact, name) for fact in facts.split(b";")) + blank + result

    def _lie(self, fact: bytes, name: str) -> bytes:
        key, _, value = fact.partition(b"=")
        return b"size=%d" % max(0, int(value) + self._misdeeds.lies[name]) if key == b"size" else fact


class _Control(FTPHandler):  # type: ignore[misc]
    """Control connection that records which file is being sent."""

    use_sendfile = False
    misdeeds: Misdeeds
    sending = ""

    def ftp_MLSD(self, path: str) -> Any:  # noqa: N802
        self.sending = ""
        return super().ftp_MLSD(path)

    def ftp_LIST(self, path: str) -> Any:  # noqa: N802
        self.sending = ""
        return super().ftp_LIST(path)

    def ftp_RETR(self, file: str) -> Any:  # noqa: N802
        self.sending = Path(file).name
        grow = self.misdeeds.grows.pop(self.sending, None)
        if grow is not None:
            with Path(file).open("ab") as grown:
                grown.write(grow())
            self.misdeeds.grown.add(self.sending)
        return super().ftp_RETR(file)

    def log(self, *arguments: Any, **options: Any) -> None:
        pass

    logline = log_transfer = log_cmd = log


class FtpServer:
    """One FTP server in a thread of its own, with a folder of its own.

    Attributes:
        root: The folder.
        misdeeds: What it does wrong; may be changed at any time.
        url: Its URL, with user and password.
    """

    def __init__(self, root: Path) -> None:
        logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
        root.mkdir()
        self.root = root
        self.misdeeds = Misdeeds()
        authorizer = DummyAuthorizer()
        authorizer.add_user(USER, PASSWORD, str(root), perm="elradfmw")
        attributes = {
            "authorizer": authorizer,
            "abstracted_fs": _FileSystem,
            "dtp_handler": _Data,
            "misdeeds": self.misdeeds,
            "banner": "ready",
            "auth_failed_timeout": 0,
            "unicode_errors": "surrogateescape",
        }
        handler = type("Handler", (_Control,), attributes)
        self._server = FTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop())
        self.url = f"ftp://gateways:pass%20word%2B1@localhost:{self._server.address[1]}/"
        self._next_change = time.time() - LONG_AGO_S
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def upload(self, path: str, content: bytes, *, is_young: bool = False) -> None:
        """Put a file there, in place of one of that name.

        Args:
            path: With a folder, if it is in one.
            content: Its bytes.
            is_young: Whether it was changed only now, so that it may still be growing.
        """
        target = self.root / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
        self._next_change += 1  # a replaced file has a new time of change
        at = time.time() if is_young else self._next_change
        os.utime(target, (at, at))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _serve(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError):
                self._server.serve_forever(timeout=0.02, blocking=False, handle_exit=False)
        self._server.close_all()
