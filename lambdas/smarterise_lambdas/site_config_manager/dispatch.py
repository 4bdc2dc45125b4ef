"""What the function answers: plain values in, plain answers out.

Reading goes on with the last good version when the current file is bad, and says so. Writing refuses then:
a file that cannot be understood is never overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.site_config_manager.history import history, rollback
from smarterise_lambdas.site_config_manager.reader import LoadedDocument, served, served_version
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
    """Answer one invocation.

    Args:
        event: What was sent.
        dependencies: What there is to work with.

    Raises:
        ClientError: If S3 denies or fails: a fault of the function, not of the caller.
    """
    try:
        try:
            request = parse_request(event)
        except InvalidInput as error:
            raise RequestRejected.of(error) from error
        return _response(request, dependencies)
    except RequestRejected as refusal:
        return refusal.to_response(action_of(event))


def _response(request: Request, dependencies: Dependencies) -> JsonObject:
    store = dependencies.store
    match request:
        case GetConfig():
            return _get_config(request, dependencies)
        case GetSite(gateway_serial=serial):
            return _get_site(serial, served(store))
        case ListSites(tier=tier):
            found = served(store)
            rows = [site.to_row() for site in found.document.sites.values() if tier in (None, site.tier)]
            instead = 'Ask for one tier at a time, or for "get_config".'
            return ensure_response_fits(found.response("list_sites", count=len(rows), sites=rows), instead)
        case UpdateSites():
            return update_sites(request, store, dependencies.tries(), dependencies.now)
        case History():
            return history(request, store, dependencies.remaining_ms)
        case Rollback():
            return rollback(request, store, dependencies.tries(), dependencies.now)
        case Reconcile(dry_run=dry_run, next_token=next_token):
            return reconcile(dependencies, dry_run=dry_run, next_token=next_token).response()


def _get_config(request: GetConfig, dependencies: Dependencies) -> JsonObject:
    store, version_id = dependencies.store, request.version_id
    found = served(store) if version_id is None else served_version(store, version_id)
    content: JsonObject = {"config": found.document.raw}
    if request.with_schedules:
        content |= _schedules(dependencies)
    instead = f"Read the file itself: aws s3 cp {store.location} ."
    return ensure_response_fits(found.response("get_config", **content), instead)


def _schedules(dependencies: Dependencies) -> JsonObject:
    """Return the schedules by which files are collected; that they cannot be had does not sink the answer."""
    try:
        rules = dependencies.schedules.lately()
    except (ClientError, BotoCoreError) as error:
        return {"schedules": [], "schedules_trouble": f"events:ListRules: {error}"}
    rows: list[JsonValue] = [
        {"tier": rule.tier.value, "rule": rule.name, "schedule": rule.schedule, "enabled": rule.is_enabled}
        for rule in rules
        if rule.collects
    ]
    return {"schedules": rows, "schedules_trouble": ""}


def _get_site(serial: str, found: LoadedDocument) -> JsonObject:
    site = found.document.sites.get(serial)
    if site is None:
        problem = suggest_site(serial, found.document.sites)
        raise RequestRejected(problem.code, problem.message, problem.remedy, [problem])
    entry = {"tier": site.tier.value, "enabled": site.enabled}
    return found.response(
        "get_site", gateway_serial=serial, site={**entry, **found.document.site_object(serial)}
    )
