"""A terminal that goes away, as a broken connection takes it, and a console that is told to end."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from smarterise_tui import messages
from smarterise_tui.screens.confirm import Stage

ENDS_WITHIN = 15
LEAVES_THE_ALTERNATE_SCREEN = b"\x1b[?1049l"
NOBODY_LISTENS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "TERM": "xterm-256color",
}
START = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, {action})
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "smarterise_ops.main"])
"""


class Terminal:
    """A console on a terminal of its own, as a session over SSH has it.

    Args:
        ignores_hangup: Start it as `nohup` does. Otherwise SIGHUP has its default action, whether the tests
            themselves run under `nohup` or not.
        is_buffered: Whether Python buffers its output: then a flush is left for the end.
    """

    def __init__(self, *, ignores_hangup: bool = False, is_buffered: bool = True) -> None:
        self._ours, theirs = pty.openpty()
        start = START.format(action="signal.SIG_IGN" if ignores_hangup else "signal.SIG_DFL")
        self.process = subprocess.Popen(
            [sys.executable, "-c", start],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | NOBODY_LISTENS | {"PYTHONUNBUFFERED": "" if is_buffered else "1"},
        )
        os.close(theirs)
        self.seen = b""

    def read_until(self, text: bytes) -> None:
        deadline = time.monotonic() + ENDS_WITHIN
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen[-2000:]
            if select.select([self._ours], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):  # the other end is closed
                    self.seen += os.read(self._ours, 65536)

    def vanish(self) -> None:
        os.close(self._ours)
        self._ours = -1

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._ours >= 0:
            self.vanish()


@pytest.mark.parametrize("is_buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("ignores_hangup", [False, True], ids=["told", "as-nohup-starts-it"])
def test_a_console_whose_terminal_is_gone_ends(*, ignores_hangup: bool, is_buffered: bool) -> None:
    with contextlib.closing(Terminal(ignores_hangup=ignores_hangup, is_buffered=is_buffered)) as console:
        console.read_until(b"Fleet")
        console.vanish()
        assert console.process.wait(ENDS_WITHIN) == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_console_that_is_told_to_end_leaves_the_terminal_as_it_was(number: signal.Signals) -> None:
    with contextlib.closing(Terminal()) as console:
        console.read_until(b"Fleet")
        console.process.send_signal(number)
        console.read_until(LEAVES_THE_ALTERNATE_SCREEN)
        assert console.process.wait(ENDS_WITHIN) == 130


async def test_a_change_is_brought_to_its_end_first(make_console, stack, settings_of, settled):
    app = make_console(settings_of("dev", name="dev"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await settled(pilot)
        stack.gate.clear()
        await pilot.press("enter")
        await pilot.pause(0.05)
        assert app.screen.stage is Stage.APPLYING
        app.post_message(messages.QuitRequested())
        await pilot.pause(0.3)
        assert app.is_running
        stack.gate.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
    assert app.return_value == 130
    assert app.return_code == 0
    assert not app.state.is_writing
