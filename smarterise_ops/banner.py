"""The banner over whatever is shown while the site file itself cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_ops.output import say, say_warning

if TYPE_CHECKING:
    from smarterise_ops.context import Invocation
    from smarterise_sdk.services.site_file import Degraded


def warn_if_degraded(run: Invocation, degraded: Degraded | None) -> None:
    """Tell that an earlier version stands in for the site file, why, and what mends it."""
    if degraded is not None:
        say_warning(degraded.message, degraded.problems)
        say(f"try: {run.another('sites', 'repair', '--dry-run')}")
