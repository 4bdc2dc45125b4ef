"""What each function's handler costs to import in a fresh process, against `import boto3` alone.

boto3 is what every one of them needs, so the ratio tells what is our own doing. CPU time, which is what a
small function is short of, in interleaved rounds, so that a busy machine meets all of them. Prints each
figure; ends with 1 when one is above its limit.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from smarterise_lambdas.bundle import PACKAGES, handler_path

ROUNDS = 9
BASE = "boto3"
LIMITS = {
    "site-config-manager": 2.5,
    "ftp_to_s3": 2.2,
    "alarm_notifier": 2.2,
    "ingest-manager": 3.0,
    "kinesis_to_s3_rds": 3.0,
    "s3_to_rds_lambda": 3.0,
    "migrate_database": 5.0,  # alembic and SQLAlchemy: it is not in anybody's way
}
"""Most times `import boto3` that a handler may take."""

PROBE = """
import sys, time
sys.modules["urllib3.contrib.pyopenssl"] = None  # the tests' TLS; Lambda has none
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
    """Measure, print and judge."""
    modules = {function: handler_path(function).removesuffix(".handler") for function in PACKAGES}
    times: dict[str, list[float]] = {name: [] for name in (BASE, *modules)}
    for round_number in range(ROUNDS + 1):
        for name, taken in times.items():
            seconds = import_seconds(modules.get(name, name))
            if round_number:  # the first compiles, and warms the caches of the disk
                taken.append(seconds)
    base = statistics.median(times[BASE])
    print(f"{BASE:<35}{1000 * base:5.0f} ms")
    is_missed = False
    for function in modules:
        seconds = statistics.median(times[function])
        # Round by round: what slows the machine down slows both.
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(times[function], times[BASE], strict=True)
        )
        limit = LIMITS[function]
        is_missed |= ratio > limit
        print(
            f"{function:<35}{1000 * seconds:5.0f} ms  {ratio:4.2f} times {BASE}"
            f"  (at most {limit})  {'MISSED' if ratio > limit else 'ok'}"
        )
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
