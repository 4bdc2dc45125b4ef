"""Carries out one plan: writes, looks whether it holds, and never says more than is certain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from smarterise_sdk.aws.errors import is_without_answer, may_have_been_done
from smarterise_sdk.domain.sites.plans import Receipt, ReceiptState
from smarterise_sdk.domain.text import age_text
from smarterise_sdk.errors import Conflict, SmarteriseError
from smarterise_sdk.services.sites.file import Written
from smarterise_sdk.services.sites.transports import is_too_large
from smarterise_sdk.services.sites.verification import Verdict, changed_since, compare, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_sdk.aws.broker import WriteGrant
    from smarterise_sdk.domain.sites.plans import Plan
    from smarterise_sdk.services.sites.file import SiteFile
    from smarterise_sdk.services.sites.transports import SiteRoads

CLOCKS_APART = timedelta(minutes=2)
"""An answer may take its time: what is less is no matter of clocks."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What reading back gave: the file, or none and why; the verdict; and the road, in words."""

    file: SiteFile | None
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Applier:
    """Writes by one road and reads back by the other.

    Attributes:
        roads: The roads to the file.
        now: The clock, UTC.
    """

    roads: SiteRoads
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
            written = self.roads.of(plan.via).write(grant, plan, by=by)
        except Conflict as conflict:
            raise self._explained(plan, conflict) from conflict
        except SmarteriseError as error:
            if not may_have_been_done(error):
                raise
            say(f"{error.what}: looking whether it was written all the same")
            return self._look_up(plan, grant, error)
        applied_at = self.now()
        say(f"verifying (read back {self.roads.other(plan.via).words})")
        back = self._read_back(plan)
        verified_at = self.now() if back.file is not None else None
        return _receipt(plan, grant, back, written, applied_at, verified_at, back.words)

    def _look_up(self, plan: Plan, grant: WriteGrant, error: SmarteriseError) -> Receipt:
        """Tell from the file what became of a write whose answer was lost."""
        back = self._read_back(plan)
        words = f"{back.words}, after: {error.what}"
        if back.file is None:
            doubt = {target: f"{error}; and {why}" for target, why in back.verdict.unverified.items()}
            doubtful = ReadBack(None, Verdict((), doubt), words)
            return _receipt(plan, grant, doubtful, Written("", None), None, None, words)
        written = Written(back.file.etag, back.file.version_id)
        is_unchanged = written.etag == plan.base_etag
        if is_unchanged and not is_without_answer(error):
            # There was an answer, so nothing is under way; and the file is as it was: nothing was written.
            raise error
        if is_unchanged:
            reason = f"{error.what}; the file is unchanged so far, but the write may still arrive"
            back = replace(back, verdict=Verdict((), dict.fromkeys(targets_of(plan), reason)))
        at = self.now()
        applied_at = at if back.verdict.state is not ReceiptState.UNVERIFIED else None
        return _receipt(plan, grant, back, written, applied_at, at, words)

    def _read_back(self, plan: Plan) -> ReadBack:
        road = self.roads.other(plan.via)
        words = f"read back {road.words}"
        try:
            try:
                file = road.read()
            except SmarteriseError as error:
                if not is_too_large(error):
                    raise
                file = self.roads.s3.read()
                words = f"read back {self.roads.s3.words}: for the other road the file is too large"
        except SmarteriseError as error:
            trouble = str(error)
        else:
            if file.degraded is None:
                return ReadBack(file, compare(plan, file.document), words)
            trouble = file.degraded.message
        reason = f"could not be {words}: {trouble}"
        return ReadBack(None, Verdict((), dict.fromkeys(targets_of(plan), reason)), words)

    def _explained(self, plan: Plan, conflict: Conflict) -> Conflict:
        """Return a conflict with what changed in it, as far as the file can be read."""
        try:
            file = self.roads.read(plan.via).file
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
        back.verdict.state,
        back.verdict.verified,
        back.verdict.unverified,
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
    if grant.answered_at is None or applied_at is None:
        return ()
    ahead = applied_at - grant.answered_at
    if abs(ahead) < CLOCKS_APART:
        return ()
    side = "ahead of" if ahead > timedelta(0) else "behind"
    clock = f"the clock of this machine is {age_text(abs(ahead))} {side} that of AWS"
    return (f"{clock}: the times in journal and receipt are by this machine, the history's by S3",)
