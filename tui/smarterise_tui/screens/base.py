"""Base class of full screens: header, tabs, banner, body and key bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen

from smarterise_tui.messages import ScreenShown
from smarterise_tui.widgets.banner import Banner
from smarterise_tui.widgets.header import Header
from smarterise_tui.widgets.key_bar import KeyBar
from smarterise_tui.widgets.tabs import Tab, Tabs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.widget import Widget

    from smarterise_tui.actions import Scope
    from smarterise_tui.messages import FleetChanged
    from smarterise_tui.poller import RefreshScope
    from smarterise_tui.state import ConsoleState


class ConsoleScreen(Screen[None]):
    """A full screen of the console."""

    AUTO_FOCUS = ""
    TAB: ClassVar[Tab]
    SCOPES: ClassVar[tuple[Scope, ...]]

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self.state = state
        self._header = Header(state)
        self._banner = Banner(state)

    def compose(self) -> ComposeResult:
        """Compose the frame around the body."""
        yield self._header
        yield Tabs(self.TAB)
        yield self._banner
        yield from self.body()
        yield KeyBar(*self.SCOPES)

    def body(self) -> Iterable[Widget]:
        """Return the widgets between banner and key bar."""
        raise NotImplementedError

    def refresh_scope(self) -> RefreshScope | None:
        """Return the data to poll for this screen; `None` for none."""
        return None

    def cli_command(self) -> str:
        """Return the CLI equivalent."""
        raise NotImplementedError

    def refresh_records(self) -> None:
        """Refresh the screen's own records."""

    def update_frame(self) -> None:
        """Update identity, statistics, time and issues."""
        self._header.update_view()
        self._banner.update_view()

    def on_fleet_changed(self, message: FleetChanged) -> None:
        """Update after a change of the model."""
        self.update_frame()
        if message.has_new_sites:
            self.update_sites()
        else:
            self.update_view()

    def update_view(self) -> None:
        """Update the values."""

    def update_sites(self) -> None:
        """Update sites and values."""
        self.update_view()

    def on_screen_resume(self) -> None:
        """Update after another screen was in front."""
        self.update_frame()
        self.update_sites()
        self.post_message(ScreenShown())
