"""What each entry point loads: a help text must not pay for AWS, models, tables or a console."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"boto3", "botocore", "pydantic", "rich", "textual", "yaml", "psycopg", "ministack"}

PROBE = """
import json, sys
sys.argv[0] = "smarterise-ops"
from smarterise_ops.main import main
code = main()
modules = {name.partition(".")[0] for name in sys.modules}
print(json.dumps({"code": code, "modules": sorted(modules)}), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    seen = json.loads(done.stderr.splitlines()[-1])
    return seen["code"], set(seen["modules"])


def test_the_version_is_told_before_typer_is_loaded() -> None:
    code, modules = loaded_by("--version")
    assert code == 0
    assert not modules & (HEAVY | {"typer", "smarterise_sdk"})


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("-h",),
        ("sites", "--help"),
        ("sites", "list", "--help"),
        ("metrics", "show", "--help"),
        ("checks", "--help"),
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    code, modules = loaded_by(*arguments)
    assert code == 0
    assert not modules & HEAVY


def test_the_overview_imports_no_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.replace('.partition(".")[0]', ""), "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    modules = json.loads(done.stderr.splitlines()[-1])["modules"]
    assert [name for name in modules if name.startswith("smarterise_ops.commands")] == []


def test_a_usage_error_loads_nothing_heavy() -> None:
    code, modules = loaded_by("sites", "set-tier", "AN54101471")
    assert code == 2
    assert not modules & HEAVY
