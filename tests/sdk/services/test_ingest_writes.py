"""What keeps replays and backfills in bounds: the write gate, batches, and how far they have come."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.aws.operations import may_invoke
from smarterise_sdk.domain.ingest.manager_api import READING_ACTIONS, IngestAction
from smarterise_sdk.domain.ingest.status import DataPath
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import Conflict, NotFound, RemoteFault, SmarteriseError, Unreachable
from smarterise_sdk.services.ingest.backfill_progress import Progress, ProgressFile, Scope, progress_of
from smarterise_sdk.services.ingest.object_loader import (
    BATCH_BYTES,
    BATCH_KEYS,
    Loaded,
    ObjectLoading,
    batches,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smarterise_sdk.settings import Settings

NAMES = StackNames()
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = Scope("prod", "", SINCE, SINCE + timedelta(days=1), ("AN1",), tuple(DataPath), reload=False)


def test_of_the_ingest_pipeline_only_looking_needs_no_plan() -> None:
    allowed = {
        action for action in IngestAction if may_invoke(NAMES.ingest_manager, {"action": action}, NAMES)
    }
    assert allowed == READING_ACTIONS == set(IngestAction) - {IngestAction.QUARANTINE_DISCARD}
    for function in (
        NAMES.s3_to_rds,
        NAMES.kinesis_to_s3_rds,
        NAMES.ftp_to_s3,
        f"{NAMES.ingest_manager}:1",
        "x",
    ):
        assert not may_invoke(function, {"action": "status"}, NAMES)
        assert not may_invoke(function, {"action": "load", "keys": []}, NAMES)
    for action in (None, ["status"], {"status": 1}, "STATUS", "status ", "get_config"):
        assert not may_invoke(NAMES.ingest_manager, {"action": action}, NAMES)


@given(st.lists(st.integers(0, 2 * BATCH_BYTES[DataPath.FTP]), max_size=150), st.sampled_from(DataPath))
def test_batches_hold_everything_once_and_no_more_than_a_function_can_do(
    sizes: list[int], data_path: DataPath
) -> None:
    objects = [(f"{number:04}", size) for number, size in enumerate(sizes)]
    made = list(batches(objects, data_path))
    assert [key for batch in made for key in batch] == [key for key, _ in objects]
    known = dict(objects)
    for batch in made:
        assert 0 < len(batch) <= BATCH_KEYS[data_path]
        assert len(batch) == 1 or sum(known[key] for key in batch) <= BATCH_BYTES[data_path]


# How far a backfill has come ---------------------------------------------------------------------


def test_progress_is_kept_and_found_by_its_plan(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, SCOPE)
    assert file.read() is None
    with file.alone():
        progress = Progress("abcd1234", {"stream": "k2"}, {"stream": ["k1"]}, {"loaded": 3})
        file.write(progress)
    assert ProgressFile(tmp_path, SCOPE).read() == progress
    assert progress_of(tmp_path, "abcd1234") == progress
    assert progress_of(tmp_path, "other") is None
    assert [progress.is_left(DataPath.STREAM, key) for key in ("k1", "k2", "k3")] == [True, False, True]
    assert progress.is_left(DataPath.FTP, "k0")
    file.path.write_text("{")
    assert file.read() is None


def test_another_scope_has_progress_of_its_own() -> None:
    others = [
        Scope("dev", "", SINCE, SCOPE.until, ("AN1",), tuple(DataPath), reload=False),
        Scope("prod", "http://127.0.0.1:1", SINCE, SCOPE.until, ("AN1",), tuple(DataPath), reload=False),
        Scope("prod", "", SINCE, SCOPE.until, ("AN2",), tuple(DataPath), reload=False),
        Scope("prod", "", SINCE, SCOPE.until, (), tuple(DataPath), reload=False),
        Scope("prod", "", SINCE, SCOPE.until, ("AN1",), (DataPath.FTP,), reload=False),
        Scope("prod", "", SINCE, SCOPE.until, ("AN1",), tuple(DataPath), reload=True),
    ]
    assert len({scope.name for scope in (SCOPE, *others)}) == len(others) + 1


def _hold(folder: Path, held: Any, end: Any) -> None:
    with ProgressFile(folder, SCOPE).alone():
        held.set()
        end.wait(30)


def test_two_do_not_carry_out_the_same_backfill_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, end = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held, end))
    other.start()
    try:
        assert held.wait(30)
        with pytest.raises(Conflict) as caught, ProgressFile(tmp_path, SCOPE).alone():
            pytest.fail("both hold it")
        assert caught.value.code == "UNDER_WAY"
    finally:
        end.set()
        other.join(30)
    with ProgressFile(tmp_path, SCOPE).alone():
        pass


def test_progress_that_cannot_be_kept_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "backfills").write_text("no folder")
    with pytest.raises(SmarteriseError) as caught, ProgressFile(tmp_path, SCOPE).alone():
        pytest.fail("it is held")
    assert caught.value.code == "PROGRESS"
    assert "ls -ld" in caught.value.remedy


# What became of each object ----------------------------------------------------------------------


class Functions:
    """The loading functions and the ledger, as far as their answers go: each object does as it is called."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.ledger: dict[str, list[str]] = {}

    def invoke(self, function: str, payload: Any) -> Any:
        if payload["action"] == "files":
            rows = [
                {"key": key, "state": (states.pop(0) if len(states) > 1 else states[0])}
                for key in payload["keys"]
                if (states := self.ledger.get(key))
            ]
            return {"ok": True, "rows": rows, "next": None}
        keys = payload["keys"]
        self.asked.append(keys)
        if any("denied" in key for key in keys):
            raise NotFound("there is no such function")
        if any("lost" in key for key in keys):
            raise Unreachable("no answer", code="NO_ANSWER")
        if any("fault" in key for key in keys):
            raise RemoteFault(f"function {function} failed")
        if function == NAMES.s3_to_rds:
            states = ["gone" if "gone" in key else "loaded" for key in keys]
            rows = [
                {"key": key, "state": state, "rows": {"loaded": 2}}
                for key, state in zip(keys, states, strict=True)
            ]
            return {"files": rows}
        done, left = (keys, []) if "stuck" not in keys[-1] else (keys[:-1], keys[-1:])
        objects = [{"key": key, "state": "gone" if "gone" in key else "loaded"} for key in done]
        return {"rows": {"loaded": len(done)}, "rejected": 1, "objects": objects, "left": left}


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def load(functions: Functions, settings_for: Callable[..., Settings]) -> Callable[..., Loaded]:
    loading = ObjectLoading(functions, settings_for("http://127.0.0.1:1"), sleep=lambda _: None)  # type: ignore[arg-type]

    def run(data_path: DataPath, *keys: str) -> Loaded:
        return loading.load(functions, data_path, keys, reload=False)  # type: ignore[arg-type]

    return run


def test_what_became_of_each_object_is_known(load: Callable[..., Loaded]) -> None:
    files = load(DataPath.FTP, "a", "gone", "a")
    assert (files.done, files.failed, files.rows["loaded"]) == (["a"], {"gone": "gone"}, 2)
    stream = load(DataPath.STREAM, "a", "gone")
    assert (stream.done, stream.failed) == (["a"], {"gone": "gone"})
    assert stream.summary() == "2 loaded, 1 rejected"
    assert Loaded().summary() == "no readings"


def test_a_file_that_fails_does_not_keep_the_others(
    load: Callable[..., Loaded], functions: Functions
) -> None:
    functions.ledger = {"fault": ["failed"]}
    told = load(DataPath.FTP, "a", "fault", "b")
    assert told.done == ["a", "b"]
    assert told.failed["fault"].startswith("failed: function s3_to_rds_lambda failed")
    assert functions.asked == [["a", "fault", "b"], ["a"], ["fault"], ["b"]]


def test_a_lost_answer_is_looked_up_and_its_end_waited_for(
    load: Callable[..., Loaded], functions: Functions
) -> None:
    functions.ledger = {"lost1": ["loading", "loading", "loaded"], "lost2": ["rejected"]}
    told = load(DataPath.FTP, "lost1", "lost2", "lost3")
    assert told.done == ["lost1", "lost2"]
    assert told.failed == {"lost3": "not taken up: no answer"}
    assert len(functions.asked) == 1


def test_what_the_streams_loader_has_no_time_for_is_asked_again_while_it_gets_on(
    load: Callable[..., Loaded], functions: Functions
) -> None:
    told = load(DataPath.STREAM, "a", "stuck")
    assert (told.done, told.failed) == (["a"], {"stuck": "the function had no time for it"})
    assert functions.asked == [["a", "stuck"], ["stuck"]]
    for name in ("lost", "fault"):
        assert set(load(DataPath.STREAM, "a", name).failed) == {"a", name}


def test_a_function_that_is_not_there_is_not_taken_for_objects_that_fail(load: Callable[..., Loaded]) -> None:
    for data_path in DataPath:
        with pytest.raises(NotFound):
            load(data_path, "denied")
