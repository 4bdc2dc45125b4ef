"""Request models of the function `site-config-manager`, with validation.

This module imports pydantic: modules that a command needs at start must not import it. Responses are plain
JSON objects, described in the function's own module.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.history import HISTORY_AT_MOST
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import MAX_REASON, visible

SUBJECT: Final = "the request"
ACTIONS: Final = ("get_config", "get_site", "list_sites", "update_sites", "history", "rollback", "reconcile")

_EMPTY: Final = "empty"
_LONGEST_NAME = 2048  # the longest ARN


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GetConfig(_Request):
    """Return the whole document.

    Attributes:
        version_id: An earlier S3 version instead of the current one.
        with_schedules: Whether to return the collection schedules as well.
    """

    action: Literal["get_config"]
    version_id: StrictStr | None = Field(default=None, min_length=1)
    with_schedules: StrictBool = False


class GetSite(_Request):
    """Return one site."""

    action: Literal["get_site"]
    gateway_serial: StrictStr = Field(min_length=1)


class ListSites(_Request):
    """Return all sites, or those of one tier."""

    action: Literal["list_sites"]
    tier: Tier | None = None


class _Write(_Request):
    """Common fields of all requests that change the file.

    Attributes:
        expected_etag: ETag of the file the change was planned on; the write is rejected if it differs.
        dry_run: Whether to return the changes without writing.
        reason: Reason, recorded in the file.
        changed_by: Author, recorded in the file.
        brief: Whether to return counts instead of before and after of every site.
    """

    expected_etag: StrictStr | None = Field(default=None, min_length=1)
    dry_run: StrictBool = False
    reason: StrictStr = Field(default="", max_length=MAX_REASON)
    changed_by: StrictStr | None = Field(default=None, max_length=_LONGEST_NAME)
    brief: StrictBool = False


class UpdateSites(_Write):
    """Change sites atomically.

    Attributes:
        updates: Field values by gateway serial.
        replacements: Complete site objects by gateway serial; null removes a site.
        create: Whether unknown serials create new sites (and a missing file is created).
    """

    action: Literal["update_sites"]
    updates: dict[str, dict[str, Any]] = Field(default_factory=dict)
    replacements: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    create: StrictBool = False

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.updates and not self.replacements:
            raise PydanticCustomError(_EMPTY, "neither updates nor replacements contain a site")
        return self


class History(_Request):
    """Return the history of the latest versions of the file.

    Attributes:
        limit: Maximum number of versions to read.
        gateway_serial: Return only versions that changed this site, with the changes of this site.
    """

    action: Literal["history"]
    limit: StrictInt = Field(default=20, ge=1, le=HISTORY_AT_MOST)
    gateway_serial: StrictStr | None = Field(default=None, min_length=1)


class Rollback(_Write):
    """Roll back to a version of the file.

    Attributes:
        version_id: The version to restore.
        whole: Whether to revert all changes made since then; else only those of the next version, and sites
            changed later are kept.
    """

    action: Literal["rollback"]
    version_id: StrictStr = Field(min_length=1)
    whole: StrictBool = False


class Reconcile(_Request):
    """Reconcile alarms and schedules with the file, or with `dry_run` only report drift.

    Attributes:
        dry_run: Whether to report drift without repairing it.
        next_token: Token from the previous response, to continue its run; empty to start from the beginning.
    """

    action: Literal["reconcile"]
    dry_run: StrictBool = False
    next_token: StrictStr = ""


Request: TypeAlias = GetConfig | GetSite | ListSites | UpdateSites | History | Rollback | Reconcile

_REQUEST: Final[TypeAdapter[Request]] = TypeAdapter(Annotated[Request, Field(discriminator="action")])
_MODELS: Final[dict[str, type[_Request]]] = {
    "get_config": GetConfig,
    "get_site": GetSite,
    "list_sites": ListSites,
    "update_sites": UpdateSites,
    "history": History,
    "rollback": Rollback,
    "reconcile": Reconcile,
}
_ACTION_ERRORS = frozenset({"union_tag_invalid", "union_tag_not_found"})


def parse_request(event: object) -> Request:
    """Parse the event of an invocation.

    Raises:
        InvalidInput: With code BAD_REQUEST and every problem, naming the allowed actions or fields.
    """
    try:
        return _REQUEST.validate_python(event)
    except ValidationError as error:
        problems = [_problem_of(dict(details)) for details in error.errors(include_url=False)]
        raise InvalidInput(SUBJECT, problems) from error


def _problem_of(details: dict[str, Any]) -> Problem:
    kind, place = str(details["type"]), [str(part) for part in details["loc"]]
    if kind in _ACTION_ERRORS:
        tag = "" if kind == "union_tag_not_found" else f" {visible(repr(details['ctx']['tag']))[:80]}"
        message = f"unknown action{tag}" if tag else "action is missing"
        return Problem("BAD_REQUEST", message, f"Actions are {', '.join(ACTIONS)}.", field="action")
    if not place:
        message = "the request is not a JSON object"
        return Problem("BAD_REQUEST", message, 'Send e.g. {"action": "get_config"}.')
    action, *inside = place
    field = "updates" if kind == _EMPTY else visible(".".join(inside))[:120] or None
    remedy = f"Fields of {action} are {', '.join(_MODELS[action].model_fields)}."
    if kind == "extra_forbidden":
        return Problem("BAD_REQUEST", f"{action} has no field {field}", remedy, field=field)
    if kind == "missing":
        return Problem("BAD_REQUEST", f"{field} is missing", remedy, field=field)
    if field == "tier":
        message = f"unknown tier {visible(repr(details['input']))[:80]}"
        return Problem("INVALID_TIER", message, f"Tiers are {' and '.join(Tier)}.", field=field)
    message = str(details["msg"])
    return Problem("BAD_REQUEST", f"{message[0].lower()}{message[1:]}", remedy, field=field)
