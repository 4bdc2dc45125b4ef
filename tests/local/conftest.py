"""What the tests of the embedded stack share: clients that speak for its operator, and a way to wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from smarterise_ops.local.client import RunningStack

T = TypeVar("T")


@pytest.fixture
def client_of() -> Callable[[RunningStack, str], Any]:
    """Return a maker of boto3 clients for a stack, as its operator."""

    def make(stack: RunningStack, service: str) -> Any:
        exports = stack.exports
        return boto3.client(  # type: ignore[call-overload]  # any service, so of no type
            service,
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            region_name=exports["AWS_DEFAULT_REGION"],
            aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 2}, max_pool_connections=20),
        )

    return make


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Return a function that asks again until the answer is true, and gives that answer."""

    def wait(ask: Callable[[], T], *, seconds: float = 20.0, every: float = 0.1) -> T:
        deadline = time.monotonic() + seconds
        while True:
            response = ask()
            if response or time.monotonic() >= deadline:
                assert response, f"not within {seconds} s"
                return response
            time.sleep(every)

    return wait
