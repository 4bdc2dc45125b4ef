"""A process killed at any step leaves file and journal consistent, and a later look tells the truth.

Real processes, ended with SIGKILL, against the real function and the real file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.clock import utc_now
from smarterise_sdk.domain.sites.plans import ReceiptState, WritePath
from smarterise_sdk.errors import UsageError
from smarterise_sdk.services.resolution import OutcomeResolver
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

YABA = "ehm21120333"
SWITCH = {YABA: {"tier": "NON_CRITICAL"}}

CHILD = """
import json, os, pathlib, signal, sys
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.domain.sites.plans import WritePath
from smarterise_sdk.journal import Journal
from smarterise_sdk.services.sites.lambda_transport import LambdaTransport
from smarterise_sdk.services.sites.s3_transport import S3Transport
from smarterise_sdk.settings import Environment, EnvironmentKind, Settings
from smarterise_sdk.stack import Stack

told = json.loads(sys.argv[1])

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def and_die(real):
    def call(*args, **kwargs):
        real(*args, **kwargs)
        die()
    return call

def half_a_line(line):
    real, lines = os.write, [0]
    def write(descriptor, data):
        lines[0] += 1
        if lines[0] < line:
            return real(descriptor, data)
        real(descriptor, bytes(data)[: len(data) // 2])
        os.fsync(descriptor)
        die()
    os.write = write

point = told["point"]
if point == "before the line":
    Journal.intended = die
elif point == "within the line":
    half_a_line(1)
elif point == "after the line":
    Journal.intended = and_die(Journal.intended)
elif point == "after the write":
    for transport in (LambdaTransport, S3Transport):
        transport.write = and_die(transport.write)
elif point == "after the verification":
    Journal.done = die
elif point == "within the last line":
    half_a_line(2)
elif point == "after the last line":
    Journal.done = and_die(Journal.done)

settings = Settings(
    Environment("local", EnvironmentKind.LOCAL, "cyan"), None, "eu-west-2", told["endpoint"], False,
    StackNames(), pathlib.Path(told["journal"]),
)
stack = Stack(settings)
plan = stack.sites.plan_update(told["updates"], via=WritePath(told["via"]))
print(plan.plan_id, flush=True)
print(stack.sites.apply(plan).state.value, flush=True)
"""


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    """Where the children and the stack of the test keep their journal."""
    return tmp_path / "journal"


@pytest.fixture
def start(home: Any, journal_dir: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start processes that switch a site and die at a point."""
    children: list[subprocess.Popen[str]] = []

    def begin(point: str, *, via: str = "lambda", endpoint: str = home.url) -> subprocess.Popen[str]:
        told = {
            "point": point,
            "via": via,
            "endpoint": endpoint,
            "journal": str(journal_dir),
            "updates": SWITCH,
        }
        argv = [sys.executable, "-c", CHILD, json.dumps(told)]
        children.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ)))
        return children[-1]

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def killed(child: subprocess.Popen[str]) -> str:
    """Wait for a child's end, and return the id of its plan."""
    said, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, said
    return said.split()[0]


def later(stack: Stack) -> OutcomeResolver:
    """Return one who looks when nothing can arrive any more."""
    return OutcomeResolver(
        stack.broker,
        stack.settings,
        stack.journal,
        reconciliation=lambda: stack.reconciliation,
        identity=stack.identity,
        now=lambda: utc_now() + timedelta(minutes=3),
    )


UNTOUCHED, SWITCHED = "CRITICAL", "NON_CRITICAL"
VERIFIED, UNVERIFIED, NOT_WRITTEN = (
    ReceiptState.VERIFIED,
    ReceiptState.UNVERIFIED,
    ReceiptState.NOT_WRITTEN,
)
POINTS = [
    # where it dies, the tier in the file, how the change ended, lines cut, what a look says now and later
    ("before the line", UNTOUCHED, None, (), None, None),
    ("within the line", UNTOUCHED, None, (1,), None, None),
    ("after the line", UNTOUCHED, "no end", (), UNVERIFIED, NOT_WRITTEN),
    ("after the write", SWITCHED, "no end", (), VERIFIED, VERIFIED),
    ("after the verification", SWITCHED, "no end", (), VERIFIED, VERIFIED),
    ("within the last line", SWITCHED, "no end", (2,), VERIFIED, VERIFIED),
    ("after the last line", SWITCHED, "verified", (), None, VERIFIED),
]


@pytest.mark.parametrize("via", list(WritePath))
@pytest.mark.parametrize(("point", "tier", "outcome", "damaged", "now_said", "later_said"), POINTS)
def test_killed_at(
    point: str,
    tier: str,
    outcome: str | None,
    damaged: tuple[int, ...],
    now_said: ReceiptState | None,
    later_said: ReceiptState | None,
    via: WritePath,
    home: Any,
    stack: Stack,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    before = home.file()
    plan_id = killed(start(point, via=via.value))

    now = home.file()
    assert now["sites"][YABA] == {**before["sites"][YABA], "tier": tier}
    assert {**now["sites"], YABA: None} == {**before["sites"], YABA: None}
    assert now["owner"] == "ops"

    reading = stack.changes.list()
    assert reading.damaged_lines == damaged
    assert [entry.outcome.value for entry in reading.entries] == ([outcome] if outcome else [])
    open_ids = [entry.plan_id for entry in stack.changes.unresolved()]
    assert open_ids == ([plan_id] if outcome == "no end" else [])

    if now_said is not None:
        assert stack.changes.resolve(plan_id).state is now_said
        is_certain = now_said is not UNVERIFIED
        assert [entry.plan_id for entry in stack.changes.unresolved()] == ([] if is_certain else [plan_id])
    if later_said is not None:
        receipt = later(stack).resolve(stack.changes.find(plan_id))
        assert receipt.state is later_said
        assert bool(receipt.verified) is (later_said is VERIFIED)
        assert stack.changes.unresolved() == ()
        found = stack.changes.find(plan_id)
        assert found.outcome == ("verified" if later_said is VERIFIED else "failed")
    assert home.file() == now, "looking changes nothing"

    # Life goes on: the next change is journalled whole, and the one that was made can be taken back.
    other = stack.sites.plan_update({"AN54101471": {"tier": "CRITICAL"}})
    assert stack.sites.apply(other).state is VERIFIED
    assert stack.changes.list().entries[0].outcome == "verified"
    if tier == SWITCHED:
        undo = stack.changes.plan_undo(plan_id)
        assert stack.sites.apply(undo).state is VERIFIED
        assert home.file()["sites"][YABA] == before["sites"][YABA]


def is_invocation(method: str, path: str) -> bool:
    return method == "POST" and path.endswith("/invocations")


def is_put(method: str, path: str) -> bool:
    return method == "PUT" and "site-tiers.json" in path


def test_killed_while_it_waits_for_the_answer(
    home: Any,
    proxy: Any,
    journal_dir: Path,
    start: Callable[..., subprocess.Popen[str]],
    settings_for: Callable[..., Any],
) -> None:
    """The write arrives, its maker is gone before the answer comes."""
    proxy.fail(is_put, forward=True, delay=20, status=200)
    child = start("nowhere", via="s3", endpoint=proxy.url)
    wait_for(lambda: home.file()["sites"][YABA]["tier"] == SWITCHED)
    with Stack(settings_for(proxy.url)) as stack:
        assert [entry.outcome.value for entry in stack.changes.list().entries] == ["in progress"]
        assert stack.changes.unresolved() == ()
        with pytest.raises(UsageError) as caught:
            stack.changes.resolve(stack.changes.list().entries[0].plan_id)
        assert (caught.value.code, str(child.pid) in caught.value.what) == ("IN_PROGRESS", True)
        child.kill()
        plan_id = killed(child)
        assert [entry.plan_id for entry in stack.changes.unresolved()] == [plan_id]
        assert stack.changes.resolve(plan_id).state is VERIFIED
        assert stack.changes.unresolved() == ()


def test_a_write_that_arrives_after_its_maker_has_died(
    home: Any, proxy: Any, start: Callable[..., subprocess.Popen[str]], settings_for: Callable[..., Any]
) -> None:
    held: list[bool] = []
    arrived: list[bool] = []

    def hold(method: str, path: str) -> None:
        if is_put(method, path) and not held:
            held.append(True)
            wait_for(lambda: bool(arrived))

    proxy.before = hold
    child = start("nowhere", via="s3", endpoint=proxy.url)
    wait_for(lambda: bool(held))
    child.kill()
    plan_id = killed(child)
    with Stack(settings_for(proxy.url)) as stack:
        receipt = stack.changes.resolve(plan_id)
        assert receipt.state is UNVERIFIED
        assert "may still arrive" in receipt.unverified[YABA]
        assert [entry.plan_id for entry in stack.changes.unresolved()] == [plan_id]
        arrived.append(True)
        wait_for(lambda: home.file()["sites"][YABA]["tier"] == SWITCHED)
        assert stack.changes.resolve(plan_id).state is VERIFIED
        assert stack.changes.unresolved() == ()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
