"""A change before it is made (`Plan`) and after (`Receipt`): what every face shows and confirms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from smarterise_sdk.domain.sites import JsonObject, JsonValue, same_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one site, before and after; `None` stands for absent."""

    field: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True, slots=True)
class SiteChange:
    """What changes for one site; `before` is `None` for a new one. Both are the file's own objects."""

    gateway_serial: str
    before: JsonObject | None
    after: JsonObject

    @property
    def fields(self) -> tuple[FieldChange, ...]:
        """The fields that differ, in the order of the file."""
        before = self.before or {}
        names = dict.fromkeys((*before, *self.after))
        return tuple(
            FieldChange(name, before.get(name), self.after.get(name))
            for name in names
            if not same_json(before.get(name), self.after.get(name))
            or (name in before) != (name in self.after)
        )


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
        changes: What differs, per site.
        unchanged: Serials that already are as asked.
        causes: Sentences on what the change brings about.
        calls: What will be called.
        base_etag: ETag of the file the plan was made on; apply refuses any other.
        reason: Why, in the operator's words.
        planned_at: When, UTC.
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
    causes: tuple[str, ...]
    calls: tuple[PlannedCall, ...]
    base_etag: str
    reason: str
    planned_at: datetime

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes


class ReceiptState(StrEnum):
    """What is certain about a change after it was tried."""

    VERIFIED = "verified"
    """Every change was read back by another road."""
    PARTLY_VERIFIED = "partly verified"
    """The write was accepted; some sites do not read back as asked."""
    UNVERIFIED = "unverified"
    """The write was accepted, or may have been; reading back failed."""
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
