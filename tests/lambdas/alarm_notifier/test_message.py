"""Content of the notification e-mail: order, groups, limits, and escaping of hostile input."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_lambdas.alarm_notifier.digest import digest_of
from smarterise_lambdas.alarm_notifier.message import Email, compose
from smarterise_lambdas.alarm_notifier.sns_event import Notice, notice_of
from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.document import new_site_tiers
from smarterise_sdk.domain.stack.names import StackNames

NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
SITES = new_site_tiers(
    {
        "AN54101471": {
            "tier": "CRITICAL",
            "name": "Ikeja 3",
            "asset_id": "C001",
            "timezone": "Africa/Lagos",
        }
    }
).sites
Alarm = Callable[..., dict[str, Any]]


def notices(*records: dict[str, Any]) -> list[Notice]:
    return [notice_of(record, now=NOW) for record in records]


def email(*records: dict[str, Any], **more: Any) -> Email:
    digest = digest_of(notices(*records), StackNames())
    return compose(digest, more.pop("sites", SITES), more.pop("values", {}), now=NOW, **more)


def test_one_alarm_lists_site_start_reason_and_first_step(alarm: Alarm) -> None:
    at = NOW - timedelta(minutes=1)
    values = {
        "AN54101471": {
            Metric.VOLTAGE_A: MetricPoint(181.24, at),
            Metric.VOLTAGE_B: MetricPoint(230.0, at),
            Metric.CURRENT_A: MetricPoint(120.0, at),
            Metric.VOLTAGE_UNBALANCE: MetricPoint(12.105, at),
            Metric.ACTIVE_POWER: MetricPoint(88.2, at),
        }
    }
    sent = email(alarm(), values=values)
    assert sent.subject == "[ALARM] Ikeja 3 (AN54101471): voltage of phase A is low"
    assert sent.text == (
        "1 alarm firing at 1 site. Changes from 2026-03-01T12:00:00Z to 2026-03-01T12:00:00Z,"
        " sent at 2026-03-01T12:05:00Z.\n"
        "\n"
        "AN54101471 · Ikeja 3 · asset C001 · CRITICAL\n"
        "  voltage of phase A is low\n"
        "    since   2026-03-01T12:00:00Z (13:00 Africa/Lagos), 5m ago\n"
        "    reason  Threshold Crossed: 2 datapoints were less than the threshold (207.0).\n"
        "    link    https://eu-west-2.console.aws.amazon.com/cloudwatch/home?region=eu-west-2"
        "#alarmsV2:alarm/smartmeter-AN54101471-voltage-a-low\n"
        "  last values voltage 181.2 / 230.0 / - V, current 120.0 / - / - A, unbalance 12.11 %,\n"
        "              power 88.2 kW, 1m ago\n"
        "  first step  Compare the three phases. One alone: a fuse, a joint or the meter's wiring at this\n"
        "              site. All three: the feeder or the transformer's tap.\n"
        "  command     smarterise-ops metrics show AN54101471 --since 1h\n"
        "              smarterise-ops sites show AN54101471\n"
    )


def test_many_sites_with_one_rule_are_one_group(alarm: Alarm) -> None:
    silent = [alarm(f"AN{number:08d}", "no-data", minute=number / 60) for number in range(187)]
    sent = email(*silent, alarm())
    assert sent.subject == "[ALARM] 187 sites: no readings arrive (and 1 more)"
    assert "187 sites: no readings arrive\n" in sent.text
    assert "probably the pipeline or the network, not the gateways" in " ".join(sent.text.split())
    assert "AN00000000, AN00000001, " in sent.text
    assert "AN54101471 · Ikeja 3" in sent.text, "a site outside the group is listed separately"
    assert len(sent.text) < 6000


def test_hundreds_of_different_alarms_stay_readable(alarm: Alarm) -> None:
    sent = email(*(alarm(f"AN{number:08d}", f"own-rule-{number}") for number in range(500)))
    assert sent.text.count("first step") == 20
    assert "Alarms firing at 480 more:" in sent.text
    assert len(sent.text) < 30_000


def test_an_alarm_that_fired_and_ended_is_listed_as_resolved(alarm: Alarm) -> None:
    sent = email(alarm(minute=2, state="OK"), alarm(minute=0), alarm("ehm21120333", state="OK", minute=1))
    assert sent.subject == "[OK] Ikeja 3 (AN54101471): voltage of phase A is low: resolved (and 1 more)"
    assert "Resolved:\n" in sent.text
    assert "since 2026-03-01T12:02:00Z, 3m ago, was firing" in sent.text
    assert sent.text.startswith("2 resolved at 2 sites.")


def test_a_flapping_alarm_is_listed_once_in_its_last_state(alarm: Alarm) -> None:
    flaps = [alarm(minute=minute, state="ALARM" if minute % 2 == 0 else "OK") for minute in range(5)]
    sent = email(*reversed(flaps))
    assert sent.text.count("    since") == 1
    assert "since   2026-03-01T12:04:00Z (13:04 Africa/Lagos), 1m ago, 5 state changes" in sent.text


def test_a_repeated_state_keeps_its_first_time(alarm: Alarm) -> None:
    sent = email(alarm(minute=1), alarm(minute=3))
    assert "since   2026-03-01T12:01:00Z" in sent.text


def test_insufficient_data_is_reported(alarm: Alarm) -> None:
    sent = email(alarm(state="INSUFFICIENT_DATA"))
    assert sent.subject == "[NO DATA] Ikeja 3 (AN54101471): voltage of phase A is low: insufficient data"
    assert "Insufficient data:" in sent.text


def test_an_alarm_of_no_site_and_no_rule_of_ours_keeps_its_own_words(alarm: Alarm) -> None:
    other = alarm(
        AlarmName="lambda-errors", AlarmDescription="functions fail", Trigger={"MetricName": "Errors"}
    )
    sent = email(other)
    assert sent.subject == "[ALARM] functions fail"
    assert "No site:\n  functions fail\n" in sent.text
    assert "Open the alarm" in sent.text
    assert "smarterise-ops" not in sent.text


def test_a_message_that_is_not_an_alarm_is_included_unchanged(message: Callable[..., dict[str, Any]]) -> None:
    sent = email(message("the first line\nand the second", "Budget exceeded"))
    assert sent.subject == "Budget exceeded"
    assert "Budget exceeded\n  the first line\n  and the second\n" in sent.text
    assert email(message("{}"), message("[]")).subject == "Message on the alert topic (and 1 more)"


def test_a_flood_of_messages_is_cut(message: Callable[..., dict[str, Any]]) -> None:
    sent = email(*(message("x" * 5000) for _ in range(300)))
    assert "And 280 more messages." in sent.text
    assert len(sent.text) < 50_000


def test_remarks_are_at_the_end(alarm: Alarm) -> None:
    assert email(alarm(), remarks=["no values: \x1b[31mdenied"]).text.endswith(
        "(no values: \\x1b[31mdenied)\n"
    )


HARM = "x\r\nBcc: everybody@example.com\n\n<script>=cmd|'/c calc'!A1\x1b[31m\u202e${jndi:ldap}"


def test_nothing_in_it_can_become_a_header_or_move_the_cursor(alarm: Alarm) -> None:
    arn = f"arn:aws:x:{HARM}:1:a:b:c"
    harmful = alarm(HARM, HARM, AlarmDescription=HARM, NewStateReason=HARM, AlarmArn=arn)
    sites = new_site_tiers({"AN54101471": {"tier": "CRITICAL", "name": HARM, "asset_id": HARM}}).sites
    for sent in (email(harmful), email(alarm(), sites=sites)):
        assert "\n" not in sent.subject
        assert "\r" not in sent.subject + sent.text
        assert not any(line.startswith("Bcc") for line in sent.text.splitlines())
        assert "\x1b" not in sent.text
        assert "\u202e" not in sent.text


TEXTS = st.one_of(
    st.text(),
    st.sampled_from(
        [
            '{"AlarmName": "a", "NewStateValue": "ALARM"}',
            '{"AlarmName": "a", "NewStateValue": "OK", "Trigger": 3}',
            '{"AlarmName": 7, "NewStateValue": "OK"}',
            '{"AlarmName": "b", "NewStateValue": "OK", "StateChangeTime": 5, "Trigger": {"Dimensions": [1]}}',
            '{"AlarmName": "b", "NewStateValue": "OK", "Trigger": {"Dimensions": [{"name": "x"}]}}',
            "[]",
        ]
    ),
)
TIMES = st.one_of(st.text(), st.just("2026-03-01T12:00:00Z"))
SUBJECTS = st.one_of(st.none(), st.text())
MESSAGES = st.fixed_dictionaries({"Message": TEXTS, "Timestamp": TIMES, "Subject": SUBJECTS})
RECORDS = st.fixed_dictionaries({"Sns": st.one_of(st.none(), MESSAGES)})


@given(st.lists(RECORDS, min_size=1, max_size=8))
def test_any_published_message_becomes_an_email(records: list[dict[str, Any]]) -> None:
    sent = email(*records)
    assert sent.subject
    assert len(sent.subject) <= 150
    assert "\n" not in sent.subject
    for notice in notices(*records):
        assert Notice.from_json(notice.to_json()) == notice


@pytest.mark.parametrize("time", ["2026-03-01T12:00:00.000+0000", "2026-03-01T12:00:00Z"])
def test_timestamps_are_read_as_cloudwatch_and_others_write_them(alarm: Alarm, time: str) -> None:
    (notice,) = notices(alarm(StateChangeTime=time))
    assert notice.at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert notice.region == "eu-west-2"
    assert notice.gateway_serial == "AN54101471"
