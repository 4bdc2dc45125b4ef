"""Writes a change down around its making: here always, and in a bucket as well where one is set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from smarterise_sdk.domain.sites.plans import PlannedCall
from smarterise_sdk.errors import AccessError, SmarteriseError, WriteRefused
from smarterise_sdk.journal.entries import DONE, INTENDED, RESOLVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_sdk.aws.broker import Broker, WriteGrant
    from smarterise_sdk.domain.sites.plans import Plan, Receipt
    from smarterise_sdk.journal.store import Journal
    from smarterise_sdk.services.identity import Identity


class Recording:
    """Keeps the journal of changes while they are made.

    Args:
        journal: The journal of this machine.
        bucket: The bucket that keeps a copy of every line; `None` for none.
        identity: Tells who is asking.
    """

    def __init__(self, journal: Journal, bucket: str | None, *, identity: Callable[[], Identity]) -> None:
        self._journal = journal
        self._bucket = bucket
        self._identity = identity

    def announced(self, plan: Plan) -> Plan:
        """Return a plan that announces the copies of its lines as well; without a bucket there are none."""
        return plan if plan.is_empty else self._announcing(plan, INTENDED, DONE)

    def end_announced(self, plan: Plan) -> Plan:
        """Return the plan of a change long made, announcing the copy of its end alone."""
        return self._announcing(plan, RESOLVED)

    def around(self, plan: Plan, grant: WriteGrant, make: Callable[[str], Receipt]) -> Receipt:
        """Write down what is intended, have it made, and write down what became of it.

        Args:
            plan: The plan.
            grant: Leave to write, for this plan; the copies go by it as well.
            make: Makes the change, given the ARN of whoever asks.

        Raises:
            SmarteriseError: What `make` raised; or the journal cannot be written (code `JOURNAL`): before the
                change, then it is not made; or after it, and the error says so.
        """
        who = self._who()
        copies = _Copies(self._bucket, plan, grant)
        try:
            copies.put(INTENDED, self._journal.intended(plan, who=who))
            receipt = self._made(plan, copies, lambda: make(who))
        finally:
            self._journal.release(plan.plan_id)
        copies.put(DONE, self._done(plan, copies.noted_on(receipt)))
        return copies.noted_on(receipt)

    def resolved(
        self, plan: Plan, gate: Broker, write: Callable[[Receipt], bytes], receipt: Receipt
    ) -> Receipt:
        """Write down what a later look has shown, and return the receipt with what is to be noted of it.

        Args:
            plan: The plan of the change, as `end_announced` returns it.
            gate: Opens the way for the copy; where it stays shut, there is none.
            write: Writes the line.
            receipt: What the look has shown.

        Raises:
            SmarteriseError: It cannot be written down (code `JOURNAL`).
        """
        line = write(receipt)
        if self._bucket is None:
            return receipt
        try:
            with gate.writing(plan) as grant:
                copies = _Copies(self._bucket, plan, grant)
                copies.put(RESOLVED, line)
                return copies.noted_on(receipt)
        except WriteRefused as error:
            return replace(receipt, notes=(*receipt.notes, _not_kept(self._bucket, error)))

    def _announcing(self, plan: Plan, *entries: str) -> Plan:
        if self._bucket is None:
            return plan
        copies = (
            PlannedCall("s3:PutObject", f"s3://{self._bucket}/{_key(plan, entry)}") for entry in entries
        )
        return replace(plan, calls=(*plan.calls, *copies))

    def _made(self, plan: Plan, copies: _Copies, make: Callable[[], Receipt]) -> Receipt:
        try:
            return make()
        except SmarteriseError as error:
            self._failed(plan, error, copies)
            raise

    def _done(self, plan: Plan, receipt: Receipt) -> bytes:
        try:
            return self._journal.done(plan, receipt)
        except SmarteriseError as error:
            raise SmarteriseError(
                f"the change was made ({receipt.state.value}), but the journal does not have its end",
                why=str(error),
                remedy=error.remedy,
                code=error.code,
            ) from error

    def _failed(self, plan: Plan, failure: SmarteriseError, copies: _Copies) -> None:
        try:
            copies.put(DONE, self._journal.failed(plan, failure))
        except SmarteriseError:
            # Why the change failed is what must be heard; the journal shows a change without an end.
            return

    def _who(self) -> str:
        try:
            return self._identity().arn
        except SmarteriseError as error:
            return f"unknown ({error.code})"


class _Copies:
    """The copies of one change's lines. One that fails stops nothing and is noted."""

    def __init__(self, bucket: str | None, plan: Plan, grant: WriteGrant) -> None:
        self._bucket = bucket
        self._plan = plan
        self._grant = grant
        self._notes: list[str] = []
        self._is_hopeless = False

    def put(self, entry: str, line: bytes) -> None:
        """Copy a line."""
        if self._bucket is None or self._is_hopeless:
            return
        key = _key(self._plan, entry)
        try:
            self._grant.call(
                "s3",
                "put_object",
                Bucket=self._bucket,
                Key=key,
                Body=line + b"\n",
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except SmarteriseError as error:
            self._notes.append(_not_kept(f"{self._bucket}/{key}", error))
            # Whoever gets no answer, or is not let in, will fare no better with the next line.
            self._is_hopeless = isinstance(error, AccessError)

    def noted_on(self, receipt: Receipt) -> Receipt:
        """Return a receipt with what went wrong noted on it."""
        return replace(receipt, notes=(*receipt.notes, *self._notes))


def _key(plan: Plan, entry: str) -> str:
    environment = quote(plan.environment, safe="")
    return f"journal/{environment}/{plan.planned_at:%Y-%m-%d}/{plan.plan_id}-{entry}.json"


def _not_kept(place: str, error: SmarteriseError) -> str:
    return f"no copy of the journal was kept in s3://{place}: {error}"
