"""What `site-config-manager` may be asked, checked before anything is done.

Here lives pydantic, so nothing that a command needs at start may import this module. The answers are plain
objects; their shapes are told in the function's own module.
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
from smarterise_sdk.domain.text import visible

SUBJECT: Final = "the request"
ACTIONS: Final = ("get_config", "get_site", "list_sites", "update_sites", "history", "rollback", "reconcile")

_LONGEST_REASON = 1000
_EMPTY: Final = "empty"
_LONGEST_NAME = 2048  # the longest ARN


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GetConfig(_Request):
    """The whole document.

    Attributes:
        version_id: An earlier S3 version instead of the current one.
        with_schedules: Whether to tell the collection schedules as well.
    """

    action: Literal["get_config"]
    version_id: StrictStr | None = Field(default=None, min_length=1)
    with_schedules: StrictBool = False


class GetSite(_Request):
    """One site."""

    action: Literal["get_site"]
    gateway_serial: StrictStr = Field(min_length=1)


class ListSites(_Request):
    """Every site, or those of one tier."""

    action: Literal["list_sites"]
    tier: Tier | None = None


class _Write(_Request):
    """What every change of the file has.

    Attributes:
        expected_etag: The ETag the caller planned on, as S3 gave it; the write is refused on any other.
        dry_run: Whether to tell only what would change.
        reason: Why, for the file.
        changed_by: Who, for the file.
        brief: Whether to answer with counts in place of every site's before and after.
    """

    expected_etag: StrictStr | None = Field(default=None, min_length=1)
    dry_run: StrictBool = False
    reason: StrictStr = Field(default="", max_length=_LONGEST_REASON)
    changed_by: StrictStr | None = Field(default=None, max_length=_LONGEST_NAME)
    brief: StrictBool = False


class UpdateSites(_Write):
    """A change of some sites, all or nothing.

    Attributes:
        updates: Field values by gateway serial.
        replacements: Whole objects by gateway serial, as they are to stand; null takes a site out.
        create: Whether unknown serials are meant as new sites (and a missing file as a first one).
    """

    action: Literal["update_sites"]
    updates: dict[str, dict[str, Any]] = Field(default_factory=dict)
    replacements: dict[str, dict[str, Any] | None] = Field(default_factory=dict)
    create: StrictBool = False

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.updates and not self.replacements:
            raise PydanticCustomError(_EMPTY, "neither updates nor replacements name a site")
        return self


class History(_Request):
    """The newest versions of the file, as a log.

    Attributes:
        limit: How many are looked at.
        gateway_serial: Of these, tell those alone that changed this site, and what they changed of it.
    """

    action: Literal["history"]
    limit: StrictInt = Field(default=20, ge=1, le=HISTORY_AT_MOST)
    gateway_serial: StrictStr | None = Field(default=None, min_length=1)


class Rollback(_Write):
    """Back to a version of the file.

    Attributes:
        version_id: The version to go back to.
        whole: Whether to take back every change made since; else only those of the version that followed it,
            and sites changed later are kept as they are.
    """

    action: Literal["rollback"]
    version_id: StrictStr = Field(min_length=1)
    whole: StrictBool = False


class Reconcile(_Request):
    """Make the rest of the stack follow the file, or with `dry_run` tell where it does not.

    Attributes:
        dry_run: Whether to tell only.
        next_token: Where the run before this one had to end, as its answer told; empty to look at everything.
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
    """Return the request that an invocation's event is.

    Raises:
        InvalidInput: With code BAD_REQUEST and every problem; it names the allowed actions or fields.
    """
    try:
        return _REQUEST.validate_python(event)
    except ValidationError as error:
        problems = [_problem_of(dict(details)) for details in error.errors(include_url=False)]
        raise InvalidInput(SUBJECT, problems) from error


def _problem_of(details: dict[str, Any]) -> Problem:
    kind, place = str(details["type"]), [str(part) for part in details["loc"]]
    if kind in _ACTION_ERRORS:
        said = "" if kind == "union_tag_not_found" else f" {visible(repr(details['ctx']['tag']))[:80]}"
        message = f"there is no action{said}" if said else "action is missing"
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
        message = f"there is no tier {visible(repr(details['input']))[:80]}"
        return Problem("INVALID_TIER", message, f"Tiers are {' and '.join(Tier)}.", field=field)
    message = str(details["msg"])
    return Problem("BAD_REQUEST", f"{message[0].lower()}{message[1:]}", remedy, field=field)
