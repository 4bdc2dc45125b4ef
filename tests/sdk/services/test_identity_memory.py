"""Only the first command of new credentials asks AWS who is calling; what is remembered fools nobody."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.errors import CredentialsError
from smarterise_sdk.services.identity import KEPT_AT_MOST, RememberedIdentities, identity_of
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA = identity_of("111122223333", "arn:aws:sts::111122223333:assumed-role/ops/anna", "eu-west-2")
BOB = identity_of("444455556666", "arn:aws:iam::444455556666:user/bob", "eu-west-2")


class Watch:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def memory(tmp_path: Path) -> RememberedIdentities:
    """A memory in a folder that does not exist yet."""
    return RememberedIdentities(tmp_path / "state", now=Watch())


def asked(proxy: Any) -> int:
    return sum(method == "POST" and path == "/" for method, path in proxy.seen)


def test_the_second_command_asks_nobody(settings_for: Callable[..., Any], proxy: Any) -> None:
    with Stack(settings_for(proxy.url)) as first:
        identity = first.identity()
    assert asked(proxy) == 1
    with Stack(settings_for(proxy.url)) as second:
        assert second.identity() == identity
    assert asked(proxy) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"x": 3}', b"[" * 100_000])
def test_a_file_that_is_broken_is_ignored_and_mended(
    settings_for: Callable[..., Any], proxy: Any, content: bytes
) -> None:
    settings = settings_for(proxy.url)
    (settings.state_dir / "identities.json").write_bytes(content)
    with Stack(settings) as first, Stack(settings) as second:
        assert first.identity() == second.identity()
    assert asked(proxy) == 1


def test_other_credentials_and_other_endpoints_are_others(memory: RememberedIdentities) -> None:
    memory.keep("AKIA1", "http://127.0.0.1:4566", ANNA)
    assert memory.find("AKIA1", "http://127.0.0.1:4566", "eu-west-2") == ANNA
    assert memory.find("AKIA2", "http://127.0.0.1:4566", "eu-west-2") is None
    assert memory.find("AKIA1", "http://127.0.0.1:4567", "eu-west-2") is None
    assert memory.find("AKIA1", None, "eu-west-2") is None


def test_the_region_is_that_of_today(memory: RememberedIdentities) -> None:
    memory.keep("AKIA1", None, ANNA)
    found = memory.find("AKIA1", None, "us-east-1")
    assert found is not None
    assert (found.region, found.name) == ("us-east-1", "ops/anna")


def test_new_credentials_are_asked_for(
    settings_for: Callable[..., Any], proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack(settings_for(proxy.url)) as first:
        first.identity()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "444455556666")
    with Stack(settings_for(proxy.url)) as second:
        assert second.identity().account == "444455556666"
    assert asked(proxy) == 2


def test_without_credentials_nothing_is_remembered(
    settings_for: Callable[..., Any], proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack(settings_for(proxy.url)) as first:
        first.identity()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with Stack(settings_for(proxy.url)) as second, pytest.raises(CredentialsError):
        second.identity()
    with Stack(settings_for(proxy.url, profile="nobody")) as third, pytest.raises(CredentialsError):
        third.identity()


def test_the_file_is_private_and_holds_no_key(memory: RememberedIdentities) -> None:
    memory.keep("AKIAIOSFODNN7EXAMPLE", None, ANNA)
    assert stat.S_IMODE(memory.path.stat().st_mode) == 0o600
    assert "AKIA" not in memory.path.read_text()


def test_it_is_not_remembered_for_ever(tmp_path: Path) -> None:
    watch = Watch()
    memory = RememberedIdentities(tmp_path, now=watch)
    memory.keep("AKIA1", None, ANNA)
    for later in (timedelta(days=7), timedelta(hours=-1)):
        watch.at = NOON + later
        assert memory.find("AKIA1", None, "eu-west-2") is None


def test_the_newest_are_kept(memory: RememberedIdentities) -> None:
    for number in range(KEPT_AT_MOST + 5):
        memory.keep(f"AKIA{number}", None, ANNA)
    assert len(json.loads(memory.path.read_text())) == KEPT_AT_MOST
    assert memory.find("AKIA0", None, "") is None
    memory.keep(f"AKIA{KEPT_AT_MOST + 4}", None, BOB)
    found = memory.find(f"AKIA{KEPT_AT_MOST + 4}", None, "eu-west-2")
    assert found == BOB


def test_a_place_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = RememberedIdentities(tmp_path / "file" / "state")
    memory.keep("AKIA1", None, ANNA)
    assert memory.find("AKIA1", None, "") is None


@given(
    st.dictionaries(
        st.sampled_from(["account", "arn", "at"]),
        st.none() | st.text(max_size=5) | st.integers() | st.just(NOON.isoformat()) | st.just("2026-03-01"),
    )
)
def test_no_entry_of_any_shape_fails(entry: dict[str, Any]) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        memory = RememberedIdentities(Path(folder), now=lambda: NOON)
        memory.keep("AKIA1", None, ANNA)
        [key] = json.loads(memory.path.read_text())
        memory.path.write_text(json.dumps({key: entry}))
        found = memory.find("AKIA1", None, "")
        assert found is None or found.arn == entry["arn"]


def test_a_remembered_identity_makes_no_client(settings_for: Callable[..., Any], home: Any) -> None:
    settings = settings_for(home.url)
    with Stack(settings) as first:
        first.identity()
    code = (
        "import sys, pathlib; from dataclasses import replace;"
        "from smarterise_sdk.settings import load_settings; from smarterise_sdk.stack import Stack;"
        f"s = replace(load_settings(), journal_dir=pathlib.Path({str(settings.journal_dir)!r}));"
        "t = Stack(s); print(t.identity().account, len(t._factory._clients))"
    )
    import os

    environ = {**os.environ, "AWS_ENDPOINT_URL": home.url, "AWS_DEFAULT_REGION": "eu-west-2"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ)
    assert ran.stdout.split() == ["111122223333", "0"], ran.stderr
