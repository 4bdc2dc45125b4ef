"""Start, find and stop embedded stacks. Cheap to import: the work is `supervisor`'s, a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from smarterise_ops.installation import install_command
from smarterise_ops.local.options import LOGS, Options, command_line
from smarterise_ops.local.registry import clear_away, one_at_a_time, sweep
from smarterise_ops.local.servers.processes import is_running, signal_process, wait_gone
from smarterise_ops.local.state import STATE_FILE, Phase, StackState, load_state
from smarterise_sdk.errors import LocalStackError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_SITES = 40
DEFAULT_SEED = 7
START_SECONDS = 60.0
SECONDS_A_SITE = 0.1
"""Added to the patience with a start: every site has eight alarms that are made one by one."""
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02


@dataclass(slots=True)
class RunningStack:
    """A stack that runs.

    Attributes:
        state: What it says about itself.
        lifeline: The end of a pipe that keeps it alive, if it is ours: it ends when we do.
        process: Its supervisor, if we started it.
    """

    state: StackState
    lifeline: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def exports(self) -> dict[str, str]:
        """Environment variables that point a client at it; they hold its secrets."""
        return dict(self.state.exports)

    @property
    def data_dir(self) -> Path:
        """Where it keeps its files."""
        return self.state.data_dir

    def topic_url(self, topic: str) -> str:
        """Return the URL to POST a payload to, to publish it on an MQTT topic."""
        return f"{self.state.exports['SMARTERISE_MQTT_PUBLISH']}{quote(topic, safe='')}?qos=1"

    def stop(self) -> None:
        """End it and remove all of it.

        Raises:
            LocalStackError: If something of it cannot be removed.
        """
        stop(self.data_dir)
        if self.lifeline is not None:
            os.close(self.lifeline)
            self.lifeline = None
        if self.process is not None:
            self.process.wait()


def start(
    data_dir: Path,
    *,
    sites: int = DEFAULT_SITES,
    seed: int = DEFAULT_SEED,
    simulator: bool = True,
    speed: float = 1.0,
    port: int = 0,
    ftps: bool = False,
    owned: bool = False,
    timeout: float = START_SECONDS,
) -> RunningStack:
    """Start a stack and wait until it is ready. Leftovers of stacks that were killed are cleared away first.

    Args:
        data_dir: For its files; must be empty or not there.
        sites: How many sites its fleet has.
        seed: The fleet's seed.
        simulator: Whether gateways publish by themselves.
        speed: How many times as fast as real they are.
        port: Port of the AWS endpoint; 0 is any.
        ftps: Whether the FTP server takes nothing but TLS.
        owned: End the stack when this process ends, however it ends.
        timeout: Seconds to wait for it, and `SECONDS_A_SITE` more for each site.

    Raises:
        LocalStackError: If it runs already, or cannot start; nothing of it is left then.
        UsageError: If the directory, or the folder of what the tools remember, cannot be used.
    """
    data_dir = data_dir.absolute()
    inherited, lifeline = os.pipe() if owned else (None, None)
    try:
        with one_at_a_time():
            sweep()
            keep = _make_room(data_dir)
            options = Options(
                data_dir=data_dir,
                sites=sites,
                seed=seed,
                simulator=simulator,
                speed=speed,
                port=port,
                ftps=ftps,
                keep_data_dir=keep,
                lifeline=inherited,
            )
            process = _spawn(options)
            try:
                _wait_claimed(process, data_dir)
            except BaseException:
                _give_up(process, data_dir, keep=keep)
                raise
        try:
            total_s = timeout + sites * SECONDS_A_SITE
            return RunningStack(_wait_ready(process, data_dir, total_s), lifeline, process)
        except BaseException:
            _give_up(process, data_dir, keep=keep)
            raise
    except BaseException:
        if lifeline is not None:
            os.close(lifeline)
        raise
    finally:
        if inherited is not None:
            os.close(inherited)


def find(data_dir: Path) -> RunningStack | None:
    """Return the stack that runs in a directory, if one does and is ready."""
    state = running_state(data_dir)
    return RunningStack(state) if state is not None and state.phase is Phase.READY else None


def running_state(data_dir: Path) -> StackState | None:
    """Return what the stack in a directory says about itself, if its supervisor runs.

    Raises:
        LocalStackError: If there is a state file that cannot be understood.
    """
    state = load_state(data_dir.absolute() / STATE_FILE)
    return state if state is not None and is_running(state.supervisor) else None


def stop(data_dir: Path) -> bool:
    """End the stack in a directory and remove all of it; return False if there was none.

    Raises:
        LocalStackError: If something of it cannot be removed.
    """
    state = load_state(data_dir.absolute() / STATE_FILE)
    if state is None:
        return False
    signal_process(state.supervisor, signal.SIGTERM)
    for stubborn in wait_gone([state.supervisor], _STOP_SECONDS):
        signal_process(stubborn, signal.SIGKILL)
        wait_gone([stubborn], _STOP_SECONDS)
    left = load_state(state.path)
    if left is not None:
        clear_away(left)
    return True


def _make_room(data_dir: Path) -> bool:
    """Make the data directory; return whether it was there already.

    Raises:
        LocalStackError: If a stack is there, or something that is not ours.
        UsageError: If the directory cannot be made or read.
    """
    state = load_state(data_dir / STATE_FILE)
    if state is not None:
        if is_running(state.supervisor):
            raise LocalStackError(
                f"an embedded stack is already {state.phase.value} in {data_dir}",
                why=f"its supervisor is process {state.supervisor.pid}",
                remedy=f"use it, stop it (smarterise-ops local down --data-dir {data_dir}), "
                "or start another with its own --data-dir",
            )
        clear_away(state)
    try:
        existed = data_dir.exists()
        data_dir.mkdir(parents=True, mode=0o700, exist_ok=True)
        if {child.name for child in data_dir.iterdir()} == {LOGS}:  # left by a start that was killed at once
            shutil.rmtree(data_dir / LOGS)
        there = any(data_dir.iterdir())
    except OSError as error:
        raise _unusable(data_dir, error) from error
    if there:
        raise LocalStackError(
            f"{data_dir} is not empty",
            why="the stack removes its directory when it ends, so it takes only an empty or a new one",
            remedy="choose another directory with --data-dir",
        )
    return existed


def _unusable(data_dir: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{data_dir} cannot be used for the embedded stack",
        why=error.strerror or str(error),
        remedy="choose another directory with --data-dir",
    )


def _spawn(options: Options) -> subprocess.Popen[bytes]:
    """Start the supervisor.

    Raises:
        UsageError: If its log cannot be written.
    """
    log = options.data_dir / LOGS / "supervisor.log"
    try:
        log.parent.mkdir()
        sink = log.open("wb")
    except OSError as error:
        raise _unusable(options.data_dir, error) from error
    with sink:
        return subprocess.Popen(
            command_line(options),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            pass_fds=[] if options.lifeline is None else [options.lifeline],
        )


def _wait_claimed(process: subprocess.Popen[bytes], data_dir: Path) -> None:
    """Wait until the supervisor has written down that the directory is its own, or has ended."""
    while process.poll() is None and not (data_dir / STATE_FILE).exists():
        time.sleep(_POLL_SECONDS)


def _wait_ready(process: subprocess.Popen[bytes], data_dir: Path, timeout: float) -> StackState:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        state = load_state(data_dir / STATE_FILE) if (data_dir / STATE_FILE).exists() else None
        ours = state is not None and state.supervisor.pid == process.pid
        if ours and state is not None and state.phase is Phase.READY:
            return state
        if ended and ours and state is not None:
            raise state.failure()
        if ended:
            raise LocalStackError(
                "the embedded stack did not start",
                why=_last_line(data_dir / LOGS / "supervisor.log"),
                remedy=f"try again; if it persists, {install_command('local')}",
            )
        time.sleep(_POLL_SECONDS)
    raise LocalStackError(
        f"the embedded stack was not ready after {timeout:.0f} s",
        remedy="the machine may be busy: try again, or start fewer --sites",
    )


def _give_up(process: subprocess.Popen[bytes], data_dir: Path, *, keep: bool) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    state = load_state(data_dir / STATE_FILE)
    if state is None and data_dir.exists():  # it did not come so far as to say who it is
        shutil.rmtree(data_dir / LOGS, ignore_errors=True)
        if not keep:
            data_dir.rmdir()
    elif state is not None and state.supervisor.pid == process.pid:
        clear_away(state)


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1] if lines else ""
