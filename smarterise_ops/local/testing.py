"""An embedded stack for a `with` block, for tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from smarterise_ops.local.client import DEFAULT_SEED, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smarterise_ops.local.client import RunningStack


@contextmanager
def running_stack(
    directory: Path,
    *,
    sites: int = 12,
    seed: int = DEFAULT_SEED,
    simulator: bool = True,
    speed: float = 1.0,
    ftps: bool = False,
) -> Iterator[RunningStack]:
    """Start a stack, and remove it at the end of the block or of this process.

    Args:
        directory: Parent of the stack's directory `stack`.
        sites: Number of sites; more take longer to start.
        seed: Seed of the fleet.
        simulator: Whether gateways publish.
        speed: Speed of simulated time.
        ftps: Whether the FTP server requires TLS.

    Raises:
        LocalStackError: If it cannot start.
    """
    stack = start(
        directory / "stack",
        sites=sites,
        seed=seed,
        simulator=simulator,
        speed=speed,
        ftps=ftps,
        owned=True,
    )
    try:
        yield stack
    finally:
        stack.stop()
