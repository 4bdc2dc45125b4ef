"""The wire that leads to PostgreSQL: cut and taken away at will."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "111122223333",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-2",
}


class Wire:
    """What lies between the functions and their database: passes everything on until it is armed to fail.

    Attributes:
        tripped: How many faults it has caused.
    """

    def __init__(self, address: Callable[[], tuple[str, int]]) -> None:
        self._address = address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.tripped = 0
        self._is_down = False
        self._fault: tuple[bytes, bool, Callable[[], None] | None] | None = None
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._gate = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def lead(self, url: str) -> str:
        """Return a server's URL, led over the wire."""
        return url.replace(f":{urlsplit(url).port}/", f":{self.port}/")

    def cut(self, on: bytes, *, delivered: bool, then: Callable[[], None] | None = None) -> None:
        """Cut the connection once, when the client sends these bytes.

        Args:
            on: What the client sends, e.g. `COMMIT`.
            delivered: Whether the server still gets them; its response is lost in any case.
            then: Called once it is cut, before anybody can connect again.
        """
        self._fault = on, delivered, then

    def is_armed(self) -> bool:
        """Return whether a cut is still to come."""
        return self._fault is not None

    def disarm(self) -> None:
        """Forget a cut that did not come."""
        self._fault = None

    def go_down(self) -> None:
        """Drop all connections and refuse new ones."""
        self._is_down = True
        self.drop()

    def come_up(self) -> None:
        """Let them in again."""
        self._is_down = False

    def drop(self) -> None:
        """Cut all connections."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._gate:
                server = None if self._is_down else self._server()
            if server is None:
                client.close()
                continue
            thread = threading.Thread(target=self._carry, args=(client, server), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        self._open |= {client, server}
        back = threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True)
        back.start()
        self._pass_on(client, server, True)
        back.join()
        self._open -= {client, server}
        client.close()
        server.close()

    def _server(self) -> socket.socket | None:
        with suppress(OSError):
            return socket.create_connection(self._address())
        return None

    def _pass_on(self, source: socket.socket, target: socket.socket, sends: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if sends and self._fault is not None and self._fault[0] in data:
                    self._break(data, source, target)
                    return
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _break(self, data: bytes, source: socket.socket, target: socket.socket) -> None:
        with self._gate:
            (_, delivered, then), self._fault = self._fault or (b"", False, None), None
            self.tripped += 1
            source.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                if delivered:
                    target.sendall(data)
                    target.shutdown(socket.SHUT_WR)
                else:
                    target.shutdown(socket.SHUT_RDWR)
            if then is not None:
                then()
