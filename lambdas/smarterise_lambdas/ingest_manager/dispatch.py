"""Dispatches a request to its action and builds the response.

    gateways             ok action gateways
    status               ok action streams files kept sweeps{tier: report}
    gaps                 ok action meters gaps is_complete files kept
    files                ok action rows next
    quarantine_list      ok action rows next
    quarantine_show      ok action entry content_base64 size
    quarantine_discard   ok action discarded states
    objects              ok action rows next
    rejected request     ok action error{code message remedy problems[]}

Timestamps are ISO 8601, UTC; durations are seconds. `next` is null on the last page, else the value of
`after` for the next one. Error codes: BAD_REQUEST, ENTRY_NOT_FOUND, OBJECT_GONE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smarterise_lambdas.ingest_manager import paging, status_queries
from smarterise_lambdas.ingest_manager.data_lake import DataLake, ObjectGone
from smarterise_lambdas.ingest_manager.event import Request, read_request
from smarterise_sdk.domain.ingest.manager_api import ENTRY_NOT_FOUND, IngestAction
from smarterise_sdk.domain.ingest.sweep_report import sweep_report_key
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.readings.model import Source
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_lambdas.shared.database import Database


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Dependencies of the function, cached between invocations."""

    database: Database
    data_lake: DataLake


def dispatch(event: Any, dependencies: Dependencies, *, now: datetime) -> dict[str, Any]:
    """Run the requested action and return its response.

    Args:
        event: The Lambda event.
        dependencies: Dependencies of the function.
        now: Current time, UTC.

    Raises:
        psycopg.Error: If the database fails.
        botocore.exceptions.ClientError: If S3 returns an error.
    """
    try:
        request = read_request(event)
        content = _ACTIONS[request.action](request, dependencies, now)
    except InvalidInput as error:
        return _error_response(event, error.problems[0].code, str(error), error.problems)
    except ObjectGone as gone:
        message = f"the object {visible(str(gone))[:200]} no longer exists"
        remedy = "discard its entry: it cannot be replayed"
        return _error_response(event, gone.code, message, [Problem(gone.code, message, remedy)])
    return {"ok": True, "action": request.action.value, **content}


def _gateways(request: Request, dependencies: Dependencies, _: datetime) -> dict[str, Any]:
    return dependencies.database.run(lambda connection: status_queries.gateways(connection, request))


def _status(request: Request, dependencies: Dependencies, _: datetime) -> dict[str, Any]:
    found = dependencies.database.run(lambda connection: status_queries.status(connection, request))
    return {
        **found,
        "sweeps": {tier.value: dependencies.data_lake.document(sweep_report_key(tier)) for tier in Tier},
    }


def _gaps(request: Request, dependencies: Dependencies, _: datetime) -> dict[str, Any]:
    return dependencies.database.run(lambda connection: status_queries.gaps(connection, request))


def _files(request: Request, dependencies: Dependencies, _: datetime) -> dict[str, Any]:
    return dependencies.database.run(lambda connection: paging.files(connection, request))


def _entries(request: Request, dependencies: Dependencies, _: datetime) -> dict[str, Any]:
    return dependencies.database.run(lambda connection: paging.entries(connection, request))


def _show(request: Request, dependencies: Dependencies, _: datetime) -> dict[str, Any]:
    entry_id = request.ids[0]
    entry = dependencies.database.run(lambda connection: paging.entry(connection, entry_id))
    if entry is None:
        message = f"the quarantine has no entry {visible(entry_id)[:80]}"
        remedy = "List the entries: quarantine_list (`quarantine list`)."
        raise InvalidInput("the request", [Problem(ENTRY_NOT_FOUND, message, remedy, field="ids")])
    content = dependencies.data_lake.read_range(entry["bucket"], entry["key"], request.offset, request.length)
    return {"entry": entry, **content}


def _discard(request: Request, dependencies: Dependencies, now: datetime) -> dict[str, Any]:
    return dependencies.database.run(lambda connection: paging.discard(connection, request, now=now))


def _objects(request: Request, dependencies: Dependencies, _: datetime) -> dict[str, Any]:
    found, next_page = dependencies.data_lake.objects(request)
    states = [""] * len(found)
    if request.source is Source.FTP and found:
        bucket, objects = dependencies.data_lake.bucket, [(each.key, each.etag) for each in found]
        states = dependencies.database.run(lambda connection: paging.states_of(connection, bucket, objects))
    rows = [
        {"key": each.key, "size": each.size, "state": state}
        for each, state in zip(found, states, strict=True)
    ]
    return {"rows": rows, "next": next_page}


def _error_response(event: Any, code: str, message: str, problems: Any) -> dict[str, Any]:
    action = event.get("action") if isinstance(event, dict) else None
    return {
        "ok": False,
        "action": action if isinstance(action, str) else None,
        "error": {
            "code": code,
            "message": message,
            "remedy": problems[0].remedy if len(problems) == 1 else "Correct every problem listed.",
            "problems": [problem.to_json() for problem in problems],
        },
    }


_ACTIONS: dict[IngestAction, Callable[[Request, Dependencies, datetime], dict[str, Any]]] = {
    IngestAction.GATEWAYS: _gateways,
    IngestAction.STATUS: _status,
    IngestAction.GAPS: _gaps,
    IngestAction.FILES: _files,
    IngestAction.QUARANTINE_LIST: _entries,
    IngestAction.QUARANTINE_SHOW: _show,
    IngestAction.QUARANTINE_DISCARD: _discard,
    IngestAction.OBJECTS: _objects,
}
