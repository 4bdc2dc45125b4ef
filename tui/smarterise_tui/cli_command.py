"""CLI equivalents of screens and change requests."""

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
    """Return the CLI equivalent of the fleet screen."""
    return _command(settings, "sites", "list")


def show_site(settings: Settings, serial: str) -> str:
    """Return the CLI equivalent of a site screen."""
    return _command(settings, "metrics", "show", serial)


def run_checks(settings: Settings) -> str:
    """Return the CLI equivalent of the checks screen."""
    return _command(settings, "checks", "run")


def show_history(settings: Settings) -> str:
    """Return the CLI equivalent of the list of versions."""
    return _command(settings, "sites", "history")


def list_journal(settings: Settings) -> str:
    """Return the CLI equivalent of the journal."""
    return _command(settings, "journal", "list")


def resolve(settings: Settings, plan_id: str) -> str:
    """Return the command that resolves a change."""
    return _command(settings, "journal", "resolve", plan_id)


def set_tier(settings: Settings, serials: Sequence[str], tier: Tier, reason: str) -> str:
    """Return the CLI equivalent of a tier switch."""
    return _command(settings, "sites", "set-tier", *serials, "--to", tier.value, *_reason_option(reason))


def undo(settings: Settings, plan_id: str, reason: str) -> str:
    """Return the CLI equivalent of an undo."""
    return _command(settings, "undo", plan_id, *_reason_option(reason))


def roll_back(settings: Settings, version_id: str, reason: str, *, whole: bool) -> str:
    """Return the CLI equivalent of a rollback."""
    how = ("--whole",) if whole else ()
    return _command(settings, "sites", "rollback", version_id, *how, *_reason_option(reason))


def repair(settings: Settings, reason: str = "", *, last_good: bool = False) -> str:
    """Return the CLI equivalent of a repair."""
    how = ("--last-good",) if last_good else ()
    return _command(settings, "sites", "repair", *how, *_reason_option(reason))


def reconcile(settings: Settings, reason: str) -> str:
    """Return the CLI equivalent of a reconciliation."""
    return _command(settings, "sites", "reconcile", *_reason_option(reason))


def _reason_option(reason: str) -> tuple[str, ...]:
    return ("--reason", reason) if reason else ()


def _command(settings: Settings, *text: str) -> str:
    return shlex.join((PROGRAM, *_where(settings), *text))


def _where(settings: Settings) -> list[str]:
    """Return the options that select the same stack."""
    named = settings.origins.get("environment")
    options = ["--env", settings.environment.name] if named and named.source is not Source.DEFAULT else []
    for key, flag in _FLAGS:
        origin, value = settings.origins.get(key), getattr(settings, key)
        if origin is not None and origin.source is Source.FLAG and value:
            options += [flag, value]
    return options
