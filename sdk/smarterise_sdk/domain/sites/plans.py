"""Plans and receipts of changes to the site file, as shown and confirmed in all user interfaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue, same_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_NOTHING: Final[Mapping[str, JsonObject | None]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FieldChange:
    """Change of one field of one site; `None` means absent."""

    field: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True, slots=True)
class SiteChange:
    """Change of one site, as JSON objects of the file.

    Attributes:
        gateway_serial: The site.
        before: Object before the change; `None` for a new site.
        after: Object after the change; `None` for a removed site.
    """

    gateway_serial: str
    before: JsonObject | None
    after: JsonObject | None

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that differ, in file order."""
        before, after = self.before or {}, self.after or {}
        changed: list[FieldChange] = []
        for name in before if before.keys() == after.keys() else {**before, **after}:
            was, becomes = before.get(name), after.get(name)
            # Identity check first: in a change of 10,000 sites most values are the same object.
            is_same = was is becomes or same_json(was, becomes)
            if not is_same or (name in before) != (name in after):
                changed.append(FieldChange(name, was, becomes))
        return tuple(changed)

    @property
    def inverse(self) -> SiteChange:
        """The change that reverts this one."""
        return SiteChange(self.gateway_serial, self.after, self.before)


@dataclass(frozen=True, slots=True)
class StackChange:
    """Change of an alarm or schedule that is reconciled with the site file.

    Attributes:
        kind: Kind, e.g. `alarm actions` or `schedule`.
        subject: Name, e.g. of the alarm.
        before: Description of the current state.
        after: Description of the required state.
        gateway_serial: The site; empty if it is for a tier.
    """

    kind: str
    subject: str
    before: str
    after: str
    gateway_serial: str = ""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """An AWS call that applying the plan will make, e.g. `lambda:Invoke` on a function."""

    action: str
    target: str
    count: int = 1


class WritePath(StrEnum):
    """Transport of a change to the site file."""

    LAMBDA = "lambda"
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class Plan:
    """A change before it is made, as confirmed by the operator. It contains no secrets.

    Attributes:
        plan_id: Short random id; also the id of its journal entry.
        title: One line, e.g. `Switch 2 sites to NON_CRITICAL`.
        environment: Name of the environment it is for.
        account: AWS account id; empty if unknown.
        region: AWS region.
        via: Transport of the write.
        updates: Requested field values by gateway serial.
        create: Whether unknown serials create new sites.
        replacements: Requested complete site objects by gateway serial, `None` to remove a site; in addition
            to, or instead of, `updates`.
        document: The complete new file; only for the repair of an invalid file.
        changes: Changes per site.
        stack_changes: Changes of alarms and schedules; only in reconcile plans.
        unchanged: Serials that already have the requested values.
        effects: Sentences on the effects of the change.
        notes: Sentences on the plan itself: what is not changed, what is repaired, which transport and why.
        monthly_usd: Change of the monthly cost, estimated from list prices; `None` if unknown.
        calls: AWS calls that will be made.
        base_etag: ETag of the file the plan was made on; applying it to another version is rejected.
        reason: Reason given by the operator.
        planned_at: Time of planning, UTC.
        undoes: Id of the change that this one reverts; empty if none.
    """

    plan_id: str
    title: str
    environment: str
    account: str
    region: str
    via: WritePath
    updates: Mapping[str, Mapping[str, JsonValue]]
    create: bool
    changes: tuple[SiteChange, ...]
    unchanged: tuple[str, ...]
    effects: tuple[str, ...]
    calls: tuple[PlannedCall, ...]
    base_etag: str
    reason: str
    planned_at: datetime
    replacements: Mapping[str, JsonObject | None] = field(default_factory=lambda: _NOTHING)
    document: bytes | None = None
    stack_changes: tuple[StackChange, ...] = ()
    notes: tuple[str, ...] = ()
    monthly_usd: float | None = None
    undoes: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes and not self.stack_changes and self.document is None


class ReceiptState(StrEnum):
    """Verification state of an applied change."""

    VERIFIED = "verified"
    """Every change was read back by another transport."""
    PARTLY_VERIFIED = "partly verified"
    """The write was accepted; some sites do not have the requested values when read back."""
    UNVERIFIED = "unverified"
    """The write was accepted, or may have been; reading back failed."""
    NOT_WRITTEN = "not written"
    """A later check has shown that nothing was written."""
    NOTHING_TO_DO = "nothing to do"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Result of a plan.

    Attributes:
        plan: The plan.
        state: Verification state.
        verified: Serials that have the requested values.
        unverified: Serials that do not, or could not be read, with the reason for each.
        etag: ETag of the file after the write.
        version_id: S3 version of the file after the write, if the bucket has versioning.
        request_ids: AWS request ids of the calls.
        applied_at: Time at which the write was accepted, UTC; `None` if there was nothing to do.
        verified_at: Time of reading back, UTC.
        verified_by: Description of how it was read back.
        notes: Additional sentences, e.g. that the journal could not be copied.
    """

    plan: Plan
    state: ReceiptState
    verified: tuple[str, ...]
    unverified: Mapping[str, str]
    etag: str
    version_id: str | None
    request_ids: tuple[str, ...]
    applied_at: datetime | None
    verified_at: datetime | None
    verified_by: str
    notes: tuple[str, ...] = ()
