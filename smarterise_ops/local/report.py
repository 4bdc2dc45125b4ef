"""One report of a running stack's fleet, and where its readings have arrived: S3, PostgreSQL, CloudWatch.

Streamed sites come by the stream, the others by file, as soon as the files of the first sweep are loaded.
"""

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
"""Sites with these have no values, and should have none."""
_RAW_PREFIX = "raw/source=iot/"


@dataclass(frozen=True, slots=True)
class Expected:
    """Which sites should have readings, by serial.

    Attributes:
        streamed: Those whose readings come by the stream.
        filed: Those whose readings come by file alone.
    """

    streamed: frozenset[str]
    filed: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """All of them."""
        return self.streamed | self.filed


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Which sites' readings have arrived where.

    Attributes:
        raw: In the raw lake, from the stream.
        files: In the lake's bucket, from the FTP server.
        database: In PostgreSQL, either way.
        metrics: In CloudWatch, either way.
    """

    raw: frozenset[str]
    files: frozenset[str]
    database: frozenset[str]
    metrics: frozenset[str]

    def lacking(self, expected: Expected) -> frozenset[str]:
        """Return the sites that have not arrived everywhere."""
        landed = (expected.streamed & self.raw) | (expected.filed & self.files)
        return expected.all - (landed & self.database & self.metrics)


@dataclass(frozen=True, slots=True)
class LiveReport:
    """The fleet at one moment.

    Attributes:
        rows: One a site, the worst first.
        summary: Lines for people: how many arrived where.
        is_complete: Whether every site that should have readings has them everywhere.
    """

    rows: tuple[JsonObject, ...]
    summary: tuple[str, ...]
    is_complete: bool


def live_report(settings: Settings, stack: RunningStack, *, timeout: float = TIMEOUT_SECONDS) -> LiveReport:
    """Wait until readings have gone the whole path, then report the fleet.

    Args:
        settings: Settings that lead to the stack; credentials are in the environment.
        stack: The stack.
        timeout: Seconds to wait; what has arrived by then is reported.
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
    """Wait until each site that should have values has one: no console opens on an empty fleet.

    A console asks but once a minute for sites that come by file: what it misses at first, it misses for long.

    Args:
        sdk: The SDK's face of the stack.
        stack: The stack.
        timeout: Seconds to wait; what is lacking then, the console tells.
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
    heard = [site for site in fleet if site.enabled and site.fault not in _MUTE]
    streamed = frozenset(site.gateway_serial for site in heard if site.tier.policy.is_streamed)
    return Expected(streamed, frozenset(site.gateway_serial for site in heard) - streamed)


def _in_data_lake(settings: Settings) -> tuple[frozenset[str], frozenset[str]]:
    import boto3

    # A session of its own: the default one remembers the credentials of whoever used it first.
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
    judged = [(evaluate(site, latest.get(site.gateway_serial, {}), now), site) for site in sites]
    judged.sort(key=lambda pair: (pair[0].status.rank, pair[1].gateway_serial))
    rows = []
    for state, site in judged:
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
    def told(name: str, wanted: frozenset[str], there: frozenset[str]) -> str:
        return f"  {name:<19}{len(wanted & there)} of {len(wanted)}"

    by_path = f"{len(expected.streamed)} by stream, {len(expected.filed)} by file"
    lines = [
        f"{total} sites, {len(expected.all)} of them expected to have readings by now: {by_path}",
        told("stream, raw (S3)", expected.streamed, arrivals.raw),
        told("FTP, files (S3)", expected.filed, arrivals.files),
        told("PostgreSQL", expected.all, arrivals.database),
        told("CloudWatch", expected.all, arrivals.metrics),
    ]
    if lacking:
        lines.append(f"not everywhere yet: {', '.join(sorted(lacking))}")
    return tuple(lines)
