"""SDK for a Smarterise stack.

    from smarterise_sdk import Stack, load_settings

    with Stack(load_settings()) as stack:
        print(stack.sites.fetch().sites)

Importing this package loads nothing else: each public name is loaded on first use, so that a command starts
before it needs AWS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smarterise_sdk.domain.outcome import Missing, Outcome
    from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
    from smarterise_sdk.domain.sites.model import Site, Tier
    from smarterise_sdk.domain.sites.plans import Plan, Receipt, ReceiptState
    from smarterise_sdk.errors import (
        AccessError,
        Conflict,
        CredentialsError,
        Denied,
        InvalidConfiguration,
        InvalidDocument,
        LocalStackError,
        NotFound,
        RemoteFault,
        SmarteriseError,
        Throttled,
        Unreachable,
        UsageError,
        WriteRefused,
    )
    from smarterise_sdk.settings.loader import load_settings
    from smarterise_sdk.settings.model import Settings
    from smarterise_sdk.stack import Stack

__all__ = [
    "AccessError",
    "Conflict",
    "CredentialsError",
    "Denied",
    "InvalidConfiguration",
    "InvalidDocument",
    "LocalStackError",
    "Metric",
    "MetricPoint",
    "Missing",
    "NotFound",
    "Outcome",
    "Plan",
    "Receipt",
    "ReceiptState",
    "RemoteFault",
    "Settings",
    "Site",
    "SmarteriseError",
    "Stack",
    "Throttled",
    "Tier",
    "Unreachable",
    "UsageError",
    "WriteRefused",
    "load_settings",
]

_MODULES = {
    "Metric": "domain.readings.metrics",
    "MetricPoint": "domain.readings.metrics",
    "Missing": "domain.outcome",
    "Outcome": "domain.outcome",
    "Plan": "domain.sites.plans",
    "Receipt": "domain.sites.plans",
    "ReceiptState": "domain.sites.plans",
    "Settings": "settings.model",
    "Site": "domain.sites.model",
    "Stack": "stack",
    "Tier": "domain.sites.model",
    "load_settings": "settings.loader",
}
"""The module of each public name that is not in `errors`."""


def __getattr__(name: str) -> object:
    """Return a public name; its module is loaded on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
