"""The dialog of all changes: plan, reason, confirmation, receipt and undo.

The SDK plans, applies and verifies; the dialog shows the results. Nothing is written before the operator
confirms a displayed plan.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from smarterise_sdk.domain.confirmation import confirmation_of
from smarterise_sdk.domain.sites.plans import ReceiptState
from smarterise_sdk.domain.text import MAX_REASON, visible
from smarterise_tui import change_requests
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.messages import (
    ChangeApplied,
    ChangeFailed,
    PlanFailed,
    PlanReady,
    RightsChanged,
    StepReported,
)
from smarterise_tui.text.plan import error_text, plan_text, receipt_text
from smarterise_tui.theme import band, band_style
from smarterise_tui.widgets.key_bar import KeyBar
from smarterise_tui.widgets.wrapped_text import HangingText
from smarterise_tui.workers import ask

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from smarterise_sdk.domain.sites.plans import Plan
    from smarterise_tui.change_requests import ChangeRequest
    from smarterise_tui.state import ConsoleState


class Stage(StrEnum):
    """Stage of a change."""

    PLANNING = "planning"
    PLANNED = "planned"
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"


_AROUND_TEXT = 10
"""Lines of border, fields, hint and keys."""
_MAX_COMMAND = 120
"""Maximum characters shown of a copied command."""


class PlanScreen(ModalScreen[None]):
    """Dialog of a change request from plan to receipt."""

    BINDINGS = bindings_of(Scope.PLAN, Scope.RECEIPT)

    def __init__(self, state: ConsoleState, change_request: ChangeRequest) -> None:
        super().__init__()
        self.state = state
        self.change_request = change_request
        self.stage = Stage.PLANNING
        self.plan: Plan | None = None
        self._steps: list[str] = []
        self._can_undo = False

    def compose(self) -> ComposeResult:
        """Compose the box: text, reason, what to type, keys."""
        with Vertical(id="dialog"):
            with VerticalScroll(id="text", can_focus=False):
                yield HangingText(Content(""), "plan")
                yield HangingText(Content(""), "outcome")
            yield self._field("reason", "Reason   ")
            yield self._field("typed", "")
            yield HangingText(Content(""), "hint")
            yield KeyBar(Scope.PLAN)

    def on_resize(self, event: events.Resize) -> None:
        """Limit the height of the text; a long plan scrolls."""
        self.query_one("#text").styles.max_height = max(event.size.height - _AROUND_TEXT, 3)

    def on_mount(self) -> None:
        """Plan."""
        self.query_one("#dialog").styles.border = ("round", band(self.state.settings.environment))
        self._plan()

    # Planning

    def _plan(self) -> None:
        change_request = self.change_request
        self._enter(Stage.PLANNING)
        self.plan = None
        self._steps = []
        self.query_one("#typed", Input).value = ""
        place = (f" {visible(self.state.place)} ", band_style(self.state.settings.environment))
        self.query_one("#dialog").border_title = Content.assemble(f" {change_request.title} ", place, " ")
        self._say("#plan", Content.styled(f"… planning {visible(change_request.text)}", "$status-loading"))
        self._say("#outcome", Content(""))
        stack = self.state.stack
        if stack is not None:
            ask(self, "plan", partial(change_request.make, stack), PlanReady, PlanFailed)

    def on_plan_ready(self, message: PlanReady) -> None:
        """Show the plan and ask for confirmation."""
        plan = self.plan = message.plan
        self._enter(Stage.APPLIED if plan.is_empty else Stage.PLANNED)
        self._say("#plan", plan_text(plan, self.change_request.selection))
        if plan.is_empty:
            nothing = f"● No changes: {self.change_request.nothing}"
            self._say("#outcome", Content.styled(visible(nothing), "$status-ok"))
        self.query_one("#text", VerticalScroll).scroll_home(animate=False)
        self._ask_operator()

    def on_plan_failed(self, message: PlanFailed) -> None:
        """Show why planning failed."""
        self._enter(Stage.REFUSED)
        self._say("#plan", error_text(message.error))

    # Confirming

    def _ask_operator(self) -> None:
        if self.stage is not Stage.PLANNED:
            return
        expected = self._must_type()
        self._show_fields(typed=expected is not None)
        label = "" if expected is None else f"Type {visible(expected)} to apply: "
        self.query_one("#typed-label", Static).update(Content(label))
        self._show_plan_hint()
        self.query_one("#reason", Input).focus()

    def _show_plan_hint(self) -> None:
        hints = []
        if self.state.is_read_only:
            hints.append(self.state.read_only_text)
        elif self._must_type() is None:
            hints.append("enter applies")
        if self.change_request.other is not None:
            hints.append(f"ctrl+t plans {self.change_request.other.text} instead")
        self._hint("; ".join(hints))

    def on_rights_changed(self, message: RightsChanged) -> None:
        """Update the hint after the unlock changed."""
        message.stop()
        if self.stage is Stage.PLANNED:
            self._show_plan_hint()

    def _show_fields(self, *, reason: bool = True, typed: bool) -> None:
        self.query_one("#reason-field").display = reason
        self.query_one("#typed-field").display = typed

    @staticmethod
    def _field(name: str, label: str) -> Horizontal:
        text = Static(Content(label), id=f"{name}-label", classes="label", markup=False)
        field = Input(id=name, compact=True, max_length=MAX_REASON)
        field.cursor_blink = False
        return Horizontal(text, field, id=f"{name}-field", classes="field")

    def _must_type(self) -> str | None:
        if self.plan is None:
            return None
        confirmation = confirmation_of(self.plan, is_production=self.state.is_production)
        return None if confirmation is None else confirmation.text

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go from the reason to what must be typed, from there to applying."""
        event.stop()
        if self.stage is not Stage.PLANNED or self.plan is None:
            return
        reason = self.query_one("#reason", Input)
        typed = self.query_one("#typed", Input)
        if self.state.is_production and not reason.value.strip():
            self._hint("✖ reason required in production")
            reason.focus()
            return
        expected = self._must_type()
        if expected is not None and event.input is reason:
            typed.focus()
        elif expected is not None and typed.value.strip() != expected:
            self._hint(f"✖ not applied: type {visible(expected)} to confirm")
        else:
            self._apply(replace(self.plan, reason=reason.value.strip()))

    # Applying

    def _apply(self, plan: Plan) -> None:
        stack = self.state.stack
        if stack is None:
            return
        self.plan = plan
        self.state.is_writing = True
        self._enter(Stage.APPLYING)
        self.on_step_reported(StepReported("applying"))
        on_step = partial(self._report_from_thread, self)
        ask(
            self,
            "apply",
            partial(self.change_request.service(stack).apply, plan, on_step=on_step),
            ChangeApplied,
            ChangeFailed,
        )

    @staticmethod
    def _report_from_thread(screen: PlanScreen, step: str) -> None:
        screen.post_message(StepReported(step))

    def on_step_reported(self, message: StepReported) -> None:
        """Show progress."""
        if self.stage is Stage.APPLYING and message.step not in self._steps:
            self._steps.append(message.step)
            steps = "… " + " · ".join(map(visible, self._steps))
            self._show_outcome(Content.styled(steps, "$accent"))

    def on_change_applied(self, message: ChangeApplied) -> None:
        """Show the receipt; the message bubbles to the app, which reads the sites again."""
        self.state.is_writing = False
        if self.change_request.selection is not None:
            self.state.view.marks -= set(self.change_request.selection.serials)
        plan = message.receipt.plan
        is_made = message.receipt.state not in (ReceiptState.NOTHING_TO_DO, ReceiptState.NOT_WRITTEN)
        self._enter(Stage.APPLIED, can_undo=is_made and bool(plan.changes) and plan.document is None)
        self._show_outcome(receipt_text(message.receipt))

    def on_change_failed(self, message: ChangeFailed) -> None:
        """Show the error."""
        self.state.is_writing = False
        self._enter(Stage.REFUSED)
        self._show_outcome(error_text(message.error))
        self._hint("ctrl+r reads the site file and plans again")

    # Keys

    def action_cancel(self) -> None:
        """Close, unless a change is being applied."""
        if self.stage is Stage.APPLYING:
            self._hint("A change is being applied: wait for its receipt")
        else:
            self.dismiss()

    def action_other_way(self) -> None:
        """Plan the alternative; the reason is kept."""
        if self.change_request.other is not None and self.stage is not Stage.APPLYING:
            self.change_request = self.change_request.other.make()
            self._plan()

    def action_replan(self) -> None:
        """Plan again with the current site file."""
        if self.stage is not Stage.APPLYING:
            self._plan()

    def action_undo(self) -> None:
        """Plan an undo of this change."""
        if self._can_undo and self.plan is not None:
            self.change_request = change_requests.undo(self.plan.plan_id)
            self.query_one("#reason", Input).value = ""
            self._plan()

    def action_copy_command(self) -> None:
        """Copy the CLI equivalent."""
        reason = self.query_one("#reason", Input).value.strip()
        command = self.change_request.cli_command(self.state.settings, reason)
        self.app.copy_to_clipboard(command)
        text = visible(command)
        self._hint(f"copied: {text[:_MAX_COMMAND]}{'…' if len(text) > _MAX_COMMAND else ''}")

    def action_scroll_text(self, pages: int) -> None:
        """Scroll the text, the focus stays where it is."""
        text = self.query_one("#text", VerticalScroll)
        text.scroll_relative(y=pages * max(text.size.height - 1, 1), animate=False)

    def _enter(self, stage: Stage, *, can_undo: bool = False) -> None:
        self.stage = stage
        self._can_undo = can_undo
        scopes = (Scope.RECEIPT, Scope.PLAN) if can_undo else (Scope.PLAN,)
        self.query_one(KeyBar).show(*scopes, without="" if self.change_request.other else "other_way")
        if stage is not Stage.PLANNED:
            self._show_fields(reason=False, typed=False)
            self._hint("")

    def _hint(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        hint.display = bool(text)
        hint.update(Content(text))

    def _show_outcome(self, content: Content) -> None:
        """Show the outcome below the plan and scroll to it."""
        self._say("#outcome", Content("\n").join(["", content]))
        self.call_after_refresh(self.query_one("#text", VerticalScroll).scroll_end, animate=False)

    def _say(self, selector: str, content: Content) -> None:
        self.query_one(selector, Static).update(content)
