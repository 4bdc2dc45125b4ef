"""Nothing is written except for a plan that announced it, and nothing at all in read-only mode."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest

from smarterise_sdk.aws.broker import Broker
from smarterise_sdk.aws.operations import READS, WRITES
from smarterise_sdk.aws.session import ClientFactory
from smarterise_sdk.domain.sites.plans import Plan, PlannedCall, SiteChange, WritePath
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.errors import SmarteriseError, WriteRefused
from smarterise_sdk.settings import Environment, EnvironmentKind, Origin, Source
from smarterise_sdk.settings.unlock import Unlocks
from smarterise_sdk.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.settings import Settings

FUNCTION = StackNames().site_config_manager
UPDATE: JsonObject = {"action": "update_sites", "updates": {"ehm21120333": {"tier": "NON_CRITICAL"}}}


class Listener:
    """A server that counts who connects, and hangs up."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server that must not be spoken to."""
    server = Listener()
    yield server
    server.close()


@pytest.fixture
def broker_for(
    listener: Listener, settings_for: Callable[..., Settings], keys: None
) -> Callable[..., Broker]:
    """Make brokers whose AWS is the listener."""

    def make(*, read_only: bool) -> Broker:
        return Broker(ClientFactory(settings_for(listener.url)), read_only=read_only)

    return make


def plan_of(*calls: PlannedCall, environment: str = "local") -> Plan:
    return Plan(
        plan_id="p1",
        title="Switch 1 site to NON_CRITICAL",
        environment=environment,
        account="111122223333",
        region="eu-west-2",
        via=WritePath.LAMBDA,
        updates={"ehm21120333": {"tier": "NON_CRITICAL"}},
        create=False,
        changes=(SiteChange("ehm21120333", {"tier": "CRITICAL"}, {"tier": "NON_CRITICAL"}),),
        unchanged=(),
        effects=(),
        calls=calls,
        base_etag='"e"',
        reason="",
        planned_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


INVOKE = PlannedCall("lambda:InvokeFunction", f"function {FUNCTION}")
PUT = PlannedCall("s3:PutObject", "s3://bucket/key")


def every_operation() -> Iterator[tuple[str, str]]:
    """Yield every method of every service that boto3 knows."""
    data = Path(botocore.__file__).parent / "data"
    for service in sorted(path.name for path in data.iterdir() if path.is_dir()):
        versions = sorted((data / service).glob("*/service-2.json*"))
        if not versions:
            continue
        raw = versions[-1].read_bytes()
        model = json.loads(gzip.decompress(raw) if versions[-1].suffix == ".gz" else raw)
        for name in model["operations"]:
            yield service, re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def test_no_other_call_of_any_service_gets_through(
    broker_for: Callable[..., Broker], listener: Listener
) -> None:
    broker = broker_for(read_only=False)
    seen = 0
    for service, operation in every_operation():
        if (service, operation) in READS:
            seen += 1
            continue
        with pytest.raises(WriteRefused) as caught:
            broker.call(service, operation)
        assert caught.value.code == "NOT_A_READ"
    assert seen == len(READS), "a read in the table is not an operation of boto3"
    assert listener.connections == 0


def test_reads_are_reads_by_name() -> None:
    assert all(operation.startswith(("get_", "list_", "describe_", "head_")) for _, operation in READS)
    assert not READS.keys() & WRITES.keys()
    assert ("lambda", "invoke") not in {*READS, *WRITES}


@pytest.mark.parametrize(
    ("function", "payload"),
    [
        (FUNCTION, UPDATE),
        (FUNCTION, {**UPDATE, "dry_run": False}),
        (FUNCTION, {"action": "rollback", "version_id": "v"}),
        (FUNCTION, {"action": "reconcile"}),
        (FUNCTION, {"action": "reconcile", "dry_run": "yes"}),
        ("ftp_to_s3", {"action": "get_config"}),
        (f"{FUNCTION}:prod", {"action": "get_config"}),
    ],
)
def test_invoking_what_may_change_something_is_refused(
    broker_for: Callable[..., Broker], listener: Listener, function: str, payload: dict[str, Any]
) -> None:
    with pytest.raises(WriteRefused):
        broker_for(read_only=False).invoke(function, payload)
    assert listener.connections == 0


def test_read_only_refuses_before_a_byte_leaves(
    broker_for: Callable[..., Broker], listener: Listener
) -> None:
    broker = broker_for(read_only=True)
    with pytest.raises(WriteRefused) as caught, broker.writing(plan_of(INVOKE, PUT)):
        pytest.fail("the gate opened")
    assert caught.value.code == "READ_ONLY"
    assert "read-only" in caught.value.what
    assert "SMARTERISE_READ_ONLY=false" in caught.value.remedy
    assert listener.connections == 0
    assert broker.stats().calls == 0


def test_read_only_says_where_it_comes_from(
    settings_for: Callable[..., Settings], listener: Listener
) -> None:
    origins = {"read_only": Origin(Source.FLAG, "--read-only")}
    factory = ClientFactory(settings_for(listener.url, read_only=True, origins=origins))
    with pytest.raises(WriteRefused) as caught:
        Broker(factory, read_only=True).check_may_write(plan_of(INVOKE))
    assert caught.value.why == "from flag --read-only"


PRODUCTION = Environment("prod", EnvironmentKind.PRODUCTION, "red")


@pytest.mark.parametrize(
    ("origin", "remedy"),
    [
        (Origin(Source.FLAG, "--read-only"), "leave out --read-only"),
        (Origin(Source.VARIABLE, "SMARTERISE_READ_ONLY"), "leave out SMARTERISE_READ_ONLY"),
        (Origin(Source.DEFAULT, "the environment is of kind production"), "smarterise-ops --env prod unlock"),
    ],
)
def test_the_remedy_is_the_one_that_helps(
    settings_for: Callable[..., Settings], listener: Listener, origin: Origin, remedy: str
) -> None:
    settings = settings_for(
        listener.url, environment=PRODUCTION, read_only=True, origins={"read_only": origin}
    )
    with pytest.raises(WriteRefused) as caught:
        Broker(ClientFactory(settings), read_only=True).check_may_write(plan_of(INVOKE, environment="prod"))
    assert remedy in caught.value.remedy


class Watch:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def unlocked(settings: Settings, watch: Watch, listener: Listener) -> Broker:
    """Return a broker of a production environment that was unlocked for ten minutes."""
    unlock = Unlocks(settings.state_dir).open("prod", minutes=10, reason="outage", by="anna", now=watch.at)
    return Broker(
        ClientFactory(replace(settings, write_until=unlock.until)),
        read_only=False,
        now=watch,
    )


@pytest.mark.parametrize("ends_by", ["time", "lock", "clock set back"])
def test_an_unlock_is_judged_at_the_moment_of_writing(
    settings_for: Callable[..., Settings], listener: Listener, keys: None, ends_by: str
) -> None:
    watch = Watch()
    settings = settings_for(listener.url, environment=PRODUCTION)
    broker = unlocked(settings, watch, listener)
    plan = plan_of(INVOKE, PUT, environment="prod")
    with broker.writing(plan) as grant:
        with pytest.raises(SmarteriseError) as answered:
            grant.invoke(FUNCTION, UPDATE)
        assert not isinstance(answered.value, WriteRefused)
        if ends_by == "time":
            watch.at += timedelta(minutes=10)
        elif ends_by == "lock":
            Unlocks(settings.state_dir).close("prod")
        else:
            watch.at -= timedelta(hours=1)
        with pytest.raises(WriteRefused) as caught:
            grant.invoke(FUNCTION, UPDATE)
        with pytest.raises(WriteRefused):
            grant.call("s3", "put_object", Bucket="bucket", Key="key", Body=b"")
    assert "the unlock of environment prod is over" in caught.value.what
    assert "12:10Z" in caught.value.why
    assert "unlock --for" in caught.value.remedy
    with pytest.raises(WriteRefused), broker.writing(plan):
        pytest.fail("the gate opened")
    assert listener.connections == 1


def test_an_unlock_that_was_made_longer_holds_longer(
    settings_for: Callable[..., Settings], listener: Listener, keys: None
) -> None:
    watch = Watch()
    settings = settings_for(listener.url, environment=PRODUCTION)
    broker = unlocked(settings, watch, listener)
    Unlocks(settings.state_dir).open("prod", minutes=60, reason="still", by="anna", now=watch.at)
    watch.at += timedelta(minutes=30)
    broker.check_may_write(plan_of(INVOKE, environment="prod"))


def test_a_plan_for_another_environment_is_refused(
    broker_for: Callable[..., Broker], listener: Listener
) -> None:
    broker = broker_for(read_only=False)
    with pytest.raises(WriteRefused) as caught, broker.writing(plan_of(INVOKE, environment="prod")):
        pytest.fail("the gate opened")
    assert caught.value.code == "WRONG_ENVIRONMENT"
    assert listener.connections == 0


def test_a_grant_lets_through_what_its_plan_announced_and_no_more(
    broker_for: Callable[..., Broker], listener: Listener
) -> None:
    broker = broker_for(read_only=False)
    with broker.writing(plan_of(INVOKE)) as grant:
        for refused in (
            lambda: grant.invoke("ftp_to_s3", UPDATE),
            lambda: grant.call("s3", "put_object", Bucket="bucket", Key="key", Body=b""),
            lambda: grant.call("s3", "delete_object", Bucket="bucket", Key="key"),
        ):
            with pytest.raises(WriteRefused):
                refused()
        assert listener.connections == 0
        with pytest.raises(SmarteriseError) as caught:
            grant.invoke(FUNCTION, UPDATE)
        assert not isinstance(caught.value, WriteRefused)
    assert listener.connections == 1, "the write was sent more than once, or not at all"


def test_a_put_is_announced_by_bucket_and_key_and_sent_once(
    broker_for: Callable[..., Broker], listener: Listener
) -> None:
    with broker_for(read_only=False).writing(plan_of(PUT)) as grant:
        with pytest.raises(WriteRefused) as caught:
            grant.call("s3", "put_object", Bucket="bucket", Key="another", Body=b"")
        assert caught.value.code == "NOT_ANNOUNCED"
        with pytest.raises(SmarteriseError):
            grant.call("s3", "put_object", Bucket="bucket", Key="key", Body=b"")
    assert listener.connections == 1


def test_a_grant_ends_with_its_block(broker_for: Callable[..., Broker], listener: Listener) -> None:
    with broker_for(read_only=False).writing(plan_of(INVOKE)) as grant:
        pass
    with pytest.raises(WriteRefused) as caught:
        grant.invoke(FUNCTION, UPDATE)
    assert caught.value.code == "GRANT_CLOSED"
    assert listener.connections == 0


def test_a_read_only_stack_reads_and_rehearses_but_does_not_write(
    home: Any, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    with Stack(settings_for(home.url, read_only=True)) as stack:
        plan = stack.sites.plan_update({"ehm21120333": {"tier": "NON_CRITICAL"}})
        assert stack.broker.invoke(FUNCTION, {**UPDATE, "dry_run": True})["ok"] is True
        before = home.file()
        with pytest.raises(WriteRefused):
            stack.sites.apply(plan)
        assert home.file() == before
        assert not stack.journal.path.exists()
