"""The notifier with a mailbox of its own, and alarms as CloudWatch publishes them."""

from __future__ import annotations

import json
import urllib.request
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_lambdas.alarm_notifier import handler as alarm_handler
from smarterise_lambdas.shared import clients

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SITES = {
    "AN54101471": {
        "tier": "CRITICAL",
        "name": "Ikeja 3",
        "asset_id": "C001",
        "timezone": "Africa/Lagos",
    },
    "ehm21120333": {"tier": "CRITICAL"},
}


@dataclass
class Notifier:
    """The function, its mailbox, and what it keeps in S3."""

    bucket: str
    recipient: str
    endpoint: str
    context: Any

    def deliver(self, *records: dict[str, Any]) -> dict[str, Any]:
        """Deliver records as one event, to an invocation of its own."""
        context = replace(self.context, aws_request_id=str(uuid.uuid4()))
        event = {"Records": list(records)}
        return dict(json.loads(json.dumps(alarm_handler.handler(event, context))))

    def emails(self) -> list[dict[str, Any]]:
        """Return what lies in the mailbox."""
        url = f"{self.endpoint}/_ministack/ses/messages?account=111122223333"
        with urllib.request.urlopen(url) as response:
            messages = json.load(response)["messages"].get("111122223333", [])
        return [message for message in messages if self.recipient in message["To"]]

    def pending(self) -> list[str]:
        found = clients.s3().list_objects_v2(Bucket=self.bucket, Prefix="alarm-notifier/pending/")
        return [item["Key"] for item in found.get("Contents", [])]

    def state(self) -> dict[str, Any]:
        body = clients.s3().get_object(Bucket=self.bucket, Key="alarm-notifier/state.json")["Body"]
        return dict(json.loads(body.read()))

    def set_state(self, state: Any) -> None:
        body = state if isinstance(state, bytes) else json.dumps(state).encode()
        clients.s3().put_object(Bucket=self.bucket, Key="alarm-notifier/state.json", Body=body)


@pytest.fixture
def notifier(bucket: str, aws_endpoint: str, context: Any, monkeypatch: pytest.MonkeyPatch) -> Notifier:
    """The notifier, with a batching window of zero."""
    recipient, sender = f"{bucket}@example.com", f"alarms-{bucket}@example.com"
    clients.sesv2.cache_clear()
    for address in (recipient, sender):
        clients.sesv2().create_email_identity(EmailIdentity=address)
    sites = json.dumps({"schema_version": 1, "sites": SITES}).encode()
    clients.s3().put_object(Bucket=bucket, Key="site-tiers.json", Body=sites)
    monkeypatch.setenv("ALERT_SENDER", sender)
    monkeypatch.setenv("ALERT_RECIPIENTS", f"{recipient}, ")
    monkeypatch.setenv("ALERT_BATCHING_SECONDS", "0")
    monkeypatch.setenv("METRIC_NAMESPACE", f"Test{uuid.uuid4().hex}")
    return Notifier(bucket, recipient, aws_endpoint, context)


@pytest.fixture
def alarm() -> Callable[..., dict[str, Any]]:
    """Make records of alarms, as SNS delivers what CloudWatch publishes."""

    def make(
        serial: str = "AN54101471",
        rule: str = "voltage-a-low",
        state: str = "ALARM",
        minute: float = 0,
        **more: Any,
    ) -> dict[str, Any]:
        name = f"smartmeter-{serial}-{rule}"
        message = {
            "AlarmName": name,
            "AlarmDescription": f"{serial}: {rule}",
            "AWSAccountId": "111122223333",
            "AlarmArn": f"arn:aws:cloudwatch:eu-west-2:111122223333:alarm:{name}",
            "NewStateValue": state,
            "OldStateValue": "OK",
            "NewStateReason": "Threshold Crossed: 2 datapoints were less than the threshold (207.0).",
            "StateChangeTime": (NOON + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "Region": "EU (London)",
            "Trigger": {
                "MetricName": "VoltagePhase_A",
                "Namespace": "SmartMeterMetrics",
                "StatisticType": "Statistic",
                "Statistic": "AVERAGE",
                "Unit": None,
                "Dimensions": [{"value": serial, "name": "GatewaySerial"}],
                "Period": 60,
                "Threshold": 207.0,
            },
            **more,
        }
        return record(json.dumps(message), f'{state}: "{name}" in EU (London)')

    return make


def record(message: str, subject: str | None = None) -> dict[str, Any]:
    sns = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": "arn:aws:sns:eu-west-2:111122223333:smarterise-alerts",
        "Subject": subject,
        "Message": message,
        "Timestamp": "2026-03-01T12:00:01.000Z",
    }
    return {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}


@pytest.fixture
def message() -> Callable[..., dict[str, Any]]:
    """Make records of messages that are of no alarm."""
    return record
