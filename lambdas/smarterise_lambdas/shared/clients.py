"""The AWS clients of a function: made on first use, once a process, with explicit patience."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import NoCredentialsError, NoRegionError

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sesv2.client import SESV2Client

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=50,  # made as they are needed: a sweep of many connections needs them
)
_TOKEN_SECONDS: Final = 900


@cache
def s3() -> S3Client:
    """Return the S3 client."""
    return boto3.client("s3", config=_CONFIG)


@cache
def cloudwatch() -> CloudWatchClient:
    """Return the CloudWatch client. Who sends it points compresses them himself, if at all."""
    return boto3.client("cloudwatch", config=_CONFIG.merge(Config(disable_request_compression=True)))


@cache
def events() -> EventBridgeClient:
    """Return the EventBridge client."""
    return boto3.client("events", config=_CONFIG)


@cache
def sesv2() -> SESV2Client:
    """Return the SES client."""
    return boto3.client("sesv2", config=_CONFIG)


def secret_text(arn: str) -> str:
    """Return the text of a secret, read anew: after a rotation the old one is of no use."""
    client = cast("Any", boto3.client("secretsmanager", config=_CONFIG))
    return str(client.get_secret_value(SecretId=arn)["SecretString"])


def database_token(host: str, port: int, user: str) -> str:
    """Return what a database user logs in with in place of a password; good for 15 minutes.

    Signed here with the function's own credentials, without a call, and without the RDS client, whose model
    is large: it would be the slowest thing a cold start does.

    Args:
        host: The host name that will be connected to.
        port: And its port.
        user: A database user who was granted `rds_iam`.

    Raises:
        botocore.exceptions.NoCredentialsError: If there are no credentials.
    """
    session = boto3.Session()
    credentials, region = session.get_credentials(), session.region_name
    if credentials is None:
        raise NoCredentialsError
    if region is None:
        raise NoRegionError
    asked = AWSRequest("GET", f"https://{host}:{port}/", params={"Action": "connect", "DBUser": user})
    SigV4QueryAuth(credentials, "rds-db", region, expires=_TOKEN_SECONDS).add_auth(asked)
    return str(asked.url).removeprefix("https://")
