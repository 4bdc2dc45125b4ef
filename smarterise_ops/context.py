"""One run of the command line: global options, and the settings and stack built from them.

Commands call `current()`. Settings and stack are built on first use, so that `--help` stays fast.
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
"""The global options that select the stack."""


class Invocation:
    """The arguments of one run, and its settings and stack, built on first use.

    Attributes:
        arguments: The command line after the program's name, as typed.
        shared: Values of the given global options; those of the innermost command take precedence.

    Args:
        arguments: The command line after the program's name, as typed.
        on_stack: Called with the run and its stack when the stack is created.
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
        """The settings; options take precedence over variables and files.

        Raises:
            InvalidConfiguration: If files or variables are invalid; lists every problem.
        """
        from smarterise_sdk.settings.loader import load_settings

        return load_settings({key: value for key, value in self.shared.items() if key != "output"})

    @cached_property
    def stack(self) -> Stack:
        """The stack selected by the settings."""
        from smarterise_sdk.stack import Stack

        stack = Stack(self.settings)
        if self._on_stack is not None:
            self._on_stack(self, stack)
        return stack

    @property
    def is_interactive(self) -> bool:
        """Whether stdin and stderr are terminals, so that a prompt is possible."""
        return is_terminal(sys.stdin) and is_terminal(sys.stderr)

    def command_with(self, *more: str) -> str:
        """Return this run's command line with additional arguments, shell-quoted."""
        return shlex.join([PROGRAM, *self.arguments, *more])

    def another(self, *text: str) -> str:
        """Return the command line of another command on the same stack, shell-quoted."""
        where = [
            part
            for key, option in _WHERE.items()
            if (value := self.shared.get(key)) is not None
            for part in (option, str(value))
        ]
        return shlex.join([PROGRAM, *where, *text])

    def close(self) -> None:
        """Close the stack, if it was created."""
        if "stack" in vars(self):
            self.stack.close()


_CURRENT: ContextVar[Invocation] = ContextVar("invocation")


def enable_garbage_collection() -> None:
    """Enable garbage collection for a long run, without the objects of start-up."""
    gc.freeze()
    gc.enable()


def current() -> Invocation:
    """Return the current run.

    Raises:
        LookupError: If no run is active.
    """
    return _CURRENT.get()


@contextmanager
def invocation(
    arguments: list[str], on_stack: Callable[[Invocation, Stack], None] | None = None
) -> Iterator[Invocation]:
    """Make a run the current one for a `with` block; see `Invocation`."""
    run = Invocation(arguments, on_stack)
    token = _CURRENT.set(run)
    try:
        yield run
    finally:
        _CURRENT.reset(token)
        run.close()
