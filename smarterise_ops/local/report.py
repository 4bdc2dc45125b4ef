"""Report of a running stack's fleet, and of the arrival of readings in S3, PostgreSQL and CloudWatch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from smarterise_ops.local.simulation.fleet import Fault, simulated_fleet
from smarterise_ops.output.render import Column
from smarterise_sdk.domain.log_files.names import FTP_PREFIX
from smarterise_sdk.domain.readings.metrics import Metric
from smarterise_sdk.domain.sites.state import evaluate
from smarterise_sdk.domain.text import age_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smarterise_ops.local.client import RunningStack
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.readings.metrics import MetricPoint
    from smarterise_sdk.domain.sites.model import Site
    from smarterise_sdk.settings.model import Settings
    from smarterise_sdk.stack import Stack

COLUMNS = (
    Column("gateway_serial", "SERIAL"),
    Column("name"),
    Column("tier"),
    Column("state"),
    Column("voltage_a", "V A", decimals=1),
    Column("voltage_b", "V B", decimals=1),
    Column("voltage_c", "V C", decimals=1),
    Column("unbalance_percent", "UNBAL %", decimals=2),
    Column("active_power_kw", "kW", decimals=1),
    Column("age"),
)
SHOWN = {
    Metric.VOLTAGE_A: "voltage_a",
    Metric.VOLTAGE_B: "voltage_b",
    Metric.VOLTAGE_C: "voltage_c",
    Metric.VOLTAGE_UNBALANCE: "unbalance_percent",
    Metric.ACTIVE_POWER: "active_power_kw",
}
TIMEOUT_SECONDS = 60.0
FIRST_VALUES_SECONDS = 15.0
LOOKBACK = timedelta(minutes=5)
_POLL_SECONDS = 0.5
_MUTE = (Fault.SILENT_GATEWAY, Fault.CLOCK_FAULT, Fault.METER_OFFLINE)
"""Faults of sites that are expected to have no values."""
_RAW_PREFIX = "raw/source=iot/"


@dataclass(frozen=True, slots=True)
class Expected:
    """Serials of the sites that should have readings.

    Attributes:
        streamed: Sites with readings by the stream.
        filed: Sites with readings only by log files.
    """

    streamed: frozenset[str]
    filed: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """All sites."""
        return self.streamed | self.filed


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Serials of the sites whose readings have arrived, by destination.

    Attributes:
        raw: In the data lake, from the stream.
        files: In the data lake, from the FTP server.
        database: In PostgreSQL.
        metrics: In CloudWatch.
    """

    raw: frozenset[str]
    files: frozenset[str]
    database: frozenset[str]
    metrics: frozenset[str]

    def lacking(self, expected: Expected) -> frozenset[str]:
        """Return the sites with missing readings at any destination."""
        in_s3 = (expected.streamed & self.raw) | (expected.filed & self.files)
        return expected.all - (in_s3 & self.database & self.metrics)


@dataclass(frozen=True, slots=True)
class LiveReport:
    """A report of the fleet.

    Attributes:
        rows: One per site, the worst first.
        summary: Lines with the number of sites per destination.
        is_complete: Whether all expected readings have arrived.
    """

    rows: tuple[JsonObject, ...]
    summary: tuple[str, ...]
    is_complete: bool


def live_report(settings: Settings, stack: RunningStack, *, timeout: float = TIMEOUT_SECONDS) -> LiveReport:
    """Wait until all expected readings have arrived, then report the fleet.

    Args:
        settings: Settings of the stack; credentials are in the environment.
        stack: The stack.
        timeout: Seconds to wait before a partial report.
    """
    from smarterise_sdk.stack import Stack

    expected = _expected(stack)
    deadline = time.monotonic() + timeout
    with Stack(settings) as sdk:
        sites = sdk.sites.fetch().sites
        while True:
            latest = sdk.metrics.latest(sites, tuple(SHOWN), lookback=LOOKBACK)
            with_values = frozenset(serial for serial, points in latest.value.items() if points)
            arrivals = Arrivals(*_in_data_lake(settings), _in_database(stack), with_values)
            lacking = arrivals.lacking(expected)
            if not lacking or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
    return LiveReport(
        rows=_rows(sites, latest.value, latest.as_of),
        summary=_summary(len(sites), expected, arrivals, lacking),
        is_complete=not lacking,
    )


def await_first_values(sdk: Stack, stack: RunningStack, *, timeout: float = FIRST_VALUES_SECONDS) -> None:
    """Wait until each site that should have values has one, before the console opens.

    Args:
        sdk: The SDK's stack.
        stack: The embedded stack.
        timeout: Seconds to wait.
    """
    expected = _expected(stack).all
    deadline = time.monotonic() + timeout
    sites = [site for site in sdk.sites.fetch().sites if site.gateway_serial in expected]
    while sites and time.monotonic() < deadline:
        latest = sdk.metrics.latest(sites, (Metric.VOLTAGE_A,), lookback=LOOKBACK)
        sites = [site for site in sites if not latest.value.get(site.gateway_serial)]
        if sites:
            time.sleep(_POLL_SECONDS)


def _expected(stack: RunningStack) -> Expected:
    options = stack.state.options
    fleet = simulated_fleet(options["sites"], options["seed"])
    active = [site for site in fleet if site.enabled and site.fault not in _MUTE]
    streamed = frozenset(site.gateway_serial for site in active if site.tier.policy.is_streamed)
    return Expected(streamed, frozenset(site.gateway_serial for site in active) - streamed)


def _in_data_lake(settings: Settings) -> tuple[frozenset[str], frozenset[str]]:
    import boto3

    # A new session: the default one caches the credentials of its first use.
    s3 = boto3.Session().client("s3", endpoint_url=settings.endpoint_url, region_name=settings.region)

    def gateways(prefix: str, part: int) -> frozenset[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=settings.names.data_lake_bucket, Prefix=prefix
        )
        return frozenset(
            listed["Key"].split("/")[part] for page in pages for listed in page.get("Contents", [])
        )

    # raw/source=…/dt=…/hour=…/<gateway>/<batch>, and ftp-backups/<gateway>/…
    return gateways(_RAW_PREFIX, 4), gateways(FTP_PREFIX, 1)


def _in_database(stack: RunningStack) -> frozenset[str]:
    import psycopg

    with psycopg.connect(stack.exports["SMARTERISE_DATABASE_URL"]) as connection:
        found = connection.execute("SELECT DISTINCT gateway_serial FROM readings").fetchall()
    return frozenset(str(serial) for (serial,) in found)


def _rows(
    sites: Sequence[Site], latest: Mapping[str, Mapping[Metric, MetricPoint]], now: datetime
) -> tuple[JsonObject, ...]:
    evaluated = [(evaluate(site, latest.get(site.gateway_serial, {}), now), site) for site in sites]
    evaluated.sort(key=lambda pair: (pair[0].status.rank, pair[1].gateway_serial))
    rows = []
    for state, site in evaluated:
        points = latest.get(site.gateway_serial, {})
        row: JsonObject = {
            "gateway_serial": site.gateway_serial,
            "name": site.name,
            "tier": site.tier.value,
            "state": state.label,
        }
        row.update({key: points[metric].value if metric in points else None for metric, key in SHOWN.items()})
        row["age"] = age_text(state.age) if state.age is not None else None
        rows.append(row)
    return tuple(rows)


def _summary(total: int, expected: Expected, arrivals: Arrivals, lacking: frozenset[str]) -> tuple[str, ...]:
    def line(name: str, sites: frozenset[str], arrived: frozenset[str]) -> str:
        return f"  {name:<19}{len(sites & arrived)} of {len(sites)}"

    by_path = f"{len(expected.streamed)} by stream, {len(expected.filed)} by file"
    lines = [
        f"{total} sites, {len(expected.all)} of them expected to have readings by now: {by_path}",
        line("stream, raw (S3)", expected.streamed, arrivals.raw),
        line("FTP, files (S3)", expected.filed, arrivals.files),
        line("PostgreSQL", expected.all, arrivals.database),
        line("CloudWatch", expected.all, arrivals.metrics),
    ]
    if lacking:
        lines.append(f"not complete yet: {', '.join(sorted(lacking))}")
    return tuple(lines)
