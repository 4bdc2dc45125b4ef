"""Settings of the tools: model and loader."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smarterise_sdk.settings.loader import defined_environments, load_settings
    from smarterise_sdk.settings.model import Environment, EnvironmentKind, Origin, Settings, Source

__all__ = [
    "Environment",
    "EnvironmentKind",
    "Origin",
    "Settings",
    "Source",
    "defined_environments",
    "load_settings",
]


def __getattr__(name: str) -> object:
    """Return a public name; its module is loaded on first use."""
    if name in {"defined_environments", "load_settings"}:
        from smarterise_sdk.settings import loader

        return vars(loader)[name]
    if name in {"Environment", "EnvironmentKind", "Origin", "Settings", "Source"}:
        from smarterise_sdk.settings import model

        return vars(model)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
