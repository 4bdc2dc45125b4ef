"""The policy for skipped tests, applied by a pytest of its own to one file of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

SMALL = """
import pytest
from skips import NO_TERRAFORM

def test_in_its_middle():
    pytest.skip("there is no zeppelin")

@pytest.mark.skipif(True, reason="not on a Sunday")
def test_by_a_mark():
    pass

@pytest.fixture
def server():
    pytest.skip("the server is closed")

def test_by_a_fixture(server):
    pass

def test_for_terraform(skip_for_terraform):
    skip_for_terraform("none on the path")

@pytest.mark.xfail
def test_expected_to_fail():
    assert False

def test_that_passes():
    pass
"""
REASONS = {
    "test_in_its_middle": "there is no zeppelin",
    "test_by_a_mark": "not on a Sunday",
    "test_by_a_fixture": "the server is closed",
}
TERRAFORM = {"test_for_terraform": "Terraform is missing: none on the path"}


def refused(printed: str) -> dict[str, str]:
    """Return which tests failed or had an error, and the first line of each one's reason."""
    return dict(re.findall(r"^_+ (?:ERROR at setup of )?(\w+) _+\n(.*)$", printed, re.MULTILINE))


@pytest.mark.parametrize(
    ("environment", "failed"),
    [
        ({}, {}),
        ({"NO_SKIPS": "", "TF_OFFLINE": ""}, {}),
        ({"NO_SKIPS": "1"}, {"NO_SKIPS": REASONS}),
        ({"TF_OFFLINE": "/a/runner"}, {"TF_OFFLINE": TERRAFORM}),
        (
            {"NO_SKIPS": "1", "TF_OFFLINE": "/a/runner"},
            {"NO_SKIPS": REASONS, "TF_OFFLINE": TERRAFORM},
        ),
    ],
)
def test_a_refused_skip_is_a_failure_with_its_reason(
    run_pytest: Any, environment: dict[str, str], failed: dict[str, dict[str, str]]
) -> None:
    done = run_pytest(SMALL, "skips", **environment)
    expected = {
        name: f"skipped although {variable} is set: {reason}"
        for variable, reasons in failed.items()
        for name, reason in reasons.items()
    }
    assert refused(done.stdout) == expected
    assert done.returncode == (1 if failed else 0)
    assert "1 passed" in done.stdout
    assert "1 xfailed" in done.stdout
    skipped = len(REASONS) + len(TERRAFORM) - len(expected)
    assert (f"{skipped} skipped" in done.stdout) is bool(skipped)


MODULE = """
import pytest
pytest.importorskip("no_such_module")
"""


@pytest.mark.parametrize(("environment", "code"), [({}, 5), ({"NO_SKIPS": "1"}, 2)])
def test_a_skipped_module_is_one_too(run_pytest: Any, environment: dict[str, str], code: int) -> None:
    done = run_pytest(MODULE, "skips", **environment)
    assert done.returncode == code
    assert ("skipped although NO_SKIPS is set: could not import" in done.stdout) is bool(environment)
