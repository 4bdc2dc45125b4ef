"""Unlocks expire, and an invalid unlock file counts as locked."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.text import MAX_REASON
from smarterise_sdk.errors import SmarteriseError, UsageError
from smarterise_sdk.settings.unlock import Unlocks

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def unlocks(tmp_path: Path) -> Unlocks:
    """Unlocks in a folder that does not exist yet."""
    return Unlocks(tmp_path / "state")


def opened(unlocks: Unlocks, minutes: int = 30, environment: str = "prod") -> Path:
    unlocks.open(environment, minutes=minutes, reason="outage 7", by="anna@ops-1", now=NOON)
    [path] = unlocks.folder.iterdir()
    return path


def test_open_then_over(unlocks: Unlocks) -> None:
    assert unlocks.current("prod", NOON) is None
    unlock = unlocks.open("prod", minutes=30, reason=" outage 7 ", by="anna@ops-1", now=NOON)
    assert unlocks.current("prod", NOON) == unlock
    assert (unlock.reason, unlock.by, str(unlock)) == ("outage 7", "anna@ops-1", "until 12:30Z: outage 7")
    assert unlocks.current("prod", NOON + timedelta(minutes=29, seconds=59)) == unlock
    assert unlocks.current("prod", NOON + timedelta(minutes=30)) is None
    assert unlocks.current("dev", NOON) is None


def test_close(unlocks: Unlocks) -> None:
    assert not unlocks.close("prod")
    opened(unlocks)
    assert unlocks.close("prod")
    assert unlocks.current("prod", NOON) is None
    assert not unlocks.close("prod")


def test_the_last_word_counts(unlocks: Unlocks) -> None:
    opened(unlocks)
    later = NOON + timedelta(minutes=10)
    unlocks.open("prod", minutes=1, reason="shorter", by="bob", now=later)
    current = unlocks.current("prod", later)
    assert current is not None
    assert (current.until, current.reason) == (later + timedelta(minutes=1), "shorter")


def test_any_zone_will_do(unlocks: Unlocks) -> None:
    lagos = NOON.astimezone(timezone(timedelta(hours=1)))
    unlocks.open("prod", minutes=30, reason="outage", by="anna", now=lagos)
    assert str(unlocks.current("prod", NOON)) == "until 12:30Z: outage"


@pytest.mark.parametrize("minutes", [0, -1, 481])
def test_a_time_that_will_not_do(unlocks: Unlocks, minutes: int) -> None:
    with pytest.raises(UsageError, match="1 to 480 minutes") as caught:
        opened(unlocks, minutes)
    assert "read_only = false" in caught.value.remedy


@pytest.mark.parametrize("reason", ["", " \n", "x" * (MAX_REASON + 1)])
def test_a_reason_is_needed(unlocks: Unlocks, reason: str) -> None:
    with pytest.raises(UsageError, match="reason"):
        unlocks.open("prod", minutes=1, reason=reason, by="anna", now=NOON)
    assert unlocks.current("prod", NOON) is None


def test_the_reason_is_one_visible_line_without_secrets(unlocks: Unlocks) -> None:
    unlock = unlocks.open("prod", minutes=1, reason="a\nb password=hunter2", by="anna", now=NOON)
    assert "\n" not in unlock.reason
    assert "hunter2" not in next(unlocks.folder.iterdir()).read_text()


def test_the_file_is_private(unlocks: Unlocks) -> None:
    path = opened(unlocks)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_opens_nothing(unlocks: Unlocks, mode: int) -> None:
    opened(unlocks).chmod(mode)
    assert unlocks.current("prod", NOON) is None


def test_a_clock_set_back_ends_it(unlocks: Unlocks) -> None:
    opened(unlocks)
    assert unlocks.current("prod", NOON - timedelta(hours=1)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"until": "2026-03-01T23:00:00+00:00"},
        {"until": "2026-03-01T12:30:00"},
        {"until": "2026-03-01T11:00:00+00:00"},
        {"until": 3},
        {"until": None},
        {"opened_at": "soon"},
        {"environment": "dev"},
        {"reason": 3},
    ],
)
def test_a_file_edited_by_hand_opens_nothing(unlocks: Unlocks, changes: dict[str, object]) -> None:
    path = opened(unlocks)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert unlocks.current("prod", NOON) is None


@given(st.binary(max_size=200))
def test_no_file_of_any_content_opens_or_fails(content: bytes) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        unlocks = Unlocks(Path(folder))
        opened(unlocks).write_bytes(content)
        assert unlocks.current("prod", NOON) is None


def test_what_is_no_file_opens_nothing(unlocks: Unlocks) -> None:
    path = opened(unlocks)
    path.unlink()
    path.mkdir()
    assert unlocks.current("prod", NOON) is None
    path.rmdir()
    os.mkfifo(path)
    assert unlocks.current("prod", NOON) is None


@given(st.text(min_size=1, max_size=30).filter(lambda name: name < "\ud800" or name > "\udfff"))
def test_any_name_of_an_environment(name: str) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        unlocks = Unlocks(Path(folder) / "state")
        try:
            path = opened(unlocks, environment=name)
        except UnicodeEncodeError:
            return
        assert path.parent == unlocks.folder
        found = unlocks.current(name, NOON)
        assert found is not None
        assert found.environment == name


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SmarteriseError) as caught:
        opened(Unlocks(tmp_path / "file"))
    assert caught.value.code == "UNLOCK"
    assert "df -h" in caught.value.remedy


def test_closing_what_cannot_be_closed(unlocks: Unlocks) -> None:
    path = opened(unlocks)
    path.unlink()
    path.mkdir()
    with pytest.raises(SmarteriseError) as caught:
        unlocks.close("prod")
    assert caught.value.code == "UNLOCK"


def test_many_at_once_leave_one_whole_file(unlocks: Unlocks) -> None:
    threads = [threading.Thread(target=opened, args=(unlocks,)) for _ in range(2)]
    opened(unlocks)
    for thread in threads:
        thread.start()
        thread.join()
    assert unlocks.current("prod", NOON) is not None
    assert len(list(unlocks.folder.iterdir())) == 1
