"""A tier is carried out on the whole stack: stream and alarm actions follow the file, by whichever road."""

from __future__ import annotations

import ftplib
import io
import itertools
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from smarterise_ops.local.simulation.fleet import SimulatedSite, simulated_fleet
from smarterise_ops.local.simulation.log_files import LogFile, Logging
from smarterise_ops.local.simulation.measurements import SimulatedTime
from smarterise_ops.local.simulation.mqtt_payload import message
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.alarms import ALARM_RULES
from smarterise_sdk.domain.stack.names import StackNames

if TYPE_CHECKING:
    from smarterise_ops.local.client import RunningStack

pytestmark = pytest.mark.stack

NAMES = StackNames()
FLEET = simulated_fleet(12, 7)
LOGS = Logging(7, SimulatedTime(datetime.now(UTC), 1.0))
STRANGER = "AN98000001"
"""A gateway that nobody has entered: its readings are let through, so they tell how far the stream is."""
LONG_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
MOMENTS = (LONG_AGO - timedelta(seconds=turn) for turn in itertools.count())
"""What readings are stamped with: no two alike, or one could be taken for another."""

Eventually = Callable[..., Any]


@dataclass
class Site:
    """One site of the shared stack, as S3, the manager, CloudWatch and PostgreSQL have it."""

    stack: RunningStack
    client_of: Callable[[RunningStack, str], Any]
    eventually: Eventually
    simulated: SimulatedSite

    @property
    def serial(self) -> str:
        return self.simulated.gateway_serial

    def ask(self, action: str, **fields: Any) -> dict[str, Any]:
        """Invoke the manager."""
        response = self.client_of(self.stack, "lambda").invoke(
            FunctionName=NAMES.site_config_manager, Payload=json.dumps({"action": action, **fields})
        )
        told: dict[str, Any] = json.load(response["Payload"])
        assert told.get("ok"), told
        return told

    def switch(self, **fields: Any) -> dict[str, Any]:
        return self.ask("update_sites", updates={self.serial: fields})

    def upload(self, body: bytes) -> None:
        """Put the file as `aws s3 cp` does."""
        self.client_of(self.stack, "s3").put_object(
            Bucket=NAMES.site_config_bucket, Key=NAMES.site_config_key, Body=body
        )

    def download(self) -> bytes:
        s3 = self.client_of(self.stack, "s3")
        body: bytes = s3.get_object(Bucket=NAMES.site_config_bucket, Key=NAMES.site_config_key)["Body"].read()
        return body

    def alarms(self) -> set[bool]:
        """Return the two states that the actions of its alarms are in: one, once all is carried out."""
        cloudwatch = self.client_of(self.stack, "cloudwatch")
        found = cloudwatch.describe_alarms(AlarmNamePrefix=NAMES.alarm(self.serial, ""))["MetricAlarms"]
        assert len(found) == len(ALARM_RULES)
        return {alarm["ActionsEnabled"] for alarm in found}

    def is_streamed(self) -> bool:
        """Publish a reading, a stranger's behind it; return whether the first is there once the other is."""
        # The topics go to one shard, so what comes later is not handled earlier.
        at = next(MOMENTS)
        for serial in (self.serial, STRANGER):
            payload = message(self.simulated, 7, at, at).replace(self.serial.encode(), serial.encode())
            request = urllib.request.Request(self.stack.topic_url(NAMES.topic(serial)), data=payload)
            urllib.request.urlopen(request, timeout=10).close()
        self.eventually(lambda: self.has_row(STRANGER, at))
        return self.has_row(self.serial, at)

    def has_row(self, serial: str, at: datetime) -> bool:
        with psycopg.connect(self.stack.exports["SMARTERISE_DATABASE_URL"]) as connection:
            row = connection.execute(
                "SELECT count(*) FROM readings WHERE gateway_serial = %s AND measured_at = %s", [serial, at]
            ).fetchone()
        return row is not None and row[0] > 0

    def send(self, file: LogFile) -> None:
        """Upload a file by FTP."""
        url = urlsplit(self.stack.exports["SMARTERISE_FTP_URL"])
        with ftplib.FTP() as connection:
            connection.connect(url.hostname or "", url.port or 0)
            connection.login(url.username or "", unquote(url.password or ""))
            connection.storbinary(f"STOR {file.name}", io.BytesIO(file.content))

    def collect(self, tier: str) -> None:
        """Sweep the FTP server as the schedule of a tier does."""
        payload = json.dumps({"site_tier": tier})
        response = self.client_of(self.stack, "lambda").invoke(FunctionName=NAMES.ftp_to_s3, Payload=payload)
        assert "FunctionError" not in response, response["Payload"].read()

    def becomes(self, *, live: bool, within: float = 12.0) -> None:
        """Wait until stream and alarms are as asked."""
        self.eventually(lambda: self.alarms() == {live}, seconds=within)
        self.eventually(lambda: self.is_streamed() is live, seconds=within)

    def lines(self, function: str, text: str, since: float) -> list[dict[str, Any]]:
        """Return the lines of a function's log that have these words."""
        found = self.client_of(self.stack, "logs").filter_log_events(
            logGroupName=NAMES.log_group(function),
            startTime=int(since * 1000),
            filterPattern=f'"{text}"',
        )
        return [json.loads(event["message"]) for event in found["events"] if event["message"].startswith("{")]


@pytest.fixture
def site(
    embedded_stack: RunningStack, client_of: Callable[[RunningStack, str], Any], eventually: Eventually
) -> Iterator[Site]:
    """A live site in good health, that is put back as it was."""
    simulated = next(one for one in FLEET[2:] if one.enabled and one.tier is Tier.CRITICAL and not one.fault)
    site = Site(embedded_stack, client_of, eventually, simulated)
    before = site.download()
    yield site
    if site.download() != before:
        site.upload(before)
        site.becomes(live=True)


def test_a_switch_stops_the_stream_and_the_alarms_and_the_way_back_starts_both(site: Site) -> None:
    site.becomes(live=True)
    site.switch(tier="NON_CRITICAL")
    site.becomes(live=False)
    site.switch(tier="CRITICAL")
    site.becomes(live=True)


def test_a_site_that_is_switched_goes_on_by_file(site: Site) -> None:
    site.switch(tier="NON_CRITICAL")
    site.becomes(live=False)
    begin = LOGS.first_row(datetime.now(UTC) - timedelta(hours=6))
    file = LOGS.log_file(site.simulated, begin, begin + timedelta(minutes=3))
    site.send(file)
    site.collect("NON_CRITICAL")
    site.eventually(lambda: site.has_row(site.serial, begin), seconds=90)
    assert not site.is_streamed()


def test_a_site_that_is_disabled_is_silent_too(site: Site) -> None:
    site.switch(enabled=False)
    site.becomes(live=False)


def test_a_file_uploaded_by_hand_is_carried_out_and_a_broken_one_changes_nothing(site: Site) -> None:
    good = site.download()
    document = json.loads(good)
    document["sites"][site.serial]["tier"] = "NON_CRITICAL"
    site.upload(json.dumps(document).encode())
    site.becomes(live=False)
    site.upload(good)
    site.becomes(live=True)

    since = time.time()
    document["sites"][site.serial]["tier"] = "NON_CRITICL"
    site.upload(json.dumps(document, indent=1).encode())
    (line, *_) = site.eventually(lambda: site.lines(NAMES.site_config_manager, "site file invalid", since))
    assert line["level"] == "ERROR"
    assert line["degraded"]["problems"][0]["site"] == site.serial
    site.eventually(lambda: site.lines(NAMES.kinesis_to_s3_rds, "site file not usable", since))
    assert site.alarms() == {True}
    assert site.is_streamed()


def test_what_was_changed_behind_the_files_back_is_told_and_put_right(site: Site) -> None:
    cloudwatch, events = site.client_of(site.stack, "cloudwatch"), site.client_of(site.stack, "events")
    alarm, rule = NAMES.alarm(site.serial, "no-data"), NAMES.sweep_rule(Tier.NON_CRITICAL)
    cloudwatch.disable_alarm_actions(AlarmNames=[alarm])
    events.disable_rule(Name=rule)
    drift = {row["subject"]: row for row in site.ask("reconcile", dry_run=True)["drift"]}
    assert (drift[alarm]["before"], drift[alarm]["after"], drift[alarm]["repaired"]) == ("off", "on", False)
    assert (drift[rule]["before"], drift[rule]["after"]) == ("disabled", "enabled")

    repaired = {row["subject"]: row for row in site.ask("reconcile")["drift"]}
    assert repaired[alarm]["repaired"]
    assert repaired[rule]["repaired"]
    assert not {alarm, rule} & {row["subject"] for row in site.ask("reconcile", dry_run=True)["drift"]}
    assert site.alarms() == {True}
    assert events.describe_rule(Name=rule)["State"] == "ENABLED"


def test_what_the_manager_may_not_switch_is_told_with_the_action(site: Site) -> None:
    iam, cloudwatch = site.client_of(site.stack, "iam"), site.client_of(site.stack, "cloudwatch")
    role, alarm = NAMES.role(NAMES.site_config_manager), NAMES.alarm(site.serial, "no-data")
    deny = {"Effect": "Deny", "Action": "cloudwatch:EnableAlarmActions", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    cloudwatch.disable_alarm_actions(AlarmNames=[alarm])
    iam.put_role_policy(RoleName=role, PolicyName="not-now", PolicyDocument=policy)
    try:
        (row,) = [row for row in site.ask("reconcile")["drift"] if row["subject"] == alarm]
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="not-now")
    assert row["repaired"] is False
    assert row["error"].startswith("cloudwatch:EnableAlarmActions: ")
    assert "AccessDenied" in row["error"]
    assert [row["repaired"] for row in site.ask("reconcile")["drift"] if row["subject"] == alarm] == [True]


def test_the_managers_role_reaches_the_sites_alarms_and_schedules_alone(site: Site) -> None:
    """Held by the policies of the stack, which the emulator enforces with AWS's own names of things."""
    iam = site.client_of(site.stack, "iam")
    role = NAMES.role(NAMES.site_config_manager)
    policy = iam.get_role_policy(RoleName=role, PolicyName=NAMES.role_policy(NAMES.site_config_manager))
    allowed = {
        action: statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }
    assert allowed["cloudwatch:DisableAlarmActions"].endswith(":alarm:smartmeter-*")
    assert [arn.rpartition("/")[2] for arn in allowed["events:EnableRule"]] == [
        "critical-sites*", "non-critical-sites*",
    ]  # fmt: skip


def test_functions_tell_in_their_logs_what_goes_well(site: Site) -> None:
    since = time.time()
    site.ask("get_config")
    (line, *_) = site.eventually(lambda: site.lines(NAMES.site_config_manager, "request completed", since))
    assert (line["level"], line["action"]) == ("INFO", "get_config")
    assert site.is_streamed()
    handled = site.eventually(lambda: site.lines(NAMES.kinesis_to_s3_rds, "batch processed", since))
    assert {"loaded", "dropped", "unknown_gateways"} <= set(handled[0])


def test_the_schedules_are_there_with_their_targets(site: Site) -> None:
    schedules = site.ask("get_config", with_schedules=True)["schedules"]
    assert [(row["tier"], row["rule"], row["schedule"]) for row in schedules] == [
        ("CRITICAL", "critical-sites-ftp-sweep", "cron(0/15 * * * ? *)"),
        ("NON_CRITICAL", "non-critical-sites-ftp-sweep", "cron(0 * * * ? *)"),
    ]
