"""Start, find and stop embedded stacks, which run in a separate process (`supervisor`)."""

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
"""Added to the start timeout per site, for its eight alarms."""
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02


@dataclass(slots=True)
class RunningStack:
    """A running stack.

    Attributes:
        state: Its state file.
        lifeline: Write end of the pipe whose closing stops it, if this process owns it.
        process: Its supervisor, if started by this process.
    """

    state: StackState
    lifeline: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def exports(self) -> dict[str, str]:
        """Environment variables for clients, including secrets."""
        return dict(self.state.exports)

    @property
    def data_dir(self) -> Path:
        """Its data directory."""
        return self.state.data_dir

    def topic_url(self, topic: str) -> str:
        """Return the URL for publishing a payload on an MQTT topic by POST."""
        return f"{self.state.exports['SMARTERISE_MQTT_PUBLISH']}{quote(topic, safe='')}?qos=1"

    def stop(self) -> None:
        """Stop and remove the stack.

        Raises:
            LocalStackError: If its files cannot be removed.
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
    """Start a stack and wait until it is ready, after removing remains of killed stacks.

    Args:
        data_dir: Data directory; must be empty or absent.
        sites: Number of sites.
        seed: Seed of the fleet.
        simulator: Whether gateways publish.
        speed: Speed of simulated time.
        port: Port of the AWS endpoint; 0: any free port.
        ftps: Whether the FTP server requires TLS.
        owned: Stop the stack when this process ends.
        timeout: Seconds to wait, plus `SECONDS_A_SITE` per site.

    Raises:
        LocalStackError: If it already runs or cannot start; its files are removed.
        UsageError: If the data or state directory is not usable.
    """
    data_dir = data_dir.absolute()
    inherited, lifeline = os.pipe() if owned else (None, None)
    try:
        with one_at_a_time():
            sweep()
            keep = _prepare_data_dir(data_dir)
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
    """Return the ready stack of a directory, if any."""
    state = running_state(data_dir)
    return RunningStack(state) if state is not None and state.phase is Phase.READY else None


def running_state(data_dir: Path) -> StackState | None:
    """Return the state of the stack of a directory, if its supervisor runs.

    Raises:
        LocalStackError: If the state file is invalid.
    """
    state = load_state(data_dir.absolute() / STATE_FILE)
    return state if state is not None and is_running(state.supervisor) else None


def stop(data_dir: Path) -> bool:
    """Stop and remove the stack of a directory; return False if there is none.

    Raises:
        LocalStackError: If its files cannot be removed.
    """
    state = load_state(data_dir.absolute() / STATE_FILE)
    if state is None:
        return False
    signal_process(state.supervisor, signal.SIGTERM)
    for process in wait_gone([state.supervisor], _STOP_SECONDS):
        signal_process(process, signal.SIGKILL)
        wait_gone([process], _STOP_SECONDS)
    remaining = load_state(state.path)
    if remaining is not None:
        clear_away(remaining)
    return True


def _prepare_data_dir(data_dir: Path) -> bool:
    """Create the data directory; return whether it existed.

    Raises:
        LocalStackError: If it contains a stack or other files.
        UsageError: If it cannot be created or read.
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
        if {child.name for child in data_dir.iterdir()} == {LOGS}:  # remains of a killed start
            shutil.rmtree(data_dir / LOGS)
        has_files = any(data_dir.iterdir())
    except OSError as error:
        raise _unusable(data_dir, error) from error
    if has_files:
        raise LocalStackError(
            f"{data_dir} is not empty",
            why="the stack removes its directory when it stops, so it must be empty or new",
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
    """Wait until the supervisor has written the state file, or has exited."""
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
    if state is None and data_dir.exists():  # it has not written the state file
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
