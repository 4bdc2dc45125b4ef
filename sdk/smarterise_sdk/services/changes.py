"""Changes made from this machine: listed, found, taken back, and brought to an end that nobody wrote down."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.ingest.manager_api import BACKFILL_CHANGE, QUARANTINE_CHANGE
from smarterise_sdk.domain.sites.undo import UndoChanges, undo_changes
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import Conflict, NotFound, UsageError
from smarterise_sdk.journal.entries import JournalOutcome, JournalReading
from smarterise_sdk.journal.masking import masked
from smarterise_sdk.services.sites.verification import last_written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue
    from smarterise_sdk.domain.sites.document import SiteTiers
    from smarterise_sdk.domain.sites.plans import Plan, Receipt, SiteChange
    from smarterise_sdk.journal.entries import JournalEntry
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.services.resolution import OutcomeResolver
    from smarterise_sdk.services.sites.service import Sites
    from smarterise_sdk.settings.model import Settings

CHANGE_NOT_FOUND: Final = "CHANGE_NOT_FOUND"
MOVED_ON: Final = "MOVED_ON"
"""Code of the `Conflict` for a change whose values somebody else has changed since."""
NOT_UNDOABLE: Final = "NOT_UNDOABLE"
WRONG_ACCOUNT: Final = "WRONG_ACCOUNT"
NAMED_AT_MOST = 10
LONGEST_TITLE = 120


class Changes:
    """The changes of one environment, as the journal of this machine has them.

    Args:
        journal: The journal.
        settings: Names and environment.
        sites: Gives the sites; called only when something is asked of AWS.
        settler: Gives the one who looks again; called only then, too.
        identity: Tells who is asking; called only then, too.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        *,
        sites: Callable[[], Sites],
        settler: Callable[[], OutcomeResolver],
        identity: Callable[[], Identity],
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._sites = sites
        self._settler = settler
        self._identity = identity

    def list(self) -> JournalReading:
        """Return the changes of this environment, the newest first; nothing is asked of AWS.

        Raises:
            SmarteriseError: The journal cannot be read (code `JOURNAL`).
        """
        reading = self._journal.read()
        ours = [entry for entry in reading.entries if self._is_here(entry)]
        return JournalReading(tuple(reversed(ours)), reading.damaged_lines)

    def find(self, plan_id: str) -> JournalEntry:
        """Return a change by its id, or the beginning of it.

        Raises:
            NotFound: There is none in this environment (code `CHANGE_NOT_FOUND`).
            UsageError: Several begin so.
            SmarteriseError: The journal cannot be read (code `JOURNAL`).
        """
        wanted = plan_id.strip().lower()
        entries = [entry for entry in self.list().entries if wanted and entry.plan_id.startswith(wanted)]
        exact = [entry for entry in entries if entry.plan_id == wanted]
        found = exact or entries
        if not found:
            raise self._not_found(wanted)
        if len(found) > 1:
            listed = ", ".join(entry.plan_id for entry in found[:NAMED_AT_MOST])
            raise UsageError(
                f"{len(found)} changes begin with {visible(wanted)}",
                why=f"the newest are {listed}",
                remedy="write more of the id",
            )
        return found[0]

    def plan_undo(self, plan_id: str, *, reason: str = "") -> Plan:
        """Return what takes a change back; nothing is written.

        Only the fields that the change touched are touched again, on the sites as they are now.

        Args:
            plan_id: Id of the change, or the beginning of it.
            reason: Why, for the file and the journal.

        Raises:
            NotFound: There is no such change (code `CHANGE_NOT_FOUND`).
            Conflict: A value is no longer what the change left (code `MOVED_ON`), and which.
            UsageError: It is no change that can be taken back (code `NOT_UNDOABLE`), or of another account
                (code `WRONG_ACCOUNT`).
            SmarteriseError: As `Sites.plan_replace`.
        """
        entry = self.find(plan_id)
        _refuse_what_cannot_be_undone(entry)
        self._check_account(entry)
        changes = self._exact_changes(entry)
        seen: list[UndoChanges] = []

        def replacements(document: SiteTiers) -> dict[str, JsonObject | None]:
            back = undo_changes(changes, document)
            if back.changed_later:
                raise _moved_on(entry, back, document)
            seen.append(back)
            return back.replacements

        plan = self._sites().plan_replace(
            replacements,
            title=_undo_title(entry),
            reason=reason or f"undo {entry.plan_id}",
            via=entry.via,
            undoes=entry.plan_id,
        )
        already = seen[-1].already if seen else ()
        unchanged = dict.fromkeys((*plan.unchanged, *already))
        return replace(plan, unchanged=tuple(unchanged), notes=(*plan.notes, *_undo_notes(entry, already)))

    def unresolved(self) -> tuple[JournalEntry, ...]:
        """Return the changes of this environment of which nobody knows what became, the newest first.

        They have no end, and no process that could still make it; or their end could not be verified, and
        nobody has looked since. Nothing is asked of AWS.

        Raises:
            SmarteriseError: The journal cannot be read (code `JOURNAL`).
        """
        return tuple(entry for entry in self.list().entries if entry.is_unresolved)

    def resolve(self, plan_id: str) -> Receipt:
        """Look what became of a change and, if that was open, write its end down.

        Args:
            plan_id: Id of the change, or the beginning of it.

        Raises:
            NotFound: There is no such change (code `CHANGE_NOT_FOUND`).
            UsageError: It is still being made (code `IN_PROGRESS`), or of another account
                (code `WRONG_ACCOUNT`).
            SmarteriseError: It could not be looked; the change stays open.
        """
        entry = self.find(plan_id)
        if entry.outcome is JournalOutcome.IN_PROGRESS:
            raise UsageError(
                f"change {entry.plan_id} is still being made, by process {entry.intended.get('pid')} of "
                f"{entry.operator}",
                remedy="wait for it to end",
                code="IN_PROGRESS",
            )
        self._check_account(entry)
        return self._settler().resolve(entry)

    def _is_here(self, entry: JournalEntry) -> bool:
        """Whether a change was made in this environment, as far as can be told without asking."""
        settings = self._settings
        endpoint = entry.intended.get("endpoint_url")
        return (
            entry.environment == settings.environment.name
            and entry.region in ("", settings.region or "")
            and (not isinstance(endpoint, str) or endpoint == (settings.endpoint_url or ""))
        )

    def _not_found(self, wanted: str) -> NotFound:
        elsewhere = [
            entry
            for entry in self._journal.read().entries
            if wanted and entry.plan_id.startswith(wanted) and not self._is_here(entry)
        ]
        why = f"there is one of environment {visible(elsewhere[-1].environment)}" if elsewhere else ""
        return NotFound(
            f"there is no change {visible(wanted)[:40]} in the journal of this environment",
            why=why,
            remedy="see all: smarterise-ops journal list",
            code=CHANGE_NOT_FOUND,
        )

    def _check_account(self, entry: JournalEntry) -> None:
        """Refuse a change of another account: environments of one name may lie in several."""
        account = self._identity().account if entry.account else ""
        if account and account != entry.account:
            raise UsageError(
                f"change {entry.plan_id} was made in account {entry.account}, this is {account}",
                remedy="take the credentials of that account",
                code=WRONG_ACCOUNT,
            )

    def _exact_changes(self, entry: JournalEntry) -> Sequence[SiteChange]:
        """Return what a change changed, with the secrets that the journal has masked."""
        changes = entry.changes
        return self._settler().exact_changes(entry, changes) if entry.masked_serials else changes


_OF_INGEST: Final = frozenset({QUARANTINE_CHANGE, BACKFILL_CHANGE})


def _refuse_what_cannot_be_undone(entry: JournalEntry) -> None:
    why, remedy = "", "see it whole: smarterise-ops journal show " + entry.plan_id
    if entry.outcome is JournalOutcome.IN_PROGRESS:
        why, remedy = f"process {entry.intended.get('pid')} is still making it", "wait for it to end"
    elif not entry.may_have_written:
        why = "it was not made: nothing was written"
    elif entry.repairs_file:
        why = (
            "it put a sound file in the place of one that could not be used, and taking it back would break "
            "the file again"
        )
        remedy = "go back to a version that can be used: smarterise-ops sites history, and rollback there"
    elif any(change.kind in _OF_INGEST for change in entry.stack_changes):
        why = "what was loaded stays, and what was discarded is there still"
        remedy = "replay what was discarded: smarterise-ops quarantine replay ID"
    elif entry.stack_changes:
        why = "it made the stack follow the site file, which it would do again"
        remedy = "change the sites: what follows them follows"
    if why:
        raise UsageError(
            f"change {entry.plan_id} ({entry.title}) cannot be taken back",
            why=why,
            remedy=remedy,
            code=NOT_UNDOABLE,
        )


def _moved_on(entry: JournalEntry, back: UndoChanges, document: SiteTiers) -> Conflict:
    told = [f"{visible(serial)} {moved.summary(_shown)}" for serial, moved in back.changed_later.items()]
    more = f"; and {len(told) - NAMED_AT_MOST} more sites" if len(told) > NAMED_AT_MOST else ""
    return Conflict(
        f"change {entry.plan_id} cannot be taken back: the file has moved on since; nothing was planned",
        why=f"{'; '.join(told[:NAMED_AT_MOST])}{more}; {last_written(document)}",
        remedy="see what came since: smarterise-ops sites history; take the later change back first, or set "
        "the values that are wanted",
        code=MOVED_ON,
    )


def _shown(name: str, value: JsonValue) -> JsonValue:
    """Return a value as it may stand in a message: of a secret it tells no more than that it is one."""
    told = masked({name: value})
    return told[name] if isinstance(told, dict) else None


def _undo_title(entry: JournalEntry) -> str:
    title = f"Undo {entry.plan_id}: {entry.title}"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def _undo_notes(entry: JournalEntry, already: Sequence[str]) -> tuple[str, ...]:
    notes: list[str] = []
    if entry.outcome is not JournalOutcome.VERIFIED:
        end = entry.outcome.value
        notes.append(f"change {entry.plan_id} ended {end}: what is taken back is what the file shows of it")
    if entry.undone_by:
        notes.append(f"change {entry.plan_id} was taken back before, by {entry.undone_by}")
    if already:
        sites = "1 site is" if len(already) == 1 else f"{len(already)} sites are"
        notes.append(f"{sites} as before the change already")
    return tuple(notes)
