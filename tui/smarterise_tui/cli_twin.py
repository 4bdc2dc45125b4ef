"""The command that does in a shell what a screen shows or is about to do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from smarterise_sdk.settings_model import Settings, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.sites import Tier

PROGRAM = "smarterise-ops"
_FLAGS = (("profile", "--profile"), ("region", "--region"), ("endpoint_url", "--endpoint-url"))


def list_sites(settings: Settings) -> str:
    """Return the twin of the fleet."""
    return _command(settings, "sites", "list")


def show_site(settings: Settings, serial: str) -> str:
    """Return the twin of a site's screen."""
    return _command(settings, "metrics", "show", serial)


def run_checks(settings: Settings) -> str:
    """Return the twin of the checks."""
    return _command(settings, "checks", "run")


def set_tier(settings: Settings, serials: Sequence[str], tier: Tier, reason: str) -> str:
    """Return the twin of a tier switch; it asks before it writes."""
    because = ("--reason", reason) if reason else ()
    return _command(settings, "sites", "set-tier", *serials, "--to", tier.value, *because)


def _command(settings: Settings, *words: str) -> str:
    return shlex.join((PROGRAM, *_where(settings), *words))


def _where(settings: Settings) -> list[str]:
    """Return the options that lead to the same stack from another shell."""
    named = settings.origins.get("environment")
    options = ["--env", settings.environment.name] if named and named.source is not Source.DEFAULT else []
    for key, flag in _FLAGS:
        origin, value = settings.origins.get(key), getattr(settings, key)
        if origin is not None and origin.source is Source.FLAG and value:
            options += [flag, value]
    return options
