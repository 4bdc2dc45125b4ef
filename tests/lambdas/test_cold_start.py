"""What a cold start makes: no AWS client at import, for a path may never need it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from smarterise_lambdas.bundle import PACKAGES, handler_path

PROBE = """
import importlib, json, sys
import botocore.session
made = []
create = botocore.session.Session.create_client
def create_client(self, service_name, *arguments, **options):
    made.append(service_name)
    return create(self, service_name, *arguments, **options)
botocore.session.Session.create_client = create_client
module = importlib.import_module(sys.argv[1])
assert callable(module.handler)
print(json.dumps(made))
import boto3
boto3.client("sts", region_name="eu-west-2")
print(json.dumps(made))
"""


@pytest.mark.parametrize("function", PACKAGES)
def test_importing_a_handler_makes_no_client(function: str) -> None:
    module = handler_path(function).removesuffix(".handler")
    done = subprocess.run([sys.executable, "-c", PROBE, module], capture_output=True, text=True, check=True)
    at_import, afterwards = map(json.loads, done.stdout.splitlines())
    assert at_import == []
    assert afterwards == ["sts"], "the probe sees clients being made"
