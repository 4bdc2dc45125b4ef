"""`config`, `unlock` and `lock`: settings made, seen and judged, and leave to write given and taken back."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from smarterise_ops.commands.config import template
from smarterise_sdk.settings import load_settings
from smarterise_sdk.settings.model import EnvironmentKind

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from smarterise_sdk.settings.model import Settings

    Run = Callable[..., "subprocess.CompletedProcess[str]"]

FILE = "smarterise-ops.toml"
LIVE = '[environments.live]\nkind = "production"\n'


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_settings_file_is_made_of_what_is_given(cli: Run, tmp_path: Path) -> None:
    done = cli(
        "config", "init", "--env", "ops", "--profile", "p", "--region", "eu-west-2", "--kind", "STAGING"
    )
    assert (done.returncode, done.stdout) == (0, f"● {tmp_path / FILE} written\n")
    assert tomllib.loads((tmp_path / FILE).read_text()) == {
        "default_environment": "ops",
        "environments": {"ops": {"kind": "staging", "profile": "p", "region": "eu-west-2"}},
    }
    shown = {row["setting"]: row for row in json.loads(cli("config", "show", "-o", "json").stdout)}
    assert shown["environment"]["value"] == "ops"
    assert shown["region"] == {
        "setting": "region",
        "value": "eu-west-2",
        "origin": f"project file {tmp_path / FILE} [environments.ops]",
    }
    assert shown["read_only"]["value"] is False


def test_a_settings_file_is_never_written_over(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(LIVE)
    done = cli("config", "init")
    assert (done.returncode, done.stdout) == (2, "")
    assert "smarterise-ops.toml already exists in this directory" in done.stderr
    assert (tmp_path / FILE).read_text() == LIVE


def test_wrong_settings_are_not_written(cli: Run, tmp_path: Path) -> None:
    done = cli("config", "init", "--region", "Frankfurt", "--endpoint-url", "nowhere")
    assert done.returncode == 2
    assert done.stderr.count("\n  - ") == 2
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("name", ["dev", "my site", 'q"uote', "ünder.dot"])
@pytest.mark.parametrize("kind", EnvironmentKind)
def test_every_line_of_the_template_is_a_setting(tmp_path: Path, name: str, kind: EnvironmentKind) -> None:
    text = template(kind, {"environment": name, "endpoint_url": "http://127.0.0.1:1"})
    assert load_settings_from(tmp_path, text).environment.name == name
    # Comments that are settings, taken as such, are good too.
    lines = [
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in text.splitlines()
    ]
    whole = load_settings_from(tmp_path, "\n".join(line for line in lines if "a bucket" not in line))
    assert whole.region == "eu-west-2"
    assert whole.names == load_settings_from(tmp_path, text).names


def load_settings_from(folder: Path, text: str) -> Settings:
    (folder / FILE).write_text(text)
    return load_settings(environ={}, cwd=folder, home=folder)


def test_what_holds_is_shown_with_its_origin(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(LIVE + 'region = "eu-west-1"\n[environments.live.names]\nstream = "s"\n')
    done = cli("config", "show", "--env", "live", env={"SMARTERISE_TOPIC_PREFIX": "t"})
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert lines["SETTING"].split() == ["SETTING", "VALUE", "ORIGIN"]
    assert lines["environment"].split(maxsplit=2)[1:] == ["live", "flag --env"]
    assert list(lines)[1:4] == ["environment", "kind", "colour"]
    assert "environment variable SMARTERISE_TOPIC_PREFIX" in lines["names.topic_prefix"]
    assert f"project file {tmp_path / FILE} [environments.live]" in lines["names.stream"]
    assert lines["read_only"].split()[1:3] == ["yes", "default"]


@pytest.mark.parametrize("form", ["json", "yaml", "csv", "jsonl", "table"])
def test_settings_come_in_every_format(cli: Run, form: str) -> None:
    done = cli("config", "show", "-o", form)
    assert done.returncode == 0
    assert "journal_dir" in done.stdout


def test_every_environment_is_judged(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(LIVE + '[environments.dev]\nkind = "dev"\nregion = "eu-west-2"\n')
    rows = json.loads(cli("config", "validate", "-o", "json").stdout)
    assert [(row["environment"], row["kind"], row["read_only"]) for row in rows] == [
        ("live", "production", True),
        ("dev", "dev", False),
    ]
    only = json.loads(cli("config", "validate", "--env", "dev", "-o", "json").stdout)
    assert [row["environment"] for row in only] == ["dev"]


def test_every_problem_of_every_environment_is_told_once(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        LIVE + 'regoin = "x"\n[environments.dev]\nkind = "devel"\n[environments.here]\nkind = "local"\n'
    )
    done = cli("config", "validate")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: Invalid configuration: 3 problems\n")
    assert done.stderr.count("regoin is not a setting") == 1
    assert "devel" in done.stderr
    assert "its endpoint is AWS" in done.stderr


def test_a_default_environment_that_nobody_defines_is_told(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('default_environment = "lvie"\n' + LIVE)
    done = cli("config", "validate")
    assert done.returncode == 2
    assert "environment lvie is not defined in a settings file (did you mean live?)" in done.stderr
    assert cli("config", "validate", "--env", "live").returncode == 0


def test_without_a_file_one_is_recommended(cli: Run) -> None:
    done = cli("config", "validate")
    assert done.returncode == 0
    assert "create one: smarterise-ops config init" in done.stderr


# Unlock -----------------------------------------------------------------------------------------


def test_production_is_unlocked_for_a_while_and_locked_again(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(LIVE)
    switch = ["--env", "live", "sites", "set-tier", "AN54101471", "--to", "CRITICAL", "--yes"]
    where = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    where["AWS_DEFAULT_REGION"] = "eu-west-2"
    refused = cli(*switch, "--reason", "works", env=where)
    assert refused.returncode == 1
    assert 'allow writes: smarterise-ops --env live unlock --for 30m --reason "why"' in refused.stderr

    opened = cli("--env", "live", "unlock", "--for", "90s", "--reason", "breaker works", "-o", "json")
    assert opened.returncode == 0, opened.stderr
    told = json.loads(opened.stdout)
    assert (told["environment"], told["reason"]) == ("live", "breaker works")
    unreasoned = cli(*switch, env=where)
    assert unreasoned.returncode == 2
    assert "requires a reason" in unreasoned.stderr
    assert cli(*switch, "--reason", "works", env=where).returncode == 5, "it gets as far as the network"
    shown = json.loads(cli("--env", "live", "config", "show", "-o", "json").stdout)
    origin = next(row["origin"] for row in shown if row["setting"] == "read_only")
    assert origin.startswith("unlock until ")
    assert origin.endswith("Z: breaker works")

    closed = cli("--env", "live", "lock")
    assert (closed.returncode, closed.stdout) == (0, "● live is read-only again\n")
    assert cli("--env", "live", "lock").stdout == "● live was not unlocked; nothing to do\n"
    assert cli(*switch, "--reason", "works", env=where).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--for", "30m"], "missing option '--reason'"),
        (["--reason", "x"], "missing option '--for'"),
        (["--for", "9h", "--reason", "x"], "at most 8h"),
        (["--for", "soon", "--reason", "x"], "Invalid duration 'soon'"),
        (["--for", "30m", "--reason", "  "], "an unlock needs a reason"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_unlock_has_an_end_and_a_reason(cli: Run, tmp_path: Path, arguments: list[str], text: str) -> None:
    (tmp_path / FILE).write_text(LIVE)
    done = cli("--env", "live", "unlock", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert cli("--env", "live", "lock").stdout == "● live was not unlocked; nothing to do\n"


def test_a_flag_does_not_open_production_and_names_what_does(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(LIVE)
    done = cli("--env", "live", "--no-read-only", "sites", "list")
    assert done.returncode == 2
    assert "smarterise-ops --env live unlock --for 30m" in done.stderr


def test_what_takes_changes_anyway_needs_no_unlock(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[environments.dev]\nkind = "dev"\n')
    done = cli("--env", "dev", "unlock", "--for", "5m", "--reason", "x")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No change: dev is not read-only\n"


def test_a_wish_for_read_only_outlasts_an_unlock(cli: Run, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(LIVE)
    env = {"SMARTERISE_READ_ONLY": "true"}
    done = cli("--env", "live", "unlock", "--for", "5m", "--reason", "x", env=env)
    assert done.returncode == 0
    assert "environment variable SMARTERISE_READ_ONLY remain read-only" in done.stderr
