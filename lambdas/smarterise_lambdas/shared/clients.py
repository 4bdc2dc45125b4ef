"""AWS clients of a function: created on first use, once per process, with explicit timeouts."""

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
    max_pool_connections=50,  # created on demand; an FTP sweep uses many at once
)
_TOKEN_SECONDS: Final = 900


@cache
def s3() -> S3Client:
    """Return the S3 client."""
    return boto3.client("s3", config=_CONFIG)


@cache
def cloudwatch() -> CloudWatchClient:
    """Return the CloudWatch client, without request compression: callers compress the body themselves."""
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
    """Return the text of a secret, read from Secrets Manager on every call because secrets rotate."""
    client = cast("Any", boto3.client("secretsmanager", config=_CONFIG))
    return str(client.get_secret_value(SecretId=arn)["SecretString"])


def database_token(host: str, port: int, user: str) -> str:
    """Return an IAM authentication token for a database user, valid for 15 minutes.

    Signed locally with the function's credentials, without a request, and without the RDS client, whose large
    service model would dominate the cold start.

    Args:
        host: Host name to connect to.
        port: Port to connect to.
        user: Database user with the role `rds_iam`.

    Raises:
        botocore.exceptions.NoCredentialsError: If there are no credentials.
        botocore.exceptions.NoRegionError: If no region is configured.
    """
    session = boto3.Session()
    credentials, region = session.get_credentials(), session.region_name
    if credentials is None:
        raise NoCredentialsError
    if region is None:
        raise NoRegionError
    request = AWSRequest("GET", f"https://{host}:{port}/", params={"Action": "connect", "DBUser": user})
    SigV4QueryAuth(credentials, "rds-db", region, expires=_TOKEN_SECONDS).add_auth(request)
    return str(request.url).removeprefix("https://")
