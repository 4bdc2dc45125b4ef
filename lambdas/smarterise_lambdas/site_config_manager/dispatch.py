"""What the function answers: plain values in, plain answers out.

Reading goes on with the last good version when the current file is bad, and says so. Writing refuses then:
a file that cannot be understood is never overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from smarterise_lambdas.site_config_manager.history import history, rollback
from smarterise_lambdas.site_config_manager.reader import Served, served, served_version
from smarterise_lambdas.site_config_manager.reconciler import reconcile
from smarterise_lambdas.site_config_manager.responses import Refusal, action_of, fitting
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
    from smarterise_lambdas.site_config_manager.dependencies import Means
    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue


def answer(event: object, means: Means) -> JsonObject:
    """Answer one invocation.

    Args:
        event: What was sent.
        means: What there is to work with.

    Raises:
        ClientError: If S3 denies or fails: a fault of the function, not of the caller.
    """
    try:
        try:
            request = parse_request(event)
        except InvalidInput as error:
            raise Refusal.of(error) from error
        return _answer(request, means)
    except Refusal as refusal:
        return refusal.to_answer(action_of(event))


def _answer(request: Request, means: Means) -> JsonObject:
    store = means.store
    match request:
        case GetConfig():
            return _get_config(request, means)
        case GetSite(gateway_serial=serial):
            return _get_site(serial, served(store))
        case ListSites(tier=tier):
            found = served(store)
            rows = [site.to_row() for site in found.document.sites.values() if tier in (None, site.tier)]
            instead = 'Ask for one tier at a time, or for "get_config".'
            return fitting(found.answer("list_sites", count=len(rows), sites=rows), instead)
        case UpdateSites():
            return update_sites(request, store, means.tries(), means.now)
        case History():
            return history(request, store, means.remaining_ms)
        case Rollback():
            return rollback(request, store, means.tries(), means.now)
        case Reconcile(dry_run=dry_run, resume=resume):
            return reconcile(means, dry_run=dry_run, resume=resume).answer()


def _get_config(request: GetConfig, means: Means) -> JsonObject:
    store, version_id = means.store, request.version_id
    found = served(store) if version_id is None else served_version(store, version_id)
    content: JsonObject = {"config": found.document.raw}
    if request.with_schedules:
        content |= _schedules(means)
    instead = f"Read the file itself: aws s3 cp {store.location} ."
    return fitting(found.answer("get_config", **content), instead)


def _schedules(means: Means) -> JsonObject:
    """Return the schedules by which files are collected; that they cannot be had does not sink the answer."""
    try:
        rules = means.schedules.lately()
    except (ClientError, BotoCoreError) as error:
        return {"schedules": [], "schedules_trouble": f"events:ListRules: {error}"}
    rows: list[JsonValue] = [
        {"tier": rule.tier.value, "rule": rule.name, "schedule": rule.schedule, "enabled": rule.is_enabled}
        for rule in rules
        if rule.collects
    ]
    return {"schedules": rows, "schedules_trouble": ""}


def _get_site(serial: str, found: Served) -> JsonObject:
    site = found.document.sites.get(serial)
    if site is None:
        problem = suggest_site(serial, found.document.sites)
        raise Refusal(problem.code, problem.message, problem.remedy, [problem])
    entry = {"tier": site.tier.value, "enabled": site.enabled}
    return found.answer(
        "get_site", gateway_serial=serial, site={**entry, **found.document.site_object(serial)}
    )
