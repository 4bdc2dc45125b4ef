"""What `site-config-manager` answers, taken apart: its refusals become errors, its shapes are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, cast

from smarterise_sdk.domain.ingest.manager_api import ENTRY_NOT_FOUND, OBJECT_GONE
from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import Conflict, InvalidDocument, NotFound, RemoteFault, SmarteriseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue

CONFIG_MISSING = "CONFIG_MISSING"
VERSION_NOT_FOUND = "VERSION_NOT_FOUND"
VERSION_INVALID = "VERSION_INVALID"


def accepted(response: JsonObject, function: str) -> JsonObject:
    """Return a reply that says `ok`.

    Raises:
        NotFound, Conflict, InvalidDocument: The function refuses; the code is its own.
        RemoteFault: The reply is not one of `site-config-manager`.
    """
    if response.get("ok") is True:
        return response
    error = response.get("error")
    if response.get("ok") is not False or not isinstance(error, dict):
        unexpected(function, "ok", response.get("ok"))
    raise _refusal(error)


def text_in(response: Mapping[str, JsonValue], key: str, function: str) -> str:
    """Return a text of a reply.

    Raises:
        RemoteFault: It is not there.
    """
    value = response.get(key)
    return value if isinstance(value, str) else unexpected(function, key, value)


def object_in(response: Mapping[str, JsonValue], key: str, function: str) -> JsonObject:
    """Return an object of a reply.

    Raises:
        RemoteFault: It is not there.
    """
    value = response.get(key)
    return value if isinstance(value, dict) else unexpected(function, key, value)


def list_in(response: Mapping[str, JsonValue], key: str, function: str) -> list[JsonValue]:
    """Return a list of a reply.

    Raises:
        RemoteFault: It is not there.
    """
    value = response.get(key)
    return value if isinstance(value, list) else unexpected(function, key, value)


def version_in(response: Mapping[str, JsonValue]) -> str | None:
    """Return the S3 version a reply is of; `None` when the bucket keeps none."""
    value = response.get("version_id")
    return value if isinstance(value, str) else None


def problems_in(holder: Mapping[str, JsonValue]) -> tuple[Problem, ...]:
    """Return the problems listed in a refusal or in the note of a degraded reply."""
    listed = holder.get("problems")
    return (
        tuple(Problem.from_json(one) for one in listed if isinstance(one, dict))
        if isinstance(listed, list)
        else ()
    )


def unexpected(function: str, key: str, value: JsonValue) -> NoReturn:
    """Raise the error for a reply that is not in the agreed shape."""
    raise RemoteFault(
        f"function {function} answered in a shape that this release does not know",
        why=f'"{key}" is {visible(repr(value))[:60]}',
        remedy=f"see which code runs there: aws lambda get-function-configuration --function-name {function}",
        code="UNKNOWN_REPLY",
    )


def _refusal(error: JsonObject) -> SmarteriseError:
    code, message, remedy = (visible(str(error.get(key) or "")) for key in ("code", "message", "remedy"))
    problems = problems_in(error)
    if code in _BY_CODE:
        return _BY_CODE[code](message or code, remedy=remedy, code=code)
    return InvalidDocument(message or code or "refused", problems=problems, remedy=remedy, code=code or None)


_BY_CODE = cast(
    "Mapping[str, Callable[..., SmarteriseError]]",
    {
        "SITE_NOT_FOUND": NotFound,
        CONFIG_MISSING: NotFound,
        VERSION_NOT_FOUND: NotFound,
        ENTRY_NOT_FOUND: NotFound,
        OBJECT_GONE: NotFound,
        "CONFLICT": Conflict,
    },
)
