"""What the function answers: plain values in, plain answers out.

Reading goes on with the last good version when the current file is bad, and says so. Writing refuses then:
a file that cannot be understood is never overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smarterise_lambdas.site_config_manager.answers import Refusal, action_of, fitting
from smarterise_lambdas.site_config_manager.history import history, rollback
from smarterise_lambdas.site_config_manager.serving import Served, served, served_version
from smarterise_lambdas.site_config_manager.writing import update_sites
from smarterise_sdk.domain.manager_contract import (
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
from smarterise_sdk.domain.problems import InvalidInput
from smarterise_sdk.domain.updates import suggest_site

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smarterise_lambdas.site_config_manager.retrying import Retries
    from smarterise_lambdas.site_config_manager.store import ConfigStore
    from smarterise_sdk.domain.sites import JsonObject


def answer(event: object, store: ConfigStore, *, retries: Retries, now: Callable[[], datetime]) -> JsonObject:
    """Answer one invocation.

    Args:
        event: What was sent.
        store: The site file.
        retries: How long, and how often, to try again when others write at the same time.
        now: Clock, UTC.

    Raises:
        ClientError: If S3 denies or fails: a fault of the function, not of the caller.
    """
    try:
        try:
            request = parse_request(event)
        except InvalidInput as error:
            raise Refusal.of(error) from error
        return _answer(request, store, retries, now)
    except Refusal as refusal:
        return refusal.to_answer(action_of(event))


def _answer(
    request: Request, store: ConfigStore, retries: Retries, now: Callable[[], datetime]
) -> JsonObject:
    match request:
        case GetConfig():
            return _get_config(request, store)
        case GetSite(gateway_serial=serial):
            return _get_site(serial, served(store))
        case ListSites(tier=tier):
            found = served(store)
            rows = [site.to_row() for site in found.document.sites.values() if tier in (None, site.tier)]
            instead = 'Ask for one tier at a time, or for "get_config".'
            return fitting(found.answer("list_sites", count=len(rows), sites=rows), instead)
        case UpdateSites():
            return update_sites(request, store, retries, now)
        case History():
            return history(request, store)
        case Rollback():
            return rollback(request, store, retries, now)
        case Reconcile():
            raise Refusal("BAD_REQUEST", f"{request.action} is not built yet")


def _get_config(request: GetConfig, store: ConfigStore) -> JsonObject:
    found = served(store) if request.version_id is None else served_version(store, request.version_id)
    instead = f"Read the file itself: aws s3 cp {store.location} ."
    return fitting(found.answer("get_config", config=found.document.raw), instead)


def _get_site(serial: str, found: Served) -> JsonObject:
    site = found.document.sites.get(serial)
    if site is None:
        problem = suggest_site(serial, found.document.sites)
        raise Refusal(problem.code, problem.message, problem.remedy, [problem])
    entry = {"tier": site.tier.value, "enabled": site.enabled}
    return found.answer(
        "get_site", gateway_serial=serial, site={**entry, **found.document.site_object(serial)}
    )
