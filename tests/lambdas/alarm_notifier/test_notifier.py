"""The notifier with captured e-mails: each alarm once, storms in few e-mails, no alarm lost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smarterise_lambdas.alarm_notifier import batching as batching_module
from smarterise_lambdas.alarm_notifier.batching import BatchingState
from smarterise_lambdas.alarm_notifier.notify import EmailNotSent, EmailsWaiting
from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.runtime import MissingSetting

Alarm = Callable[..., dict[str, Any]]


def denying(monkeypatch: pytest.MonkeyPatch, action: str, *, where: str = "", client: Any = None) -> None:
    client = client or clients.s3()
    allowed = getattr(client, action)

    def call(**request: Any) -> Any:
        if where in str(request):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, action)
        return allowed(**request)

    monkeypatch.setattr(client, action, call)


def led_by_another(notifier: Any) -> None:
    until = datetime.now(UTC) + timedelta(minutes=10)
    notifier.set_state(BatchingState("another", until, (), {}).to_json())


def without_leader(notifier: Any) -> None:
    until = datetime.now(UTC) - timedelta(seconds=1)
    notifier.set_state(BatchingState("another", until, (), {}).to_json())


def test_an_alarm_becomes_an_email_with_site_name_and_latest_values(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.cloudwatch().put_metric_data(
        Namespace=os.environ["METRIC_NAMESPACE"],
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "GatewaySerial", "Value": "AN54101471"}],
                "Timestamp": datetime.now(UTC) - timedelta(minutes=minutes),
                "Value": value,
            }
            for name, value, minutes in (
                ("VoltagePhase_A", 181.2, 2),
                ("VoltagePhase_A", 229.0, 9),
                ("VoltagePhase_B", 230.4, 2),
            )
        ],
    )
    response = notifier.deliver(alarm())
    assert response == {"notices": 1, "repeated": 0, "emails": 1, "sent": 1}
    (email,) = notifier.emails()
    assert email["Subject"] == "[ALARM] Ikeja 3 (AN54101471): voltage of phase A is low"
    assert "last values voltage 181.2 / 230.4 / - V" in email["BodyText"]
    assert not email["BodyHtml"]
    assert notifier.pending() == []


def test_a_redelivered_notice_is_sent_once(notifier: Any, alarm: Alarm) -> None:
    record = alarm()
    notifier.deliver(record, record)
    response = notifier.deliver(record)
    assert (response["repeated"], response["emails"]) == (1, 0)
    (email,) = notifier.emails()
    assert "state changes" not in email["BodyText"]


def test_a_storm_is_sent_in_few_emails_with_each_alarm_once(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_BATCHING_SECONDS", "1")
    monkeypatch.setattr(batching_module, "FIRST_INTERVAL", timedelta(seconds=2))
    notifier.context.ends_at = time.monotonic() + 60
    records = [alarm(f"AN{number:08d}", "no-data") for number in range(150)]

    with ThreadPoolExecutor(12) as threads:
        responses = list(threads.map(notifier.deliver, [*records, *records[:50]]))

    emails = notifier.emails()
    assert 1 <= len(emails) <= 6
    assert sum(response["sent"] for response in responses) == 150
    sent = "".join(email["BodyText"] for email in emails)
    for number in range(150):
        assert sent.count(f"AN{number:08d}") >= 1
    assert notifier.pending() == []
    assert notifier.state()["leader"] == ""


def test_a_notice_during_sending_is_in_the_next_email(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching_module, "FIRST_INTERVAL", timedelta(seconds=1))
    send = clients.sesv2().send_email
    inner: list[dict[str, Any]] = []

    def send_email(**request: Any) -> Any:
        if not inner:
            inner.append({})
            inner[0] = notifier.deliver(alarm("ehm21120333", "no-data"))
        return send(**request)

    monkeypatch.setattr(clients.sesv2(), "send_email", send_email)
    response = notifier.deliver(alarm())
    assert inner == [{"notices": 1, "repeated": 0, "emails": 0, "sent": 0}], "it left its notice, and went"
    assert (response["emails"], response["sent"]) == (2, 2)
    assert [email["Subject"] for email in notifier.emails()] == [
        "[ALARM] Ikeja 3 (AN54101471): voltage of phase A is low",
        "[ALARM] ehm21120333: no readings arrive",
    ]


def test_a_leader_that_was_killed_is_followed_by_another(notifier: Any, alarm: Alarm) -> None:
    led_by_another(notifier)
    assert notifier.deliver(alarm())["emails"] == 0
    assert len(notifier.pending()) == 1

    without_leader(notifier)
    response = notifier.deliver(alarm("ehm21120333"))
    assert (response["emails"], response["sent"]) == (1, 2)
    assert notifier.pending() == []


def test_a_schedule_sends_pending_notices(notifier: Any, alarm: Alarm) -> None:
    led_by_another(notifier)
    notifier.deliver(alarm())
    without_leader(notifier)
    assert notifier.deliver()["sent"] == 1
    assert notifier.deliver() == {"notices": 0, "repeated": 0, "emails": 0, "sent": 0}


def test_the_interval_grows_during_a_storm() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    window = timedelta(seconds=10)

    def wait(*minutes_ago: float) -> float:
        emails = tuple(now - timedelta(minutes=ago) for ago in minutes_ago)
        return (BatchingState("", None, emails, {}).next_email(window, now) - now).total_seconds()

    assert wait() == 10
    assert wait(0) == 60
    assert wait(0.95) == 10
    assert wait(3, 0) == 120
    assert wait(10, 5, 0) == 240
    assert wait(*range(25, -1, -1)) == 300
    assert wait(31) == 10, "a storm half an hour ago no longer counts"


def test_without_time_to_wait_the_email_is_sent_early(notifier: Any, alarm: Alarm) -> None:
    now = datetime.now(UTC)
    notifier.set_state(BatchingState("", None, (now,), {}).to_json())
    notifier.context.ends_at = time.monotonic() + 11
    started = time.monotonic()
    assert notifier.deliver(alarm())["emails"] == 1
    assert time.monotonic() - started < 10


def test_time_that_runs_out_between_two_emails_raises_for_a_retry(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smarterise_lambdas.alarm_notifier.notify.NOTICES_PER_EMAIL", 1)
    notifier.context.ends_at = time.monotonic() + 9.9
    with pytest.raises(EmailsWaiting):
        notifier.deliver(alarm(), alarm("ehm21120333"))
    assert len(notifier.emails()) == 1
    assert len(notifier.pending()) == 1
    notifier.context.ends_at = time.monotonic() + 11
    assert notifier.deliver()["sent"] == 1
    assert len(notifier.emails()) == 2


def test_an_email_that_ses_rejects_is_retried_complete(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        denying(patch, "send_email", client=clients.sesv2())
        with pytest.raises(EmailNotSent, match="AccessDenied"):
            notifier.deliver(alarm())
    assert len(notifier.pending()) == 1
    assert notifier.state()["leader"] == ""
    assert notifier.deliver(alarm())["sent"] == 1
    assert len(notifier.emails()) == 1


def test_when_s3_fails_alarms_are_sent_without_batching(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        denying(patch, "put_object", where="alarm-notifier/")
        response = notifier.deliver(alarm())
    assert (response["emails"], response["sent"]) == (1, 1)
    (email,) = notifier.emails()
    assert "Not batched with other notices: S3 failed." in email["BodyText"]


def test_when_s3_fails_in_the_leader_the_others_are_not_forgotten(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    led_by_another(notifier)
    notifier.deliver(alarm("ehm21120333"))
    without_leader(notifier)
    with monkeypatch.context() as patch:
        denying(patch, "get_object", where="alarm-notifier/pending/")
        with pytest.raises(EmailsWaiting, match="AccessDenied"):
            notifier.deliver(alarm())
    (email,) = notifier.emails()
    assert "Ikeja 3" in email["Subject"]
    notifier.set_state({**notifier.state(), "until": datetime.now(UTC).isoformat()})
    assert notifier.deliver(alarm())["sent"] == 2


def test_an_email_is_sent_even_if_it_cannot_be_recorded(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        denying(patch, "delete_objects")
        assert notifier.deliver(alarm())["emails"] == 1
    assert len(notifier.pending()) == 1
    assert notifier.deliver(alarm())["sent"] == 0, "recorded as sent; only the object is deleted"
    assert notifier.pending() == []
    assert len(notifier.emails()) == 1


def test_an_email_is_sent_without_names_and_values_that_are_not_available(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    denying(monkeypatch, "get_object", where="site-tiers.json")

    def paginator(_name: str) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "GetMetricData")

    monkeypatch.setattr(clients.cloudwatch(), "get_paginator", paginator)
    notifier.deliver(alarm())
    (email,) = notifier.emails()
    assert email["Subject"] == "[ALARM] AN54101471: voltage of phase A is low"
    assert "(Site names are missing: " in email["BodyText"]
    assert "(Latest values are missing: " in email["BodyText"]


@pytest.mark.parametrize("state", [b"{", b"[]", b'{"leader": 3}', b'{"emails": "x", "sent": []}'])
def test_a_broken_state_document_is_replaced(notifier: Any, alarm: Alarm, state: bytes) -> None:
    notifier.set_state(state)
    assert notifier.deliver(alarm())["sent"] == 1
    assert len(notifier.state()["sent"]) == 1


def test_a_notice_that_is_broken_stops_no_other(notifier: Any, alarm: Alarm) -> None:
    key = "alarm-notifier/pending/broken.json"
    clients.s3().put_object(Bucket=notifier.bucket, Key=key, Body=b"{")
    assert notifier.deliver(alarm())["sent"] == 1
    assert notifier.pending() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALERT_SENDER", ""), ("ALERT_RECIPIENTS", ""), ("ALERT_RECIPIENTS", " , "), ("DATA_LAKE_BUCKET", "")],
)
def test_a_missing_setting_is_named(
    notifier: Any, alarm: Alarm, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(MissingSetting, match=name):
        notifier.deliver(alarm())
