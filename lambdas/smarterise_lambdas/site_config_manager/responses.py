"""The shapes of the answers, and of refusals: errors of the caller are data with a stable code.

    get_config    ok action config etag version_id degraded [schedules schedules_trouble]
    get_site      ok action gateway_serial site etag version_id degraded
    list_sites    ok action count sites etag version_id degraded
    update_sites  ok action dry_run changed unchanged etag version_id
    rollback      ok action dry_run changed unchanged kept overtaken etag version_id
    history       ok action count versions is_versioned is_complete
    reconcile     ok action dry_run drift drift_count checked{alarms schedules} troubles
                  next_token etag version_id degraded
    any refusal   ok action error{code message remedy problems[]}

`etag` and `version_id` are those of the version that is served; `degraded` is null unless that is not the
current one, else it tells why, and which version is served in its place. With `brief`, `changed_count` and
`unchanged_count` stand in place of the two lists.

Codes of refusals: BAD_REQUEST, SITE_NOT_FOUND, INVALID_TIER, INVALID_FIELD, CONFIG_MISSING, CONFIG_INVALID,
VERSION_NOT_FOUND, VERSION_INVALID, CONFLICT, TOO_LARGE.
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
"""What a direct invocation can answer (6 MB), less its wrapping."""


class RequestRejected(Exception):
    """Something the caller asked for that is not done. Becomes an answer, never a fault of the function.

    Attributes:
        code: Stable word, e.g. `SITE_NOT_FOUND`.
        message: What was not done.
        remedy: What to do about it.
        problems: Everything that is wrong.
    """

    def __init__(self, code: str, message: str, remedy: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.problems = tuple(problems)

    @classmethod
    def of(cls, refused: InvalidInput, code: str | None = None, remedy: str = "") -> RequestRejected:
        """Return the refusal for an input that cannot be taken."""
        problems = refused.problems
        told = str(problems[0]) if len(problems) == 1 else f"{len(problems)} problems"
        return cls(
            code or refused.code,
            f"{refused.subject}: {told}",
            remedy or (problems[0].remedy if len(problems) == 1 else "Correct every problem listed."),
            problems,
        )

    def to_response(self, action: str | None) -> JsonObject:
        """Return the answer that tells it."""
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
    """Return one changed site; `before` is null for a new one."""
    return {"gateway_serial": change.gateway_serial, "before": change.before, "after": change.after}


def ensure_response_fits(response: JsonObject, instead: str) -> JsonObject:
    """Return an answer that may be large, if an invocation can carry it.

    Args:
        response: The answer.
        instead: How to get at the same otherwise.

    Raises:
        RequestRejected: TOO_LARGE.
    """
    size = len(json.dumps(response))
    if size > RESPONSE_LIMIT_BYTES:
        message = (
            f"the answer has {size / 1e6:.1f} MB; an invocation carries {RESPONSE_LIMIT_BYTES / 1e6:.1f} MB"
        )
        raise RequestRejected("TOO_LARGE", message, instead)
    return response


def action_of(event: Any) -> str | None:
    """Return the action an event names, sound or not."""
    action = event.get("action") if isinstance(event, dict) else None
    return action if isinstance(action, str) else None
