"""Dialog with a text that can be scrolled and copied, e.g. failed requests or a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from smarterise_sdk.domain.text import visible
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.theme import band, band_style, status_class
from smarterise_tui.widgets.key_bar import KeyBar
from smarterise_tui.widgets.wrapped_text import HangingText

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from smarterise_tui.state import ConsoleState


class TextScreen(ModalScreen[None]):
    """A text with a title and the environment."""

    BINDINGS = bindings_of(Scope.TEXT)
    AUTO_FOCUS = "#text"

    def __init__(self, state: ConsoleState, title: str, text: Content) -> None:
        super().__init__()
        self.state = state
        self._title = title
        self.text = text

    def compose(self) -> ComposeResult:
        """Compose the box."""
        with Vertical(id="dialog", classes="-tall"):
            with VerticalScroll(id="text"):
                yield HangingText(self.text, "body")
            yield KeyBar(Scope.TEXT)

    def on_mount(self) -> None:
        """Title the box."""
        environment = self.state.settings.environment
        place = (f" {visible(self.state.place)} ", band_style(environment))
        dialog = self.query_one("#dialog")
        dialog.border_title = Content.assemble(f" {visible(self._title)} ", place, " ")
        dialog.styles.border = ("round", band(environment))

    def show(self, text: Content) -> None:
        """Show another text."""
        self.text = text
        self.query_one("#body", HangingText).update(text)

    def action_close(self) -> None:
        """Close."""
        self.dismiss()

    def action_copy_all(self) -> None:
        """Copy the text."""
        self.app.copy_to_clipboard(self.text.plain)
        self.app.notify("copied", markup=False, timeout=2)


def issues_screen(state: ConsoleState) -> TextScreen:
    """Return the dialog of failed requests."""
    blocks = []
    for issue in state.issues.all:
        head = (f"{issue.status.glyph} {issue.line}", f"bold $status-{status_class(issue.status)}")
        about = (f"\n  request: {issue.source}", "$quiet")
        blocks.append(Content.assemble(head, about, *(f"\n  {line}" for line in issue.details)))
    text = (
        Content("\n\n").join(blocks)
        if blocks
        else Content("● no failed requests (missing data is shown per site)")
    )
    return TextScreen(state, "Failed requests", text)
