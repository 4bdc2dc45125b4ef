"""The banner: the worst issue in one line, hidden if there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from smarterise_tui.theme import status_class
from smarterise_tui.widgets.text_line import Line, Part, TextLine

if TYPE_CHECKING:
    from textual.content import Content

    from smarterise_tui.state import ConsoleState


class Banner(TextLine, can_focus=True):
    """The worst issue, the number of others, and the keys that help; enter opens the details."""

    DEFAULT_CSS = """
    Banner { display: none; }
    Banner.-active { display: block; }
    Banner:focus { text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "app.show_problems", "details", show=False)]

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self._state = state
        self._short: Line | None = None

    def on_mount(self) -> None:
        """Show the current issues."""
        self.update_view()

    def update_view(self) -> None:
        """Update the issues."""
        issues = self._state.issues.all
        self.set_class(bool(issues), "-active")
        if not issues:
            self.line = Line()
            return
        worst = issues[0]
        others = len({issue.line for issue in issues}) - 1
        more = f"(+{others} more)" if others else ""
        style = f"$status-{status_class(worst.status)}"
        keys = dict.fromkeys(issue.key for issue in issues if issue.key)
        left = (Part(f"{worst.status.glyph} {worst.line}", style),)
        right = tuple(Part(text, style) for text in (more, *keys) if text)
        self._short = Line(left, right) if keys else None
        self.line = Line(left, (*right, Part("e details", style)))

    def render(self) -> Content:
        """Return the line, without the details key if it fits only then."""
        width = self.size.width
        if self._short is not None and self._short.length <= width < self.line.length:
            return self._short.fit(width)
        return self.line.fit(width)

    async def on_click(self) -> None:
        """Open the details."""
        await self.run_action("app.show_problems")
