"""Decision records have one form, a place in the index, and a link from the code or document they explain."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DECISIONS = ROOT / "docs" / "decisions"
RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))

STATUSES = {"accepted", "superseded", "proposed"}
AREAS = {"sdk", "lambdas", "console", "cli", "local", "terraform", "tests", "packaging"}
LINKING = ("*.md", "docs/**/*.md", "sdk/**/*.py", "lambdas/**/*.py", "smarterise_ops/**/*.py", "tui/**/*.py")
LINKING_TOO = (
    "tests/**/*.py",
    "tools/**/*",
    "terraform/**/*.tf",
    "terraform/**/*.md",
    ".github/**/*.yml",
    "Makefile",
)


def _title(record: Path) -> str:
    return record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def _field(record: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}: (\S+)$", record.read_text(encoding="utf-8"), re.MULTILINE)


@cache
def _other_texts() -> str:
    """Return the text of everything outside docs/decisions that may link to a record."""
    paths = {path for pattern in (*LINKING, *LINKING_TOO) for path in ROOT.glob(pattern) if path.is_file()}
    paths = {path for path in paths if DECISIONS not in path.parents and ".terraform" not in path.parts}
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(paths))


def test_there_are_records() -> None:
    assert len(RECORDS) > 20


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_the_title_has_the_number_and_is_the_file_name(record: Path) -> None:
    number, _, title = _title(record).partition(". ")
    assert number == str(int(record.name[:4]))
    slug = re.sub(r"[^a-z0-9.]+", "-", title.lower()).strip("-")
    assert record.name == f"{int(number):04d}-{slug}.md"
    assert len(title) <= 72


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_one_status_and_one_area(record: Path) -> None:
    (status,), (area,) = _field(record, "Status"), _field(record, "Area")
    assert status in STATUSES
    assert area in AREAS


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_short(record: Path) -> None:
    assert len(record.read_text(encoding="utf-8").splitlines()) <= 45


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_linked_from_code_or_documents(record: Path) -> None:
    assert record.name in _other_texts(), (
        f"link docs/decisions/{record.name} from what it explains, or delete it"
    )


def test_the_index_lists_every_record_by_area() -> None:
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| \[(.+)\]\((.+)\) \| (\w+) \|$", index, re.MULTILINE)
    assert sorted(rows, key=lambda row: row[2]) == [
        (*_field(record, "Area"), _title(record), record.name, *_field(record, "Status"))
        for record in RECORDS
    ]
    areas = [area for area, *_ in rows]
    assert areas == sorted(areas, key=areas.index), "rows of one area belong together"


def test_links_to_records_lead_to_one() -> None:
    names = set(re.findall(r"decisions/(\d{4}[\w.-]*\.md)", _other_texts()))
    assert sorted(name for name in names if not (DECISIONS / name).exists()) == []
