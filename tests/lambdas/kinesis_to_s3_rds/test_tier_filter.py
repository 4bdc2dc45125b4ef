"""Whose readings the stream's function takes: the decision, what it knows of the file, and whole batches."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from smarterise_lambdas.kinesis_to_s3_rds import handler as stream_handler
from smarterise_lambdas.kinesis_to_s3_rds.records import Accepted, Rejected, StreamRecord
from smarterise_lambdas.kinesis_to_s3_rds.tier_filter import admit
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.site_cache import REFRESH_SECONDS, SiteWatch
from smarterise_lambdas.shared.site_file import SiteFile
from smarterise_sdk.domain.readings.model import Reading, Source
from smarterise_sdk.domain.readings.mqtt import RejectReason
from smarterise_sdk.domain.sites.model import Site, Tier

Message = Callable[..., bytes]

LIVE, OTHER, ASLEEP, STRANGER = "AN00000001", "AN00000002", "AN00000003", "AN00000009"
SITES = {
    LIVE: Site(LIVE, Tier.CRITICAL),
    OTHER: Site(OTHER, Tier.NON_CRITICAL),
    ASLEEP: Site(ASLEEP, Tier.CRITICAL, enabled=False),
}
DOCUMENT = {"sites": {serial: {"tier": site.tier, "enabled": site.enabled} for serial, site in SITES.items()}}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def reading_of(serial: str) -> Reading:
    return Reading(serial, "", NOW, Source.IOT, {}, None, True, "", "")


def parsed(serial: str, *, good: bool) -> Accepted | Rejected:
    record = StreamRecord("stream", "shard", "1", serial, NOW, b"")
    if not good:
        return Rejected(record, RejectReason.NOT_JSON, "no")
    return Accepted(record, reading_of(serial))


@given(
    st.lists(st.builds(parsed, st.sampled_from([*SITES, STRANGER]), good=st.booleans())),
    st.sampled_from([SITES, None, {}]),
)
def test_only_dropped_records_are_lost(
    records: list[Accepted | Rejected], sites: dict[str, Site] | None
) -> None:
    admission = admit(records, sites)
    dropped = [one for one in records if sites and one.record.partition_key in (OTHER, ASLEEP)]
    taken = [one for one in records if one not in dropped]

    assert admission.dropped == len(dropped)
    assert list(admission.accepted) == [one for one in taken if isinstance(one, Accepted)]
    assert list(admission.rejected) == [one for one in taken if isinstance(one, Rejected)]
    known = set(sites) if sites is not None else {LIVE, OTHER, ASLEEP, STRANGER}
    assert admission.unknown == {one.reading.gateway_serial for one in admission.accepted} - known


def test_the_serial_inside_counts_and_not_the_topic_it_came_on() -> None:
    on_anothers_topic = Accepted(StreamRecord("stream", "shard", "1", LIVE, NOW, b""), reading_of(OTHER))
    assert admit([on_anothers_topic], SITES).dropped == 1


@pytest.mark.parametrize(("reason", "dropped"), [(RejectReason.BAD_AGGREGATE, 0), (RejectReason.NOT_JSON, 1)])
def test_an_aggregate_that_cannot_be_read_may_be_of_anybody(reason: RejectReason, dropped: int) -> None:
    on_anothers_topic = Rejected(StreamRecord("stream", "shard", "1", OTHER, NOW, b""), reason, "why")
    admission = admit([on_anothers_topic], SITES)
    assert (admission.dropped, len(admission.rejected)) == (dropped, 1 - dropped)


class Watched:
    """A watch on a real file, a clock that is moved by the test, and its S3 calls."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.now = 0.0
        self.lines: list[tuple[str, str, dict[str, object]]] = []
        self.watch = SiteWatch(
            SiteFile(clients.s3(), file.bucket, "site-tiers.json"), self, clock=lambda: self.now
        )

    def info(self, msg: object, *, extra: dict[str, object]) -> None:
        self.lines.append(("info", str(msg), extra))

    def warning(self, msg: object, *, extra: dict[str, object]) -> None:
        self.lines.append(("warning", str(msg), extra))

    def error(self, msg: object, *, extra: dict[str, object]) -> None:
        self.lines.append(("error", str(msg), extra))

    def later(self) -> dict[str, bool] | None:
        """Return the streaming sites after the next refresh."""
        self.now += REFRESH_SECONDS
        return self.at_once()

    def at_once(self) -> dict[str, bool] | None:
        sites = self.watch.sites()
        return None if sites is None else {serial: site.is_streaming for serial, site in sites.items()}


@pytest.fixture
def watched(file: Any) -> Watched:
    return Watched(file)


def spied(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> list[dict[str, Any]]:
    """Note what is asked of GetObject, and whether it was changed; fail with an error, if there is one."""
    get, asked = clients.s3().get_object, []

    def get_object(**request: Any) -> Any:
        asked.append(request)
        if error is not None:
            raise error
        return get(**request)

    monkeypatch.setattr(clients.s3(), "get_object", get_object)
    return asked


AS_WRITTEN = {LIVE: True, OTHER: False, ASLEEP: False}


def test_the_file_is_checked_periodically_and_read_only_if_it_changed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = watched.file.upload(DOCUMENT)
    asked = spied(monkeypatch)
    assert watched.at_once() == AS_WRITTEN
    watched.now += REFRESH_SECONDS - 0.1
    assert (watched.at_once(), len(asked)) == (AS_WRITTEN, 1)
    assert (watched.later(), len(asked)) == (AS_WRITTEN, 2)
    assert asked[1]["IfNoneMatch"] == etag
    watched.file.upload({"sites": {LIVE: {"tier": "NON_CRITICAL"}}})
    assert watched.later() == {LIVE: False}
    assert watched.later() == {LIVE: False}
    assert watched.lines == []


def test_an_invalid_file_changes_nothing_and_is_logged_once(watched: Watched) -> None:
    watched.file.upload(DOCUMENT)
    assert watched.at_once() == AS_WRITTEN
    watched.file.upload(b'{"sites": {\n"AN00000001": {"tier": "CRITICL"}}}')
    for _ in range(3):
        assert watched.later() == AS_WRITTEN
    ((level, text, extra),) = watched.lines
    assert (level, text) == ("warning", "site file not usable")
    assert "line 2" in str(extra["cause"])
    assert extra["source"] == "cached document"
    watched.file.upload(b"{}")
    watched.later()
    assert len(watched.lines) == 2  # another error is another line
    watched.file.upload({"sites": {}})
    assert watched.later() == {}
    assert watched.lines[-1][:2] == ("info", "site file in use again")


def test_a_process_that_starts_on_a_broken_file_takes_the_last_good_version(watched: Watched) -> None:
    watched.file.upload(DOCUMENT)
    good = clients.s3().list_object_versions(Bucket=watched.file.bucket)["Versions"][0]["VersionId"]
    watched.file.upload(b"{")
    watched.file.upload(b"[]")
    assert watched.at_once() == AS_WRITTEN
    ((_, _, extra),) = watched.lines
    assert extra["source"] == f"version {good}"


@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_was_deleted_goes_on_being_followed(watched: Watched, known: bool) -> None:
    watched.file.upload(DOCUMENT)
    if known:
        watched.at_once()
    clients.s3().delete_object(Bucket=watched.file.bucket, Key="site-tiers.json")
    assert watched.later() == AS_WRITTEN
    assert "does not exist" in str(watched.lines[0][2]["cause"])
    watched.file.upload(DOCUMENT)
    assert watched.later() == AS_WRITTEN
    assert watched.lines[-1][1] == "site file in use again"


@pytest.mark.parametrize("bodies", [[], [b"{}"], [b"{}", b"["]])
def test_without_any_good_document_everything_is_taken(watched: Watched, bodies: list[bytes]) -> None:
    for body in bodies:
        watched.file.upload(body)
    assert watched.at_once() is None
    assert watched.later() is None
    ((_, _, extra),) = watched.lines
    assert str(extra["source"]).startswith("none")


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject"),
        EndpointConnectionError(endpoint_url="https://s3"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_is_denied_or_out_of_reach(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, error: Exception, known: bool
) -> None:
    watched.file.upload(DOCUMENT)
    if known:
        watched.at_once()
    with monkeypatch.context() as while_it_lasts:
        spied(while_it_lasts, error)
        for _ in range(2):
            assert watched.later() == (AS_WRITTEN if known else None)
    ((level, _, extra),) = watched.lines
    assert (level, "is not available" in str(extra["cause"])) == ("warning", True)
    assert watched.later() == AS_WRITTEN
    assert watched.lines[-1][1] == "site file in use again"


def test_a_broken_file_that_is_denied_for_a_while_is_still_broken(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.file.upload(DOCUMENT)
    watched.at_once()
    watched.file.upload(b"{}")
    watched.later()
    with monkeypatch.context() as while_it_lasts:
        spied(while_it_lasts, ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject"))
        watched.later()
    watched.later()
    assert [level for level, _, _ in watched.lines] == ["warning"] * 3


def test_strangers_are_named_once(watched: Watched) -> None:
    watched.watch.log_unknown({STRANGER, "AN2"})
    watched.watch.log_unknown({STRANGER})
    watched.watch.log_unknown(())
    watched.watch.log_unknown({STRANGER, "AN3"})
    assert [extra["gateway_serials"] for _, _, extra in watched.lines] == [[STRANGER, "AN2"], ["AN3"]]


def test_a_batch_keeps_the_readings_of_live_sites_and_of_strangers(
    pipeline: Any, file: Any, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    file.upload(DOCUMENT)
    now = int(time.time())
    batch = [message(serial, at=now) for serial in (LIVE, OTHER, ASLEEP, STRANGER)]

    assert pipeline.deliver(*batch, b"no JSON") == {"batchItemFailures": []}

    assert pipeline.query("SELECT gateway_serial FROM readings ORDER BY 1") == [(LIVE,), (STRANGER,)]
    assert {key.split("/")[4] for key in pipeline.keys("raw/")} == {LIVE, STRANGER}
    assert len(pipeline.keys("quarantine/")) == 1  # its topic is that of a gateway the file does not know
    at = datetime.fromtimestamp(now, UTC)
    assert pipeline.points("VoltagePhase_A", OTHER, at) == []
    assert pipeline.points("VoltagePhase_A", LIVE, at) == [231.0]
    assert sum(pipeline.points("ReadingsDropped", None, datetime.now(UTC))) == 2.0
    result = {line.message: vars(line) for line in caplog.records}
    assert (result["batch processed"]["dropped"], result["batch processed"]["unknown_gateways"]) == (2, 1)
    assert result["gateways not in the site file"]["gateway_serials"] == [STRANGER]


def test_a_batch_of_dropped_readings_is_processed(pipeline: Any, file: Any, message: Message) -> None:
    file.upload(DOCUMENT)
    assert pipeline.deliver(message(OTHER), message(ASLEEP)) == {"batchItemFailures": []}
    assert pipeline.keys("raw/") == []
    assert sum(pipeline.points("ReadingsDropped", None, datetime.now(UTC))) == 2.0


def test_a_switch_is_applied_to_the_next_batch_after_a_refresh(
    pipeline: Any, file: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_CONFIG_REFRESH_SECONDS", "0")
    stream_handler.sinks.cache_clear()
    now = int(time.time())
    for second, tier in enumerate(("CRITICAL", "NON_CRITICAL", "CRITICAL")):
        file.upload({"sites": {LIVE: {"tier": tier}}})
        pipeline.deliver(message(LIVE, at=now - second), first=second)
    rows = pipeline.query("SELECT extract(epoch FROM measured_at)::int FROM readings ORDER BY 1")
    assert rows == [(now - 2,), (now,)]


def test_the_function_needs_to_know_the_file(
    pipeline: Any, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_CONFIG_KEY", "other/tiers.json")
    document = json.dumps({"sites": {LIVE: {"tier": "NON_CRITICAL"}}}).encode()
    clients.s3().put_object(Bucket=pipeline.bucket, Key="other/tiers.json", Body=document)
    pipeline.deliver(message(LIVE))
    assert pipeline.query("SELECT count(*) FROM readings") == [(0,)]
