"""boto3 clients of the embedded stack's endpoint, as the root of its account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_iam import IAMClient
    from types_boto3_iot import IoTClient
    from types_boto3_kinesis import KinesisClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sns import SNSClient

REGION: Final = "eu-west-2"
ACCOUNT = "123456789012"
ROOT_ACCESS_KEY = ACCOUNT
"""ministack treats an access key of twelve digits as the root of that account."""


@dataclass(frozen=True, slots=True)
class Clients:
    """One client per service, shared by threads."""

    s3: S3Client = field(repr=False)
    iam: IAMClient = field(repr=False)
    functions: LambdaClient = field(repr=False)
    kinesis: KinesisClient = field(repr=False)
    iot: IoTClient = field(repr=False)
    sns: SNSClient = field(repr=False)
    events: EventBridgeClient = field(repr=False)
    logs: CloudWatchLogsClient = field(repr=False)
    cloudwatch: CloudWatchClient = field(repr=False)
    secrets: SecretsManagerClient = field(repr=False)
    ses: SESV2Client = field(repr=False)


def connect(endpoint: str, secret: str) -> Clients:
    """Create the clients.

    Args:
        endpoint: The stack's AWS endpoint.
        secret: The secret key of its root.
    """
    import boto3
    from botocore.config import Config

    session = boto3.Session(
        aws_access_key_id=ROOT_ACCESS_KEY, aws_secret_access_key=secret, region_name=REGION
    )
    config = Config(
        connect_timeout=3,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=20,
        proxies={},
        user_agent_extra="smarterise-ops-local",
    )
    return Clients(
        s3=session.client("s3", endpoint_url=endpoint, config=config),
        iam=session.client("iam", endpoint_url=endpoint, config=config),
        functions=session.client("lambda", endpoint_url=endpoint, config=config),
        kinesis=session.client("kinesis", endpoint_url=endpoint, config=config),
        iot=session.client("iot", endpoint_url=endpoint, config=config),
        sns=session.client("sns", endpoint_url=endpoint, config=config),
        events=session.client("events", endpoint_url=endpoint, config=config),
        logs=session.client("logs", endpoint_url=endpoint, config=config),
        cloudwatch=session.client("cloudwatch", endpoint_url=endpoint, config=config),
        secrets=session.client("secretsmanager", endpoint_url=endpoint, config=config),
        ses=session.client("sesv2", endpoint_url=endpoint, config=config),
    )
