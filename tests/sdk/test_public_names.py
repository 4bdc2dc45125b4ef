"""The SDK's public names: sorted, complete, loaded on first use."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import smarterise_sdk
from smarterise_sdk import errors

FRONT_DOOR = Path(smarterise_sdk.__file__ or "")


def test_public_names_are_sorted_and_named_once() -> None:
    assert smarterise_sdk.__all__ == sorted(set(smarterise_sdk.__all__))


@pytest.mark.parametrize("name", smarterise_sdk.__all__)
def test_a_public_name_is_the_object_that_type_checkers_see(name: str) -> None:
    tree = ast.parse(FRONT_DOOR.read_text(encoding="utf-8"))
    modules = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("smarterise_sdk.")
        for alias in node.names
    }
    found = getattr(smarterise_sdk, name)
    assert found is vars(sys.modules[str(modules[name])])[name]
    assert found.__doc__


def test_every_error_of_the_sdk_is_public() -> None:
    kinds = {
        name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert kinds <= set(smarterise_sdk.__all__)


def test_dir_lists_the_public_names_and_others_are_attribute_errors() -> None:
    assert set(smarterise_sdk.__all__) <= set(dir(smarterise_sdk))
    with pytest.raises(AttributeError, match="no attribute 'boto3'"):
        smarterise_sdk.boto3  # noqa: B018


def test_importing_the_sdk_loads_none_of_its_modules() -> None:
    program = "import sys, smarterise_sdk; print([name for name in sys.modules if 'smarterise_sdk.' in name])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
