"""Paths that a user names, or that the environment names, and that cannot be used: one usage error each."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from smarterise_ops.local.registry import default_data_dir
from smarterise_sdk.errors import InvalidConfiguration
from smarterise_sdk.settings import load_settings
from smarterise_sdk.settings.files import find_project_file, read_settings_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smarterise_sdk.domain.problems import Problem

    Run = Callable[..., "subprocess.CompletedProcess[str]"]

LONG = "a" * 256


@pytest.mark.stack
@pytest.mark.parametrize("name", ["a" * 245 + ".json", "a" * 1000, "a/" * 3000], ids=len)
def test_an_export_to_a_name_that_is_too_long_is_a_usage_error(on_stack: Run, name: str) -> None:
    done = on_stack("sites", "export", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {name} cannot be written\nwhy: File name too long\n"


@pytest.mark.parametrize("command", ["validate", "import", "bulk-update"])
def test_an_update_file_whose_name_is_too_long_is_a_usage_error(cli: Run, command: str) -> None:
    done = cli("sites", command, LONG)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {LONG} cannot be read\nwhy: File name too long\n")


@pytest.mark.parametrize(
    ("command", "directory", "why"),
    [
        *((command, LONG, "File name too long") for command in ("up", "env", "emails", "down", "status")),
        ("status", "file", "Not a directory"),
        ("status", "loop", "Too many levels of symbolic links"),
        ("status", "~no such user/x", "no such user, or no home directory"),
    ],
    ids=lambda value: value[:30],
)
def test_a_data_directory_that_cannot_be_is_a_usage_error(
    cli: Run, around: Path, command: str, directory: str, why: str
) -> None:
    done = cli("local", command, "--data-dir", directory)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {directory} cannot be used as a directory\nwhy: {why}\ntry: choose another directory\n"
    )


@pytest.mark.parametrize("directory", ["/proc/stack", "dangling"])
def test_a_data_directory_that_cannot_be_made_is_a_usage_error(
    cli: Run, around: Path, directory: str
) -> None:
    (around / "dangling").symlink_to("no/folder")
    done = cli("local", "up", "--data-dir", directory)
    assert done.returncode == 2
    assert f"{directory} cannot be used for the embedded stack\nwhy: " in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("journal", "list"),
        ("journal", "show", "abc"),
        ("lock",),
        ("unlock", "--for", "5m", "--reason", "x"),
        ("local", "status"),
        ("local", "up"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    ("place", "why"), [(f"/{LONG}", "File name too long"), ("file", "Not a directory")], ids=["long", "file"]
)
def test_a_state_folder_that_cannot_be_is_a_usage_error(
    cli: Run, around: Path, command: tuple[str, ...], place: str, why: str
) -> None:
    done = cli(*command, env={"XDG_STATE_HOME": str(around / place), "AWS_DEFAULT_REGION": "eu-west-2"})
    assert done.returncode == 2, done.stderr
    assert f"\nwhy: {why}" in done.stderr
    assert "failed in a way" not in done.stderr


@pytest.mark.parametrize("place", [f"/{LONG}", "loop"], ids=["long", "loop"])
@pytest.mark.parametrize("command", [("config", "show"), ("sites", "list")], ids=" ".join)
def test_a_settings_folder_that_cannot_be_is_a_usage_error(
    cli: Run, around: Path, command: tuple[str, ...], place: str
) -> None:
    done = cli(*command, env={"XDG_CONFIG_HOME": str(around / place)})
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be read: " in done.stderr


def test_a_project_file_that_cannot_be_is_a_usage_error(cli: Run, around: Path) -> None:
    (around / "smarterise-ops.toml").symlink_to("loop")
    done = cli("config", "show")
    assert (done.returncode, done.stdout) == (2, "")
    assert "smarterise-ops.toml cannot be read: Too many levels of symbolic links" in done.stderr
    done = cli("config", "init")
    assert (done.returncode, done.stdout) == (2, "")
    assert "smarterise-ops.toml already exists in this directory" in done.stderr


@pytest.mark.parametrize("place", [f"/{LONG}", "~no such user/x", "folder"], ids=["long", "user", "folder"])
def test_a_file_of_aws_that_cannot_be_is_not_ours_to_refuse(cli: Run, around: Path, place: str) -> None:
    done = cli("config", "show", env={"AWS_CONFIG_FILE": place})
    assert done.returncode == 0, done.stderr


# Files that nobody named -------------------------------------------------------------------------


def test_an_unknown_home_directory_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> NoReturn:
        raise KeyError(number)

    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    for use in (load_settings, default_data_dir):
        with pytest.raises(InvalidConfiguration, match="the home directory is unknown") as refused:
            use()
        assert refused.value.remedy == "set HOME"


def test_a_project_file_that_cannot_be_reached_is_a_usage_error(around: Path) -> None:
    problems: list[Problem] = []
    found = find_project_file(around / "loop" / "below")
    assert read_settings_file(found, problems) is not None
    assert "Too many levels of symbolic links" in problems[0].message


def test_a_file_of_the_shell_that_cannot_be_written_is_reported(cli: Run, around: Path) -> None:
    (around / ".bashrc").mkdir()
    # Otherwise the shell would be taken from the processes above.
    any_shell = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = cli("--install-completion", "bash", env={"HOME": str(around), **any_shell})
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"error: {around}/.bashrc cannot be used\nwhy: Is a directory\n"


def test_a_demo_without_room_for_temporary_files_is_a_usage_error(around: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; exec {sys.executable} -m smarterise_ops.main demo"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: No usable temporary directory\nwhy: No usable temporary directory" in done.stderr
