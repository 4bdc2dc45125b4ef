"""Names, comments, messages and documents use the terms of docs/glossary.md."""

from __future__ import annotations

import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("sdk", "lambdas", "smarterise_ops", "tui")
TEXTS = ("*.md", "docs/**/*.md", "terraform/**/*.tf", "terraform/**/*.md", "Makefile")
ALLOWED = {
    ("stamp", "sdk/smarterise_sdk/domain/log_files/dialect.py"): "headers of log files, e.g. `Time Stamp`",
    ("nobody", "smarterise_ops/local/servers/accounts.py"): "the Unix account",
    ("deviation", "smarterise_ops/local/simulation/mqtt_payload.py"): "standard deviation",
    (
        "deviation",
        "sdk/smarterise_sdk/domain/readings/voltage_quality.py",
    ): "IEC 61000-4-30",
}
"""Word and file where the word has its usual meaning in the field, and which meaning that is."""

NOT_YET = (
    "sdk/smarterise_sdk/aws/",
    "sdk/smarterise_sdk/checks/",
    "sdk/smarterise_sdk/services/",
    "sdk/smarterise_sdk/stack.py",
)
"""Parts that are still to be rewritten."""

_ROW = re.compile(r"\| `([^|]+)` \| ([^|]+) \|")
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CODE = re.compile(r"```.*?```", re.DOTALL)


@cache
def unused_words() -> dict[str, str]:
    """Return what to write instead, by word or phrase, from the glossary's last table."""
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    table = glossary.partition("## Words that are not used")[2]
    return {word: use.strip() for words, use in _ROW.findall(table) for word in re.split(r"`, `", words)}


@cache
def _pattern() -> re.Pattern[str]:
    words = sorted(unused_words(), key=len, reverse=True)
    return re.compile(rf"(?<![a-z-])(?:{'|'.join(map(re.escape, words))})(?![a-z-])", re.IGNORECASE)


def python_text(source: str) -> list[tuple[int, str]]:
    """Return line and text of each name, comment and string; names are split into their words."""
    found = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            found.append((token.start[0], " ".join(_NAME_PART.findall(token.string))))
        elif token.type not in (tokenize.OP, tokenize.NUMBER, tokenize.NEWLINE, tokenize.NL):
            found.append((token.start[0], token.string))
    return found


def findings(path: Path) -> list[str]:
    """Return what a file writes that the glossary replaces, with the line and the replacement."""
    source = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix()
    pieces = python_text(source) if path.suffix == ".py" else [(1, source)]
    found = []
    for line, text in pieces:
        for match in _pattern().finditer(text):
            word = re.sub(r"\s+", " ", match[0].lower())
            if (word, name) not in ALLOWED:
                number = line + text.count("\n", 0, match.start())
                found.append(f"{name}:{number}: {match[0]!r}: write {unused_words()[word]}")
    return found


def product_files() -> list[Path]:
    """Return the product's modules."""
    return sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))


def rewritten_files() -> list[Path]:
    """Return the product's modules without those of `NOT_YET`."""
    return [path for path in product_files() if not path.relative_to(ROOT).as_posix().startswith(NOT_YET)]


def text_files() -> list[Path]:
    """Return documents and Terraform, without what Terraform itself has put there."""
    found = {path for pattern in TEXTS for path in ROOT.glob(pattern)}
    return sorted(path for path in found if ".terraform" not in path.parts and path.name != "glossary.md")


def test_the_glossary_has_words_that_are_not_used() -> None:
    assert len(unused_words()) > 80
    assert unused_words()["troubles"] == "issue, error"


@pytest.mark.parametrize("path", rewritten_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_uses_the_terms_of_the_glossary(path: Path) -> None:
    assert findings(path) == []


@pytest.mark.parametrize("path", text_files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_document_uses_the_terms_of_the_glossary(path: Path) -> None:
    assert findings(path) == []


def test_names_are_split_into_words() -> None:
    assert [text for _, text in python_text("def tellAll_now(HTTPRoad): 'Tells.'\n")][:4] == [
        "def",
        "tell All now",
        "HTTP Road",
        "'Tells.'",
    ]


def test_each_exception_from_the_glossary_is_needed() -> None:
    for word, name in ALLOWED:
        source = (ROOT / name).read_text(encoding="utf-8")
        assert any(word in text.lower() for _, text in python_text(source)), (word, name)
