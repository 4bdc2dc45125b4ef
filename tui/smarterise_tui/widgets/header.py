"""The first line of every screen: where the operator is, who they are, and what looking costs."""

from __future__ import annotations

from smarterise_sdk.domain.text import visible
from smarterise_tui.state import ConsoleState, short_account
from smarterise_tui.theme import band_style
from smarterise_tui.widgets.text_line import Line, Part, TextLine

_QUIET = "$quiet"


class Header(TextLine):
    """Environment, region, account, identity, whether one may write, and the figures of the broker."""

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self._state = state
        self.update_view()

    def update_view(self) -> None:
        """Show the state as it is now."""
        self.line = Line(tuple(_where(self._state)), tuple(_figures(self._state)))


def _where(state: ConsoleState) -> list[Part]:
    settings, identity = state.settings, state.identity
    parts = [
        Part("smarterise-ops", "bold", drop=8),
        Part(f" {visible(state.environment_text)} ", band_style(settings.environment)),
        Part(settings.region or "no region", "", drop=4),
    ]
    if identity is not None:
        parts.append(Part(visible(short_account(identity.account)), _QUIET, drop=5))
        parts.append(Part(visible(identity.name), _QUIET, drop=6))
    return parts


def _figures(state: ConsoleState) -> list[Part]:
    parts = []
    if state.is_read_only:
        parts.append(Part("READ-ONLY", "bold $status-warn"))
    elif state.write_until is not None:
        parts.append(Part(f"WRITE until {state.write_until:%H:%MZ}", "bold $status-fail"))
    if state.stack is not None:
        stats = state.stack.broker.stats()
        if stats.throttled:
            parts.append(Part(f"▲ throttled {stats.throttled}", "$status-warn", drop=2))
        parts.append(Part(f"{stats.calls_last_minute} calls/min", _QUIET, drop=7))
        if stats.p95_ms is not None:
            parts.append(Part(f"p95 {stats.p95_ms:.0f}ms", _QUIET, drop=9))
        parts.append(Part(f"${stats.cost_usd_per_hour:.2f}/h", _QUIET, drop=3))
    parts.append(Part(f"{state.now:%H:%M:%S}Z", "", drop=1))
    return parts
