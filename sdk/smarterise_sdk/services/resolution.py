"""Finds out, later, what became of a change: from the file as it is, and from its versions.

Every write is made on one certain version of the file. So the version right after that one either is the
change, or proves that it was not made.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice, pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.document import SiteTiers, new_site_tiers, parse_site_tiers
from smarterise_sdk.domain.sites.history import changes_between
from smarterise_sdk.domain.sites.plans import Plan, Receipt, ReceiptState, SiteChange
from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import InvalidDocument, NotFound, SmarteriseError
from smarterise_sdk.journal.entries import JournalOutcome
from smarterise_sdk.journal.masking import masked
from smarterise_sdk.services.journaling import Recording
from smarterise_sdk.services.sites.file import NO_FILE
from smarterise_sdk.services.sites.responses import CONFIG_MISSING
from smarterise_sdk.services.sites.transports import SiteTransports
from smarterise_sdk.services.sites.verification import VerificationResult, compare, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.history import FileVersion
    from smarterise_sdk.journal.entries import JournalEntry
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.identity import Identity
    from smarterise_sdk.services.reconciliation import Reconciliation
    from smarterise_sdk.services.sites.file import SiteFile, Transport
    from smarterise_sdk.settings.model import Settings

ARRIVES_WITHIN: Final = timedelta(minutes=2)
"""So long after it was begun a write may still reach the file, though nobody waits for its answer."""
VERSIONS_READ: Final = 1000
FIRST_VERSIONS_READ: Final = 50
MAX_LISTED: Final = 10
_HIDDEN: Final = "a secret is among what was changed, and the journal keeps none to compare with"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look has shown.

    Attributes:
        state: What is certain.
        verification: The same, per site.
        text: How it was looked, in words.
        etag: ETag of the version that has the change, or of the current one.
        version_id: Its S3 version.
        notes: Sentences on what came since, or could not be told.
        is_final: Whether a later look would show no more.
    """

    state: ReceiptState
    verification: VerificationResult
    text: str
    etag: str = ""
    version_id: str | None = None
    notes: tuple[str, ...] = ()
    is_final: bool = True


class OutcomeResolver:
    """Looks again.

    Args:
        broker: The door to AWS.
        settings: Names and environment.
        journal: Where the end is written down.
        reconciliation: Looks again at what is to follow the file.
        lookers: By kind of change, what looks again at other changes of the stack.
        identity: Tells who is asking.
        now: The clock, UTC.
    """

    def __init__(
        self,
        broker: Broker,
        settings: Settings,
        journal: Journal,
        *,
        reconciliation: Callable[[], Reconciliation],
        lookers: Mapping[str, Callable[[Plan], Receipt]] = MappingProxyType({}),
        identity: Callable[[], Identity],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._broker = broker
        self._journal = journal
        self._reconciliation = reconciliation
        self._lookers = lookers
        self._recording = Recording(journal, settings.journal_bucket, identity=identity)
        self._transports = SiteTransports(broker, settings.names, now=now)
        self._place = {"Bucket": settings.names.site_config_bucket, "Key": settings.names.site_config_key}
        self._now = now

    def resolve(self, entry: JournalEntry) -> Receipt:
        """Return what a look shows of a change, and write its end down if that was open.

        Raises:
            SmarteriseError: It could not be looked, or written down.
        """
        plan = self._recording.end_announced(_plan_of(entry))
        if plan.stack_changes:
            look = self._lookers.get(plan.stack_changes[0].kind)
            receipt = look(plan) if look is not None else self._reconciliation().observe(plan)
            is_final = not receipt.unverified or not self._may_arrive(entry)
        else:
            finding = self._finding(entry, plan)
            receipt, is_final = self._receipt(plan, finding), finding.is_final
        if not entry.is_unresolved or not is_final:
            return receipt
        outcome = _OUTCOMES[receipt.state]

        def write(told: Receipt) -> bytes:
            return self._journal.resolved(entry.plan_id, told, outcome=outcome)

        return self._recording.resolved(plan, self._broker, write, receipt)

    def exact_changes(self, entry: JournalEntry, changes: Sequence[SiteChange]) -> tuple[SiteChange, ...]:
        """Return a change with the secrets that the journal has masked, from the versions of the file.

        Raises:
            SmarteriseError: They are not to be had.
        """
        why = "the version it was made on, or the one after it, is not among those kept"
        try:
            made = [
                (pair.newer.version_id, exact)
                for pair in _pairs_on(entry.base_etag, self._versions())
                if (exact := self._made_by(pair, changes)) is not None
            ]
        except SmarteriseError as error:
            made, why = [], str(error)
        of_version = [exact for version_id, exact in made if version_id == entry.version_id]
        found = of_version or [exact for _, exact in made]
        if found and all(exact == found[0] for exact in found):
            return found[0]
        raise InvalidDocument(
            f"change {entry.plan_id} holds secrets, which the journal does not keep, and they are not to be "
            "had from the versions of the file",
            why="several changes look like it where secrets are masked" if found else why,
            remedy=f"see first what became of it: smarterise-ops journal resolve {entry.plan_id}"
            if entry.is_unresolved
            else "go back by the file's own history: smarterise-ops sites history; "
            "smarterise-ops sites rollback",
            code="NOT_UNDOABLE",
        )

    def _made_by(self, pair: _Pair, changes: Sequence[SiteChange]) -> tuple[SiteChange, ...] | None:
        """Return a change with everything in it, if it is what led from one version to the next."""
        newer = self._document(pair.newer)
        older = self._document(pair.older) if pair.older is not None else new_site_tiers({})
        if newer is None or older is None:
            return None
        made = {change.gateway_serial: change for change in changes_between(older, newer)}
        if len(made) != len(changes):
            return None
        exact = tuple(made[one.gateway_serial] for one in changes if one.gateway_serial in made)
        is_it = len(exact) == len(changes) and all(map(_is_masked_of, changes, exact))
        return exact if is_it else None

    def _finding(self, entry: JournalEntry, plan: Plan) -> Finding:
        file, transport = self._current(entry)
        text = f"looked again {transport.text}"
        live = (
            compare(plan, _as_journalled(plan, file.document))
            if file.degraded is None
            else _nothing(plan, f"cannot be told from the current file: {file.degraded.message}")
        )
        try:
            candidates = _pairs_on(entry.base_etag, self._versions())
            made = self._made(entry, plan, candidates, text)
            is_unchanged = made is None and self._is_unchanged(entry, file)
        except SmarteriseError as error:
            return self._from_the_file_alone(entry, plan, file, live, text, str(error))
        if made is not None:
            return replace(made, notes=_since(live, file))
        if is_unchanged:
            return self._unchanged(entry, plan, text)
        if not candidates:
            why = "the version it was planned on is not among those kept"
            return self._from_the_file_alone(entry, plan, file, live, text, why)
        reason = "was not written: another change of the file came first"
        all_the_same = () if live.unverified else ("the file reads as asked all the same",)
        return Finding(ReceiptState.NOT_WRITTEN, _nothing(plan, reason), text, notes=all_the_same)

    def _made(
        self, entry: JournalEntry, plan: Plan, candidates: Sequence[_Pair], text: str
    ) -> Finding | None:
        """Return the version that is the change, if any is."""
        for pair in candidates:
            version = pair.newer
            is_it = (
                self._document(version, entry.document_sha256) is not None
                if entry.repairs_file
                else self._made_by(pair, plan.changes) is not None
            )
            if is_it:
                by = f"{text}, and found in version {version.version_id}"
                verification = VerificationResult(targets_of(plan), {})
                return Finding(ReceiptState.VERIFIED, verification, by, version.etag, version.version_id)
        return None

    def _from_the_file_alone(
        self, entry: JournalEntry, plan: Plan, file: SiteFile, live: VerificationResult, text: str, why: str
    ) -> Finding:
        if file.degraded is None and file.etag == entry.base_etag:
            return self._unchanged(entry, plan, text)
        hidden = {serial: _HIDDEN for serial in live.verified if serial in entry.masked_serials}
        verification = VerificationResult(
            tuple(serial for serial in live.verified if serial not in hidden), {**live.unverified, **hidden}
        )
        note = f"whether this change was written cannot be told from the file's versions: {why}"
        return Finding(verification.state, verification, text, file.etag, file.version_id, (note,))

    def _current(self, entry: JournalEntry) -> tuple[SiteFile, Transport]:
        """Return the file by the road the change did not take, or else by the one it took."""
        try:
            return self._read(self._transports.other(entry.via))
        except SmarteriseError as error:
            try:
                return self._read(self._transports.of(entry.via))
            except SmarteriseError:
                raise error from None

    def _read(self, transport: Transport) -> tuple[SiteFile, Transport]:
        try:
            return transport.read(), transport
        except NotFound as missing:
            if missing.code != CONFIG_MISSING:
                raise
            return NO_FILE, transport

    def _is_unchanged(self, entry: JournalEntry, file: SiteFile) -> bool:
        if file.degraded is None:
            return file.etag == entry.base_etag
        # What was read stands in for the current file, and it is the current one that counts.
        return self._transports.s3.read_raw().etag == entry.base_etag

    def _unchanged(self, entry: JournalEntry, plan: Plan, text: str) -> Finding:
        if self._may_arrive(entry):
            until = utc_text(entry.at + ARRIVES_WITHIN)
            reason = f"the file is unchanged so far, but the write may still arrive; look again after {until}"
            return Finding(ReceiptState.UNVERIFIED, _nothing(plan, reason), text, is_final=False)
        reason = "was not written: the file is still the one the change was planned on"
        return Finding(ReceiptState.NOT_WRITTEN, _nothing(plan, reason), text)

    def _may_arrive(self, entry: JournalEntry) -> bool:
        """Whether what was sent may still be on its way; so it may when the clock was set back since."""
        return self._now() - entry.at < ARRIVES_WITHIN

    def _versions(self) -> tuple[FileVersion, ...]:
        return tuple(islice(self._transports.s3.versions.listed(), VERSIONS_READ))

    def _document(self, version: FileVersion, sha256: str = "") -> SiteTiers | None:
        """Return a version, if it can be used, and is the very one that a digest is of."""
        if version.is_deletion:
            return None
        body = self._broker.call("s3", "get_object", **self._place, VersionId=version.version_id)["Body"]
        try:
            document = parse_site_tiers(body)
        except InvalidInput:
            return None
        return document if sha256 in ("", hashlib.sha256(body).hexdigest()) else None

    def _receipt(self, plan: Plan, finding: Finding) -> Receipt:
        return Receipt(
            plan,
            finding.state,
            finding.verification.verified,
            finding.verification.unverified,
            finding.etag,
            finding.version_id,
            (),
            None,
            self._now(),
            finding.text,
            finding.notes,
        )


_OUTCOMES: Final = {
    ReceiptState.VERIFIED: JournalOutcome.VERIFIED,
    ReceiptState.PARTLY_VERIFIED: JournalOutcome.PARTLY_VERIFIED,
    ReceiptState.UNVERIFIED: JournalOutcome.UNVERIFIED,
    ReceiptState.NOT_WRITTEN: JournalOutcome.FAILED,
}


@dataclass(frozen=True, slots=True)
class _Pair:
    """A version and the one before it; `None` where there was no file before."""

    newer: FileVersion
    older: FileVersion | None


def _pairs_on(base_etag: str, versions: Sequence[FileVersion]) -> tuple[_Pair, ...]:
    """Return what followed a version right away; the newest come first, and one content may occur again."""
    pairs = [_Pair(newer, older) for newer, older in pairwise(versions)]
    if base_etag:
        return tuple(pair for pair in pairs if pair.older is not None and pair.older.etag == base_etag)
    # Where there was no file, the function may have written onto one that came in between.
    firsts = [_Pair(versions[-1], None)] if versions else []
    again = [_Pair(pair.newer, None) for pair in pairs if pair.older is not None and pair.older.is_deletion]
    return (*pairs[-FIRST_VERSIONS_READ:], *again, *firsts)


def _plan_of(entry: JournalEntry) -> Plan:
    """Return the plan of a change as far as the journal has it; it announces nothing that would make it."""
    planned_at = entry.intended.get("planned_at")
    return Plan(
        plan_id=entry.plan_id,
        title=entry.title,
        environment=entry.environment,
        account=entry.account,
        region=entry.region,
        via=entry.via,
        updates=MappingProxyType({}),
        create=entry.intended.get("create") is True,
        changes=entry.changes,
        unchanged=(),
        effects=(),
        calls=(),
        base_etag=entry.base_etag,
        reason=entry.reason,
        planned_at=datetime.fromisoformat(planned_at) if isinstance(planned_at, str) else entry.at,
        stack_changes=entry.stack_changes,
        undoes=entry.undoes,
    )


def _as_journalled(plan: Plan, document: SiteTiers) -> SiteTiers:
    """Return the sites of a plan as the journal would have them: it keeps no secrets to compare with."""
    entries = document.site_objects
    serials = [change.gateway_serial for change in plan.changes if change.gateway_serial in entries]
    seen: JsonObject = {serial: masked(entries[serial]) for serial in serials}
    return SiteTiers({"sites": seen}, MappingProxyType({}))


def _nothing(plan: Plan, reason: str) -> VerificationResult:
    return VerificationResult((), {change.gateway_serial: reason for change in plan.changes})


def _since(live: VerificationResult, file: SiteFile) -> tuple[str, ...]:
    """Return what has come since a change that was made."""
    if file.degraded is not None:
        return (f"since then: {file.degraded.message}",)
    told = [f"{serial} has been changed since: {how}" for serial, how in live.unverified.items()]
    more = len(told) - MAX_LISTED
    return (*told[:MAX_LISTED], *([f"and {more} more sites have been changed since"] if more > 0 else []))


def _is_masked_of(journalled: SiteChange, exact: SiteChange) -> bool:
    return masked(exact.before) == journalled.before and masked(exact.after) == journalled.after
