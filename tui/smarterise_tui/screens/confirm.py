"""The tier switch: plan, difference, reason, confirm, apply, verify, receipt, in one dialog.

The SDK plans, refuses, applies and verifies; this dialog only shows what it says and asks the
operator. Nothing is written before the operator confirms a plan that was on screen.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from smarterise_sdk.domain.text import visible
from smarterise_tui import cli_twin
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.asking import ask
from smarterise_tui.messages import ChangeApplied, ChangeFailed, PlanFailed, PlanReady, StepTold
from smarterise_tui.theme import band, band_style
from smarterise_tui.tier_switch import (
    LONGEST_REASON,
    Stage,
    first_target,
    other_tier,
    plan_text,
    receipt_text,
    refusal_text,
    to_be_typed,
)
from smarterise_tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from smarterise_sdk.domain.plans import Plan
    from smarterise_tui.fleet.view import Selection
    from smarterise_tui.state import ConsoleState


class TierScreen(ModalScreen[None]):
    """Switches the tier of the selected sites."""

    BINDINGS = bindings_of(Scope.TIER)

    def __init__(self, state: ConsoleState, selection: Selection) -> None:
        super().__init__()
        self.state = state
        self.selection = selection
        rows = [state.model.rows[serial] for serial in selection.serials if serial in state.model.rows]
        self.target = first_target(rows)
        self.stage = Stage.PLANNING
        self.plan: Plan | None = None
        self._steps: list[str] = []

    def compose(self) -> ComposeResult:
        """Compose the box: text, reason, what to type, keys."""
        with Vertical(id="dialog"):
            with VerticalScroll(id="text", can_focus=False):
                yield Static(Content(""), id="plan", markup=False)
                yield Static(Content(""), id="outcome", markup=False)
            yield self._field("reason", "Reason   ")
            yield self._field("typed", "")
            yield Static(Content(""), id="hint", markup=False)
            yield KeyBar(Scope.TIER)

    def on_mount(self) -> None:
        """Title the box with the place, and plan."""
        dialog = self.query_one("#dialog")
        environment = self.state.settings.environment
        title = Content.assemble(
            " Switch tier ", (f" {visible(self.state.place)} ", band_style(environment)), " "
        )
        dialog.border_title = title
        dialog.styles.border = ("round", band(environment))
        self._plan()

    # Planning

    def _plan(self) -> None:
        self._enter(Stage.PLANNING)
        self.plan = None
        self._steps = []
        self._say("#plan", Content.styled(f"… planning {self.target.value}", "$status-loading"))
        self._say("#outcome", Content(""))
        stack = self.state.stack
        if stack is None:
            return
        updates = {serial: {"tier": self.target.value} for serial in self.selection.serials}
        ask(self, "plan", partial(stack.sites.plan_update, updates), PlanReady, PlanFailed)

    def on_plan_ready(self, message: PlanReady) -> None:
        """Show the plan and ask."""
        self.plan = message.plan
        self._enter(Stage.PLANNED if message.plan.changes else Stage.APPLIED)
        self._say("#plan", plan_text(message.plan, self.selection))
        if message.plan.is_empty:
            already = f"● nothing to do: already {self.target.value}"
            self._say("#outcome", Content.styled(already, "$status-ok"))
        self._ask_operator()

    def on_plan_failed(self, message: PlanFailed) -> None:
        """Say why there is no plan."""
        self._enter(Stage.REFUSED)
        self._say("#plan", refusal_text(message.error))

    # Confirming

    def _ask_operator(self) -> None:
        wanted = self._must_type()
        if self.stage is not Stage.PLANNED:
            return
        self._show_fields(typed=wanted is not None)
        label = "" if wanted is None else f"Type {visible(wanted)} to apply: "
        self.query_one("#typed-label", Static).update(Content(label))
        read_only = "READ-ONLY: the SDK will refuse to apply this" if self.state.settings.read_only else ""
        self._hint(read_only or ("" if wanted else "enter applies"))
        self.query_one("#reason", Input).focus()

    def _show_fields(self, *, reason: bool = True, typed: bool) -> None:
        self.query_one("#reason-field").display = reason
        self.query_one("#typed-field").display = typed

    @staticmethod
    def _field(name: str, label: str) -> Horizontal:
        text = Static(Content(label), id=f"{name}-label", classes="label", markup=False)
        field = Input(id=name, compact=True, max_length=LONGEST_REASON)
        field.cursor_blink = False
        return Horizontal(text, field, id=f"{name}-field", classes="field")

    def _must_type(self) -> str | None:
        if self.plan is None:
            return None
        return to_be_typed(self.plan, is_production=self.state.is_production)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go from the reason to what must be typed, from there to applying."""
        event.stop()
        if self.stage is not Stage.PLANNED or self.plan is None:
            return
        reason = self.query_one("#reason", Input)
        typed = self.query_one("#typed", Input)
        if self.state.is_production and not reason.value.strip():
            self._hint("✖ a change in production needs a reason")
            reason.focus()
            return
        wanted = self._must_type()
        if wanted is not None and event.input is reason:
            typed.focus()
        elif wanted is not None and typed.value.strip() != wanted:
            self._hint(f"✖ not applied: type {visible(wanted)} to confirm")
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
        self._ask_operator()
        self.on_step_told(StepTold("applying"))
        tell = partial(self._tell_from_thread, self)
        ask(self, "apply", partial(stack.sites.apply, plan, on_step=tell), ChangeApplied, ChangeFailed)

    @staticmethod
    def _tell_from_thread(screen: TierScreen, step: str) -> None:
        screen.post_message(StepTold(step))

    def on_step_told(self, message: StepTold) -> None:
        """Show how far it is."""
        if self.stage is Stage.APPLYING and message.step not in self._steps:
            self._steps.append(message.step)
            steps = "… " + " · ".join(map(visible, self._steps))
            self._say("#outcome", Content("\n").join(["", Content.styled(steps, "$accent")]))

    def on_change_applied(self, message: ChangeApplied) -> None:
        """Show the receipt. The message goes on to the app, which reads the sites again."""
        self.state.is_writing = False
        self.state.view.marks -= set(self.selection.serials)
        self._enter(Stage.APPLIED)
        self._say("#outcome", Content("\n").join(["", receipt_text(message.receipt)]))

    def on_change_failed(self, message: ChangeFailed) -> None:
        """Say why nothing is certain, or nothing was written."""
        self.state.is_writing = False
        self._enter(Stage.REFUSED)
        self._say("#outcome", Content("\n").join(["", refusal_text(message.error)]))
        self._hint("ctrl+r reads the sites again and plans again")

    # Keys

    def action_cancel(self) -> None:
        """Close, unless a change is under way."""
        if self.stage is Stage.APPLYING:
            self._hint("a change is being applied: wait for its receipt")
        else:
            self.dismiss()

    def action_other_tier(self) -> None:
        """Plan the other tier."""
        if self.stage in (Stage.PLANNED, Stage.APPLIED, Stage.REFUSED):
            self.target = other_tier(self.target)
            self._plan()

    def action_plan_again(self) -> None:
        """Plan anew, on the sites as they are now."""
        if self.stage is not Stage.APPLYING:
            self._plan()

    def action_copy_command(self) -> None:
        """Copy the command that does the same."""
        reason = self.query_one("#reason", Input).value.strip()
        command = cli_twin.set_tier(self.state.settings, self.selection.serials, self.target, reason)
        self.app.copy_to_clipboard(command)
        self._hint(f"copied: {visible(command)}")

    def action_scroll_text(self, pages: int) -> None:
        """Scroll the text, the focus stays where it is."""
        text = self.query_one("#text", VerticalScroll)
        text.scroll_relative(y=pages * max(text.size.height - 1, 1), animate=False)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        if stage is not Stage.PLANNED:
            self._show_fields(reason=False, typed=False)
            self._hint("")

    def _hint(self, text: str) -> None:
        hint = self.query_one("#hint", Static)
        hint.display = bool(text)
        hint.update(Content(text))

    def _say(self, selector: str, content: Content) -> None:
        self.query_one(selector, Static).update(content)
