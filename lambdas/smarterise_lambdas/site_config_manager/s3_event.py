"""Handles S3 ObjectCreated for the site file by reconciling the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from smarterise_lambdas.site_config_manager.reconciler import Reconciled, reconcile
from smarterise_lambdas.site_config_manager.responses import RequestRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_lambdas.shared.runtime import Log
    from smarterise_lambdas.site_config_manager.dependencies import Dependencies
    from smarterise_sdk.domain.json_text.types import JsonObject


class ReconcileIncomplete(RuntimeError):
    """Reconciliation was incomplete; raised so that Lambda retries."""


def is_s3_event(event: object) -> bool:
    """Return whether an event comes from S3."""
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and any(
        isinstance(record, dict) and record.get("eventSource") == "aws:s3" for record in records
    )


def handle_s3_event(event: dict[str, Any], dependencies: Dependencies, log: Log) -> JsonObject:
    """Reconcile the stack with the site file, if the event is of its current version.

    Returns:
        The response of `reconcile`; or a response without changes, with `superseded` set if a later upload
        replaced the version of the event.

    Raises:
        ReconcileIncomplete: If reconciliation was incomplete.
        ClientError: If S3 refuses.
    """
    written = set(_etags(event, dependencies))
    current = dependencies.store.etag()
    if current is None or current.strip('"') not in written:
        # A later upload has its own event; other objects are ignored.
        log.info("event ignored", extra={"superseded": bool(written)})
        return {"ok": True, "action": "reconcile", "superseded": bool(written)}
    outcome = _reconcile(dependencies)
    if isinstance(outcome, RequestRejected):
        # A retry would not help: correcting the file causes a new event.
        log.error("site file not applied", extra={"code": outcome.code, "cause": str(outcome)})
        return outcome.to_response("reconcile")
    _log_outcome(outcome, log)
    if outcome.issues or outcome.next_token:
        raise ReconcileIncomplete(
            "; ".join(outcome.issues) or "deadline exceeded before all alarms were checked"
        )
    return outcome.response()


def _reconcile(dependencies: Dependencies) -> Reconciled | RequestRejected:
    try:
        return reconcile(dependencies, dry_run=False)
    except RequestRejected as rejected:
        return rejected


def _etags(event: dict[str, Any], dependencies: Dependencies) -> Iterator[str]:
    """Yield the ETags of the site file in an event."""
    for record in event["Records"]:
        s3 = record.get("s3", {})
        key = unquote_plus(str(s3.get("object", {}).get("key", "")))
        if dependencies.store.is_at(s3.get("bucket", {}).get("name"), key):
            yield str(s3["object"].get("eTag", ""))


def _log_outcome(outcome: Reconciled, log: Log) -> None:
    degraded = outcome.found.degraded
    if degraded is not None:
        log.error("site file invalid", extra={"degraded": degraded})
    log.info(
        "reconciled",
        extra={
            "etag": outcome.found.file.etag,
            "alarms": outcome.alarms,
            "schedules": outcome.schedules,
            "drift": len(outcome.drift),
            "repaired": outcome.repaired,
            "errors": list(outcome.issues),
        },
    )
