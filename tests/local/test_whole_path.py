"""One reading, published at its topic, through the whole stack: S3, PostgreSQL and CloudWatch agree on it."""

from __future__ import annotations

import base64
import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from smarterise_ops.local.client import RunningStack
from smarterise_ops.local.simulation.fleet import simulated_fleet
from smarterise_ops.local.simulation.mqtt_payload import message
from smarterise_sdk.domain.readings.metrics import METRICS, Metric, metric_values
from smarterise_sdk.domain.readings.model import Quantity
from smarterise_sdk.domain.readings.mqtt import parse_mqtt
from smarterise_sdk.domain.stack.names import StackNames

pytestmark = pytest.mark.stack

NAMES = StackNames()
ClientOf = Callable[[RunningStack, str], Any]
Eventually = Callable[..., Any]


def publish(stack: RunningStack, topic: str, payload: bytes) -> dict[str, Any]:
    request = urllib.request.Request(stack.topic_url(topic), data=payload, method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:
        told: dict[str, Any] = json.load(response)
    return told


def lake_lines(s3: Any, prefix: str) -> list[dict[str, Any]]:
    listed = s3.list_objects_v2(Bucket=NAMES.data_lake_bucket, Prefix=prefix).get("Contents", [])
    lines = []
    for item in listed:
        body = s3.get_object(Bucket=NAMES.data_lake_bucket, Key=item["Key"])["Body"].read()
        lines += [json.loads(line) for line in gzip.decompress(body).splitlines()]
    return lines


def rows_of(stack: RunningStack, serial: str) -> list[dict[str, Any]]:
    with psycopg.connect(stack.exports["SMARTERISE_DATABASE_URL"], row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM readings WHERE gateway_serial = %s", [serial]).fetchall()


def metric_of(cloudwatch: Any, serial: str, metric: Metric, at: datetime) -> list[float]:
    response = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {
                "Id": "m",
                "MetricStat": {
                    "Metric": {
                        "Namespace": NAMES.metric_namespace,
                        "MetricName": metric.value,
                        "Dimensions": [{"Name": "GatewaySerial", "Value": serial}],
                    },
                    "Period": 1,
                    "Stat": "Average",
                },
            }
        ],
        StartTime=at,
        EndTime=at + timedelta(seconds=1),
    )
    values: list[float] = response["MetricDataResults"][0]["Values"]
    return values


def test_a_reading_is_found_everywhere_with_equal_values(
    embedded_stack: RunningStack, client_of: ClientOf, eventually: Eventually
) -> None:
    serial = "AN99000001"  # a gateway nobody simulates
    site = simulated_fleet(12, 99)[0]
    now = datetime.now(UTC).replace(microsecond=0)
    payload = message(site, 99, now, now).replace(site.gateway_serial.encode(), serial.encode())
    reading = parse_mqtt(payload, received_at=now)

    assert publish(embedded_stack, NAMES.topic(serial), payload)["message"] == "OK"

    s3, cloudwatch = client_of(embedded_stack, "s3"), client_of(embedded_stack, "cloudwatch")
    prefix = f"raw/source=iot/dt={now:%Y-%m-%d}/hour={now:%H}/{serial}/"
    (line,) = eventually(lambda: lake_lines(s3, prefix))
    (row,) = eventually(lambda: rows_of(embedded_stack, serial))
    eventually(lambda: metric_of(cloudwatch, serial, Metric.FREQUENCY, now))

    assert line["payload"].encode() == payload  # as it came
    assert datetime.fromisoformat(line["measured_at"]) == now
    assert row["measured_at"] == reading.measured_at == now
    assert row["source"] == "iot"
    for quantity in Quantity:
        assert row[quantity.value] == line[quantity.value] == reading.values[quantity], quantity
    expected = metric_values(reading, now=now)
    assert set(expected) >= set(METRICS) - {Metric.READING_AGE}
    for metric, value in expected.items():
        if metric is not Metric.READING_AGE:  # it depends on when the function looked
            assert metric_of(cloudwatch, serial, metric, now) == [value], metric
    assert metric_of(cloudwatch, serial, Metric.READING_AGE, now)[0] >= 0
    assert metric_of(cloudwatch, serial, Metric.VOLTAGE_A, now) == [row["voltage_a"]]


def test_the_same_reading_again_is_one_row(embedded_stack: RunningStack, eventually: Eventually) -> None:
    serial = "AN99000002"
    site = simulated_fleet(12, 99)[1]
    now = datetime.now(UTC).replace(microsecond=0)
    payload = message(site, 99, now, now).replace(site.gateway_serial.encode(), serial.encode())
    later = message(site, 99, now, now + timedelta(seconds=1)).replace(
        site.gateway_serial.encode(), serial.encode()
    )
    for each in (payload, payload, later):
        publish(embedded_stack, NAMES.topic(serial), each)
    eventually(lambda: len(rows_of(embedded_stack, serial)) == 2)


def test_what_cannot_be_read_is_kept_in_quarantine(
    embedded_stack: RunningStack, client_of: ClientOf, eventually: Eventually
) -> None:
    s3 = client_of(embedded_stack, "s3")
    day = datetime.now(UTC)
    poison = b"this is no JSON \xff"
    publish(embedded_stack, NAMES.topic("AN99000003"), poison)
    prefix = f"quarantine/source=iot/dt={day:%Y-%m-%d}/reason=NOT_JSON/"
    lines = eventually(lambda: lake_lines(s3, prefix))
    assert any("NOT_JSON" in json.dumps(line) for line in lines)


@pytest.mark.parametrize(
    ("path", "status"),
    [("topics/accuenergy%2F%2B", 400), ("topics/", 400), ("elsewhere/x", 404)],
)
def test_the_endpoint_says_what_is_wrong(embedded_stack: RunningStack, path: str, status: int) -> None:
    base = embedded_stack.exports["SMARTERISE_MQTT_PUBLISH"].removesuffix("topics/")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(base + path, data=b"{}", method="POST"), timeout=5)
    with refused.value as response:
        assert response.code == status
        assert json.load(response)["message"]


def test_a_message_larger_than_iot_takes_is_refused(embedded_stack: RunningStack) -> None:
    request = urllib.request.Request(
        embedded_stack.topic_url(NAMES.topic("AN99000004")), data=b"x" * (128 * 1024 + 1), method="POST"
    )
    with pytest.raises((urllib.error.HTTPError, urllib.error.URLError)) as refused:
        urllib.request.urlopen(request, timeout=5)
    if isinstance(refused.value, urllib.error.HTTPError):
        assert refused.value.code == 413
        refused.value.close()


def test_a_message_on_a_topic_without_a_rule_is_taken_and_goes_nowhere(embedded_stack: RunningStack) -> None:
    assert publish(embedded_stack, "elsewhere/AN99000005", b"{}")["message"] == "OK"


def test_what_a_rule_cannot_pass_on_goes_where_its_error_action_says(
    embedded_stack: RunningStack, client_of: ClientOf, eventually: Eventually
) -> None:
    iot, s3 = client_of(embedded_stack, "iot"), client_of(embedded_stack, "s3")
    to_nowhere = {
        "kinesis": {
            "roleArn": "arn:aws:iam::123456789012:role/accuenergy_to_kinesis-role",
            "streamName": "no-such-stream",
        }
    }
    to_bucket = {
        "s3": {
            "roleArn": "arn:aws:iam::123456789012:role/accuenergy_to_kinesis-role",
            "bucketName": NAMES.data_lake_bucket,
            "key": "iot-errors/${topic(2)}/it.json",
        }
    }
    rules = {
        "broken": {"sql": "SELECT * FROM 'broken/+'", "actions": [to_nowhere], "errorAction": to_bucket},
        "not_understood": {"sql": "SELECT a FROM 'broken/+'", "actions": [to_bucket]},
        "switched_off": {"sql": "SELECT * FROM 'broken/+'", "actions": [to_bucket], "ruleDisabled": True},
    }
    for name, payload in rules.items():
        iot.create_topic_rule(ruleName=name, topicRulePayload=payload)
    try:

        def kept() -> dict[str, Any] | None:
            publish(embedded_stack, "broken/AN99000007", b"the message")
            listed = s3.list_objects_v2(Bucket=NAMES.data_lake_bucket, Prefix="iot-errors/AN99000007/")
            if listed["KeyCount"] == 0:
                return None
            body = s3.get_object(Bucket=NAMES.data_lake_bucket, Key="iot-errors/AN99000007/it.json")["Body"]
            told: dict[str, Any] = json.loads(body.read())
            return told

        told = eventually(kept)  # rules are read anew every few seconds
        assert told["ruleName"] == "broken"
        assert base64.b64decode(told["base64OriginalPayload"]) == b"the message"
        assert "no-such-stream" in told["failures"][0]["errorMessage"]
    finally:
        for name in rules:
            iot.delete_topic_rule(ruleName=name)


def test_rows_come_when_the_table_is_back(
    embedded_stack: RunningStack, client_of: ClientOf, eventually: Eventually
) -> None:
    """A fault of the database holds up the stream; nothing is lost over it."""
    serial = "AN99000006"
    site = simulated_fleet(12, 99)[2]
    now = datetime.now(UTC).replace(microsecond=0)
    payload = message(site, 99, now, now).replace(site.gateway_serial.encode(), serial.encode())
    url = embedded_stack.exports["SMARTERISE_DATABASE_URL"]
    logs = client_of(embedded_stack, "logs")
    since = int(now.timestamp() * 1000)

    def failures() -> bool:
        found = logs.filter_log_events(
            logGroupName=NAMES.log_group(NAMES.kinesis_to_s3_rds), startTime=since, filterPattern="ERROR"
        )
        return bool(found["events"])

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE readings ADD CONSTRAINT closed CHECK (false) NOT VALID")
        try:
            publish(embedded_stack, NAMES.topic(serial), payload)
            eventually(failures)
            assert rows_of(embedded_stack, serial) == []
        finally:
            connection.execute("ALTER TABLE readings DROP CONSTRAINT closed")
    eventually(lambda: len(rows_of(embedded_stack, serial)) == 1)
