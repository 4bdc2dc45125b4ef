"""Dispatches requests to their actions: JSON values in, JSON values out.

Reading actions use the fallback version while the current file is invalid, and mark the response. Writing
actions are rejected then: an invalid file is never overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.site_config_manager.history import history, rollback
from smarterise_lambdas.site_config_manager.reader import LoadedDocument, load_current, load_version
from smarterise_lambdas.site_config_manager.reconciler import reconcile
from smarterise_lambdas.site_config_manager.responses import RequestRejected, action_of, ensure_response_fits
from smarterise_lambdas.site_config_manager.writer import update_sites
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.sites.manager_api import (
    GetConfig,
    GetSite,
    History,
    ListSites,
    Reconcile,
    Request,
    Rollback,
    UpdateSites,
    parse_request,
)
from smarterise_sdk.domain.sites.updates import suggest_site

if TYPE_CHECKING:
    from smarterise_lambdas.site_config_manager.dependencies import Dependencies
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue


def dispatch(event: object, dependencies: Dependencies) -> JsonObject:
    """Return the response to one invocation.

    Args:
        event: The request.
        dependencies: Dependencies of the invocation.

    Raises:
        ClientError: If S3 refuses or fails: a fault of the function, not of the caller.
    """
    try:
        try:
            request = parse_request(event)
        except InvalidInput as error:
            raise RequestRejected.of(error) from error
        return _response(request, dependencies)
    except RequestRejected as rejected:
        return rejected.to_response(action_of(event))


def _response(request: Request, dependencies: Dependencies) -> JsonObject:
    store = dependencies.store
    match request:
        case GetConfig():
            return _get_config(request, dependencies)
        case GetSite(gateway_serial=serial):
            return _get_site(serial, load_current(store))
        case ListSites(tier=tier):
            found = load_current(store)
            rows = [site.to_row() for site in found.document.sites.values() if tier in (None, site.tier)]
            alternative = 'Request one tier, or use "get_config".'
            return ensure_response_fits(
                found.response("list_sites", count=len(rows), sites=rows), alternative
            )
        case UpdateSites():
            return update_sites(request, store, dependencies.retries(), dependencies.now)
        case History():
            return history(request, store, dependencies.remaining_ms)
        case Rollback():
            return rollback(request, store, dependencies.retries(), dependencies.now)
        case Reconcile(dry_run=dry_run, next_token=next_token):
            return reconcile(dependencies, dry_run=dry_run, next_token=next_token).response()


def _get_config(request: GetConfig, dependencies: Dependencies) -> JsonObject:
    store, version_id = dependencies.store, request.version_id
    found = load_current(store) if version_id is None else load_version(store, version_id)
    content: JsonObject = {"config": found.document.raw}
    if request.with_schedules:
        content |= _schedules(dependencies)
    alternative = f"Read the file itself: aws s3 cp {store.location} ."
    return ensure_response_fits(found.response("get_config", **content), alternative)


def _schedules(dependencies: Dependencies) -> JsonObject:
    """Return the collection schedules, or the error if they are not available."""
    try:
        rules = dependencies.schedules.cached()
    except (ClientError, BotoCoreError) as error:
        return {"schedules": [], "schedules_error": f"events:ListRules: {error}"}
    rows: list[JsonValue] = [
        {"tier": rule.tier.value, "rule": rule.name, "schedule": rule.schedule, "enabled": rule.is_enabled}
        for rule in rules
        if rule.collects
    ]
    return {"schedules": rows, "schedules_error": ""}


def _get_site(serial: str, found: LoadedDocument) -> JsonObject:
    site = found.document.sites.get(serial)
    if site is None:
        problem = suggest_site(serial, found.document.sites)
        raise RequestRejected(problem.code, problem.message, problem.remedy, [problem])
    entry = {"tier": site.tier.value, "enabled": site.enabled}
    return found.response(
        "get_site", gateway_serial=serial, site={**entry, **found.document.site_object(serial)}
    )
