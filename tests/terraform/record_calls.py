"""Record which AWS operations each function calls while its tests run, into recorded/<function>.json.

    PYTHONPATH=tests/terraform .venv/bin/pytest -p record_calls tests/lambdas

A plugin of pytest: a call counts for the function whose package is on the stack, down to the handler. What
was recorded before stays, so a part of the tests can be run again; remove the files to forget.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from smarterise_lambdas.bundle import PACKAGES

RECORDED = Path(__file__).parent / "recorded"
OURS = "/smarterise_lambdas/"
LIBRARIES = ("botocore", "boto3")
FUNCTIONS = {package: function for function, package in PACKAGES.items()}

made: dict[str, set[str]] = defaultdict(set)
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


def recorded(self: Any, operation: str, parameters: Any) -> Any:
    function = function_on_the_stack()
    if function is not None:
        made[function].add(f"{self.meta.service_model.service_name}:{operation}")
    return original(self, operation, parameters)


def pytest_configure() -> None:
    BaseClient._make_api_call = recorded


def pytest_sessionfinish() -> None:
    RECORDED.mkdir(exist_ok=True)
    for function, calls in made.items():
        target = RECORDED / f"{function}.json"
        before = set(json.loads(target.read_text())) if target.exists() else set()
        target.write_text(json.dumps(sorted(before | calls), indent=2) + "\n")
