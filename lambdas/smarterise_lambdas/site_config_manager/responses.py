"""Response formats, and rejections: errors of the caller are data with a stable code.

    get_config    ok action config etag version_id degraded [schedules schedules_error]
    get_site      ok action gateway_serial site etag version_id degraded
    list_sites    ok action count sites etag version_id degraded
    update_sites  ok action dry_run changed unchanged etag version_id
    rollback      ok action dry_run changed unchanged kept superseded etag version_id
    history       ok action count versions is_versioned is_complete
    reconcile     ok action dry_run drift drift_count checked{alarms schedules} errors
                  next_token etag version_id degraded
    rejection     ok action error{code message remedy problems[]}

`etag` and `version_id` are those of the document returned. `degraded` is null for the current version, else
it contains the reason and the fallback version. With `brief`, `changed_count` and `unchanged_count` replace
the two lists.

Codes of rejections: BAD_REQUEST, SITE_NOT_FOUND, INVALID_TIER, INVALID_FIELD, CONFIG_MISSING,
CONFIG_INVALID, VERSION_NOT_FOUND, VERSION_INVALID, CONFLICT, TOO_LARGE.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.problems import InvalidInput, Problem
    from smarterise_sdk.domain.sites.plans import SiteChange

RESPONSE_LIMIT_BYTES: Final = 6 * 1024 * 1024 - 64 * 1024
"""Response limit of a direct invocation (6 MB), less its envelope."""


class RequestRejected(Exception):
    """A request that is not carried out. Returned as a response, never raised to Lambda.

    Attributes:
        code: Stable code, e.g. `SITE_NOT_FOUND`.
        message: What failed, and why.
        remedy: How to fix it.
        problems: Every problem found.
    """

    def __init__(self, code: str, message: str, remedy: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.problems = tuple(problems)

    @classmethod
    def of(cls, refused: InvalidInput, code: str | None = None, remedy: str = "") -> RequestRejected:
        """Return the rejection of invalid input."""
        problems = refused.problems
        summary = str(problems[0]) if len(problems) == 1 else f"{len(problems)} problems"
        return cls(
            code or refused.code,
            f"{refused.subject}: {summary}",
            remedy or (problems[0].remedy if len(problems) == 1 else "Correct every problem listed."),
            problems,
        )

    def to_response(self, action: str | None) -> JsonObject:
        """Return the response with the error."""
        return {
            "ok": False,
            "action": action,
            "error": {
                "code": self.code,
                "message": self.message,
                "remedy": self.remedy,
                "problems": [dict(problem.to_json()) for problem in self.problems],
            },
        }


def change_row(change: SiteChange) -> JsonObject:
    """Return the row of a changed site; `before` is null for a new one."""
    return {"gateway_serial": change.gateway_serial, "before": change.before, "after": change.after}


def ensure_response_fits(response: JsonObject, alternative: str) -> JsonObject:
    """Return the response if it fits into the response limit.

    Args:
        response: The response.
        alternative: Remedy: another way to get the same data.

    Raises:
        RequestRejected: TOO_LARGE.
    """
    size = len(json.dumps(response))
    if size > RESPONSE_LIMIT_BYTES:
        message = f"the response has {size / 1e6:.1f} MB; the limit is {RESPONSE_LIMIT_BYTES / 1e6:.1f} MB"
        raise RequestRejected("TOO_LARGE", message, alternative)
    return response


def action_of(event: Any) -> str | None:
    """Return the action of an event, valid or not."""
    action = event.get("action") if isinstance(event, dict) else None
    return action if isinstance(action, str) else None
