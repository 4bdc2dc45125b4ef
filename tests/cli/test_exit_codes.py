"""One table of exit codes: the enum, the mapping of errors and docs/exit-codes.md say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smarterise_ops.exit_codes import BY_ERROR, ExitCode, exit_code_of
from smarterise_sdk import errors

DOCUMENT = Path(__file__).parents[2] / "docs" / "exit-codes.md"


def test_the_documented_codes_are_the_codes() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == {int(code): code.meaning for code in ExitCode}


def test_the_documented_errors_are_the_errors() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert {name: int(code) for name, code in rows} == {
        error.__name__: int(code) for error, code in BY_ERROR.items()
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.InvalidConfiguration("x"), 2),
        (errors.InvalidDocument("x"), 1),
        (errors.NotFound("x"), 1),
        (errors.Conflict("x"), 4),
        (errors.WriteRefused("x"), 1),
        (errors.CredentialsError("x"), 5),
        (errors.Denied("x", action="s3:GetObject"), 5),
        (errors.Unreachable("x"), 5),
        (errors.Throttled("x"), 3),
        (errors.RemoteFault("x"), 3),
        (errors.LocalStackError("x"), 1),
        (errors.SmarteriseError("x"), 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_has_its_code(error: errors.SmarteriseError, code: int) -> None:
    assert exit_code_of(error) == code
