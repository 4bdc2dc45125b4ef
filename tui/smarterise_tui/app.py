"""The console app: owns the state, processes messages of workers, and updates screens.

AWS calls are in `poller` and `workers`; drawing is in screens and widgets.
"""

from __future__ import annotations

import asyncio
import gc
import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from smarterise_tui import change_requests, messages, state_updates
from smarterise_tui.actions import Scope, bindings_of
from smarterise_tui.issues import UNFINISHED, is_about_credentials
from smarterise_tui.poller import Cadence, Poller, RefreshScope, Source
from smarterise_tui.screens.base import ConsoleScreen
from smarterise_tui.screens.checks import ChecksScreen
from smarterise_tui.screens.confirm import PlanScreen
from smarterise_tui.screens.details import issues_screen
from smarterise_tui.screens.fleet import FleetScreen
from smarterise_tui.screens.help import help_screen
from smarterise_tui.screens.history import HistoryScreen
from smarterise_tui.screens.site import SiteScreen
from smarterise_tui.state import ConsoleState
from smarterise_tui.terminal import driver_class, handle_signals
from smarterise_tui.theme import THEME
from smarterise_tui.workers import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.driver import Driver
    from textual.timer import Timer

    from smarterise_sdk.settings.model import Settings
    from smarterise_sdk.stack import Stack
    from smarterise_tui.widgets.fleet_table import FleetTable


_COLLECT_AFTER = (10_000, 100, 100)
_JUST_AFTER = 0.05
"""Seconds added to a timer, so that it does not fire early."""
_POLL_INTERVAL = 0.1
"""Seconds between checks whether a change is still being applied, before exit."""
_INTERRUPTED = 130
"""The exit code of an interrupted run (docs/exit-codes.md)."""


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


class SmarteriseConsole(App[int]):
    """The on-call console.

    Args:
        settings: Settings in force.
        open_stack: Creates the stack; called in a thread after the first paint.
        clock: Returns the current time, UTC.
        cadence: Poll intervals.
    """

    CSS_PATH = "console.tcss"
    TITLE = "smarterise-ops"
    BINDINGS = bindings_of(Scope.APP)
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        settings: Settings,
        open_stack: Callable[[], Stack],
        *,
        clock: Callable[[], datetime] = utc_now,
        cadence: Cadence | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self.register_theme(THEME)
        self.theme = THEME.name
        self.state = ConsoleState(settings, clock)
        self.cadence = cadence or Cadence()
        self.poller = Poller(self, self.state, self._refresh_scope, self.cadence)
        self._open_stack = open_stack
        self._fleet = FleetScreen(self.state)
        self._rights = (self.state.is_read_only, self.state.write_until)
        self._unlock_timer: Timer | None = None

    def get_default_screen(self) -> FleetScreen:
        """Return the bottom screen."""
        return self._fleet

    def get_driver_class(self) -> type[Driver]:
        """Return the terminal driver."""
        return driver_class(super().get_driver_class())

    def on_mount(self) -> None:
        """Load the SDK once the first screen is painted."""
        if not self.is_headless:
            handle_signals(self)
        self.call_after_refresh(self._load_stack)
        self._check_when_unlock_ends()

    def _load_stack(self) -> None:
        ask(self, Source.STACK, self._open_stack, messages.StackOpened, self._on_failure(Source.STACK))

    # Responses

    def on_stack_opened(self, message: messages.StackOpened) -> None:
        """Start polling."""
        if self.state.stack is None:
            self.set_interval(self.cadence.tick, self.tick, name="poll")
        self.state.stack = message.stack
        self.state.issues.set(Source.STACK, ())
        self.poller.ask_identity()
        self.poller.ask_sites()
        self._ask_unfinished()

    def on_identity_known(self, message: messages.IdentityKnown) -> None:
        """Show the identity."""
        self.state.identity = message.identity
        self.state.issues.set(Source.IDENTITY, ())
        self._notify_screens()

    def on_sites_fetched(self, message: messages.SitesFetched) -> None:
        """Show the sites and fetch values of new ones."""
        has_new_sites = state_updates.take_sites(self.state, message.snapshot)
        self._resume_after_login()
        self._notify_screens(has_new_sites=True)
        if has_new_sites:
            self.call_after_refresh(self.poller.ask_due)

    def on_latest_fetched(self, message: messages.LatestFetched) -> None:
        """Show the latest values and missing ones."""
        state_updates.take_latest(self.state, message)
        self._check_credentials(*(item.error for item in message.outcome.missing))
        self._notify_screens()

    def on_history_fetched(self, message: messages.HistoryFetched) -> None:
        """Show the sparklines."""
        state_updates.take_history(self.state, message)
        self._notify_screens()

    def on_unresolved_found(self, message: messages.UnresolvedFound) -> None:
        """Show unresolved changes."""
        state_updates.take_unfinished(self.state, message.changes)
        self._notify_screens()

    def on_fetch_failed(self, message: messages.FetchFailed) -> None:
        """Show failed requests."""
        state_updates.take_failure(self.state, message)
        self._check_credentials(message.error)
        self._notify_screens()

    def _check_credentials(self, *errors: Exception) -> None:
        """Reduce polling while credentials are rejected."""
        if any(is_about_credentials(error) for error in errors):
            self.poller.is_locked_out = True

    def on_change_applied(self) -> None:
        """Read the sites again to show the change."""
        self.state.writes += 1
        self.poller.ask_sites(again=True)

    def on_change_failed(self) -> None:
        """Read the sites again: another operator may have changed them."""
        self.state.writes += 1
        self.poller.ask_sites(again=True)

    def on_change_resolved(self) -> None:
        """Check for further unresolved changes."""
        self._ask_unfinished()

    def _ask_unfinished(self) -> None:
        stack = self.state.stack
        if stack is not None:
            ask(
                self,
                UNFINISHED,
                stack.changes.unresolved,
                messages.UnresolvedFound,
                partial(messages.FetchFailed, UNFINISHED, ()),
            )

    # Time

    def tick(self) -> None:
        """Fetch what is due; otherwise update ages."""
        self._check_unlock()
        if self.poller.is_resting or self.screen.is_modal:
            return
        if not self.poller.ask_due():
            state_updates.pass_time(self.state)
            self._notify_screens()

    def on_app_blur(self) -> None:
        """Poll less often."""
        self.poller.is_blurred = True

    def on_app_focus(self) -> None:
        """Poll at the normal rate."""
        self.poller.is_blurred = False
        self.poller.ask_due()

    def _check_when_unlock_ends(self) -> None:
        if self._unlock_timer is not None:
            self._unlock_timer.stop()
        until = self.state.write_until
        if until is not None:
            left = (until - self.state.clock()).total_seconds()
            self._unlock_timer = self.set_timer(max(left, 0) + _JUST_AFTER, self._check_unlock)

    def _check_unlock(self) -> None:
        """Update screens when the unlock has expired or changed; makes no AWS call."""
        self.state.check_unlock()
        self._check_when_unlock_ends()
        rights = (self.state.is_read_only, self.state.write_until)
        if rights != self._rights:
            self._rights = rights
            self._notify_screens()
            for screen in self.screen_stack:
                screen.post_message(messages.RightsChanged())

    def _refresh_scope(self) -> RefreshScope | None:
        return self.screen.refresh_scope() if isinstance(self.screen, ConsoleScreen) else None

    def _resume_after_login(self) -> None:
        if self.poller.is_locked_out:
            self.poller.is_locked_out = False
            self.poller.ask_identity()
            self.call_after_refresh(self.poller.ask_due)

    def _notify_screens(self, *, has_new_sites: bool = False) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen):
                screen.post_message(messages.FleetChanged(has_new_sites))

    # Keys

    def action_show_fleet(self) -> None:
        """Go to the fleet."""
        while self.screen is not self._fleet and len(self.screen_stack) > 1:
            self.pop_screen()

    def action_show_site(self) -> None:
        """Go to the site under the cursor."""
        serial = self._fleet.table.cursor_serial
        if serial is not None and not isinstance(self.screen, SiteScreen):
            self.action_show_fleet()
            self._show_site(serial)

    def on_fleet_table_opened(self, message: FleetTable.Opened) -> None:
        """Go to a site."""
        self._show_site(message.serial)

    def on_fleet_table_rows_shown(self) -> None:
        """Fetch the rows that became visible."""
        self.poller.ask_due()

    def _show_site(self, serial: str) -> None:
        self.push_screen(SiteScreen(self.state, serial))

    def on_screen_shown(self) -> None:
        """Fetch the data of the screen in front."""
        self.poller.ask_due()

    def action_show_checks(self) -> None:
        """Go to the checks."""
        if not isinstance(self.screen, ChecksScreen) and self.state.stack is not None:
            self.action_show_fleet()
            self.push_screen(ChecksScreen(self.state))

    def action_show_history(self) -> None:
        """Go to the history, which also shows unresolved changes."""
        if not isinstance(self.screen, HistoryScreen) and self.state.stack is not None:
            self.state.issues.set(UNFINISHED, ())
            self.action_show_fleet()
            self.push_screen(HistoryScreen(self.state))

    def action_repair(self) -> None:
        """Plan a repair of the site file."""
        if self.state.stack is not None:
            self.push_screen(PlanScreen(self.state, change_requests.repair()))

    def action_copy_command(self) -> None:
        """Copy the CLI equivalent of this screen."""
        if isinstance(self.screen, ConsoleScreen):
            command = self.screen.cli_command()
            self.copy_to_clipboard(command)
            self.notify(command, title="copied", markup=False, timeout=3)

    def action_show_problems(self) -> None:
        """Show failed requests."""
        self.push_screen(issues_screen(self.state))

    def action_show_help(self) -> None:
        """Show the help."""
        self.push_screen(help_screen(self.state))

    def action_refresh_now(self) -> None:
        """Refresh this screen."""
        if self.state.stack is None:
            self._load_stack()
        elif isinstance(self.screen, ConsoleScreen):
            self.screen.refresh_records()
            self.poller.ask_identity()
            self.poller.ask_due(everything=True)

    def action_save_screenshot(self) -> None:
        """Save the screen as SVG in the current directory."""
        place = re.sub(r"[^A-Za-z0-9]+", "-", self.state.settings.environment.name)
        name = f"{self.TITLE}-{place}-{self.state.clock():%Y%m%dT%H%M%SZ}.svg"
        try:
            Path(name).write_text(self.export_screenshot(), encoding="utf-8")
        except OSError as error:
            self.notify(f"Screenshot not saved: {error}", severity="error", markup=False)
        else:
            self.notify(f"saved {name}", markup=False, timeout=3)

    async def action_quit(self) -> None:
        """Quit, unless a change is being applied."""
        if self.state.is_writing:
            self.notify("A change is being applied: wait for its receipt", severity="warning", markup=False)
        else:
            self.exit(0)

    def on_quit_requested(self) -> None:
        """Exit once no change is being applied."""
        self.run_worker(self._end(), group="end", exclusive=True)

    async def _end(self) -> None:
        while self.state.is_writing:
            await asyncio.sleep(_POLL_INTERVAL)
        self.exit(_INTERRUPTED)

    @staticmethod
    def _on_failure(source: Source) -> Callable[[Exception], messages.FetchFailed]:
        return lambda error: messages.FetchFailed(source, (), error)


def run_console(settings: Settings, *, stack: Stack | None = None) -> int:
    """Run the console until the operator quits.

    Args:
        settings: Settings in force.
        stack: The stack; by default created after the first paint.

    Returns:
        The exit code.
    """

    def open_stack() -> Stack:
        if stack is not None:
            return stack
        from smarterise_sdk.stack import Stack  # loads boto3: after the first paint

        new_stack = Stack(settings)
        # Load all services here, not on the event loop.
        _ = (new_stack.broker, new_stack.sites, new_stack.metrics)
        _ = (new_stack.checks, new_stack.changes, new_stack.reconciliation)
        # A full garbage collection with ten thousand sites blocks the console for a third of a second.
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        return new_stack

    console = SmarteriseConsole(settings, open_stack)
    code = console.run()
    if console.state.stack is not None:
        console.state.stack.close()
    return code or 0
