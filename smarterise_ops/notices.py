"""Notices on stderr before a result: unresolved changes, and a site file that cannot be used."""

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
    """Tell of unsettled changes to this environment on one line, with the command that settles them.

    Args:
        run: The run; one that settles a change is told nothing.
        stack: The environment.
    """
    if all(word in run.arguments for word in RESOLVE_COMMAND):
        return
    try:
        found = stack.changes.unresolved()
    except SmarteriseError as error:
        # The journal is what every write needs and no reading: it must not stop one.
        say_warning(f"whether every change has an end is not known: {error}")
        return
    if not found:
        return
    first = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    say(
        f"▲ not certain to have been made: {first.plan_id} {visible(first.title)} "
        f"({first.outcome.value}, {utc_text(first.at)}){more}; "
        f"find out with: {run.another(*RESOLVE_COMMAND, first.plan_id)}"
    )


def warn_if_degraded(run: Invocation, degraded: Degraded | None) -> None:
    """Tell that an earlier version stands in for the site file, why, and what mends it."""
    if degraded is not None:
        say_warning(degraded.message, degraded.problems)
        say(f"try: {run.another('sites', 'repair', '--dry-run')}")
