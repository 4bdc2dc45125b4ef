"""Stacks come and go: nothing is left of one, two do not meet, and what a killed one left is cleared away."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from smarterise_ops.local import client, registry
from smarterise_ops.local.client import RunningStack
from smarterise_ops.local.servers.processes import ProcessIdentity, identity_of, is_running
from smarterise_ops.local.state import STATE_FILE
from smarterise_sdk.errors import LocalStackError, UsageError

pytestmark = pytest.mark.stack
ClientOf = Callable[[RunningStack, str], Any]


@pytest.fixture(autouse=True)
def state_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A registry of this test's own: no other test's sweep has a part in it."""
    home = tmp_path / "xdg"
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return home / "smarterise-ops" / "stacks"


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., RunningStack]]:
    """Return a way to start small stacks; they are stopped in the end."""
    started: list[RunningStack] = []

    def start(name: str = "stack", **options: Any) -> RunningStack:
        stack = client.start(tmp_path / name, **{"sites": 2, "simulator": False, "owned": True, **options})
        started.append(stack)
        return stack

    yield start
    for stack in started:
        stack.stop()


@pytest.fixture(scope="module")
def started_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningStack, Path]]:
    """A small stack and the home of its registry."""
    home = tmp_path_factory.mktemp("xdg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home))
        stack = client.start(
            tmp_path_factory.mktemp("standing") / "stack", sites=2, simulator=False, owned=True
        )
    yield stack, home
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home))
        stack.stop()


@pytest.fixture
def standing(started_once: tuple[RunningStack, Path], monkeypatch: pytest.MonkeyPatch) -> RunningStack:
    """A small stack that several tests look at and none stops; its registry is the one in use."""
    stack, home = started_once
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return stack


one_stack = pytest.mark.xdist_group("standing-stack")


def marks_of(stack: RunningStack) -> list[ProcessIdentity]:
    """Return the marks of every process of a stack, workers of functions too."""
    supervisor = psutil.Process(stack.state.supervisor.pid)
    found = [identity_of(process.pid) for process in [supervisor, *supervisor.children(recursive=True)]]
    return [mark for mark in found if mark is not None]


def call_function(stack: RunningStack, client_of: ClientOf) -> None:
    client_of(stack, "lambda").invoke(FunctionName="site-config-manager", Payload=b'{"action": "get_config"}')


def test_down_leaves_no_process_and_no_file(
    up: Callable[..., RunningStack], client_of: ClientOf, state_home: Path
) -> None:
    stack = up()
    call_function(stack, client_of)
    marks = marks_of(stack)
    extra = stack.state.extra_dirs
    assert len(marks) >= 4
    assert len(list(state_home.iterdir())) == 1
    assert client.stop(stack.data_dir)
    assert [mark for mark in marks if is_running(mark)] == []
    assert not stack.data_dir.exists()
    assert not any(directory.exists() for directory in extra)
    assert list(state_home.iterdir()) == []
    assert not client.stop(stack.data_dir)


def test_a_directory_that_was_there_is_emptied_but_stays_and_a_free_port_asked_for_is_used(
    up: Callable[..., RunningStack], tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "mine").mkdir()
    stack = up("mine", port=port)
    assert stack.exports["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{port}"
    stack.stop()
    assert list((tmp_path / "mine").iterdir()) == []


@one_stack
def test_secrets_are_private(standing: RunningStack) -> None:
    stack = standing
    assert stat.S_IMODE(stack.state.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.data_dir.stat().st_mode) == 0o700
    (entry,) = (Path(os.environ["XDG_STATE_HOME"]) / "smarterise-ops" / "stacks").iterdir()
    secret = stack.exports["AWS_SECRET_ACCESS_KEY"]
    assert secret in stack.state.path.read_text()
    assert secret not in entry.read_text()
    assert secret not in " ".join(
        word for mark in marks_of(stack) for word in psutil.Process(mark.pid).cmdline()
    )


@one_stack
def test_everything_listens_on_the_loopback_interface_alone(
    standing: RunningStack, client_of: ClientOf
) -> None:
    stack = standing
    call_function(stack, client_of)
    listening = [
        connection.laddr.ip
        for mark in marks_of(stack)
        for connection in psutil.Process(mark.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}


@one_stack
def test_two_stacks_side_by_side_do_not_meet(
    standing: RunningStack, up: Callable[..., RunningStack], client_of: ClientOf
) -> None:
    one, other = up("one"), standing
    assert not set(one.exports.values()) & set(other.exports.values()) - {"eu-west-2"}
    client_of(one, "s3").put_object(Bucket="smarterise-data-lake-raw", Key="mine", Body=b"1")
    found = client_of(other, "s3").list_objects_v2(Bucket="smarterise-data-lake-raw", Prefix="mine")
    assert found["KeyCount"] == 0
    one.stop()
    call_function(other, client_of)
    assert client.find(other.data_dir) is not None


@one_stack
def test_a_stack_is_found_again_and_not_started_twice(standing: RunningStack) -> None:
    stack = standing
    found = client.find(stack.data_dir)
    assert found is not None
    assert found.exports == stack.exports
    assert found.topic_url("accuenergy/AN54101471") == (
        stack.exports["SMARTERISE_MQTT_PUBLISH"] + "accuenergy%2FAN54101471?qos=1"
    )
    with pytest.raises(LocalStackError, match="already ready") as refused:
        client.start(stack.data_dir, sites=2, simulator=False, owned=True)
    assert "local down" in refused.value.remedy
    assert client.find(stack.data_dir) is not None


def test_a_port_in_use_is_told_and_nothing_is_left(
    up: Callable[..., RunningStack], tmp_path: Path, state_home: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalStackError, match=f"port {port} of 127.0.0.1 is in use") as refused:
            up(port=port)
    assert "--port" in refused.value.remedy
    assert not (tmp_path / "stack").exists()
    assert list(state_home.iterdir()) == []


def test_a_directory_of_somebody_else_is_left_alone(up: Callable[..., RunningStack], tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "letter").write_text("dear")
    with pytest.raises(LocalStackError, match="is not empty"):
        up("theirs")
    assert (tmp_path / "theirs" / "letter").read_text() == "dear"


def test_a_directory_that_cannot_be_made_is_told(up: Callable[..., RunningStack], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used"):
        up("file/stack")


def test_without_a_postgresql_nothing_starts_and_nothing_is_left(
    up: Callable[..., RunningStack], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state_home: Path
) -> None:
    # A supervisor's process of its own is what reads this: a module in front of the real one.
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "sitecustomize.py").write_text(
        textwrap.dedent("""
        from pathlib import Path
        from smarterise_ops.local.servers import postgres_binaries
        postgres_binaries.SYSTEM_INSTALLATIONS = Path("/nonexistent")
        postgres_binaries._WHEEL = "no_such_package"
        """)
    )
    monkeypatch.setenv("PYTHONPATH", str(shadow))
    monkeypatch.setenv("PATH", str(shadow))
    with pytest.raises(LocalStackError, match="PostgreSQL not found") as refused:
        up()
    assert "pip install" in refused.value.remedy
    assert not (tmp_path / "stack").exists()
    assert list(state_home.iterdir()) == []


def test_a_supervisor_killed_outright_is_cleared_away_by_the_next_start(
    up: Callable[..., RunningStack], client_of: ClientOf, eventually: Callable[..., Any], state_home: Path
) -> None:
    stack = up("first", owned=False)
    call_function(stack, client_of)
    marks, extra = marks_of(stack), stack.state.extra_dirs
    os.kill(stack.state.supervisor.pid, signal.SIGKILL)
    eventually(lambda: not is_running(stack.state.supervisor), seconds=5)
    assert client.find(stack.data_dir) is None
    assert stack.data_dir.exists()
    second = up("second")
    assert [mark for mark in marks if is_running(mark)] == []
    assert not stack.data_dir.exists()
    assert not any(directory.exists() for directory in extra)
    assert [path.stem for path in state_home.glob("[!.]*")] == [second.state.stack_id]


def test_children_that_outlived_their_supervisor_are_ended_and_strangers_are_not(
    tmp_path: Path, state_home: Path
) -> None:
    """What a system without PDEATHSIG leaves: an entry, a child that runs, and a number used again."""
    left, stranger = (subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in "12")
    try:
        (tmp_path / "stack").mkdir()
        own = identity_of(left.pid)
        assert own is not None
        entry: dict[str, Any] = {
            "stack_id": "gone",
            "data_dir": str(tmp_path / "stack"),
            "phase": "ready",
            "supervisor": {"pid": os.getpid(), "started": "another boot:1"},
            "children": {
                "postgres": {"pid": left.pid, "started": own.started},
                "ministack": {"pid": stranger.pid, "started": "another boot:2"},
            },
            "extra_dirs": [str(tmp_path / "smarterise-extra"), str(tmp_path / "precious")],
            "started_at": "2026-03-04T12:00:00Z",
            "options": {},
            "keep_data_dir": False,
            "error": {},
        }
        for directory in entry["extra_dirs"]:
            Path(directory).mkdir()
        (tmp_path / "stack" / STATE_FILE).write_text(json.dumps(entry))
        state_home.mkdir(parents=True)
        (state_home / "gone.json").write_text(json.dumps(entry))
        (state_home / ".gone.json.k1ll3d").write_text("{")  # it was killed while it wrote its entry
        (state_home / "junk.json").write_text("{")
        assert [state.stack_id for state in registry.sweep()] == ["gone"]
        assert left.wait(5) == -signal.SIGTERM
        assert stranger.poll() is None
        assert not (tmp_path / "stack").exists()
        assert not (tmp_path / "smarterise-extra").exists()
        assert (tmp_path / "precious").exists()  # no name of ours: never removed
        assert [path.name for path in state_home.iterdir()] == ["junk.json"]
        assert registry.sweep() == []
    finally:
        for process in (left, stranger):
            process.kill()
            process.wait()


def test_a_directory_that_is_another_stacks_by_now_is_not_removed(tmp_path: Path, state_home: Path) -> None:
    entry = {
        "stack_id": "old",
        "data_dir": str(tmp_path / "stack"),
        "phase": "ready",
        "supervisor": {"pid": os.getpid(), "started": "another boot:1"},
        "children": {},
        "extra_dirs": [],
        "started_at": "",
        "options": {},
        "keep_data_dir": False,
        "error": {},
    }
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / STATE_FILE).write_text(json.dumps({**entry, "stack_id": "new"}))
    state_home.mkdir(parents=True)
    (state_home / "old.json").write_text(json.dumps(entry))
    registry.sweep()
    assert (tmp_path / "stack" / STATE_FILE).exists()


def test_an_owner_killed_outright_takes_its_stack_along(
    tmp_path: Path, eventually: Callable[..., Any], state_home: Path
) -> None:
    code = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from smarterise_ops.local.client import start
        stack = start(Path({str(tmp_path / "stack")!r}), sites=2, simulator=False, owned=True)
        print("ready", flush=True)
        time.sleep(600)
    """)
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        assert owner.stdout.readline() == "ready\n"
    stack = client.find(tmp_path / "stack")
    assert stack is not None
    marks = marks_of(stack)
    owner.kill()
    owner.wait()
    eventually(lambda: not any(is_running(mark) for mark in marks), seconds=10)
    eventually(lambda: not stack.data_dir.exists(), seconds=5)
    assert list(state_home.iterdir()) == []


def test_a_server_that_ends_by_itself_fails_the_stack(
    up: Callable[..., RunningStack], eventually: Callable[..., Any]
) -> None:
    stack = up()
    marks = marks_of(stack)
    os.kill(stack.state.children["ministack"].pid, signal.SIGKILL)
    eventually(lambda: not any(is_running(mark) for mark in marks), seconds=10)
    assert client.running_state(stack.data_dir) is None
    told = json.loads(stack.state.path.read_text())
    assert told["phase"] == "failed"
    assert "ministack" in told["error"]["what"]
    assert client.stop(stack.data_dir)
    assert not stack.data_dir.exists()


def test_of_two_starts_in_one_directory_one_wins(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from smarterise_ops.local.client import start
        from smarterise_sdk.errors import LocalStackError
        try:
            stack = start(Path({str(tmp_path / "stack")!r}), sites=2, simulator=False, owned=True)
        except LocalStackError as refused:
            print("refused", flush=True)
        else:
            print("ready", flush=True)
            sys.stdin.read()
            stack.stop()
    """)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = []
    for racer in racers:
        assert racer.stdout is not None
        told.append(racer.stdout.readline().strip())
    assert sorted(told) == ["ready", "refused"]
    assert client.find(tmp_path / "stack") is not None
    for racer in racers:
        racer.communicate()
    assert not (tmp_path / "stack").exists()
