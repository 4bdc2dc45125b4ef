"""The console's terminal, which may go away: a connection that breaks takes it along.

Textual is not told. Its output thread dies of the first write, the event loop then waits for that thread for
ever, and its input thread reads the end of the file as fast as it can: a console nobody sees, on one CPU.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import threading
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver

from smarterise_tui.messages import QuitRequested

if TYPE_CHECKING:
    from textual.app import App
    from textual.driver import Driver
    from textual.message_pump import MessagePump

_GONE: Final = select.POLLHUP | select.POLLERR


class TerminalDriver(LinuxDriver):
    """Textual's driver, for a terminal that may go away: the app is asked to end, and can."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast("Any", _Unfailing(cast("TextIO", self._file)))
        threading.Thread(target=self._watch, name="terminal-watch", daemon=True).start()

    def _watch(self) -> None:
        watched = select.poll()
        watched.register(self.fileno, 0)  # a hang-up is told unasked, and nothing else wakes this thread
        if any(told & _GONE for _, told in watched.poll()):
            self.exit_event.set()
            self._app.post_message(QuitRequested())


class _Unfailing:
    """A file that takes what cannot be written any more."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()


def driver_class(default: type[Driver]) -> type[Driver]:
    """Return the driver to be used where Textual would use `default`."""
    return TerminalDriver if default is LinuxDriver else default


def mind_signals(app: MessagePump) -> None:
    """Have the signals that end a program ask the app to end, so that it leaves the terminal as it was."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, lambda: app.post_message(QuitRequested()))
