"""The fast codecs give the same results as the standard ones: JSON, gzip and metric bodies."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import example, given
from hypothesis import strategies as st

from smarterise_lambdas.shared import put_metric_data
from smarterise_lambdas.shared.codecs import compressed, dump_line, load
from smarterise_sdk.domain.readings.mqtt import RejectedReading, load_json, parse_mqtt

NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def within_64_bits(value: Any) -> Any:
    """Return a value with the integers beyond 64 bits as floats."""
    if isinstance(value, list):
        return [within_64_bits(one) for one in value]
    if isinstance(value, dict):
        return {key: within_64_bits(one) for key, one in value.items()}
    return float(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value


def outcome(read: Any, payload: bytes) -> tuple[str, Any]:
    try:
        return "read", repr(within_64_bits(read(payload)))  # by its text: no number is not equal to itself
    except ValueError:
        return "refused", None


@given(VALUES, st.booleans(), st.booleans())
def test_valid_json_decodes_as_by_the_standard_library(value: object, ascii_only: bool, mark: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    payload = b"\xef\xbb\xbf" + text if mark else text
    assert outcome(load, payload) == outcome(load_json, payload)


@given(st.binary(max_size=50) | st.text(max_size=50).map(lambda text: text.encode(errors="replace")))
@example(b"20000000000000000000")
def test_invalid_json_is_rejected_as_by_the_standard_library(payload: bytes) -> None:
    assert outcome(load, payload) == outcome(load_json, payload)


ENTRY = st.fixed_dictionaries(
    {"param": st.sampled_from(["V1", "V2", "Psum", "EP_IMP_kWh", "Har3_Va"]) | LEAVES},
    optional={
        "value": LEAVES | st.sampled_from(["230.4", "----", "1e5", "NaN", "1_0"]),
        "unit": LEAVES | st.just("W"),
    },
)


@example(entries=[{"param": None}], timestamp=None, serial=2**64)
@given(st.lists(ENTRY | LEAVES, max_size=8), LEAVES | st.just(1_772_366_700), LEAVES | st.just("AN54101471"))
def test_both_decoders_give_the_same_reading(entries: list[Any], timestamp: Any, serial: Any) -> None:
    document = {"timestamp": timestamp, "gateway": {"serial": serial}, "device": {"readings": entries}}
    payload = json.dumps(document).encode()

    def evaluated(**how: Any) -> object:
        try:
            return parse_mqtt(payload, received_at=NOW, **how)
        except RejectedReading as rejection:
            return rejection.reason

    assert evaluated(load=load) == evaluated()


def test_too_deep_nesting_raises_in_both_decoders() -> None:
    with pytest.raises(RecursionError):
        load(b"[" * 100_000)


@pytest.mark.parametrize("place", ["gateway.serial", "gateway.model", "device.serial", "device.online"])
def test_the_deepest_readable_nesting_does_not_fail_a_batch(place: str) -> None:
    owner, _, name = place.partition(".")
    message: dict[str, Any] = {
        "timestamp": 1_772_366_700,
        "gateway": {"serial": "AN54101471"},
        "device": {"readings": [{"param": "V1", "value": "230", "unit": "V"}]},
    }
    message[owner][name] = "here"
    payload = json.dumps(message).replace('"here"', "[" * 1000 + "]" * 1000).encode()
    if name == "serial":
        with pytest.raises(RejectedReading, match="not list"):
            parse_mqtt(payload, received_at=NOW, load=load)
    else:
        reading = parse_mqtt(payload, received_at=NOW, load=load)
        assert (reading.gateway_model, reading.device_online) == ("", True)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=5))
def test_a_line_decodes_to_its_input(line: dict[str, Any]) -> None:
    written = dump_line(line)
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert json.loads(written) == line


def test_a_lone_surrogate_is_written_as_its_escape() -> None:
    assert json.loads(dump_line({"payload": "\ud800"})) == {"payload": "\ud800"}


@given(st.binary())
def test_gzip_round_trips_without_a_timestamp(data: bytes) -> None:
    packed = compressed(data)
    assert gzip.decompress(packed) == data
    assert packed[4:8] == bytes(4)
    assert compressed(data) == packed


class Sent:
    """Return the body that boto3 would send."""

    def __init__(self, *, quick: bool, **settings: Any) -> None:
        config = Config(disable_request_compression=quick, **settings)
        self.client = boto3.Session().client("cloudwatch", config=config)
        if quick:
            for _ in range(2):  # twice is once
                put_metric_data.install(self.client)
        self.client.meta.events.register("before-send", self._keep)
        self.body = b""
        self.headers: dict[str, Any] = {}

    def _keep(self, request: Any, **_: object) -> None:
        self.body, self.headers = request.body, dict(request.headers)
        raise ConnectionAbortedError

    def put(self, data: list[Any]) -> dict[str, Any]:
        with pytest.raises(ConnectionAbortedError):
            self.client.put_metric_data(Namespace="N", MetricData=data)
        body = self.body
        if self.headers.get("Content-Encoding") in ("gzip", b"gzip"):
            body = gzip.decompress(body)
        return dict(json.loads(body))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")


@pytest.mark.parametrize("count", [1, 1000])
@pytest.mark.usefixtures("credentials")
def test_the_metrics_body_equals_that_of_boto3(count: int) -> None:
    data = [
        {
            "MetricName": "VoltagePhase_A",
            "Dimensions": [{"Name": "GatewaySerial", "Value": f"AN{number}"}],
            "Timestamp": NOW,
            "Value": 230.0 + number / 7,
            "Unit": "None",
            "StorageResolution": 1,
        }
        for number in range(count)
    ]
    slow, quick = Sent(quick=False), Sent(quick=True)
    assert quick.put(data) == slow.put(data)
    for name in ("X-Amz-Target", "Content-Type", "Content-Encoding"):
        assert quick.headers.get(name) == slow.headers.get(name)


@pytest.mark.usefixtures("credentials")
def test_other_operations_are_unchanged() -> None:
    sent = Sent(quick=True)
    with pytest.raises(ConnectionAbortedError):
        sent.client.describe_alarms(AlarmNamePrefix="smartmeter-")
    assert b"smartmeter-" in sent.body


@pytest.mark.usefixtures("credentials")
def test_a_client_of_another_protocol_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.Session().client("cloudwatch")
    monkeypatch.setattr(client.meta.service_model, "resolved_protocol", "smithy-rpc-v2-cbor")
    registered: list[object] = []
    monkeypatch.setattr(client.meta.events, "register", lambda *event, **_: registered.append(event))
    put_metric_data.install(client)
    assert registered == []
