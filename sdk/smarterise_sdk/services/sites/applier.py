"""Carries out one plan: writes, looks whether it holds, and never says more than is certain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from smarterise_sdk.aws.errors import is_outcome_unknown, may_have_been_done
from smarterise_sdk.domain.sites.plans import Receipt, ReceiptState
from smarterise_sdk.domain.text import age_text
from smarterise_sdk.errors import Conflict, SmarteriseError
from smarterise_sdk.services.sites.file import Written
from smarterise_sdk.services.sites.transports import is_too_large
from smarterise_sdk.services.sites.verification import VerificationResult, changed_since, compare, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_sdk.aws.broker import WriteGrant
    from smarterise_sdk.domain.sites.plans import Plan
    from smarterise_sdk.services.sites.file import SiteFile
    from smarterise_sdk.services.sites.transports import SiteTransports

CLOCKS_APART = timedelta(minutes=2)
"""An answer may take its time: what is less is no matter of clocks."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What reading back gave: the file, or none and why; the verdict; and the road, in words."""

    file: SiteFile | None
    verification: VerificationResult
    text: str


@dataclass(frozen=True, slots=True)
class Applier:
    """Writes by one road and reads back by the other.

    Attributes:
        transports: The roads to the file.
        now: The clock, UTC.
    """

    transports: SiteTransports
    now: Callable[[], datetime]

    def carry_out(self, plan: Plan, grant: WriteGrant, *, by: str, say: Callable[[str], None]) -> Receipt:
        """Carry out a plan and return what is certain about it.

        Args:
            plan: The plan.
            grant: Leave to write, for this plan.
            by: Who, for the file.
            say: Told of each step, in words.

        Raises:
            Conflict: The file has changed since the plan was made; nothing was written.
            SmarteriseError: It was refused or failed, and nothing was written.
        """
        say("applying")
        try:
            written = self.transports.of(plan.via).write(grant, plan, by=by)
        except Conflict as conflict:
            raise self._explained(plan, conflict) from conflict
        except SmarteriseError as error:
            if not may_have_been_done(error):
                raise
            say(f"{error.what}: looking whether it was written all the same")
            return self._look_up(plan, grant, error)
        applied_at = self.now()
        say(f"verifying (read back {self.transports.other(plan.via).text})")
        back = self._read_back(plan)
        verified_at = self.now() if back.file is not None else None
        return _receipt(plan, grant, back, written, applied_at, verified_at, back.text)

    def _look_up(self, plan: Plan, grant: WriteGrant, error: SmarteriseError) -> Receipt:
        """Tell from the file what became of a write whose answer was lost."""
        back = self._read_back(plan)
        text = f"{back.text}, after: {error.what}"
        if back.file is None:
            doubt = {target: f"{error}; and {why}" for target, why in back.verification.unverified.items()}
            doubtful = ReadBack(None, VerificationResult((), doubt), text)
            return _receipt(plan, grant, doubtful, Written("", None), None, None, text)
        written = Written(back.file.etag, back.file.version_id)
        is_unchanged = written.etag == plan.base_etag
        if is_unchanged and not is_outcome_unknown(error):
            # There was an answer, so nothing is under way; and the file is as it was: nothing was written.
            raise error
        if is_unchanged:
            reason = f"{error.what}; the file is unchanged so far, but the write may still arrive"
            back = replace(back, verification=VerificationResult((), dict.fromkeys(targets_of(plan), reason)))
        at = self.now()
        applied_at = at if back.verification.state is not ReceiptState.UNVERIFIED else None
        return _receipt(plan, grant, back, written, applied_at, at, text)

    def _read_back(self, plan: Plan) -> ReadBack:
        transport = self.transports.other(plan.via)
        text = f"read back {transport.text}"
        try:
            try:
                file = transport.read()
            except SmarteriseError as error:
                if not is_too_large(error):
                    raise
                file = self.transports.s3.read()
                text = f"read back {self.transports.s3.text}: for the other road the file is too large"
        except SmarteriseError as error:
            issue = str(error)
        else:
            if file.degraded is None:
                return ReadBack(file, compare(plan, file.document), text)
            issue = file.degraded.message
        reason = f"could not be {text}: {issue}"
        return ReadBack(None, VerificationResult((), dict.fromkeys(targets_of(plan), reason)), text)

    def _explained(self, plan: Plan, conflict: Conflict) -> Conflict:
        """Return a conflict with what changed in it, as far as the file can be read."""
        try:
            file = self.transports.read(plan.via).file
            why = changed_since(plan, file.document)
            if file.degraded is not None:
                why = file.degraded.message
        except SmarteriseError as error:
            why = f"{conflict}; what changed could not be read: {error}"
        return Conflict(
            "the site file has changed since the plan was made; nothing was written",
            why=why,
            remedy="plan again and look at the new difference",
            request_id=conflict.request_id,
        )


def _receipt(
    plan: Plan,
    grant: WriteGrant,
    back: ReadBack,
    written: Written,
    applied_at: datetime | None,
    verified_at: datetime | None,
    verified_by: str,
) -> Receipt:
    return Receipt(
        plan,
        back.verification.state,
        back.verification.verified,
        back.verification.unverified,
        written.etag,
        written.version_id,
        tuple(grant.request_ids),
        applied_at,
        verified_at,
        verified_by,
        _notes(grant, applied_at),
    )


def _notes(grant: WriteGrant, applied_at: datetime | None) -> tuple[str, ...]:
    """Return what AWS's answer tells about the clock of this machine."""
    if grant.received_at is None or applied_at is None:
        return ()
    ahead = applied_at - grant.received_at
    if abs(ahead) < CLOCKS_APART:
        return ()
    side = "ahead of" if ahead > timedelta(0) else "behind"
    clock = f"the clock of this machine is {age_text(abs(ahead))} {side} that of AWS"
    return (f"{clock}: the times in journal and receipt are by this machine, the history's by S3",)
