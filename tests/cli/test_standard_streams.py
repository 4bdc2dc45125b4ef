"""Standard streams that are closed, on a full disk, or a pipe without a reader: one error, no traceback."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from smarterise_ops.output.render import ask
from smarterise_sdk.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = f"{sys.executable} -m smarterise_ops.main"
NO_SPACE = "error: Standard output cannot be written\nwhy: No space left on device\n"
ANY_SHELL = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
"""Takes the shell from the command line, not from the processes above."""
HELPS = [
    "--help",
    "--version",
    "--env x --version",
    "--show-completion bash",
    "sites --help",
    "ingest backfill --help",
    "undo --help",
    "demo --help",
]


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def _buffering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are raised by a flush, or by the write itself: containers often set PYTHONUNBUFFERED."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


def shell(command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command line of bash, which redirects the streams."""
    return subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **ANY_SHELL, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["bulk-update - --dry-run", "validate -", "import - --yes"])
def test_closed_standard_input_is_a_usage_error(command: str) -> None:
    done = shell(f"exec {PROGRAM} sites {command} <&-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "error: standard input cannot be read\nwhy: standard input is closed\ntry: "
    )


def test_standard_input_that_is_open_for_writing_alone_is_a_usage_error(tmp_path: Path) -> None:
    done = shell(f"exec {PROGRAM} sites validate - 0>{tmp_path}/file")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: standard input cannot be read\nwhy: Bad file descriptor")


@pytest.mark.parametrize("streams", ["<&-", ">&-", "<&- >&-"])
def test_the_console_refuses_closed_streams(streams: str) -> None:
    done = shell(f"exec {PROGRAM} {streams}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: The console needs a terminal\n")


@pytest.mark.parametrize("command", HELPS)
@pytest.mark.usefixtures("_buffering")
def test_output_to_a_full_disk_is_reported_once(command: str) -> None:
    done = shell(f"exec {PROGRAM} {command} >/dev/full")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", NO_SPACE)


@pytest.mark.usefixtures("_buffering")
def test_output_to_a_full_disk_is_reported_once_in_a_locale_of_ascii() -> None:
    done = shell(f"exec {PROGRAM} --help >/dev/full", {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (3, NO_SPACE)


@pytest.mark.parametrize("command", ["--version", "sites --help", "checks list"])
@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_output_changes_nothing(command: str, streams: str) -> None:
    done = shell(f"exec {PROGRAM} {command} {streams}")
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) is not (">&-" in streams.split())


@pytest.mark.parametrize("command", ["--help", "--version"])
@pytest.mark.usefixtures("_buffering")
def test_both_streams_on_a_full_disk_end_with_the_code_alone(command: str) -> None:
    done = shell(f"exec {PROGRAM} {command} >/dev/full 2>/dev/full")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_an_error_that_cannot_be_printed_keeps_its_code(streams: str) -> None:
    done = shell(f"exec {PROGRAM} sites nix {streams}")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.parametrize("command", HELPS)
def test_a_reader_that_is_gone_changes_nothing(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            ["bash", "-c", f"exec {PROGRAM} {command}"],
            env={**os.environ, **ANY_SHELL},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


OPENED = """
import os, sys
sys.argv = ["smarterise-ops", "--version"]
from smarterise_ops.main import main
main()
sys.exit(min(os.pipe()))
"""


def test_no_file_of_ours_gets_the_number_of_a_closed_stream() -> None:
    done = shell(f"exec {sys.executable} -c '{OPENED}' <&- >&- 2>&-")
    assert done.returncode == 3


# The end of a process ----------------------------------------------------------------------------

UNFLUSHED = """
import sys
sys.argv = ["smarterise-ops", "sites", "nix"]
from smarterise_ops import cli
run = cli.run
def noisy(arguments):
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            stream.buffer.write(b"x")
        except OSError:
            pass
    return run(arguments)
cli.run = noisy
from smarterise_ops.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("streams", [">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"])
@pytest.mark.usefixtures("_buffering")
def test_what_cannot_be_flushed_at_the_end_keeps_the_code(streams: str) -> None:
    done = shell(f"exec {sys.executable} -c '{UNFLUSHED}' {streams}")
    assert done.returncode == 2
    assert "Exception ignored" not in done.stderr


@pytest.mark.usefixtures("_buffering")
def test_a_terminal_that_hung_up_keeps_the_code() -> None:
    ours, theirs = pty.openpty()
    reading, writing = os.pipe()
    code = f"import os; os.read({reading}, 1)\n{UNFLUSHED}"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, pass_fds=[reading]
    ) as process:
        for descriptor in (reading, theirs, ours):
            os.close(descriptor)
        os.write(writing, b"!")
        os.close(writing)
        assert process.wait(60) == 2


# Questions ---------------------------------------------------------------------------------------


def test_an_answer_that_is_no_text_is_an_answer() -> None:
    code = (
        "from smarterise_ops.output.render import ask, prepare_streams\n"
        "prepare_streams()\nprint(ascii(ask('Apply? ')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"\xff\n", capture_output=True, timeout=60, check=True
    )
    assert done.stdout == b"'\\\\xff'\n"


def test_a_question_on_a_terminal_that_hung_up_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first page of memory cannot be read: the same error as of a terminal whose session is over.
    with open(os.open("/proc/self/mem", os.O_RDONLY), encoding="utf-8") as unreadable:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", unreadable)
        with pytest.raises(UsageError) as refused:
            ask("Apply? ")
    assert (refused.value.what, refused.value.why) == ("standard input cannot be read", "Input/output error")
