"""Terminal driver that exits when the terminal closes, e.g. after a lost connection.

Textual does not handle this: its output thread ends with the first failed write, the event loop waits for
that thread forever, and its input thread reads end-of-file in a busy loop.
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
    """Textual's driver that asks the app to exit when the terminal closes."""

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
        watched.register(self.fileno, 0)  # POLLHUP and POLLERR are always reported
        if any(events & _GONE for _, events in watched.poll()):
            self.exit_event.set()
            self._app.post_message(QuitRequested())


class _Unfailing:
    """A file that ignores write errors."""

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
    """Return the driver to use in place of `default`."""
    return TerminalDriver if default is LinuxDriver else default


def handle_signals(app: MessagePump) -> None:
    """Handle termination signals by asking the app to exit, so that the terminal is restored."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, lambda: app.post_message(QuitRequested()))
