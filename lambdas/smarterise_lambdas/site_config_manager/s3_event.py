"""S3 tells that the site file was written, by whichever road: then the stack is made to follow it."""

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


class NotCarriedOut(RuntimeError):
    """Part of what the file asks for could not be done: a fault, so that Lambda tries again."""


def is_of_s3(event: object) -> bool:
    """Return whether an invocation comes from S3 and not from a caller."""
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and any(
        isinstance(record, dict) and record.get("eventSource") == "aws:s3" for record in records
    )


def carry_out(event: dict[str, Any], dependencies: Dependencies, log: Log) -> JsonObject:
    """Make the stack follow the file, if what S3 tells of is still the current one.

    Returns:
        The answer of `reconcile`; or that there was nothing to do, `superseded` by a later upload or not.

    Raises:
        NotCarriedOut: Part of it could not be done.
        ClientError: If S3 does not let us look.
    """
    written = set(_etags(event, dependencies))
    current = dependencies.store.etag()
    if current is None or current.strip('"') not in written:
        # A later upload tells for itself; of a file that is not ours there is nothing to tell.
        log.info("nothing to carry out", extra={"superseded": bool(written)})
        return {"ok": True, "action": "reconcile", "superseded": bool(written)}
    outcome = _followed(dependencies)
    if isinstance(outcome, RequestRejected):
        # No other try would help: the file has to be corrected, and that is a new event.
        log.error("the site file cannot be carried out", extra={"code": outcome.code, "cause": str(outcome)})
        return outcome.to_response("reconcile")
    _tell(outcome, log)
    if outcome.issues or outcome.next_token:
        raise NotCarriedOut("; ".join(outcome.issues) or "the time was over before every alarm was seen")
    return outcome.response()


def _followed(dependencies: Dependencies) -> Reconciled | RequestRejected:
    try:
        return reconcile(dependencies, dry_run=False)
    except RequestRejected as refusal:
        return refusal


def _etags(event: dict[str, Any], dependencies: Dependencies) -> Iterator[str]:
    """Yield the ETags of our file that an event tells of."""
    for record in event["Records"]:
        s3 = record.get("s3", {})
        key = unquote_plus(str(s3.get("object", {}).get("key", "")))
        if dependencies.store.is_at(s3.get("bucket", {}).get("name"), key):
            yield str(s3["object"].get("eTag", ""))


def _tell(outcome: Reconciled, log: Log) -> None:
    degraded = outcome.found.degraded
    if degraded is not None:
        log.error("the site file cannot be used", extra={"degraded": degraded})
    log.info(
        "carried out",
        extra={
            "etag": outcome.found.file.etag,
            "alarms": outcome.alarms,
            "schedules": outcome.schedules,
            "drift": len(outcome.drift),
            "repaired": outcome.repaired,
            "errors": list(outcome.issues),
        },
    )
