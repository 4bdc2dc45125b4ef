"""The checks screen: findings of the checks, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import utc_text, visible
from smarterise_tui import change_requests, cli_command
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.messages import ChecksFailed, ChecksFinished
from smarterise_tui.screens.base import ConsoleScreen
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.screens.details import TextScreen
from smarterise_tui.text.plan import error_text
from smarterise_tui.theme import status_class
from smarterise_tui.widgets.tabs import Tab
from smarterise_tui.widgets.text_line import Line, Part, TextLine
from smarterise_tui.workers import ask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.widget import Widget

    from smarterise_sdk.checks.model import Finding
    from smarterise_tui.state import ConsoleState

_SKIPPED_RANK = len(Status)


class ChecksScreen(ConsoleScreen):
    """Findings of the checks."""

    TAB = Tab.CHECKS
    SCOPES = (Scope.APP, Scope.CHECKS)
    BINDINGS = bindings_of(Scope.CHECKS)

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self.findings: list[Finding] = []
        self.cursor = 0
        self._writes_seen = state.writes

    def body(self) -> Iterable[Widget]:
        """Return summary and list."""
        yield TextLine(id="summary")
        yield VerticalScroll(Static(Content(""), id="findings", markup=False), id="list", can_focus=False)

    def cli_command(self) -> str:
        """Return the command that runs the checks."""
        return cli_command.run_checks(self.state.settings)

    def on_mount(self) -> None:
        """Run the checks."""
        self.refresh_records()

    def on_screen_resume(self) -> None:
        """Run the checks again if a change was attempted since."""
        if self._writes_seen != self.state.writes:
            self.refresh_records()

    def refresh_records(self) -> None:
        """Run the checks, again if they ran before."""
        stack = self.state.stack
        self._writes_seen = self.state.writes
        text = f"{Status.LOADING.glyph} running the checks"
        self.query_one("#summary", TextLine).line = Line((Part(text, "$status-loading"),))
        if stack is not None:
            ask(self, "checks", stack.checks.run, ChecksFinished, ChecksFailed)

    def on_checks_finished(self, message: ChecksFinished) -> None:
        """List the findings."""
        self.findings = sorted(message.report.findings, key=lambda finding: _rank(finding.status))
        self.cursor = min(self.cursor, max(len(self.findings) - 1, 0))
        counts: dict[str, int] = {}
        for finding in self.findings:
            counts[finding.status] = counts.get(finding.status, 0) + 1
        parts = [
            Part(_label(status, f"{count} {status}"), _style(status)) for status, count in counts.items()
        ]
        ran = Part(f"ran {utc_text(self.state.clock())}", "$quiet", drop=1)
        self.query_one("#summary", TextLine).line = Line(tuple(parts), (ran,))
        self._draw()

    def on_checks_failed(self, message: ChecksFailed) -> None:
        """Show why they failed."""
        self.findings = []
        text = Part("✖ checks failed to run", "$status-fail")
        self.query_one("#summary", TextLine).line = Line((text,))
        self.query_one("#findings", Static).update(error_text(message.error))

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        if self.findings:
            self.cursor = min(max(self.cursor + by, 0), len(self.findings) - 1)
            self._draw()
            self._scroll_to_cursor()

    def action_open(self) -> None:
        """Show a finding."""
        if self.findings:
            finding = self.findings[self.cursor]
            self.app.push_screen(TextScreen(self.state, finding.title, finding_text(finding)))

    def action_reconcile(self) -> None:
        """Plan a reconciliation."""
        self.app.push_screen(PlanScreen(self.state, change_requests.reconcile()))

    def action_back(self) -> None:
        """Go back to the fleet."""
        self.app.pop_screen()

    def _draw(self) -> None:
        if not self.findings:
            nothing = Content.styled(f"{Status.NO_DATA.glyph} no checks", "$status-no-data")
            self.query_one("#findings", Static).update(nothing)
            return
        lines = [
            _finding_line(finding, on_cursor=n == self.cursor) for n, finding in enumerate(self.findings)
        ]
        self.query_one("#findings", Static).update(Content("\n").join(lines))

    def _scroll_to_cursor(self) -> None:
        view = self.query_one("#list", VerticalScroll)
        top = view.scroll_offset.y
        if self.cursor < top:
            view.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + view.size.height:
            view.scroll_to(y=self.cursor - view.size.height + 1, animate=False)


def finding_text(finding: Finding) -> Content:
    """Return the details of a finding."""
    entries = [
        ("subject", finding.subject),
        ("observed", finding.observed),
        ("expected", finding.expected),
        ("evidence", "\n          ".join(finding.evidence)),
        ("try", finding.remedy),
        ("severity", finding.severity),
        ("check", finding.check_id),
    ]
    head = Content.styled(
        _label(finding.status, f"{finding.status}  {visible(finding.title)}"), _style(finding.status)
    )
    body = [
        Content.assemble((f"{name:<10}", "$quiet"), visible(text, keep="\n"))
        for name, text in entries
        if text
    ]
    return Content("\n").join([head, Content(""), *body])


def _finding_line(finding: Finding, *, on_cursor: bool) -> Content:
    line = Content.assemble(
        ("▸ " if on_cursor else "  ", "$accent"),
        (f"{_label(finding.status, finding.status):<11}", _style(finding.status)),
        f"{visible(finding.title)}  ",
        (visible(finding.subject), "$quiet"),
    )
    return line.stylize("on $cursor-line") if on_cursor else line


def _rank(status: str) -> int:
    return Status(status).rank if status in set(Status) else _SKIPPED_RANK


def _label(status: str, text: str) -> str:
    glyph = Status(status).glyph if status in set(Status) else "–"
    return f"{glyph} {text}"


def _style(status: str) -> str:
    return f"$status-{status_class(Status(status))}" if status in set(Status) else "$quiet"
