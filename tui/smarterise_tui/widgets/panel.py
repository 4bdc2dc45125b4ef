"""A bordered box with a title and lines of plain text."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Panel(Static):
    """Shows content; setting equal content paints nothing."""

    DEFAULT_CSS = """
    Panel { border: round $border; border-title-color: $foreground; padding: 0 1; height: auto; }
    """

    def __init__(self, title: str, name: str) -> None:
        super().__init__(Content(""), markup=False, id=name)
        self._title = title
        self._shown: Content | None = None

    def on_mount(self) -> None:
        """Set the title as plain text."""
        self.border_title = Content(self._title)

    def show(self, content: Content) -> None:
        """Show content."""
        if self._shown is None or not self._shown.is_same(content):
            self._shown = content
            self.update(content)
