"""The commands `local` and `demo` as a person or a script meets them."""

from __future__ import annotations

import ftplib
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest

from smarterise_ops.local import client
from smarterise_ops.local.servers.processes import identity_of, is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "smarterise_ops.main"]
EXPORTED = {
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_DEFAULT_REGION",
    "SMARTERISE_DATABASE_URL",
    "SMARTERISE_FTP_URL",
    "SMARTERISE_MQTT_PUBLISH",
}
SMALL = ["--sites", "2", "--no-simulator"]


@pytest.fixture(autouse=True)
def state_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No other test's stacks are in sight; temporary files of these commands are this test's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tmp_path.chmod(0o755)
    return tmp_path / "xdg"


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "stack"
    yield directory
    client.stop(directory)


def run(*arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


def exported(text: str) -> dict[str, str]:
    """Let a shell read export lines; return what it then has."""
    script = f"{text}\n{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    told = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    return {
        name: value
        for name, value in json.loads(told.stdout).items()
        if name.startswith(("AWS_", "SMARTERISE_"))
    }


@pytest.mark.stack
def test_up_env_status_down(data_dir: Path) -> None:
    where = ["--data-dir", str(data_dir)]
    assert "absent" in run("local", "status", *where, expect=1).stdout
    up = run("local", "up", "--detach", "--ftps", *SMALL, *where)
    assert exported(up.stdout).keys() == {*EXPORTED, "SMARTERISE_FTP_CA_FILE"}
    env = run("local", "env", *where)
    assert env.stdout == up.stdout
    assert all(line.startswith("export ") for line in env.stdout.splitlines())
    as_json = json.loads(run("local", "env", *where, "--output", "json").stdout)
    assert as_json == exported(env.stdout)
    status = json.loads(run("local", "status", *where, "-o", "json").stdout)
    assert status["state"] == "ready"
    assert status["sites"] == 2
    assert status["endpoint"] == as_json["AWS_ENDPOINT_URL"]
    ftp = urlsplit(as_json["SMARTERISE_FTP_URL"])
    assert status["ftp"] == f"ftps://127.0.0.1:{ftp.port}/"
    assert ftp.password
    assert ftp.password not in json.dumps(status)
    context = ssl.create_default_context(cafile=as_json["SMARTERISE_FTP_CA_FILE"])
    with ftplib.FTP_TLS(context=context) as gateway:
        gateway.connect("127.0.0.1", ftp.port or 0)
        gateway.login(ftp.username or "", unquote(ftp.password))
        gateway.prot_p()
        gateway.storbinary("STOR AN54101471-logger1.csv", io.BytesIO(b"Time,V1\n"))
    assert "● No e-mails: " in run("local", "emails", *where).stderr
    assert json.loads(run("local", "emails", *where, "-o", "json").stdout) == []
    account = boto3.Session(
        as_json["AWS_ACCESS_KEY_ID"],
        as_json["AWS_SECRET_ACCESS_KEY"],
        region_name=as_json["AWS_DEFAULT_REGION"],
    )
    sts = account.client("sts", endpoint_url=as_json["AWS_ENDPOINT_URL"])
    assert sts.get_caller_identity()["Arn"].endswith(":user/demo-operator")
    functions = account.client("lambda", endpoint_url=as_json["AWS_ENDPOINT_URL"])
    swept = json.load(functions.invoke(FunctionName="ftp_to_s3", Payload=b"{}")["Payload"])
    assert (swept["stored"], swept["errors"]) == (1, []), "over TLS, with the certificate of its secret"
    again = run("local", "up", "--detach", *SMALL, *where, expect=1)
    assert "already ready" in again.stderr
    assert "local down" in again.stderr
    run("local", "down", *where)
    assert not data_dir.exists()
    assert "no stack" in run("local", "down", *where).stderr
    assert "local up" in run("local", "env", *where, expect=1).stderr


@pytest.mark.stack
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_stays_until_interrupted_and_leaves_nothing(
    data_dir: Path, state_home: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "local", "up", *SMALL, "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told = ""
    while "ready" not in told:
        line = process.stderr.readline()
        assert line, "it ended"
        told += line
    stack = client.find(data_dir)
    assert stack is not None
    marks = [stack.state.supervisor, *stack.state.children.values()]
    process.send_signal(number)
    printed, more = process.communicate(timeout=20)
    assert process.returncode == 0
    assert exported(printed).keys() == EXPORTED
    assert "Traceback" not in more
    assert not any(is_running(mark) for mark in marks)
    assert not data_dir.exists()
    assert [path for path in state_home.rglob("*") if path.is_file()] == []


@pytest.mark.stack
def test_up_tells_when_somebody_else_ends_the_stack(data_dir: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "local", "up", *SMALL, "--data-dir", str(data_dir)], stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stderr is not None
    while "ready" not in process.stderr.readline():
        pass
    run("local", "down", "--data-dir", str(data_dir))
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "the stack was stopped by another process" in told


def test_env_unsets_what_would_spoil_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from smarterise_ops.commands import local
    from smarterise_ops.context import invocation

    printed: list[str] = []
    monkeypatch.setattr(local, "write_data", printed.append)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another account")

    exports = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "SECRET": "with 'quotes' and $dollars"}
    stack: Any = SimpleNamespace(exports=exports)
    with invocation(["local", "env"]):
        local._print_exports(stack)
    assert "unset AWS_SESSION_TOKEN\n" in printed[0]
    assert "AWS_PROFILE" not in printed[0]
    script = f"{printed[0]}\nprintf '%s' \"$SECRET\""
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert shell.stdout == "with 'quotes' and $dollars"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sites", "1"], "2<=x<=5000"),
        (["--sites", "many"], "not a valid int"),
        (["--speed", "0"], "0.1<=x<=1000"),
        (["--port", "70000"], "0<=x<=65535"),
    ],
)
def test_impossible_options_are_usage_errors(arguments: list[str], told: str) -> None:
    assert told in run("local", "up", *arguments, expect=2).stderr


def test_a_port_in_use_ends_with_the_documented_code(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = run("local", "up", "--data-dir", str(data_dir), "--port", port, *SMALL, expect=1)
    assert f"port {port} of 127.0.0.1 is in use" in refused.stderr
    assert "try: " in refused.stderr
    assert not data_dir.exists()


@pytest.mark.stack
def test_the_demo_without_a_terminal_reports_the_live_fleet(tmp_path: Path, state_home: Path) -> None:
    done = run("demo", "--sites", "8", "--seed", "5")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["SERIAL", "NAME", "TIER", "STATE"]
    row = next(line for line in lines if line.startswith("ehm21120333"))
    assert "● ok" in row
    volts = [float(word) for word in row.split() if word.replace(".", "").isdigit() and "." in word][:3]
    assert all(207 < value < 253 for value in volts)
    paths = ("stream,", "FTP,", "PostgreSQL", "CloudWatch")
    counted = [line.split()[-3:] for line in lines if line.strip().startswith(paths)]
    assert len(counted) == 4
    assert all(found == expected and int(found) > 0 for found, _, expected in counted)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("smarterise-")] == []
    assert [path for path in state_home.rglob("*") if path.is_file()] == []


@pytest.mark.stack
def test_the_demos_report_is_data_when_asked_for(tmp_path: Path) -> None:
    rows = json.loads(run("demo", "--sites", "4", "--output", "json").stdout)
    assert {row["gateway_serial"] for row in rows} >= {"ehm21120333", "AN54101471"}
    assert {row["tier"] for row in rows} == {"CRITICAL", "NON_CRITICAL"}
    assert all(isinstance(row["voltage_a"], float) for row in rows)


@pytest.mark.stack
def test_a_demo_killed_outright_leaves_nothing_running(
    tmp_path: Path, eventually: Callable[..., Any], state_home: Path
) -> None:
    process = subprocess.Popen([*PROGRAM, "demo", "--sites", "300"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip # noqa: E501
    entry = eventually(lambda: list((state_home / "smarterise-ops" / "stacks").glob("*.json")), seconds=20)
    eventually(lambda: "postgres" in json.loads(entry[0].read_text())["children"], seconds=20)
    plain = json.loads(entry[0].read_text())
    pids = [plain["supervisor"]["pid"], *(child["pid"] for child in plain["children"].values())]
    marks = [mark for mark in map(identity_of, pids) if mark is not None]
    assert len(marks) == 4
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    eventually(lambda: not any(is_running(mark) for mark in marks), seconds=20)
    eventually(lambda: not entry[0].exists(), seconds=10)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("smarterise-")] == []
