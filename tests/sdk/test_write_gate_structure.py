"""No line of the product can reach a client of boto3 past the broker: looked up in the source itself.

What the broker lets through is another test's business; here it is that there is no way around it. The
embedded stack is left out: it is AWS's side of things.
"""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_sdk.aws.operations import READS, WRITES
from smarterise_sdk.domain.sites.plans import WritePath

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_sdk.stack import Stack

ROOT = Path(__file__).parents[2]
SESSION, BROKER, ERRORS, STACK = (
    f"smarterise_sdk/{name}.py" for name in ("aws/session", "aws/broker", "aws/errors", "stack")
)

AWS_LIBRARIES = {
    "aiobotocore",
    "awscli",
    "awscrt",
    "boto3",
    "botocore",
    "http",
    "httpx",
    "requests",
    "s3transfer",
    "urllib3",
}
"""Whatever can speak to AWS, or to anything by HTTP."""

CODE_FROM_TEXT = {"eval", "exec", "compile", "__import__", "attrgetter", "methodcaller", "import_module"}
"""Ways to call what no reader of the source sees."""

INNER = {"_clients", "_factory", "_invoke", "_make", "_send", "_session", "_the_session", "_write"}
"""What the broker and the session factory keep to themselves."""

ALLOWED: dict[str, dict[str, int]] = {
    # Which module may do what, and how often: a new line here is a new way out, and must be one on purpose.
    SESSION: {
        "import boto3": 2,
        "import botocore.client": 1,
        "import botocore.config": 2,
        "import botocore.session": 1,
        "import botocore.utils": 1,
        ".client(": 1,
    },
    BROKER: {".client(": 1, "getattr by a name that is not written there": 1, "WriteGrant(": 1},
    ERRORS: {"import botocore": 1, "import urllib3.exceptions": 1},
    STACK: {"Broker(": 1, "ClientFactory(": 1},
    # The public names of the SDK, each loaded when it is asked for, from a table.
    "smarterise_sdk/__init__.py": {"import_module": 1, "getattr by a name that is not written there": 1},
    # The names of the functions, by the keys of a table.
    "smarterise_sdk/domain/stack/names.py": {"getattr by a name that is not written there": 1},
    # A field of a site, chosen by a condition.
    "smarterise_sdk/domain/sites/selection.py": {"getattr by a name that is not written there": 1},
    # Which processes of this host are alive: no word to AWS.
    "smarterise_sdk/journal/process.py": {"import subprocess": 1},
    # The groups of commands, each loaded when it is asked for, from a table.
    "smarterise_ops/cli.py": {"import_module": 1, "getattr by a name that is not written there": 1},
    # Settings shown by their names.
    "smarterise_ops/commands/config.py": {"getattr by a name that is not written there": 3},
    "smarterise_tui/cli_command.py": {"getattr by a name that is not written there": 1},
    # The parts of a stack and of a row, by names that are written there.
    "smarterise_tui/change_requests.py": {"attrgetter": 2},
    "smarterise_tui/fleet/sorting.py": {"attrgetter": 1},
    # Its own file, of its own.
    "smarterise_sdk/settings/unlock.py": {"._write": 1},
}

LOCAL_ALLOWED = {"client", "emulator.sent_emails", "registry", "report", "servers.paths", "state"}
"""The parts of the embedded stack that its own commands use: none of them hands out a client of boto3."""


@cache
def modules() -> dict[str, ast.Module]:
    """Return the parsed modules of the product by their paths, but for the embedded stack's."""
    found: dict[str, ast.Module] = {}
    for root, package in (
        (ROOT / "sdk", "smarterise_sdk"),
        (ROOT, "smarterise_ops"),
        (ROOT / "tui", "smarterise_tui"),
    ):
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if not name.startswith("smarterise_ops/local/"):
                found[name] = ast.parse(path.read_text(), name)
    return found


def ways_out(tree: ast.AST) -> Iterator[str]:
    """Yield each thing in a module by which a client could be had, made, or called past the broker."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"import {alias.name}" for alias in names if is_way_out(alias.name))
            case ast.ImportFrom(module=str(module), names=names) if is_way_out(module):
                yield f"import {module}"
            case ast.Name(id=name) if name in CODE_FROM_TEXT:
                yield name
            case ast.Attribute(attr=name) if name in CODE_FROM_TEXT and name not in {"compile"}:
                yield name
            case ast.Attribute(attr=name) if name in {"system", "popen"}:
                yield f".{name}"
            case ast.Attribute(attr=name) if name in INNER:
                yield f".{name}"
            case ast.Call(func=ast.Attribute(attr=("client" | "resource" | "create_client") as name)):
                yield f".{name}("
            case ast.Call(func=ast.Name(id=("ClientFactory" | "Broker" | "WriteGrant") as name)):
                yield f"{name}("
            case ast.Call(func=ast.Attribute(attr=("ClientFactory" | "Broker" | "WriteGrant") as name)):
                yield f"{name}("
            case ast.Call(func=ast.Name(id=("getattr" | "hasattr" | "setattr") as name), args=[_, which, *_]):
                if not isinstance(which, ast.Constant):
                    yield f"{name} by a name that is not written there"
                elif which.value in INNER | {"client", "resource"}:
                    yield f"{name} of {which.value}"
            case ast.Attribute(attr=("client" | "resource")) if not is_called(tree, node):
                yield ".client without a call"


def is_way_out(module: str) -> bool:
    """Whether a library can speak to AWS, or run what does."""
    top = module.partition(".")[0]
    return top in AWS_LIBRARIES or module in {"subprocess", "urllib.request", "socket.socket"}


def is_called(tree: ast.AST, attribute: ast.Attribute) -> bool:
    return any(isinstance(node, ast.Call) and node.func is attribute for node in ast.walk(tree))


def test_every_way_out_is_a_known_one() -> None:
    found = {name: Counter(ways_out(tree)) for name, tree in modules().items()}
    inner = {SESSION, BROKER, STACK}
    told = {
        name: {
            way: count
            for way, count in ways.items()
            # Within those that keep them, their own names are theirs.
            if not (name in inner and way.startswith("._"))
        }
        for name, ways in found.items()
    }
    assert {name: ways for name, ways in told.items() if ways} == ALLOWED


def test_the_product_is_looked_at_whole() -> None:
    names = modules()
    assert len(names) > 100
    for one in (SESSION, BROKER, STACK, "smarterise_ops/cli.py", "smarterise_tui/app.py"):
        assert one in names


@pytest.mark.parametrize(
    ("source", "way"),
    [
        ("import boto3", "import boto3"),
        ("import botocore.session as s", "import botocore.session"),
        ("from boto3.session import Session", "import boto3.session"),
        ("def f():\n    import boto3\n", "import boto3"),
        ("if TYPE_CHECKING:\n    import boto3\n", "import boto3"),
        ("import requests", "import requests"),
        ("from urllib.request import urlopen", "import urllib.request"),
        ("from http.client import HTTPSConnection", "import http.client"),
        ("import subprocess", "import subprocess"),
        ("import os\nos.system('aws s3 cp')", ".system"),
        ("import_module('boto3')", "import_module"),
        ("importlib.import_module(name)", "import_module"),
        ("__import__('boto3')", "__import__"),
        ("eval(text)", "eval"),
        ("builtins.exec(text)", "exec"),
        ("factory.client('s3')", ".client("),
        ("self._stack.factory.client('s3').put_object()", ".client("),
        ("made = factory.client", ".client without a call"),
        ("session.resource('s3')", ".resource("),
        ("session.create_client('s3')", ".create_client("),
        ("getattr(client, verb)()", "getattr by a name that is not written there"),
        ("getattr(client, f'put_{what}')()", "getattr by a name that is not written there"),
        ("getattr(factory, 'client')('s3')", "getattr of client"),
        ("getattr(broker, '_write')(key)", "getattr of _write"),
        ("methodcaller('put_object')(client)", "methodcaller"),
        ("operator.methodcaller('put_object')", "methodcaller"),
        ("broker._write(key, operation, {})", "._write"),
        ("broker._send(key, operation, {})", "._send"),
        ("broker._factory", "._factory"),
        ("WriteGrant(broker, plan)", "WriteGrant("),
        ("broker_module.WriteGrant(broker, plan)", "WriteGrant("),
        ("ClientFactory(settings)", "ClientFactory("),
        ("Broker(factory, read_only=False)", "Broker("),
    ],
)
def test_a_way_out_would_be_seen(source: str, way: str) -> None:
    assert way in set(ways_out(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "broker.call('s3', 'get_object')",
        "grant.call('s3', 'put_object')",
        "getattr(error, 'problems', ())",
        "re.compile('x')",
        "from urllib.parse import quote",
        "import socket",
    ],
)
def test_what_is_none_is_not_taken_for_one(source: str) -> None:
    assert list(ways_out(ast.parse(source))) == []


def test_only_the_embedded_stack_s_own_commands_know_it_and_none_of_its_clients() -> None:
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("smarterise_ops.local"):
                assert name in {"smarterise_ops/commands/demo.py", "smarterise_ops/commands/local.py"}
                inner = ".".join((node.module or "").split(".")[2:])
                parts = {inner} if inner else {alias.name for alias in node.names}
                assert parts <= LOCAL_ALLOWED, f"{name} imports {parts}"
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("smarterise_ops.local") for alias in node.names)


def methods_that_call(tree: ast.Module, attribute: str) -> set[str]:
    """Return `Class.method` of every method in which an attribute of this name is called."""
    return {
        f"{cls.name}.{method.name}"
        for cls in tree.body
        if isinstance(cls, ast.ClassDef)
        for method in cls.body
        if isinstance(method, ast.FunctionDef)
        for node in ast.walk(method)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == attribute
    }


def test_within_the_broker_a_write_is_sent_by_a_grant_alone() -> None:
    broker = modules()[BROKER]
    assert methods_that_call(broker, "_write") == {"WriteGrant.call", "WriteGrant.invoke"}
    assert methods_that_call(broker, "_send") == {"Broker.call", "Broker._invoke", "Broker._write"}
    assert methods_that_call(broker, "_invoke") == {"Broker.invoke"}
    assert methods_that_call(broker, "client") == {"Broker._send"}
    for method in ("WriteGrant.call", "WriteGrant.invoke"):
        assert method in methods_that_call(broker, "_check_announced")


def test_the_writes_are_these_and_no_others() -> None:
    assert set(WRITES) == {("s3", "put_object")}
    assert not READS.keys() & WRITES.keys()


def test_reading_and_planning_send_nothing_that_writes(frail: Stack, proxy: Any, home: Any) -> None:
    """Everything but `apply`, on the wire: no PUT, no DELETE, and no new version of the file."""
    versions = home.client("s3").list_object_versions(Bucket="smarterise-site-config")["Versions"]
    first = str(frail.sites.fetch().version_id)
    for via in WritePath:
        frail.sites.fetch_one("ehm21120333", via=via)
        frail.sites.history(via=via)
        frail.sites.diff(first, "current", via=via)
        frail.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}}, via=via)
        frail.sites.plan_replace({"ehm21120333": None}, via=via)
        frail.sites.plan_rollback(first, via=via)
    frail.sites.plan_repair()
    frail.reconciliation.drift()
    frail.reconciliation.plan_reconcile()
    frail.identity()
    assert {method for method, _ in proxy.seen} <= {"GET", "HEAD", "POST"}
    posts = {path for method, path in proxy.seen if method == "POST"}
    assert all(path == "/" or path.endswith("/site-config-manager/invocations") for path in posts)
    assert home.client("s3").list_object_versions(Bucket="smarterise-site-config")["Versions"] == versions
