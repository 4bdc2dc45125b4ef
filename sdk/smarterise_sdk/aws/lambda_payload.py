"""What goes into a Lambda function and what comes out: JSON both ways, a fault told as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import RemoteFault, UsageError
from smarterise_sdk.journal.masking import masked_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
FUNCTION_ERROR = "FUNCTION_ERROR"
_LONGEST_WHY = 600


def encoded(payload: JsonObject, *, in_order: bool = True) -> bytes:
    """Return a payload as it is sent.

    Args:
        payload: The payload.
        in_order: Whether keys are put in order, so that equal payloads are equal bytes; else they stay in
            the order in which they are to stand in the file.

    Raises:
        UsageError: It is larger than Lambda takes, or not JSON.
    """
    try:
        body = json.dumps(payload, sort_keys=in_order, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError("the payload cannot be written as JSON", why=visible(str(error))) from error
    if len(body) > MAX_PAYLOAD_BYTES:
        raise UsageError(
            f"the payload has {len(body)} bytes; Lambda takes {MAX_PAYLOAD_BYTES}",
            remedy="split it: update fewer sites at a time",
        )
    return body


def payload_of(function: str, response: Mapping[str, Any], log_group: str) -> JsonObject:
    """Return the JSON object that a function answered with.

    Args:
        function: Its name.
        response: The answer of `lambda:Invoke`, its payload read.
        log_group: Where its log is, for the remedy.

    Raises:
        RemoteFault: The function failed, which Lambda reports as a success with `FunctionError`; or its
            reply is no JSON object.
    """
    payload = response["Payload"]
    request_id = response.get("ResponseMetadata", {}).get("RequestId")
    look = f"aws logs filter-log-events --log-group-name {log_group} --filter-pattern ERROR"
    try:
        result = json.loads(payload)
    except (ValueError, RecursionError):
        result = None
    if response.get("FunctionError"):
        said = (
            result if isinstance(result, dict) else {"errorMessage": bytes(payload).decode(errors="replace")}
        )
        raise RemoteFault(
            f"function {function} failed",
            why=_text(said),
            remedy=f"see its log: {look}",
            code=FUNCTION_ERROR,
            request_id=request_id,
        )
    if not isinstance(result, dict):
        raise RemoteFault(
            f"function {function} answered with something other than a JSON object",
            why=f"the reply has {len(payload)} bytes",
            remedy=f"check that {function} is the stack's own function: {look}",
            request_id=request_id,
        )
    return result


def _text(said: Mapping[str, Any]) -> str:
    kind, message = said.get("errorType"), said.get("errorMessage")
    text = ": ".join(str(part) for part in (kind, message) if part)
    return masked_text(visible(text or "it says nothing about why"))[:_LONGEST_WHY]
