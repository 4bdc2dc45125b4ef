"""The fleet of 10,000 sites in the real console, against Textual's own DataTable in the same run.

Three ratios; exits with 1 when one is over its limit:

- longest stall of the event loop while the sites are loaded and first painted
- CPU of the event loop per tick in which 500 rows change; the DataTable is given the same content: the new
  values of these rows, and the age in every row
- time from a key to the paint that shows its effect, while those ticks continue, 95th percentile

Rounds of both alternate, and the best of each counts, so that a busy machine is not mistaken for a slow
console.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.widgets import DataTable

from benchmarks._report import Report, argument_parser
from smarterise_sdk.domain.outcome import Outcome
from smarterise_sdk.domain.readings.metrics import Metric, MetricPoint
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.settings.model import Environment, EnvironmentKind, Settings
from smarterise_tui.app import SmarteriseConsole
from smarterise_tui.messages import LatestFetched
from smarterise_tui.poller import Cadence
from smarterise_tui.widgets.fleet_table import FleetTable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from smarterise_sdk.stack import Stack

SITES = 10_000
CHANGED = 500
TICKS = 10
KEYS = 40
BATCHES = 5
ROUNDS = 3
SIZE = (160, 45)
STALL_RATIO, TICK_RATIO, KEY_RATIO = 0.05, 0.05, 0.3
"""Maximum ratio to the time of the DataTable."""
METRICS = (
    Metric.VOLTAGE_A,
    Metric.VOLTAGE_B,
    Metric.VOLTAGE_C,
    Metric.VOLTAGE_UNBALANCE,
    Metric.ACTIVE_POWER,
    Metric.POWER_FACTOR,
)
SERIALS = [f"AN{number:08}" for number in range(SITES)]


class ProbeDriver(HeadlessDriver):
    """Terminal driver that discards output and records when it was written."""

    painted_at = 0.0
    painted = asyncio.Event()

    @property
    def is_headless(self) -> bool:
        """Return `False`, so that output is rendered completely."""
        return False

    def write(self, data: str) -> None:
        """Record the time of a frame."""
        if len(data) > 20:
            ProbeDriver.painted_at = time.perf_counter()
            ProbeDriver.painted.set()


@dataclass(frozen=True)
class Figures:
    """Figures of one round."""

    stall_ms: float
    tick_ms: float
    key_ms: float


@dataclass(frozen=True)
class Subject:
    """An app under measurement, and what to do with it."""

    app: App[Any]
    load: Callable[[], Awaitable[None]]
    tick: Callable[[int], None]
    cursor: Callable[[], tuple[int, str]]


# The console


@dataclass(frozen=True)
class _Snapshot:
    sites: tuple[Site, ...]
    etag: str
    version_id: str | None
    read_at: datetime
    degraded: None = None


@dataclass(frozen=True)
class _Stats:
    calls_last_minute: int = 12
    throttled: int = 0
    p95_ms: float = 80.0
    cost_usd_per_hour: float = 0.5


@dataclass(frozen=True)
class _Identity:
    account: str = "123456789012"
    name: str = "ops-anna"


class _Stack:
    """In-memory stack that returns its sites when released."""

    def __init__(self) -> None:
        self.sites = self.metrics = self.broker = self.checks = self.changes = self
        self.gate = threading.Event()
        names = ("Lekki", "Yaba", "Ikeja", "Apapa")
        self._sites = tuple(
            Site(
                serial,
                Tier.CRITICAL if n % 3 else Tier.NON_CRITICAL,
                name=f"{names[n % 4]} {n}",
                capacity_kva=500,
            )
            for n, serial in enumerate(SERIALS)
        )

    def identity(self) -> _Identity:
        return _Identity()

    def stats(self) -> _Stats:
        return _Stats()

    def close(self) -> None:
        pass

    def unresolved(self) -> tuple[()]:
        return ()

    def fetch(self) -> _Snapshot:
        self.gate.wait()
        return _Snapshot(self._sites, '"1"', "v1", datetime.now(UTC))

    def latest(self, sites: Sequence[Site], _metrics: Sequence[Metric], **_: object) -> Outcome[Any]:
        return values([site.gateway_serial for site in sites], 1)

    def series(self, serials: Sequence[str], metrics: Sequence[Metric], **_: object) -> Outcome[Any]:
        now = datetime.now(UTC)
        points = tuple(MetricPoint(100.0 + n % 7, now - timedelta(minutes=30 - n)) for n in range(30))
        return Outcome({serial: dict.fromkeys(metrics, points) for serial in serials}, now)


def values(serials: Sequence[str], seed: int) -> Outcome[dict[str, dict[Metric, MetricPoint]]]:
    """Return values of sites; a different tenth of them has a fault each time."""
    chance = random.Random(seed)
    at = datetime.now(UTC) - timedelta(seconds=5)
    found = {}
    for serial in serials:
        dead = 0.0 if chance.random() < 0.1 else 1.0
        numbers = (230.0 + chance.random(), 229.0 * dead, 231.0, 0.4, 80 * chance.random(), 0.96)
        found[serial] = {m: MetricPoint(v, at) for m, v in zip(METRICS, numbers, strict=True)}
    return Outcome(found, datetime.now(UTC))


def console() -> Subject:
    """Return the real console on a fleet in memory."""
    settings = Settings(
        environment=Environment("bench", EnvironmentKind.DEV, "green"),
        profile=None,
        region="eu-west-2",
        endpoint_url=None,
        read_only=False,
        names=StackNames(),
        journal_dir=Path(),
    )
    stack = _Stack()
    app = SmarteriseConsole(settings, lambda: cast("Stack", stack), cadence=Cadence(tick=3600))
    prepared = [changed_rows(number) for number in range(TICKS)]

    async def load() -> None:
        stack.gate.set()
        while len(app.state.view.rows) < SITES or not app.state.model.rows[SERIALS[0]].is_loaded:
            await asyncio.sleep(0.002)

    def tick(number: int) -> None:
        serials, outcome = prepared[number % len(prepared)]
        app.post_message(LatestFetched(serials, frozenset(serials), frozenset(METRICS), outcome))

    def cursor() -> tuple[int, str]:
        table = app.query_one(FleetTable)
        return table.cursor, str(table.cursor_serial)

    return Subject(app, load, tick, cursor)


def changed_rows(number: int) -> tuple[tuple[str, ...], Outcome[dict[str, dict[Metric, MetricPoint]]]]:
    """Return which rows change at a tick, and their values."""
    serials = tuple(random.Random(number).sample(SERIALS, CHANGED))
    return serials, values(serials, number)


# Textual's table


class TableApp(App[None]):
    """The same rows in a DataTable."""

    ENABLE_COMMAND_PALETTE = False

    def compose(self) -> Any:
        """Compose the table alone."""
        yield DataTable(cursor_type="row")


def data_table() -> Subject:
    """Return a DataTable with as many rows and columns."""
    app = TableApp()
    heads = [
        "SERIAL",
        "NAME",
        "TIER",
        "STATE",
        "V A",
        "V B",
        "V C",
        "u2 %",
        "kW",
        "LOAD",
        "LAST 30 MIN",
        "AGE",
    ]
    chance = random.Random(7)

    async def load() -> None:
        table = app.query_one(DataTable)
        for head in heads:
            table.add_column(head, key=head, width=20 if head in ("NAME", "LAST 30 MIN") else 12)
        rows = [[s, f"Lekki {n}", "CRITICAL", "● ok", *["230.1"] * 7, "5s"] for n, s in enumerate(SERIALS)]
        for row in rows:
            table.add_row(*row, key=row[0])
        table.focus()
        await asyncio.sleep(0.5)

    def tick(number: int) -> None:
        table = app.query_one(DataTable)
        for serial in random.Random(number).sample(SERIALS, CHANGED):
            for head in heads[3:-1]:
                table.update_cell(serial, head, f"{230 * chance.random():.1f}")
        for serial in SERIALS:  # the console shows the current age in every row
            table.update_cell(serial, "AGE", f"{number}s")

    def cursor() -> tuple[int, str]:
        row = app.query_one(DataTable).cursor_row
        return row, str(row)

    return Subject(app, load, tick, cursor)


# Measuring


async def measure(make: Callable[[], Subject], batches: int) -> Figures:
    """Load a subject, then measure batches of ticks and keys."""
    subject = make()
    subject.app.driver_class = ProbeDriver
    ProbeDriver.painted = asyncio.Event()
    done: asyncio.Future[Figures] = asyncio.get_running_loop().create_future()

    async def act(_pilot: object) -> None:
        try:
            done.set_result(await _act(subject, batches))
        except Exception as error:  # noqa: BLE001 -- raised by the awaiting caller
            done.set_exception(error)
        subject.app.exit()

    gc.collect()
    gc.freeze()  # excludes the benchmark's own data from garbage collection
    await subject.app.run_async(size=SIZE, auto_pilot=act)
    return await done


async def _act(subject: Subject, batches: int) -> Figures:
    stalls: list[float] = []
    probe = asyncio.create_task(_probe(stalls))
    await asyncio.sleep(0.1)
    stalls.clear()
    await subject.load()
    await asyncio.sleep(1)
    await asyncio.sleep(0.1)  # lets the probe record a stall that lasted until now
    probe.cancel()
    ticks, keys = [], []
    for _ in range(batches):
        ticks.extend([await _tick_cpu(subject, number) for number in range(TICKS)])  # interference only adds
        responses = [await _key_to_paint(subject, number) for number in range(KEYS)]
        keys.append(statistics.quantiles(responses, n=20)[-1])
    return Figures(max(stalls), min(ticks), min(keys))


async def _probe(stalls: list[float]) -> None:
    """Record the delay of the event loop repeatedly."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls.append((time.perf_counter() - before - 0.001) * 1000)


async def _tick_cpu(subject: Subject, number: int) -> float:
    """Return the CPU that the loop's thread takes for a tick and its paint, ms."""
    before = time.thread_time()
    subject.tick(number)
    await asyncio.sleep(0.1)
    return (time.thread_time() - before) * 1000


async def _key_to_paint(subject: Subject, number: int) -> float:
    """Return the time from a key press during a tick to its paint, ms."""
    subject.tick(number)
    await asyncio.sleep(0.01 * (number % 5))
    place, site = subject.cursor()
    way = "down" if place < SITES / 2 else "up"
    key = f"page{way}" if number % 3 == 0 else way
    before = time.perf_counter()
    subject.app.post_message(events.Key(key, None))
    while subject.cursor()[1] == site or ProbeDriver.painted_at < before:
        ProbeDriver.painted.clear()
        await asyncio.wait_for(ProbeDriver.painted.wait(), 10)
    took = (ProbeDriver.painted_at - before) * 1000
    await asyncio.sleep(0.05)
    return took


def best(rounds: list[Figures]) -> Figures:
    """Return the minimum of each figure."""
    return Figures(
        min(figures.stall_ms for figures in rounds),
        min(figures.tick_ms for figures in rounds),
        min(figures.key_ms for figures in rounds),
    )


def main() -> int:
    """Measure, print and evaluate."""
    options = argument_parser(__doc__).parse_args()
    report = Report("fleet_table", ("smarterise-ops", "textual", "rich"), options.append)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(asyncio.run(measure(console, BATCHES)))
        theirs.append(asyncio.run(measure(data_table, 1)))
    mine, other = best(ours), best(theirs)
    for name, console_ms, table_ms, limit in (
        ("stall on load", mine.stall_ms, other.stall_ms, STALL_RATIO),
        (f"CPU per tick, {CHANGED} rows", mine.tick_ms, other.tick_ms, TICK_RATIO),
        ("key to paint, p95", mine.key_ms, other.key_ms, KEY_RATIO),
    ):
        ratio = console_ms / table_ms
        report.add(f"{name}, / DataTable", ratio, at_most=limit, console_ms=console_ms, table_ms=table_ms)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
