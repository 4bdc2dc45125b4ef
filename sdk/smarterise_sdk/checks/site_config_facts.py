"""Collects what the site-config checks judge: each fact once, as a value or as the gap it left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from smarterise_sdk.domain.outcome import Gap
from smarterise_sdk.errors import Denied, NotFound, SmarteriseError
from smarterise_sdk.services.site_file import LambdaRoad, S3Road, SiteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smarterise_sdk.aws.broker import Broker
    from smarterise_sdk.domain.names import StackNames

T = TypeVar("T")
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SiteConfigFacts:
    """All that is known about the site configuration. What could not be had is a `Gap`.

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
    bucket: bool | Gap
    versioning: str | Gap
    bucket_policy: Document | Gap | None
    file: SiteFile | Gap
    function: Document | Gap | None
    role_policy: Document | Gap | None
    manager: SiteFile | Gap
    file_after: SiteFile | Gap


def collect(broker: Broker, names: StackNames) -> SiteConfigFacts:
    """Collect every fact; a fact that cannot be had leaves a gap and stops no other."""
    bucket = names.site_config_bucket
    function = names.site_config_manager
    s3_road, lambda_road = S3Road(broker, names), LambdaRoad(broker, names)

    def reading(operation: str, **params: Any) -> Callable[[], Mapping[str, Any]]:
        service = _SERVICES[operation]
        return lambda: broker.call(service, operation, **params)

    url = f"s3://{bucket}"
    file = _fact("s3:GetObject", f"{url}/{names.site_config_key}", s3_road.read)
    manager = _fact("lambda:InvokeFunction", f"function {function}", lambda_road.read)
    return SiteConfigFacts(
        names=names,
        at=datetime.now(UTC),
        bucket=_is_there("s3:ListBucket", url, reading("head_bucket", Bucket=bucket)),
        versioning=_fact(
            "s3:GetBucketVersioning",
            url,
            lambda: str(reading("get_bucket_versioning", Bucket=bucket)().get("Status", "")),
        ),
        bucket_policy=_if_there(
            "s3:GetBucketPolicy",
            url,
            lambda: _policy(reading("get_bucket_policy", Bucket=bucket)()["Policy"]),
        ),
        file=file,
        function=_if_there(
            "lambda:GetFunctionConfiguration",
            f"function {function}",
            lambda: dict(reading("get_function_configuration", FunctionName=function)()),
        ),
        role_policy=_if_there(
            "iam:GetRolePolicy",
            f"role {names.role(function)}",
            lambda: _policy(
                reading(
                    "get_role_policy",
                    RoleName=names.role(function),
                    PolicyName=names.role_policy(function),
                )()["PolicyDocument"]
            ),
        ),
        manager=manager,
        file_after=file if _agree(file, manager) else _fact("s3:GetObject", url, s3_road.read),
    )


_SERVICES = {
    "head_bucket": "s3",
    "get_bucket_versioning": "s3",
    "get_bucket_policy": "s3",
    "get_function_configuration": "lambda",
    "get_role_policy": "iam",
}


def _fact(action: str, scope: str, get: Callable[[], T]) -> T | Gap:
    try:
        return get()
    except Denied as error:
        return Gap(error.action, error, (scope,))
    except SmarteriseError as error:
        return Gap(action, error, (scope,))


def _if_there(action: str, scope: str, get: Callable[[], T]) -> T | Gap | None:
    fact = _fact(action, scope, get)
    return None if isinstance(fact, Gap) and isinstance(fact.error, NotFound) else fact


def _is_there(action: str, scope: str, get: Callable[[], object]) -> bool | Gap:
    fact = _if_there(action, scope, get)
    return fact if isinstance(fact, Gap) else fact is not None


def _policy(document: str | Document) -> Document:
    # IAM's answers come decoded by boto3, S3's as text.
    parsed: Document = json.loads(document) if isinstance(document, str) else document
    return parsed


def _agree(file: SiteFile | Gap, manager: SiteFile | Gap) -> bool:
    return isinstance(file, Gap) or isinstance(manager, Gap) or file.etag == manager.etag
