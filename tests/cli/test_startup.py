"""What each entry point loads: a help text must not pay for AWS, models, tables or a console."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

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
        ("sites", "bulk-update", "--help"),
        ("journal", "--help"),
        ("undo", "--help"),
        ("unlock", "--help"),
        ("config", "--help"),
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


def test_what_asks_nothing_of_aws_loads_no_client_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site-tiers.json").write_text('{"sites": {"AN54101471": {"tier": "CRITICAL"}}}')
    for arguments in (("sites", "validate", "site-tiers.json"), ("config", "show"), ("lock",)):
        code, modules = loaded_by(*arguments)
        assert code == 0
        assert not modules & {"boto3", "botocore", "pydantic", "textual"}, arguments


def test_a_usage_error_loads_nothing_heavy() -> None:
    code, modules = loaded_by("sites", "set-tier", "AN54101471")
    assert code == 2
    assert not modules & HEAVY
