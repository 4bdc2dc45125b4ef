"""Hold which AWS operations each function calls, while its tests run, against recorded/<function>.json.

`tests/conftest.py` registers this plugin of pytest: a test in which a function's code calls what is not
recorded fails. Least privilege is judged by the files, so a new call is to be recorded, and looked at:

    RECORD_CALLS=1 .venv/bin/pytest tests/lambdas

writes the files anew, from all the tests it runs: of a part of them it would forget the rest. A call counts
for the function whose package is on the stack, down to the handler.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient

from smarterise_sdk.domain.stack import functions as domain

if TYPE_CHECKING:
    from collections.abc import Generator

RECORDED = Path(__file__).parent / "recorded"
OURS = "/smarterise_lambdas/"
LIBRARIES = ("botocore", "boto3")
FUNCTIONS = {spec.package: spec.name for spec in domain.FUNCTIONS.values()}


def recorded_calls() -> dict[str, set[str]]:
    """Return what is recorded for each function."""
    return {path.stem: set(json.loads(path.read_text())) for path in RECORDED.glob("*.json")}


is_recording = bool(os.environ.get("RECORD_CALLS"))
known = recorded_calls()
made: dict[str, set[str]] = defaultdict(set)
unknown: set[str] = set()
original = BaseClient._make_api_call


def function_on_the_stack() -> str | None:
    """Return the function whose code calls here; what shared code does counts for whoever called it.

    A test that lets something happen in the middle of a function calls itself: that does not count.
    """
    frame = sys._getframe(2)
    while frame is not None and any(f"/{library}/" in frame.f_code.co_filename for library in LIBRARIES):
        frame = frame.f_back
    if frame is None or OURS not in frame.f_code.co_filename:
        return None
    while frame is not None:
        _, mark, path = frame.f_code.co_filename.partition(OURS)
        function = FUNCTIONS.get(path.partition("/")[0]) if mark else None
        if function is not None:
            return function
        frame = frame.f_back
    return None


def noted(self: Any, operation: str, parameters: Any) -> Any:
    function = function_on_the_stack()
    if function is not None:
        call = f"{self.meta.service_model.service_name}:{operation}"
        made[function].add(call)
        if call not in known.get(function, set()):
            unknown.add(f"{function} calls {call}")
    return original(self, operation, parameters)


def pytest_configure() -> None:
    BaseClient._make_api_call = noted


def pytest_unconfigure() -> None:
    BaseClient._make_api_call = original


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    yield
    if unknown and not is_recording:
        told = "; ".join(sorted(unknown))
        unknown.clear()
        pytest.fail(f"{told}: not among what is recorded: see tests/terraform/record_calls.py", pytrace=False)


def pytest_sessionfinish() -> None:
    if is_recording:
        for function, calls in made.items():
            (RECORDED / f"{function}.json").write_text(json.dumps(sorted(calls), indent=2) + "\n")
