"""Fail unless the tests cover at least 90 % of the SDK's lines and 90 % of its branches.

`coverage report --fail-under` combines both into one figure; this checks each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from coverage import Coverage

LIMIT_PERCENT = 90.0
SUBJECT = "sdk/"


def main() -> int:
    """Combine the data files of the last test run, print and check the SDK's coverage."""
    coverage = Coverage()
    coverage.load()
    if list(Path().glob(".coverage.*")):
        coverage.combine()
        coverage.save()
    with TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report), include=[f"{SUBJECT}*"])
        files = json.loads(report.read_text())["files"]
    summaries = {name: entry["summary"] for name, entry in files.items()}
    lines = _percent(summaries, "covered_lines", "num_statements")
    branches = _percent(summaries, "covered_branches", "num_branches")
    for name, summary in sorted(summaries.items(), key=lambda item: item[1]["percent_covered"])[:10]:
        print(f"{summary['percent_covered']:6.1f} %  {name}")
    print(f"{SUBJECT} lines {lines:.1f} %, branches {branches:.1f} %, at least {LIMIT_PERCENT:.0f} % of each")
    return int(min(lines, branches) < LIMIT_PERCENT)


def _percent(summaries: dict[str, dict[str, float]], covered: str, total: str) -> float:
    of = sum(summary[total] for summary in summaries.values())
    return 100.0 * sum(summary[covered] for summary in summaries.values()) / of if of else 0.0


if __name__ == "__main__":
    sys.exit(main())
