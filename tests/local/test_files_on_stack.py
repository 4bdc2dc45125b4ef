"""Files on the whole stack: uploaded by real FTP, swept as schedules do, found everywhere; and letters."""

from __future__ import annotations

import ftplib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from smarterise_ops.local.emulator.sent_emails import SentEmail, sent_emails
from smarterise_ops.local.provisioning.functions import RECIPIENT, SENDER
from smarterise_ops.local.simulation.fleet import Fault, SimulatedSite, simulated_fleet
from smarterise_ops.local.simulation.log_files import LogFile, Logging
from smarterise_ops.local.simulation.measurements import SimulatedTime
from smarterise_ops.local.simulation.mqtt_payload import message
from smarterise_sdk.domain.log_files.names import FTP_PREFIX, parse_data_lake_key
from smarterise_sdk.domain.readings.metrics import Metric, metric_values
from smarterise_sdk.domain.readings.model import Quantity
from smarterise_sdk.domain.readings.mqtt import parse_mqtt
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.names import StackNames

if TYPE_CHECKING:
    from smarterise_ops.local.client import RunningStack

pytestmark = pytest.mark.stack

NAMES = StackNames()
FLEET = simulated_fleet(12, 7)
LOGS = Logging(7, SimulatedTime(datetime.now(UTC), 1.0))
SHORT = timedelta(minutes=5)

Eventually = Callable[..., Any]


@dataclass
class Files:
    """The shared stack, as a gateway's logger and those who look for its readings have it."""

    stack: RunningStack
    client_of: Callable[[RunningStack, str], Any]
    eventually: Eventually

    def client(self, service: str) -> Any:
        return self.client_of(self.stack, service)

    def upload(self, file: LogFile) -> None:
        """Upload with nothing but what `local env` tells."""
        url = urlsplit(self.stack.exports["SMARTERISE_FTP_URL"])
        with ftplib.FTP() as connection:
            connection.connect(url.hostname or "", url.port or 0)
            connection.login(unquote(url.username or ""), unquote(url.password or ""))
            connection.storbinary(f"STOR {file.name}", io.BytesIO(file.content))

    def sweep(self, tier: Tier) -> None:
        """Invoke what the schedule of a tier invokes, with the input that it gives."""
        (target,) = self.client("events").list_targets_by_rule(Rule=NAMES.sweep_rule(tier))["Targets"]
        response = self.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"])
        told = json.load(response["Payload"])
        assert "FunctionError" not in response, told

    def files_of(self, serial: str) -> dict[str, dict[str, Any]]:
        """Return the ledger's settled entries of a gateway, by the files' names."""
        rows = self.rows(
            "SELECT * FROM ingest_files WHERE gateway_serial = %s AND state <> 'loading'", serial
        )
        data_lake = ((parse_data_lake_key(row["key"]), row) for row in rows)
        return {file.name: row for file, row in data_lake if file is not None}

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        url = self.stack.exports["SMARTERISE_DATABASE_URL"]
        with psycopg.connect(url, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def arrive(self, file: LogFile, site: SimulatedSite) -> dict[str, Any]:
        """Wait until the ledger has settled a file; return its entry."""
        entry: dict[str, Any] = self.eventually(
            lambda: self.files_of(site.gateway_serial).get(file.name), seconds=90
        )
        return entry

    def points(self, serial: str, metric: Metric, begin: datetime, end: datetime) -> dict[datetime, float]:
        query = {
            "Namespace": NAMES.metric_namespace,
            "MetricName": metric.value,
            "Dimensions": [{"Name": "GatewaySerial", "Value": serial}],
        }
        response = self.client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": query, "Period": 60, "Stat": "Average"}}],
            StartTime=begin,
            EndTime=end,
        )["MetricDataResults"][0]
        return dict(zip(response["Timestamps"], response["Values"], strict=True))


@pytest.fixture
def files(
    embedded_stack: RunningStack, client_of: Callable[[RunningStack, str], Any], eventually: Eventually
) -> Files:
    return Files(embedded_stack, client_of, eventually)


def test_a_file_is_found_everywhere_with_equal_values(files: Files) -> None:
    site = next(one for one in FLEET if one.enabled and one.tier is Tier.NON_CRITICAL)
    serial = site.gateway_serial
    begin = LOGS.first_row(datetime.now(UTC) - timedelta(hours=9))
    file = LOGS.log_file(site, begin, begin + SHORT)

    files.upload(file)
    files.sweep(Tier.NON_CRITICAL)
    entry = files.arrive(file, site)

    s3 = files.client("s3")
    assert s3.get_object(Bucket=entry["bucket"], Key=entry["key"])["Body"].read() == file.content
    assert entry["key"].startswith(f"{FTP_PREFIX}{serial}/")
    assert (entry["state"], entry["rows_loaded"], entry["rows_rejected"]) == ("loaded", file.rows, 0)
    found = files.rows(
        "SELECT * FROM readings WHERE gateway_serial = %s AND measured_at >= %s AND measured_at < %s"
        " ORDER BY measured_at",
        *(serial, begin, file.end),
    )
    assert [row["measured_at"] for row in found] == [begin + turn * LOGS.row_every for turn in range(5)]
    for row in found:
        at = row["measured_at"]
        measured = parse_mqtt(message(site, 7, LOGS.day.at(at), at), received_at=at)
        assert row["source"] == "ftp"
        assert {quantity: row[quantity.value] for quantity in Quantity} == dict(measured.values)
        expected = metric_values(measured, now=at)
        for metric in Metric:
            if metric is not Metric.READING_AGE:  # it depends on when the function looked
                points = files.eventually(lambda metric=metric: files.points(serial, metric, begin, file.end))
                assert points[at] == expected[metric], metric


def test_a_file_that_comes_again_and_longer_adds_its_rows(files: Files) -> None:
    site = next(one for one in reversed(FLEET) if one.enabled and one.tier is Tier.NON_CRITICAL)
    begin = LOGS.first_row(datetime.now(UTC) - timedelta(hours=12))
    file, longer = (LOGS.log_file(site, begin, begin + count * SHORT) for count in (1, 2))
    assert file.name == longer.name
    for each in (file, longer):
        files.upload(each)
        files.sweep(Tier.NON_CRITICAL)
    query = "SELECT * FROM ingest_files WHERE gateway_serial = %s AND first_measured_at = %s ORDER BY size"
    entries = files.eventually(
        lambda: [
            rows
            for rows in [files.rows(query, site.gateway_serial, begin)]
            if len(rows) == 2 and {row["state"] for row in rows} == {"loaded"}
        ],
        seconds=90,
    )[0]
    assert [(row["rows_loaded"], row["rows_identical"]) for row in entries] == [(5, 0), (5, 5)]


def test_everybody_was_swept_when_the_stack_started(files: Files) -> None:
    expected = {site.gateway_serial for site in FLEET if site.enabled}
    query = "SELECT DISTINCT gateway_serial FROM readings WHERE source = 'ftp' AND measured_at > %s"
    since = datetime.fromisoformat(files.stack.state.started_at) - timedelta(minutes=61)
    files.eventually(
        lambda: expected <= {row["gateway_serial"] for row in files.rows(query, since)}, seconds=90
    )


def test_an_alarm_is_told_in_a_letter_that_says_what_and_where(files: Files) -> None:
    ailing = next(site for site in FLEET if site.fault is Fault.DEAD_PHASE)

    def emails() -> list[SentEmail]:
        sent = sent_emails(files.stack.exports["AWS_ENDPOINT_URL"])
        # Another alarm of the site, e.g. on missing readings, may be sent first.
        about = (f"{ailing.gateway_serial} · {ailing.name}", "voltage of phase")
        return [email for email in sent if all(text in email.text for text in about)]

    email, *_ = files.eventually(emails, seconds=90)
    assert (email.sender, email.to) == (SENDER, (RECIPIENT,))
    assert email.subject.startswith("[ALARM]")
    for text in (
        "since",
        "last values voltage",
        "first step",
        "smarterise-ops metrics show",
    ):
        assert text in email.text
