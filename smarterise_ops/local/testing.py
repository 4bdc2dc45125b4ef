"""An embedded stack for the length of a `with` block: for tests, in this project and in those that use it."""

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
    """Start a stack, hand it over, and remove it. It ends with this process, however that ends.

    Args:
        directory: Where its directory `stack` is made.
        sites: How many sites its fleet has; more start more slowly.
        seed: The fleet's seed.
        simulator: Whether gateways publish by themselves.
        speed: How many times as fast as real they are.
        ftps: Whether the FTP server takes nothing but TLS.

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
