"""Sixteen writers at once, each changing sites of its own: every change is there in the end."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from smarterise_ops.local.client import RunningStack
from smarterise_ops.local.simulation.fleet import simulated_fleet
from smarterise_ops.local.testing import running_stack
from smarterise_sdk.domain.sites.document import new_site_tiers, parse_site_tiers, render_site_tiers
from smarterise_sdk.domain.sites.plans import WritePath
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import Conflict
from smarterise_sdk.settings import load_settings
from smarterise_sdk.stack import Stack

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(900),  # much work, whatever the machine
    pytest.mark.xdist_group("many-writers"),
]

NAMES = StackNames()
WRITERS, UPDATES = 16, 25
TRIES_AT_MOST = 500
ClientOf = Callable[[RunningStack, str], Any]


@pytest.fixture(scope="module")
def writers_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of these tests' own."""
    with running_stack(tmp_path_factory.mktemp("writers"), sites=2, simulator=False) as stack:
        yield stack


@pytest.fixture
def stack_of_400(writers_stack: RunningStack, client_of: ClientOf) -> RunningStack:
    """The stack with a site for every update."""
    fleet = simulated_fleet(WRITERS * UPDATES, 3)
    document = new_site_tiers({site.gateway_serial: {"tier": site.tier.value} for site in fleet})
    client_of(writers_stack, "s3").put_object(
        Bucket=NAMES.site_config_bucket, Key=NAMES.site_config_key, Body=render_site_tiers(document)
    )
    return writers_stack


def sites_of(s3: Any) -> dict[str, Any]:
    body = s3.get_object(Bucket=NAMES.site_config_bucket, Key=NAMES.site_config_key)["Body"].read()
    return {serial: site.to_row() for serial, site in parse_site_tiers(body).sites.items()}


def versions_of(s3: Any) -> int:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=NAMES.site_config_bucket)
    return sum(len(page.get("Versions", [])) for page in pages)


def test_400_updates_through_the_function_are_all_there(
    stack_of_400: RunningStack, client_of: ClientOf
) -> None:
    s3, functions = client_of(stack_of_400, "s3"), client_of(stack_of_400, "lambda")
    serials = sorted(sites_of(s3))
    before = versions_of(s3)

    def invoked(request: dict[str, Any]) -> dict[str, Any]:
        payload = json.dumps(request).encode()
        response = functions.invoke(FunctionName=NAMES.site_config_manager, Payload=payload)
        told: dict[str, Any] = json.load(response["Payload"])
        return told

    def write(writer: int) -> None:
        for turn in range(UPDATES):
            request = {
                "action": "update_sites",
                "updates": {serials[writer * UPDATES + turn]: {"name": f"function {writer}.{turn}"}},
            }
            told = invoked(request)
            while not told["ok"] and told["error"]["code"] == "CONFLICT":
                told = invoked(request)  # the loser of too many races is told, and asks again
            assert told["ok"], told

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    sites = sites_of(s3)
    names = [sites[serial]["name"] for serial in serials]
    assert names == [f"function {writer}.{turn}" for writer in range(WRITERS) for turn in range(UPDATES)]
    assert versions_of(s3) - before == WRITERS * UPDATES


def test_400_updates_straight_to_s3_are_all_there(
    stack_of_400: RunningStack, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack_of_400.exports.items():
        monkeypatch.setenv(name, value)
    s3 = client_of(stack_of_400, "s3")
    serials = sorted(sites_of(s3))
    before = versions_of(s3)
    settings = load_settings()

    def write(writer: int) -> None:
        with Stack(settings) as sdk:  # one operator, one console: nothing is shared but the file
            for turn in range(UPDATES):
                update = {serials[writer * UPDATES + turn]: {"name": f"s3 {writer}.{turn}"}}
                for attempt in range(TRIES_AT_MOST):
                    plan = sdk.sites.plan_update(update, reason="race", via=WritePath.S3)
                    try:
                        sdk.sites.apply(plan)
                    except Conflict:
                        time.sleep(random.uniform(0, min(8, 0.6 * 2**attempt)))  # wait, plan again
                        continue
                    break
                else:
                    raise AssertionError(f"no turn for writer {writer}")

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    sites = sites_of(s3)
    names = [sites[serial]["name"] for serial in serials]
    assert names == [f"s3 {writer}.{turn}" for writer in range(WRITERS) for turn in range(UPDATES)]
    assert versions_of(s3) - before == WRITERS * UPDATES
