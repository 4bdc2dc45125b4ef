"""Alarms of the running stack: each by its own dimension, and nobody but the evaluator sets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from smarterise_ops.local.client import RunningStack
from smarterise_ops.local.emulator.alarm_evaluator import AlarmEvaluator
from smarterise_ops.local.testing import running_stack
from smarterise_sdk.domain.stack.alarms import ALARM_RULES
from smarterise_sdk.domain.stack.names import StackNames

pytestmark = pytest.mark.stack

NAMES = StackNames()
NAMESPACE = "AlarmTests"
ClientOf = Callable[[RunningStack, str], Any]


@pytest.fixture(scope="module")
def quiet_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack in which nobody speaks but the tests."""
    with running_stack(tmp_path_factory.mktemp("alarms"), sites=2, simulator=False) as stack:
        yield stack


@pytest.fixture
def cloudwatch(quiet_stack: RunningStack, client_of: ClientOf) -> Any:
    return client_of(quiet_stack, "cloudwatch")


def put(cloudwatch: Any, metric: str, site: str, value: float, at: datetime) -> None:
    dimensions = [{"Name": "GatewaySerial", "Value": site}]
    cloudwatch.put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[{"MetricName": metric, "Dimensions": dimensions, "Value": value, "Timestamp": at}],
    )


def make_alarm(cloudwatch: Any, metric: str, site: str, **more: Any) -> str:
    name = f"{metric}-{site}"
    cloudwatch.put_metric_alarm(
        **{
            "AlarmName": name,
            "Namespace": NAMESPACE,
            "MetricName": metric,
            "Dimensions": [{"Name": "GatewaySerial", "Value": site}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "Threshold": 207.0,
            "ComparisonOperator": "LessThanThreshold",
            **more,
        }
    )
    return name


def alarm(cloudwatch: Any, name: str) -> dict[str, Any]:
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found)


def in_alarm(cloudwatch: Any, name: str) -> bool:
    return bool(alarm(cloudwatch, name)["StateValue"] == "ALARM")


def test_an_alarm_sees_its_own_site_and_no_other(cloudwatch: Any, eventually: Callable[..., Any]) -> None:
    sick, well = (make_alarm(cloudwatch, "Volts", site) for site in ("SICK", "WELL"))
    now = datetime.now(UTC)
    for back in range(4):
        at = now - timedelta(minutes=back)
        put(cloudwatch, "Volts", "SICK", 190.0, at)
        put(cloudwatch, "Volts", "WELL", 230.0, at)
    eventually(partial(in_alarm, cloudwatch, sick), seconds=30)
    assert alarm(cloudwatch, well)["StateValue"] == "OK"
    reason = alarm(cloudwatch, sick)["StateReason"]
    assert reason.startswith("Threshold Crossed")
    assert "190" in reason
    assert "230" not in reason


def test_putting_data_sets_no_alarm(cloudwatch: Any) -> None:
    """ministack alone would set this at once, on one point of another site."""
    name = make_alarm(cloudwatch, "Amperes", "MINE", Threshold=10.0)
    put(cloudwatch, "Amperes", "THEIRS", 1.0, datetime.now(UTC))
    assert alarm(cloudwatch, name)["StateValue"] == "INSUFFICIENT_DATA"


def test_an_alarm_recovers_and_its_history_tells(cloudwatch: Any) -> None:
    evaluator = AlarmEvaluator(cloudwatch)
    name = make_alarm(
        cloudwatch, "Hertz", "S", EvaluationPeriods=1, DatapointsToAlarm=1, Threshold=49.5, Period=10
    )
    timestamp = datetime.now(UTC).replace(microsecond=0) + timedelta(
        minutes=30
    )  # ahead of the stack's own round
    states = []
    for value in (50.0, 49.0, 50.0):
        put(cloudwatch, "Hertz", "S", value, timestamp)
        evaluator.evaluate(timestamp + timedelta(seconds=1))
        states.append(alarm(cloudwatch, name)["StateValue"])
        timestamp += timedelta(seconds=10)
    assert states == ["OK", "ALARM", "OK"]
    summaries = [
        item["HistorySummary"]
        for item in cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
        if item["HistoryItemType"] == "StateUpdate"
    ]
    assert any("OK to ALARM" in summary for summary in summaries)


def test_silence_breaches_when_that_is_asked_for(cloudwatch: Any, eventually: Callable[..., Any]) -> None:
    for serial in ("ehm21120333", "AN54101471"):  # nobody speaks in this stack
        silent = NAMES.alarm(serial, "no-data")
        eventually(partial(in_alarm, cloudwatch, silent), seconds=30)
        assert alarm(cloudwatch, NAMES.alarm(serial, "voltage-a-low"))["StateValue"] == "INSUFFICIENT_DATA"


def test_every_site_has_its_alarms_with_one_dimension(cloudwatch: Any) -> None:
    for serial in ("ehm21120333", "AN54101471"):
        found = cloudwatch.describe_alarms(AlarmNamePrefix=NAMES.alarm(serial, ""))["MetricAlarms"]
        assert {one["AlarmName"] for one in found} == {NAMES.alarm(serial, rule.name) for rule in ALARM_RULES}
        for one in found:
            assert one["Dimensions"] == [{"Name": "GatewaySerial", "Value": serial}]
            assert one["ActionsEnabled"] is True
            assert one["AlarmActions"][0].endswith(f":{NAMES.alert_topic}")


def test_a_firing_alarm_notifies_the_topic(
    quiet_stack: RunningStack, cloudwatch: Any, client_of: ClientOf, eventually: Callable[..., Any]
) -> None:
    sns, sqs = client_of(quiet_stack, "sns"), client_of(quiet_stack, "sqs")
    topic = sns.create_topic(Name="alarm-test")["TopicArn"]
    queue = sqs.create_queue(QueueName="alarm-test")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = (
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", '
        f'"Resource": "{arn}"}}]}}'
    )
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    name = make_alarm(
        cloudwatch, "Watts", "S", AlarmActions=[topic], EvaluationPeriods=1, DatapointsToAlarm=1
    )
    put(cloudwatch, "Watts", "S", 1.0, datetime.now(UTC))
    received = eventually(
        lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"), seconds=30
    )
    assert name in received[0]["Body"]
