"""What `site-config-manager` may be asked, checked before anything is done.

Here lives pydantic, so nothing that a command needs at start may import this module. The answers are plain
objects; their shapes are told in the function's own module.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, TypeAdapter, ValidationError

from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites import Tier
from smarterise_sdk.domain.text import visible

SUBJECT: Final = "the request"
ACTIONS: Final = ("get_config", "get_site", "list_sites", "update_sites")

_LONGEST_REASON = 1000
_LONGEST_NAME = 2048  # the longest ARN


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GetConfig(_Request):
    """The whole document."""

    action: Literal["get_config"]


class GetSite(_Request):
    """One site."""

    action: Literal["get_site"]
    gateway_serial: StrictStr = Field(min_length=1)


class ListSites(_Request):
    """Every site, or those of one tier."""

    action: Literal["list_sites"]
    tier: Tier | None = None


class UpdateSites(_Request):
    """A change of some sites, all or nothing.

    Attributes:
        updates: Field values by gateway serial.
        expected_etag: The ETag the caller planned on, as S3 gave it; the write is refused on any other.
        create: Whether unknown serials are meant as new sites (and a missing file as a first one).
        dry_run: Whether to tell only what would change.
        reason: Why, for the file.
        changed_by: Who, for the file.
    """

    action: Literal["update_sites"]
    updates: dict[str, dict[str, Any]] = Field(min_length=1)
    expected_etag: StrictStr | None = Field(default=None, min_length=1)
    create: StrictBool = False
    dry_run: StrictBool = False
    reason: StrictStr = Field(default="", max_length=_LONGEST_REASON)
    changed_by: StrictStr | None = Field(default=None, max_length=_LONGEST_NAME)


Request: TypeAlias = GetConfig | GetSite | ListSites | UpdateSites

_REQUEST: Final[TypeAdapter[Request]] = TypeAdapter(Annotated[Request, Field(discriminator="action")])
_MODELS: Final[dict[str, type[_Request]]] = {
    "get_config": GetConfig,
    "get_site": GetSite,
    "list_sites": ListSites,
    "update_sites": UpdateSites,
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
    field = visible(".".join(inside))[:120] or None
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
