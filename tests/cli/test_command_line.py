"""The command line as a whole: shared options anywhere, one form of errors, and no traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.core import TyperGroup

from smarterise_ops import __version__
from smarterise_ops.installation import install_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., "subprocess.CompletedProcess[str]"]

NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}

BLOCKED = """
import sys
from importlib.machinery import PathFinder
found = PathFinder.find_spec
def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] == {blocked!r} else found(name, path, target)
PathFinder.find_spec = find_spec
sys.argv[0] = "smarterise-ops"
from smarterise_ops.main import main
sys.exit(main())
"""
PLAIN = """
import sys
sys.argv[0] = "smarterise-ops"
from smarterise_ops.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("arguments", [["--version"], ["--env", "x", "--version"]], ids=" ".join)
def test_the_version(cli: Run, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"smarterise-ops {__version__}\n", "")


def test_the_overview_names_every_group_and_the_exit_codes(cli: Run) -> None:
    done = cli("--help")
    assert done.returncode == 0
    assert re.findall(r"^  (\w+)  +[A-Z]", done.stdout, re.MULTILINE) == [
        "sites",
        "metrics",
        "ingest",
        "quarantine",
        "checks",
        "journal",
        "undo",
        "unlock",
        "lock",
        "config",
        "demo",
        "local",
    ]
    assert "130 interrupted" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (["sits"], "no such command 'sits'. Did you mean 'sites'?", "smarterise-ops --help"),
        (["sites"], "missing command", "smarterise-ops sites --help"),
        (["sites", "shwo"], "no such command 'shwo'. Did you mean 'show'?", "smarterise-ops sites --help"),
        (["sites", "show"], "missing argument 'SERIAL'", "smarterise-ops sites show --help"),
        (["sites", "list", "--teir", "X"], "no such option: --teir", "smarterise-ops sites list --help"),
        (
            ["sites", "list", "-o", "xml"],
            "invalid value for '--output' / '-o'",
            "smarterise-ops sites list --help",
        ),
        (
            ["sites", "set-tier", "AN1", "--to", "HIGH"],
            "invalid value for '--to'",
            "smarterise-ops sites set-tier --help",
        ),
        (["sites", "bulk-update"], "Nothing to update: give FILE", "smarterise-ops sites bulk-update --help"),
        (["sites", "bulk-update", "no.csv"], "no.csv cannot be read", None),
        (
            ["sites", "bulk-update", "no.csv", "--where", "tier=CRITICAL", "--to", "CRITICAL"],
            "--where, --to and --field cannot be combined with FILE",
            "smarterise-ops sites bulk-update --help",
        ),
        (["sites", "bulk-update", "--where", "tier=CRITICAL"], "--where requires --to or --field", None),
        (["sites", "bulk-update", "--to", "CRITICAL"], "--where requires --to or --field", None),
        (["sites", "bulk-update", "--field", "name=x"], "--where requires --to or --field", None),
        (["sites", "add", "AN1"], "missing option '--tier'", "smarterise-ops sites add --help"),
        (["sites", "history", "--limit", "0"], "invalid value for '--limit'", None),
        (["undo"], "missing argument 'CHANGE_ID'", "smarterise-ops undo --help"),
        (["journal"], "missing command", "smarterise-ops journal --help"),
        (
            ["metrics", "show", "AN1", "--since", "5"],
            "invalid value for '--since': Invalid duration '5'",
            "smarterise-ops metrics show --help",
        ),
        (["metrics", "show", "AN1", "--period", "1m"], "--period requires --since", "add e.g. --since 30m"),
        (["--env", "nope", "sites", "list"], "the configuration cannot be used", None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_told_in_one_form(
    cli: Run, arguments: list[str], what: str, remedy: str | None
) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith(f"error: {what}")
    assert remedy is None or lines[-1] == f"try: {remedy}"
    assert "Traceback" not in done.stderr


BAD_VOLTAGE = (
    "  - field nominal_voltage: nominal_voltage is -5; expected: volts, more than 0 and at most 1000000 "
    "(Correct nominal_voltage.)"
)


def test_everything_wrong_with_a_selection_is_told_before_anybody_is_asked(cli: Run) -> None:
    done = cli(
        "sites", "bulk-update", "--where", "tier=CRITICL", "--where", "capacity_kva>big", "--where", "Ikeja",
        "--field", "nominal_voltage=-5", "--field", "oops", "--yes", env=NOWHERE,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0] == "error: the request: 5 problems, nothing was written"
    assert [line for line in lines if line.startswith("  - ")] == [
        '  - "tier=CRITICL": unknown tier "CRITICL" (did you mean tier=CRITICAL?)',
        '  - "capacity_kva>big": capacity_kva is a number, not "big" (e.g. capacity_kva>100)',
        '  - "Ikeja": is not a condition (e.g. tier=CRITICAL, name~Ikeja*, capacity_kva>100)',
        "  - --field oops is not NAME=VALUE (e.g. --field capacity_kva=500)",
        BAD_VOLTAGE,
    ]  # fmt: skip
    listing = cli("sites", "list", "--where", "tier>CRITICAL", env=NOWHERE)
    assert listing.returncode == 1
    assert "tier is not a number" in listing.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--endpoint-url", "http://127.0.0.1:9", "sites", "list"],
        ["sites", "--endpoint-url", "http://127.0.0.1:9", "list"],
        ["sites", "list", "--endpoint-url", "http://127.0.0.1:9"],
        ["--endpoint-url", "http://127.0.0.1:7", "sites", "list", "--endpoint-url", "http://127.0.0.1:9"],
    ],
    ids=["root", "group", "command", "innermost wins"],
)
def test_shared_options_stand_anywhere(cli: Run, arguments: list[str]) -> None:
    done = cli(*arguments, env={**NOWHERE, "AWS_ENDPOINT_URL": ""})
    assert done.returncode == 5
    assert "127.0.0.1:9" in done.stderr


def test_every_command_has_the_shared_options_once() -> None:
    from smarterise_ops.cli import REGISTRY, load

    shared = {"--env", "--profile", "--region", "--endpoint-url", "--read-only", "--output"}
    for name in REGISTRY:
        loaded = load(name)
        nested = loaded.commands.values() if isinstance(loaded, TyperGroup) else ()
        for command in (loaded, *nested):
            given = [option for param in command.params for option in param.opts]
            assert shared <= set(given), command.name
            assert len(given) == len(set(given)), command.name


@pytest.mark.parametrize(
    ("env", "text"),
    [
        (NOWHERE, "127.0.0.1:9"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "no AWS credentials"),
        ({**NOWHERE, "AWS_PROFILE": "nobody"}, "nobody"),
    ],
    ids=["unreachable", "no credentials", "no profile"],
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["sites", "list"],
        ["sites", "show", "AN1"],
        ["metrics", "show", "AN1"],
        ["sites", "bulk-update", "--set", "AN1=CRITICAL", "--dry-run"],
    ],
    ids=" ".join,
)
def test_no_way_to_the_stack_is_exit_5(
    cli: Run, env: dict[str, str], text: str, arguments: list[str]
) -> None:
    done = cli(*arguments, env=env)
    assert (done.returncode, done.stdout) == (5, "")
    assert text in done.stderr
    assert re.search(r"^try: ", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr


def test_a_checks_run_without_a_way_to_the_stack_is_undetermined(cli: Run) -> None:
    done = cli("checks", "run", env=NOWHERE)
    assert done.returncode == 3
    assert "? unknown" in done.stdout
    # The journal is here, and what it says needs nobody to be asked.
    well = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("● ok")]
    assert well in ([], ["changes-settled"])


def test_production_is_read_only_unless_said_otherwise(cli: Run) -> None:
    aws = {"AWS_DEFAULT_REGION": "eu-west-2"}
    done = cli("sites", "set-tier", "AN1", "--to", "CRITICAL", "--yes", env=aws)
    assert done.returncode == 1
    assert done.stderr.startswith("error: default is read-only\n")
    assert "or allow writes: smarterise-ops unlock --for 30m --reason" in done.stderr


def test_every_problem_of_the_settings_is_told(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "smarterise-ops.toml").write_text('[environments.a]\nkind = "prod"\nregoin = "x"\n')
    done = cli("sites", "list", "--env", "b")
    assert done.returncode == 2
    assert done.stderr.count("\n  - ") >= 2


def test_a_group_whose_packages_are_not_installed_names_the_extra() -> None:
    code = BLOCKED.format(blocked="ministack")
    done = subprocess.run([sys.executable, "-c", code, "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: `smarterise-ops demo` needs a package that is not installed",
        "why: module ministack not found",
        "try: pip install 'smarterise-ops[local]'",
    ]


def test_the_console_without_textual_names_the_extra() -> None:
    code = BLOCKED.format(blocked="textual")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "try: pip install 'smarterise-ops[tui]'" in done.stderr


def test_without_typer_only_the_version_is_told() -> None:
    code = BLOCKED.format(blocked="typer")
    version = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout == f"smarterise-ops {__version__}\n"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "module typer not found" in done.stderr
    assert "pip install 'smarterise-ops[all]'" in done.stderr


def test_the_console_needs_a_terminal(cli: Run) -> None:
    done = cli()
    assert done.returncode == 2
    assert done.stderr.startswith("error: The console needs a terminal\n")


BROKEN = """
import sys
sys.argv[0] = "smarterise-ops"
from smarterise_ops import context
def broken(self):
    raise ZeroDivisionError("three\\x1b[2J phases")
context.Invocation.settings = property(broken)
from smarterise_ops.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_fault_of_ours_is_short_and_the_trace_on_demand(debug: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, "sites", "list"],
        env={**os.environ, "SMARTERISE_DEBUG": debug},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert r"ZeroDivisionError: three\x1b[2J phases" in done.stderr.splitlines()[0]
    assert ("Traceback" in done.stderr) is bool(debug)
    assert ("SMARTERISE_DEBUG=1" in done.stderr) is not bool(debug)


SLOW = """
import sys, time
sys.argv[0] = "smarterise-ops"
from smarterise_ops import context
def slow(self):
    print("started", flush=True)
    time.sleep(60)
context.Invocation.settings = property(slow)
from smarterise_ops.main import main
sys.exit(main())
"""


def test_an_interruption_is_130_and_quiet() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, "sites", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_completion_knows_groups_and_commands(cli: Run) -> None:
    env = {
        "_SMARTERISE_OPS_COMPLETE": "complete_bash",
        "COMP_WORDS": "smarterise-ops sites ",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PLAIN,
        ],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    names = done.stdout.split()
    assert {"list", "show", "set-tier", "bulk-update", "rollback"} <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("left", "command"),
    [
        ("pipx_metadata.json", "pipx install --force 'smarterise-ops[local]'"),
        ("uv-receipt.toml", "uv tool install --force 'smarterise-ops[local]'"),
        ("pyvenv.cfg", "pip install 'smarterise-ops[local]'"),
    ],
)
def test_an_extra_is_added_with_the_installer_of_the_program(tmp_path: Path, left: str, command: str) -> None:
    (tmp_path / left).touch()
    assert install_command("local", str(tmp_path)) == command
