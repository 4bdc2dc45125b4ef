"""One run of the command line: what was asked for everywhere, and the settings and stack made from it.

Commands call `current()`. Nothing here is built before a command needs it, so that `--help` stays light.
"""

from __future__ import annotations

import gc
import shlex
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING

from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.streams import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_sdk.settings.model import Settings
    from smarterise_sdk.stack import Stack

PROGRAM = "smarterise-ops"
_WHERE = {
    "environment": "--env",
    "profile": "--profile",
    "region": "--region",
    "endpoint_url": "--endpoint-url",
}
"""The shared options that say which stack is meant."""


class Invocation:
    """What one run was given, and what it needs, made on first use.

    Attributes:
        arguments: The command line after the program's name, as typed.
        shared: Values of the shared options that were given; the innermost command's win.

    Args:
        arguments: The command line after the program's name, as typed.
        on_stack: Called with the run and its stack when that is made, before any command uses it.
    """

    def __init__(
        self, arguments: list[str], on_stack: Callable[[Invocation, Stack], None] | None = None
    ) -> None:
        self.arguments = tuple(arguments)
        self.shared: dict[str, object] = {}
        self._on_stack = on_stack

    @property
    def output(self) -> OutputFormat:
        """The format of stdout."""
        return OutputFormat(str(self.shared.get("output", OutputFormat.TABLE)))

    @cached_property
    def settings(self) -> Settings:
        """The settings, flags first.

        Raises:
            InvalidConfiguration: With every problem of every settings file and variable.
        """
        from smarterise_sdk.settings.loader import load_settings

        return load_settings({key: value for key, value in self.shared.items() if key != "output"})

    @cached_property
    def stack(self) -> Stack:
        """The stack that the settings name."""
        from smarterise_sdk.stack import Stack

        stack = Stack(self.settings)
        if self._on_stack is not None:
            self._on_stack(self, stack)
        return stack

    @property
    def is_interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        return is_terminal(sys.stdin) and is_terminal(sys.stderr)

    def command_with(self, *more: str) -> str:
        """Return this run's command line with more arguments, quoted for a shell."""
        return shlex.join([PROGRAM, *self.arguments, *more])

    def another(self, *text: str) -> str:
        """Return the command line of another command on the same stack, quoted for a shell."""
        where = [
            part
            for key, option in _WHERE.items()
            if (value := self.shared.get(key)) is not None
            for part in (option, str(value))
        ]
        return shlex.join([PROGRAM, *where, *text])

    def close(self) -> None:
        """Let go of what was made."""
        if "stack" in vars(self):
            self.stack.close()


_CURRENT: ContextVar[Invocation] = ContextVar("invocation")


def last_long() -> None:
    """Make ready for a run that lasts: garbage is collected again, without what start-up made."""
    gc.freeze()
    gc.enable()


def current() -> Invocation:
    """Return the run that the calling command is part of.

    Raises:
        LookupError: Outside a run.
    """
    return _CURRENT.get()


@contextmanager
def invocation(
    arguments: list[str], on_stack: Callable[[Invocation, Stack], None] | None = None
) -> Iterator[Invocation]:
    """Make a run the current one; see `Invocation`."""
    run = Invocation(arguments, on_stack)
    token = _CURRENT.set(run)
    try:
        yield run
    finally:
        _CURRENT.reset(token)
        run.close()
