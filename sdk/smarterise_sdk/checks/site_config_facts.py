"""Collects what the site-config checks judge: each fact once, as a value or as the gap it left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.outcome import Missing
from smarterise_sdk.services.sites.lambda_transport import LambdaTransport
from smarterise_sdk.services.sites.s3_transport import S3Transport

if TYPE_CHECKING:
    from smarterise_sdk.checks.collector import Checkable, FactCollector
    from smarterise_sdk.domain.stack.names import StackNames
    from smarterise_sdk.services.sites.file import SiteFile

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SiteConfigFacts:
    """All that is known about the site configuration. What could not be had is a `Missing`.

    Attributes:
        names: What things are called.
        at: When collecting began, UTC.
        bucket: Whether the bucket is there.
        versioning: `Enabled`, `Suspended` or empty.
        bucket_policy: The policy document; `None` when the bucket has none.
        file: The site file from S3.
        function: The function's configuration; `None` when there is no such function.
        role_policy: The role's inline policy document; `None` when there is no such role or policy.
        manager: The site file as the function tells it.
        file_after: The site file from S3 once more, for the case that it changed in between.
    """

    names: StackNames
    at: datetime
    bucket: bool | Missing
    versioning: str | Missing
    bucket_policy: Document | Missing | None
    file: SiteFile | Missing
    function: Document | Missing | None
    role_policy: Document | Missing | None
    manager: SiteFile | Missing
    file_after: SiteFile | Missing


def collect(stack: Checkable, ask: FactCollector) -> SiteConfigFacts:
    """Collect every fact; a fact that cannot be had leaves a gap and stops no other."""
    broker, names = stack.broker, stack.settings.names
    bucket, function = names.site_config_bucket, names.site_config_manager
    url, of_function = f"s3://{bucket}", f"function {function}"
    role, role_policy = names.role(function), names.role_policy(function)
    s3_transport = S3Transport(broker, names)
    at = datetime.now(UTC)
    file = ask.fact("s3:GetObject", url, s3_transport.read)
    manager = ask.fact("lambda:InvokeFunction", of_function, LambdaTransport(broker, names).read)
    return SiteConfigFacts(
        names=names,
        at=at,
        bucket=ask.is_there("s3:ListBucket", url, lambda: broker.call("s3", "head_bucket", Bucket=bucket)),
        versioning=ask.fact(
            "s3:GetBucketVersioning",
            url,
            lambda: str(broker.call("s3", "get_bucket_versioning", Bucket=bucket).get("Status", "")),
        ),
        bucket_policy=ask.if_there(
            "s3:GetBucketPolicy",
            url,
            lambda: _policy(broker.call("s3", "get_bucket_policy", Bucket=bucket)["Policy"]),
        ),
        file=file,
        function=ask.if_there(
            "lambda:GetFunctionConfiguration",
            of_function,
            lambda: broker.call("lambda", "get_function_configuration", FunctionName=function),
        ),
        role_policy=ask.if_there(
            "iam:GetRolePolicy",
            f"role {role}",
            lambda: _policy(
                broker.call("iam", "get_role_policy", RoleName=role, PolicyName=role_policy)["PolicyDocument"]
            ),
        ),
        manager=manager,
        file_after=file if _agree(file, manager) else ask.fact("s3:GetObject", url, s3_transport.read),
    )


def _policy(document: str | Document) -> Document:
    # IAM's answers come decoded by boto3, S3's as text.
    parsed: Document = json.loads(document) if isinstance(document, str) else document
    return parsed


def _agree(file: SiteFile | Missing, manager: SiteFile | Missing) -> bool:
    return isinstance(file, Missing) or isinstance(manager, Missing) or file.etag == manager.etag
