"""Tests of the sweep report."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from smarterise_lambdas.ftp_to_s3.handler import SweepIncomplete
from smarterise_lambdas.ftp_to_s3.report import Issue, SweepStats, build_report
from smarterise_lambdas.shared import clients
from smarterise_sdk.domain.ingest.sweep_report import FAULTS_AT_MOST, SweepReport, sweep_report_key
from smarterise_sdk.domain.sites.model import Tier

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

NAME = "AN54101471-logger1-2025-03-20T08-00-00-0400-1min.csv"


def reports(sweeps: Any) -> dict[Tier, SweepReport]:
    there = sweeps.stored_keys("ftp-manifests/sweep=")
    found = {
        tier: SweepReport.from_json(json.loads(sweeps.body(key)))
        for tier in Tier
        if (key := sweep_report_key(tier)) in there
    }
    return {tier: report for tier, report in found.items() if report is not None}


def swept(sweeps: Any, **event: str) -> dict[Tier, SweepReport]:
    with contextlib.suppress(SweepIncomplete):
        sweeps.sweep(**event)
    return reports(sweeps)


def test_a_sweep_is_reported_to_the_tiers_that_it_was_about(sweeps: Any, server: Any) -> None:
    server.put(NAME)
    sweeps.visit(server)
    assert swept(sweeps, gateway_serial="AN54101471") == {}
    (report,) = swept(sweeps, site_tier="CRITICAL").values()
    assert (report.servers, report.fault_count, report.is_blocked) == (("main",), 0, False)
    assert datetime.now(UTC) - report.swept_at < timedelta(minutes=1)
    assert set(swept(sweeps)) == set(Tier)


def test_a_rejected_login_is_reported_without_the_password(sweeps: Any, server: Any) -> None:
    sweeps.configure({"main": {"url": f"ftp://gateways:hunter2@localhost:{server.port}"}})
    report = swept(sweeps, site_tier="CRITICAL")[Tier.CRITICAL]
    assert report.is_blocked
    assert report.is_denied
    assert [fault.code for fault in report.faults] == ["LOGIN_REFUSED"]
    assert "hunter2" not in json.dumps(report.to_json())


def test_one_dead_server_of_two_blocks_nothing(sweeps: Any, make_server: Callable[..., Any]) -> None:
    dead, good = make_server(), make_server()
    good.put(NAME)
    dead.stop()
    sweeps.visit(dead, good)
    report = swept(sweeps, site_tier="CRITICAL")[Tier.CRITICAL]
    assert not report.is_blocked
    assert [(fault.server, fault.code, fault.is_whole) for fault in report.faults] == [
        ("main", "SERVER_UNREACHABLE", True)
    ]


def denying(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    put = clients.s3().put_object

    def put_object(**arguments: Any) -> Any:
        if where in arguments["Key"]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        return put(**arguments)

    monkeypatch.setattr(clients.s3(), "put_object", put_object)


def test_of_many_failed_files_some_are_reported(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(10, 20):
        server.put(f"AN54101471-logger1-2025-03-20T08-{minute}-00-0400-1min.csv", b"%d" % minute)
    sweeps.visit(server)
    with monkeypatch.context() as patch:
        denying(patch, "ftp-backups/")
        report = swept(sweeps, site_tier="CRITICAL")[Tier.CRITICAL]
    assert not report.is_denied
    assert report.fault_count >= len(report.faults)
    assert 0 < len([fault for fault in report.faults if not fault.is_whole]) <= FAULTS_AT_MOST


def test_faults_of_servers_are_reported_first() -> None:
    stats = SweepStats()
    for number in range(FAULTS_AT_MOST + 3):
        stats.issue(Issue("S3_DENIED", "main", "no", file=f"/{number}.csv", is_fault=True))
    stats.issue(Issue("SERVER_UNREACHABLE", "other", "timed out", is_fault=True))
    report = build_report(stats, ["main", "other"], now=datetime.now(UTC))
    assert [fault.is_whole for fault in report.faults] == [True, *[False] * FAULTS_AT_MOST]
    assert report.fault_count == FAULTS_AT_MOST + 4
    assert not report.is_blocked


def test_a_report_that_cannot_be_kept_fails_no_sweep(
    sweeps: Any, server: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(NAME)
    sweeps.visit(server)
    denying(monkeypatch, "sweep=")
    assert sweeps.sweep()["stored"] == 1
    assert reports(sweeps) == {}
    assert "storing the sweep report failed" in caplog.text
