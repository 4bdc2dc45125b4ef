"""The state file: whole or not there, and a junk one is told as such."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from smarterise_ops.local import client, registry
from smarterise_ops.local.servers.processes import ProcessIdentity
from smarterise_ops.local.state import STATE_FILE, Phase, StackState, load_state
from smarterise_sdk.errors import LocalStackError, UsageError


def state_in(directory: Path, stack_id: str = "one") -> StackState:
    return StackState(
        stack_id=stack_id,
        data_dir=directory,
        phase=Phase.READY,
        supervisor=ProcessIdentity(1, "boot:1"),
        children={"postgres": ProcessIdentity(2, "boot:2")},
        extra_dirs=(directory / "smarterise-extra",),
        exports={"AWS_SECRET_ACCESS_KEY": "s3cr3t"},
        options={"sites": 2},
        error={"what": "w"},
    )


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    state.save()
    assert load_state(state.path) == state
    assert stat.S_IMODE(state.path.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_a_directory_is_claimed_once(tmp_path: Path) -> None:
    state_in(tmp_path).claim()
    with pytest.raises(FileExistsError):
        state_in(tmp_path, "other").claim()
    found = load_state(tmp_path / STATE_FILE)
    assert found is not None
    assert found.stack_id == "one"
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_secrets_are_not_for_the_registry(tmp_path: Path) -> None:
    assert "s3cr3t" not in str(state_in(tmp_path).public())


def test_no_file_is_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path / STATE_FILE) is None
    assert load_state(tmp_path / "no" / "such" / STATE_FILE) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"phase": "odd"}', "\x00", '"text"'])
def test_a_junk_file_is_told_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE_FILE).write_text(text)
    for ask in (client.find, client.running_state, client.stop):
        with pytest.raises(LocalStackError, match="is not the state of an embedded stack") as refused:
            ask(tmp_path)
        assert f"rm {tmp_path / STATE_FILE}" in refused.value.remedy


def test_a_registry_without_a_place_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="is not usable as") as refused, registry.one_at_a_time():
        pass
    assert "XDG_STATE_HOME" in refused.value.remedy


def test_relative_state_homes_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative/path")
    assert registry.default_data_dir() == Path.home() / ".local" / "state" / "smarterise-ops" / "local"
