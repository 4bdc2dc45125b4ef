"""Faults of servers, networks and S3: other files are transferred, failed ones are reported."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from smarterise_lambdas.ftp_to_s3.handler import SweepIncomplete
from smarterise_lambdas.shared import clients
from smarterise_ops.local.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv"


def names(count: int, serial: str = "AN54101471") -> list[str]:
    return [
        f"{serial}-logger1-2025-03-{1 + n // 1440:02d}T{n // 60 % 24:02d}-{n % 60:02d}-00-0400-1min.csv"
        for n in range(count)
    ]


def denying(monkeypatch: pytest.MonkeyPatch, action: str, *, where: str) -> None:
    """Let S3 deny one action on every key that has `where` in it."""
    allowed = getattr(clients.s3(), action)

    def call(**request: Any) -> Any:
        if where in request["Key"]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, action)
        return allowed(**request)

    monkeypatch.setattr(clients.s3(), action, call)


def result(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the logged issues."""
    return [record.__dict__["error"] for record in caplog.records if "error" in record.__dict__]


def test_a_transfer_that_is_cut_is_made_again_and_the_file_is_whole(sweeps: Any, server: Any) -> None:
    content = server.put(NAME, b"x" * 300_000)
    server.faults.cuts = {NAME: (100_000, 2)}
    sweeps.visit(server)
    response = sweeps.sweep()
    assert (response["stored"], response["errors"]) == (1, [])
    assert sweeps.bodies() == [content]
    assert server.fetched == [NAME] * 3


def test_a_listing_that_is_cut_is_asked_for_again(sweeps: Any, server: Any) -> None:
    for name in names(50):
        server.put(name, name.encode())
    server.faults.cuts = {"": (500, 2)}
    sweeps.visit(server)
    response = sweeps.sweep()
    assert (response["stored"], response["errors"]) == (50, [])


def test_a_server_whose_listing_never_comes_whole_takes_nothing_away(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    sweeps.visit(server)
    sweeps.sweep()
    server.faults.cuts = {"": (10, 1000)}
    with pytest.raises(SweepIncomplete, match="CONNECTION_CUT main"):
        sweeps.sweep()
    assert len(sweeps.manifest("AN54101471")["files"]) == 1


def test_a_file_that_is_cut_each_time_stops_no_other_and_comes_when_it_can(
    sweeps: Any, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cut, *sound = names(12)
    for name in (cut, *sound):
        server.put(name, name.encode() * 100)
    server.faults.cuts = {cut: (1000, 1000)}
    sweeps.visit(server, connections=2)

    with pytest.raises(SweepIncomplete, match=f"CONNECTION_CUT {cut}"):
        sweeps.sweep()

    assert len(sweeps.stored_keys()) == 11
    (issue,) = result(caplog)
    assert (issue["code"], issue["file"], issue["gateway_serial"]) == (
        "CONNECTION_CUT",
        cut,
        "AN54101471",
    )
    server.faults.cuts.clear()
    response = sweeps.sweep()
    assert (response["stored"], response["unchanged"]) == (1, 11)
    assert server.fetched.count(sound[0]) == 1


def test_a_server_that_cuts_everything_is_given_up_after_a_few(
    sweeps: Any, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for name in names(200):
        server.put(name, b"x" * 2000)
    server.faults.cuts = dict.fromkeys(names(200), (1000, 1000))
    sweeps.visit(server, connections=2)
    with pytest.raises(SweepIncomplete):
        sweeps.sweep()
    assert len(server.fetched) < 60
    assert sweeps.stored_keys() == []
    assert len(result(caplog)) < 20


def test_an_unreachable_server_does_not_delay_the_others(
    sweeps: Any, make_server: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    good, bad, worse = make_server(), make_server(), make_server()
    good.put(NAME, b"from the good one")
    bad.put(NAME, b"from the bad one")
    worse.stop()
    sweeps.configure(
        {
            "dead": {"url": f"ftp://127.0.0.1:{free_port()}"},
            "gone": {"url": worse.url},
            "good": {"url": good.url},
            "strange": {"url": bad.url.replace("%2B", "-")},
            "nowhere": {"url": "ftp://no-such-host.invalid"},
        }
    )
    with pytest.raises(SweepIncomplete, match="SERVER_UNREACHABLE dead") as failed:
        sweeps.sweep()
    assert sweeps.bodies() == [b"from the good one"]
    codes = {issue["server"]: issue["code"] for issue in result(caplog)}
    assert codes == {
        "dead": "SERVER_UNREACHABLE",
        "gone": "SERVER_UNREACHABLE",
        "strange": "LOGIN_REFUSED",
        "nowhere": "SERVER_UNREACHABLE",
    }
    assert "word" not in str(failed.value)


def test_a_wrong_password_is_tried_once_and_never_shown(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(NAME)
    tries: list[str] = []
    refuse = server.authorizer.validate_authentication

    def validate(user: str, password: str, handler: Any) -> None:
        tries.append(password)
        refuse(user, password, handler)

    monkeypatch.setattr(server.authorizer, "validate_authentication", validate)
    sweeps.configure({"main": {"url": f"ftp://gateways:hunter2@localhost:{server.port}"}})
    with pytest.raises(SweepIncomplete, match="LOGIN_REFUSED main: 530"):
        sweeps.sweep()
    assert tries == ["hunter2"]
    assert "hunter2" not in repr([record.__dict__ for record in caplog.records])


def test_a_password_with_a_line_end_is_no_command(sweeps: Any, server: Any) -> None:
    sweeps.configure({"main": {"url": f"ftp://gateways:a%0d%0aDELE%20x@localhost:{server.port}"}})
    with pytest.raises(SweepIncomplete, match="LOGIN_REFUSED main: user or password has a line break"):
        sweeps.sweep()
    assert server.deleted == []


def secret_of(name: str, text: str) -> str:
    return str(boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])


def test_credentials_come_from_a_secret_read_each_time(sweeps: Any, server: Any, bucket: str) -> None:
    server.put(NAME)
    wrong = json.dumps({"username": "gateways", "password": "old"})
    arn = secret_of(f"{bucket}-ftp", wrong)
    sweeps.configure({"main": {"url": f"ftp://localhost:{server.port}", "secret_arn": arn}})
    with pytest.raises(SweepIncomplete, match="LOGIN_REFUSED"):
        sweeps.sweep()
    right = json.dumps({"username": "gateways", "password": "pass word+1"})
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=right)
    assert sweeps.sweep()["stored"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "SECRET_UNREADABLE main: cannot read the secret: .*ResourceNotFoundException"),
        ("hunter2", "SECRET_INVALID main: the secret is not a JSON object"),
        ('["hunter2"]', "SECRET_INVALID main: the secret is not a JSON object"),
        ('{"username": "gateways"}', "SECRET_INVALID main: password in the secret"),
        ('{"password": "hunter2"}', "SECRET_INVALID main: username in the secret"),
        (
            '{"username": "u", "password": "hunter2", "certificate": 3}',
            "SECRET_INVALID main: certificate in the secret",
        ),
    ],
)
def test_a_secret_that_is_missing_or_wrong_stops_its_server_alone(
    sweeps: Any, make_server: Callable[..., Any], bucket: str, text: str | None, message: str
) -> None:
    good, other = make_server(), make_server()
    good.put(NAME)
    arn = f"arn:aws:secretsmanager:eu-west-2:111122223333:secret:{bucket}-none"
    if text is not None:
        arn = secret_of(f"{bucket}-ftp", text)
    sweeps.configure({"main": {"url": other.url, "secret_arn": arn}, "good": {"url": good.url}})
    with pytest.raises(SweepIncomplete, match=message) as failed:
        sweeps.sweep()
    assert "hunter2" not in str(failed.value)
    assert len(sweeps.stored_keys()) == 1


def test_a_file_the_server_does_not_hand_out_stops_no_other(sweeps: Any, server: Any) -> None:
    denied, *others = names(5)
    for name in (denied, *others):
        server.put(name, name.encode())
    server.faults.denied = {denied}
    sweeps.visit(server)
    for _ in range(2):
        response = sweeps.sweep()
        (issue,) = response["errors"]
        assert (issue["code"], issue["file"]) == ("FILE_REFUSED", denied)
    assert len(sweeps.stored_keys()) == 4
    assert server.fetched.count(denied) == 2


def test_s3_denied_on_one_key_stops_no_other(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names(20):
        server.put(name, name.encode())
    sweeps.visit(server, delete=True)
    with monkeypatch.context() as patch:
        denying(patch, "put_object", where="T00-07-00")
        with pytest.raises(SweepIncomplete, match=r"S3_DENIED .*T00-07-00"):
            sweeps.sweep()
    assert len(sweeps.stored_keys()) == 19
    assert [path.name for path in server.root.iterdir()] == [names(20)[7]]
    assert sweeps.sweep()["stored"] == 1
    assert len(sweeps.stored_keys()) == 20


def test_s3_denied_altogether_ends_the_sweep_soon(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names(300):
        server.put(name, name.encode())
    sweeps.visit(server, delete=True, connections=4)
    with monkeypatch.context() as patch:
        denying(patch, "put_object", where="ftp-backups/")
        with pytest.raises(SweepIncomplete, match="S3_DOWN"):
            sweeps.sweep()
    assert len(server.fetched) < 30
    assert server.deleted == []
    assert sweeps.sweep()["stored"] == 300


@pytest.mark.parametrize("action", ["get_object", "put_object"])
def test_a_failing_manifest_does_not_affect_other_sites(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    server.put(NAME)
    server.put("ehm21120333-logger1.csv", b"of another site")
    sweeps.visit(server)
    with monkeypatch.context() as patch:
        denying(patch, action, where="ftp-manifests/AN54101471")
        with pytest.raises(SweepIncomplete, match=r"MANIFEST_FAULT main: manifest: .*AccessDenied"):
            sweeps.sweep()
    assert b"of another site" in sweeps.bodies()
    sweeps.sweep()
    assert (len(sweeps.stored_keys()), sweeps.versions()) == (2, 2)


def test_a_server_without_mlsd_is_reported_with_the_setting(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    server.faults.has_mlsd = False
    sweeps.visit(server)
    with pytest.raises(SweepIncomplete, match=r'NOT_LISTED .*500 MLSD.*set "listing": "list"'):
        sweeps.sweep()
    sweeps.visit(server, listing="list")
    assert sweeps.sweep()["stored"] == 1
    assert sweeps.sweep()["unchanged"] == 1
    sweeps.visit(server, listing="list", delete=True)
    assert sweeps.sweep()["deleted"] == 1


def test_a_listing_as_windows_writes_it(sweeps: Any, server: Any) -> None:
    server.put(NAME, b"12345")
    server.put("AN54101471/b c.csv", b"123")
    server.faults.listing = (
        b"03-20-25  09:00AM       <DIR>          archive\r\n"
        b"03-20-25  09:01AM                    5 " + NAME.encode() + b"\r\n"
        b"nonsense\r\n"
    )
    sweeps.visit(server, listing="list")
    response = sweeps.sweep()
    assert (response["stored"], sweeps.bodies()) == (1, [b"12345"])
    (issue,) = response["errors"]
    assert (issue["code"], "nonsense" in issue["message"]) == ("UNUSABLE_NAME", True)


def test_a_server_that_takes_fewer_connections_is_swept_with_those(
    sweeps: Any, make_server: Callable[..., Any]
) -> None:
    server = make_server(most=2)
    for name in names(60):
        server.put(name, name.encode())
    sweeps.visit(server, connections=16)
    response = sweeps.sweep()
    assert (response["stored"], response["errors"]) == (60, [])


def test_a_server_that_stalls_costs_the_rest_nothing_and_the_manifest_is_written(
    sweeps: Any, make_server: Callable[..., Any], context: Any
) -> None:
    stalling, good = make_server(), make_server()
    stalling.put(NAME, b"x" * 1000)
    stalling.faults.stalled = {NAME}
    for name in names(20)[1:]:
        good.put(name, name.encode())
    sweeps.visit(stalling, good)
    context.ends_at = time.monotonic() + 6
    response = sweeps.sweep()
    assert context.get_remaining_time_in_millis() > 0
    assert (response["stored"], response["deferred"], response["is_complete"]) == (19, 1, False)
    assert len(sweeps.manifest("AN54101471")["files"]) == 19


def test_out_of_time_it_stops_writes_down_how_far_it_came_and_goes_on_there(
    sweeps: Any, server: Any, context: Any
) -> None:
    for name in [*names(60), *names(60, "ehm21120333")]:
        server.put(name, name.encode())
    server.faults.delay = 0.1
    sweeps.visit(server, connections=2)
    context.ends_at = time.monotonic() + 3
    first = sweeps.sweep()
    assert context.get_remaining_time_in_millis() > 0
    assert not first["is_complete"]
    assert first["errors"] == []
    assert 0 < first["stored"] < 110
    assert first["stored"] + first["deferred"] == 120
    serials = [key.split("/")[1] for key in sweeps.stored_keys()]
    assert abs(serials.count("AN54101471") - serials.count("ehm21120333")) < 10, "the sites took turns"
    fetched = len(server.fetched)

    server.faults.delay = 0.0
    context.ends_at = time.monotonic() + 30
    second = sweeps.sweep()
    assert (second["stored"] + first["stored"], second["unchanged"]) == (120, first["stored"])
    assert len(server.fetched) - fetched == 120 - first["stored"]
    assert sweeps.versions() == 120


@pytest.mark.parametrize("delete", [False, True])
def test_two_sweeps_at_once_store_each_file_once_and_keep_one_manifest(
    sweeps: Any, server: Any, delete: bool
) -> None:
    for name in names(80):
        server.put(name, name.encode())
    sweeps.visit(server, connections=4, delete=delete)
    begin = threading.Barrier(3)

    def sweep(_number: int) -> dict[str, Any]:
        begin.wait()
        return dict(sweeps.sweep())

    with ThreadPoolExecutor(3) as threads:
        responses = list(threads.map(sweep, range(3)))

    assert sum(response["stored"] for response in responses) == 80
    assert sweeps.versions() == 80
    files = sweeps.manifest("AN54101471")["files"]
    left = {path.name for path in server.root.iterdir()}
    if delete:
        assert left == set()
        assert sweeps.sweep()["listed"] == 0
    else:
        assert set(files) == {f"main:{name}" for name in names(80)}
        assert sweeps.sweep()["unchanged"] == 80


def test_thousands_of_files_at_once(sweeps: Any, server: Any, context: Any) -> None:
    everything = [*names(2_700), *names(300, "ehm21120333")]
    for name in everything:
        server.put(name, name.encode())
    sweeps.visit(server)
    context.ends_at = time.monotonic() + 250
    response = sweeps.sweep()
    assert (response["stored"], response["errors"], response["is_complete"]) == (3_000, [], True)
    assert len(sweeps.stored_keys()) == 3_000
    assert len(sweeps.manifest("AN54101471")["files"]) == 2_700
    assert sweeps.sweep()["unchanged"] == 3_000
    assert len(server.fetched) == 3_000


def test_no_client_is_made_that_a_sweep_does_not_use(
    sweeps: Any, server: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(NAME)
    arn = secret_of(f"{bucket}-ftp", json.dumps({"username": "gateways", "password": "pass word+1"}))
    made: list[str] = []
    make = boto3.client

    def client(service: str, **options: Any) -> Any:
        made.append(service)
        return make(service, **options)

    monkeypatch.setattr(boto3, "client", client)
    clients.s3.cache_clear()
    sweeps.configure({"main": {"url": server.url}})
    sweeps.sweep()
    assert made == ["s3"]
    sweeps.configure({"main": {"url": server.url, "secret_arn": arn}})
    sweeps.sweep()
    assert made == ["s3", "secretsmanager"]
