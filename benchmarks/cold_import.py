"""CPU time to import each function's handler in a fresh process, against `import boto3` alone.

Every handler needs boto3, so the ratio shows the share of the project's own code and dependencies. CPU time
is what a small function has least of; rounds alternate, so that a busy machine affects all of them. Exits
with 1 when a figure is over its limit.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from benchmarks._report import Report, argument_parser
from smarterise_sdk.domain.stack.functions import FUNCTIONS

ROUNDS = 9
BASE = "boto3"
LIMITS = {
    "site-config-manager": 2.5,
    "ftp_to_s3": 2.2,
    "alarm_notifier": 2.2,
    "ingest-manager": 3.0,
    "kinesis_to_s3_rds": 3.0,
    "s3_to_rds_lambda": 3.0,
    "migrate_database": 5.0,  # alembic and SQLAlchemy; not time-critical
}
"""Most times `import boto3` that a handler may take."""

PROBE = """
import sys, time
sys.modules["urllib3.contrib.pyopenssl"] = None  # a test dependency; not installed in Lambda
started = time.process_time()
import {module}
print(time.process_time() - started)
"""


def import_seconds(module: str) -> float:
    """Return the CPU time of one import in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(module=module)],
        env=clean,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def main() -> int:
    """Measure, print and evaluate."""
    options = argument_parser(__doc__).parse_args()
    report = Report("cold_import", ("boto3", "botocore", "pydantic", "psycopg", "alembic"), options.append)
    modules = {spec.name: spec.handler.removesuffix(".handler") for spec in FUNCTIONS.values()}
    times: dict[str, list[float]] = {name: [] for name in (BASE, *modules)}
    for round_number in range(ROUNDS + 1):
        for name, taken in times.items():
            seconds = import_seconds(modules.get(name, name))
            if round_number:  # the first round compiles and warms the disk cache
                taken.append(seconds)
    base = statistics.median(times[BASE])
    for function in modules:
        # Rounds alternate, so that machine load affects both.
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(times[function], times[BASE], strict=True)
        )
        report.add(
            f"{function} / {BASE}",
            ratio,
            at_most=LIMITS[function],
            import_ms=1000 * statistics.median(times[function]),
            boto3_ms=1000 * base,
        )
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
