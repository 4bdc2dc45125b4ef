"""Carries out one plan: writes, looks whether it holds, and never says more than is certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.aws.errors import is_without_answer, may_have_been_done
from smarterise_sdk.domain.plans import Receipt
from smarterise_sdk.errors import Conflict, SmarteriseError
from smarterise_sdk.services.site_file import Written
from smarterise_sdk.services.site_verification import Verdict, changed_since, compare

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_sdk.aws.broker import WriteGrant
    from smarterise_sdk.domain.plans import Plan
    from smarterise_sdk.services.site_file import LambdaRoad, S3Road, SiteFile


@dataclass(frozen=True, slots=True)
class Applier:
    """Writes by one road and reads back by the other.

    Attributes:
        road: The road the write takes.
        back: The road it is read back by.
        now: The clock, UTC.
    """

    road: LambdaRoad | S3Road
    back: LambdaRoad | S3Road
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
            written = self.road.write(grant, plan, by=by)
        except Conflict as conflict:
            raise self._explained(plan, conflict) from conflict
        except SmarteriseError as error:
            if not may_have_been_done(error):
                raise
            say(f"{error.what}: looking whether it was written all the same")
            return self._look_up(plan, grant, error)
        applied_at = self.now()
        say(f"verifying (read back {self.back.words})")
        file, verdict = self._read_back(plan)
        verified_at = self.now() if file is not None else None
        words = f"read back {self.back.words}"
        return _receipt(plan, grant, verdict, written, applied_at, verified_at, words)

    def _look_up(self, plan: Plan, grant: WriteGrant, error: SmarteriseError) -> Receipt:
        """Tell from the file what became of a write whose answer was lost."""
        file, verdict = self._read_back(plan)
        words = f"read back {self.back.words}, after: {error.what}"
        if file is None:
            doubt = {serial: f"{error}; and {why}" for serial, why in verdict.unverified.items()}
            return _receipt(plan, grant, Verdict((), doubt), Written("", None), None, None, words)
        is_unchanged = file.etag == plan.base_etag
        if is_unchanged and not is_without_answer(error):
            # There was an answer, so nothing is under way; and the file is as it was: nothing was written.
            raise error
        if is_unchanged:
            reason = f"{error.what}; the file is unchanged so far, but the write may still arrive"
            verdict = Verdict((), dict.fromkeys(verdict.unverified, reason))
        written, at = Written(file.etag, file.version_id), self.now()
        return _receipt(plan, grant, verdict, written, at if verdict.verified else None, at, words)

    def _read_back(self, plan: Plan) -> tuple[SiteFile | None, Verdict]:
        try:
            file = self.back.read()
        except SmarteriseError as error:
            trouble = str(error)
        else:
            if file.degraded is None:
                return file, compare(plan, file.document)
            trouble = file.degraded.message
        reason = f"could not be read back {self.back.words}: {trouble}"
        return None, Verdict((), {change.gateway_serial: reason for change in plan.changes})

    def _explained(self, plan: Plan, conflict: Conflict) -> Conflict:
        """Return a conflict with what changed in it, as far as the file can be read."""
        try:
            why = changed_since(plan, self.road.read().document)
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
    verdict: Verdict,
    written: Written,
    applied_at: datetime | None,
    verified_at: datetime | None,
    verified_by: str,
) -> Receipt:
    return Receipt(
        plan,
        verdict.state,
        verdict.verified,
        verdict.unverified,
        written.etag,
        written.version_id,
        tuple(grant.request_ids),
        applied_at,
        verified_at,
        verified_by,
    )
