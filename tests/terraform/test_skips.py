"""A check of checkov that is skipped is skipped where it is, and says why."""

from __future__ import annotations

import re
from pathlib import Path

TERRAFORM = Path(__file__).parents[2] / "terraform"
SKIP = re.compile(r"#\s*(?:checkov|bridgecrew|tfsec|trivy)\s*:\s*(?:skip|ignore)", re.IGNORECASE)
WHOLE = re.compile(r"\s*#checkov:skip=CKV2?_[A-Z]+_\d+:(?P<reason>\S.{14,})")


def test_every_skipped_check_has_its_reason() -> None:
    lines = [
        (f"{path.relative_to(TERRAFORM)}:{number}", line)
        for path in sorted(TERRAFORM.rglob("*.tf"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if SKIP.search(line)
    ]
    assert lines
    assert [where for where, line in lines if not WHOLE.fullmatch(line)] == []


def test_nothing_is_skipped_from_elsewhere() -> None:
    root = TERRAFORM.parent
    assert [
        name
        for name in (".checkov.yaml", ".checkov.yml")
        for folder in (root, TERRAFORM)
        if (folder / name).exists()
    ] == []
    assert "--skip-check" not in (root / "Makefile").read_text()
    assert "--soft-fail" not in (root / "Makefile").read_text()
