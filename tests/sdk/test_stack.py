"""The one door: lazy, shared by threads, closed and opened again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from smarterise_sdk.errors import CredentialsError
from smarterise_sdk.stack import Stack


def test_parts_are_made_once_even_by_threads(stack: Stack) -> None:
    seen: list[tuple[object, ...]] = []

    def look() -> None:
        seen.append((stack.broker, stack.sites, stack.metrics, stack.checks, stack.journal))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(parts[number] is seen[0][number] for parts in seen for number in range(5))


def test_identity_is_asked_once(frail: Stack, proxy: Any) -> None:
    identity = frail.identity()
    assert (identity.account, identity.name, identity.region) == ("111122223333", "root", "eu-west-2")
    assert identity.arn.startswith("arn:aws:")
    assert frail.identity() is identity
    assert len(proxy.seen) == 1


def test_identity_without_credentials(settings_for: Any) -> None:
    with Stack(settings_for("http://127.0.0.1:1")) as stack, pytest.raises(CredentialsError):
        stack.identity()


def test_a_closed_stack_connects_anew(stack: Stack) -> None:
    before = stack.sites.fetch().etag
    stack.close()
    stack.close()
    assert stack.sites.fetch().etag == before


def test_closing_what_was_never_used() -> None:
    from smarterise_sdk.settings import load_settings

    Stack(load_settings(environ={})).close()


def test_reading_a_site_loads_no_pydantic(home: Any) -> None:
    """What only the functions need must not slow down every command."""
    code = (
        "import sys; from smarterise_sdk.settings import load_settings;"
        "from smarterise_sdk.stack import Stack;"
        "s = Stack(load_settings()); print(s.sites.get('ehm21120333').tier.value);"
        "s.sites.plan_update({'ehm21120333': {'tier': 'NON_CRITICAL'}});"
        "print(sorted({'pydantic', 'rich', 'typer', 'textual'} & set(sys.modules)))"
    )
    environ = {**os.environ, "AWS_ENDPOINT_URL": home.url, "AWS_DEFAULT_REGION": "eu-west-2"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ)
    assert ran.stdout.split("\n")[:2] == ["CRITICAL", "[]"], ran.stderr
