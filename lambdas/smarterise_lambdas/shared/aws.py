"""The AWS clients of a function: made on first use, once a process, with explicit patience."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_s3.client import S3Client

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=10,
)


@cache
def s3() -> S3Client:
    """Return the S3 client."""
    return boto3.client("s3", config=_CONFIG)


@cache
def cloudwatch() -> CloudWatchClient:
    """Return the CloudWatch client."""
    return boto3.client("cloudwatch", config=_CONFIG)


@cache
def events() -> EventBridgeClient:
    """Return the EventBridge client."""
    return boto3.client("events", config=_CONFIG)


def secret_text(arn: str) -> str:
    """Return the text of a secret, read anew: after a rotation the old one is of no use."""
    client = cast("Any", boto3.client("secretsmanager", config=_CONFIG))
    return str(client.get_secret_value(SecretId=arn)["SecretString"])
