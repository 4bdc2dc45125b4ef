"""The policy for skipped tests: where `NO_SKIPS` is set, a skipped test is a failure with the reason.

Only Terraform may be missing, because only Terraform does not come with the lock. A test that needs it calls
`skip_for_terraform`, and is skipped where `TF_OFFLINE` is not set, with `NO_SKIPS` too. Where `TF_OFFLINE` is
set, to the offline runner, such a skip is a failure.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

NO_SKIPS = "NO_SKIPS"
TF_OFFLINE = "TF_OFFLINE"
NO_TERRAFORM = "Terraform is missing: "
"""How the reason of a test begins that is skipped for want of Terraform."""


def refused_by(reason: str, environment: Mapping[str, str]) -> str:
    """Return the variable under which a test must not be skipped for this reason; empty if it may be."""
    variable = TF_OFFLINE if reason.startswith(NO_TERRAFORM) else NO_SKIPS
    return variable if environment.get(variable) else ""


def refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip that is refused into a failure. An expected failure is no skip."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if variable := refused_by(reason, os.environ):
        report.outcome = "failed"
        report.longrepr = f"skipped although {variable} is set: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Apply the policy to a test."""
    report = yield
    refuse(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Apply the policy to a module."""
    report = yield
    refuse(report)
    return report


@pytest.fixture(scope="session")
def skip_for_terraform() -> Callable[[str], NoReturn]:
    """Skip a test that needs Terraform: `skip_for_terraform("there is no terraform on the path")`."""

    def skip(why: str) -> NoReturn:
        pytest.skip(NO_TERRAFORM + why)

    return skip
