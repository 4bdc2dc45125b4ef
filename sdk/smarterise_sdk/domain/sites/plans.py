"""A change before it is made (`Plan`) and after (`Receipt`): what every face shows and confirms."""

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
    """One field of one site, before and after; `None` stands for absent."""

    field: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True, slots=True)
class SiteChange:
    """What changes for one site, as the file's own objects.

    Attributes:
        gateway_serial: The site.
        before: As it is; `None` for a new site.
        after: As it will be; `None` for a site that is taken out of the file.
    """

    gateway_serial: str
    before: JsonObject | None
    after: JsonObject | None

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that differ, in the order of the file."""
        before, after = self.before or {}, self.after or {}
        changed: list[FieldChange] = []
        for name in before if before.keys() == after.keys() else {**before, **after}:
            was, becomes = before.get(name), after.get(name)
            # Mostly it is the very same value; a change of 10,000 sites has many of them.
            is_same = was is becomes or same_json(was, becomes)
            if not is_same or (name in before) != (name in after):
                changed.append(FieldChange(name, was, becomes))
        return tuple(changed)

    @property
    def inverse(self) -> SiteChange:
        """The change that takes this one back."""
        return SiteChange(self.gateway_serial, self.after, self.before)


@dataclass(frozen=True, slots=True)
class StackChange:
    """Something of the stack that is to follow the site file, before and after.

    Attributes:
        kind: What it is, e.g. `alarm actions` or `schedule`.
        subject: Its name, e.g. that of the alarm.
        before: As it is, in words.
        after: As it should be, in words.
        gateway_serial: The site it is for; empty where it is for a tier.
    """

    kind: str
    subject: str
    before: str
    after: str
    gateway_serial: str = ""


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """An AWS call that applying the plan will make, e.g. `lambda:Invoke` on a function, once."""

    action: str
    target: str
    count: int = 1


class WritePath(StrEnum):
    """By which road a change to the site file is made."""

    LAMBDA = "lambda"
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class Plan:
    """A change that nobody has made yet. Nothing in it is secret; it is what the operator confirms.

    Attributes:
        plan_id: Short random id; also the id of its journal entry.
        title: One line, e.g. `Switch 2 sites to NON_CRITICAL`.
        environment: Name of the environment it is for.
        account: AWS account id, or `""` when it could not be had.
        region: AWS region.
        via: The road the write takes.
        updates: Field values asked for, per gateway serial; what is sent.
        create: Whether unknown serials are meant as new sites.
        replacements: Whole objects of sites as they are to stand, `None` for a site to be taken out; sent
            with, or instead of, `updates`.
        document: The whole file as it is to stand; only for mending a file that cannot be used.
        changes: What differs, per site.
        stack_changes: What differs in the rest of the stack; only in plans that make it follow the file.
        unchanged: Serials that already are as asked.
        effects: Sentences on what the change brings about.
        notes: Sentences on the plan itself: what it leaves as it is, what it mends, which road and why.
        monthly_usd: What the change adds to a month's bill, estimated from list prices; `None` if unknown.
        calls: What will be called.
        base_etag: ETag of the file the plan was made on; apply refuses any other.
        reason: Why, in the operator's words.
        planned_at: When, UTC.
        undoes: Id of the change that this one takes back; empty for any other.
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
    """What is certain about a change after it was tried."""

    VERIFIED = "verified"
    """Every change was read back by another road."""
    PARTLY_VERIFIED = "partly verified"
    """The write was accepted; some sites do not read back as asked."""
    UNVERIFIED = "unverified"
    """The write was accepted, or may have been; reading back failed."""
    NOT_WRITTEN = "not written"
    """Looked at later, it is certain that nothing was written."""
    NOTHING_TO_DO = "nothing to do"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a plan.

    Attributes:
        plan: The plan it is of.
        state: What is certain.
        verified: Serials that read back as asked.
        unverified: Serials that do not, or could not be read, with the reason for each.
        etag: ETag of the file after the write.
        version_id: S3 version of the file after the write, when the bucket keeps versions.
        request_ids: AWS request ids of the calls made.
        applied_at: When the write was accepted, UTC; `None` when there was nothing to do.
        verified_at: When it was read back, UTC.
        verified_by: The road of reading back, in words.
        notes: Sentences on what else is to be known, e.g. that a copy of the journal could not be kept.
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
