"""Notices on stderr before a result: unresolved changes and an invalid site file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_ops.output.render import say, say_warning
from smarterise_sdk.domain.text import utc_text, visible
from smarterise_sdk.errors import SmarteriseError

if TYPE_CHECKING:
    from smarterise_ops.context import Invocation
    from smarterise_sdk.services.sites.file import Degraded
    from smarterise_sdk.stack import Stack

RESOLVE_COMMAND = ("journal", "resolve")


def show_unresolved(run: Invocation, stack: Stack) -> None:
    """Print one line about unresolved changes, with the command that resolves them.

    Args:
        run: The run; `journal resolve` itself prints nothing.
        stack: The stack with the journal.
    """
    if all(word in run.arguments for word in RESOLVE_COMMAND):
        return
    try:
        unresolved = stack.changes.unresolved()
    except SmarteriseError as error:
        # A damaged journal must not stop commands that only read.
        say_warning(f"unresolved changes could not be checked: {error}")
        return
    if not unresolved:
        return
    first = unresolved[0]
    more = f" and {len(unresolved) - 1} more" if len(unresolved) > 1 else ""
    say(
        f"▲ Unresolved change: {first.plan_id} {visible(first.title)} "
        f"({first.outcome.value}, {utc_text(first.at)}){more}; "
        f"resolve with: {run.another(*RESOLVE_COMMAND, first.plan_id)}"
    )


def warn_if_degraded(run: Invocation, degraded: Degraded | None) -> None:
    """Print a warning if a fallback version of the site file is in use, with the repair command."""
    if degraded is not None:
        say_warning(degraded.message, degraded.problems)
        say(f"try: {run.another('sites', 'repair', '--dry-run')}")
