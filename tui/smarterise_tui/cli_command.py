"""The command that does in a shell what a screen shows or is about to do."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from smarterise_sdk.settings.model import Settings, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.sites.model import Tier

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


def show_history(settings: Settings) -> str:
    """Return the twin of the versions of the site file."""
    return _command(settings, "sites", "history")


def list_journal(settings: Settings) -> str:
    """Return the twin of the journal."""
    return _command(settings, "journal", "list")


def resolve(settings: Settings, plan_id: str) -> str:
    """Return the command that looks what became of a change."""
    return _command(settings, "journal", "resolve", plan_id)


def set_tier(settings: Settings, serials: Sequence[str], tier: Tier, reason: str) -> str:
    """Return the twin of a tier switch; like the others below it asks before it writes."""
    return _command(settings, "sites", "set-tier", *serials, "--to", tier.value, *_because(reason))


def undo(settings: Settings, plan_id: str, reason: str) -> str:
    """Return the twin of taking a change back."""
    return _command(settings, "undo", plan_id, *_because(reason))


def roll_back(settings: Settings, version_id: str, reason: str, *, whole: bool) -> str:
    """Return the twin of going back to a version."""
    how = ("--whole",) if whole else ()
    return _command(settings, "sites", "rollback", version_id, *how, *_because(reason))


def repair(settings: Settings, reason: str = "", *, last_good: bool = False) -> str:
    """Return the twin of mending the site file."""
    how = ("--last-good",) if last_good else ()
    return _command(settings, "sites", "repair", *how, *_because(reason))


def reconcile(settings: Settings, reason: str) -> str:
    """Return the twin of making the stack follow the site file."""
    return _command(settings, "sites", "reconcile", *_because(reason))


def _because(reason: str) -> tuple[str, ...]:
    return ("--reason", reason) if reason else ()


def _command(settings: Settings, *text: str) -> str:
    return shlex.join((PROGRAM, *_where(settings), *text))


def _where(settings: Settings) -> list[str]:
    """Return the options that lead to the same stack from another shell."""
    named = settings.origins.get("environment")
    options = ["--env", settings.environment.name] if named and named.source is not Source.DEFAULT else []
    for key, flag in _FLAGS:
        origin, value = settings.origins.get(key), getattr(settings, key)
        if origin is not None and origin.source is Source.FLAG and value:
            options += [flag, value]
    return options
