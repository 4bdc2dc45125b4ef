"""Which AWS calls this SDK may make: reads by name, writes by name, with pace, price and IAM action.

Operations are called by their boto3 method names. What is not in these tables cannot be called.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from smarterise_sdk.domain.ingest.manager_api import READING_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.stack.names import StackNames

OperationKey = tuple[str, str]
"""boto3's names of a service and of one of its methods, e.g. `("s3", "get_object")`."""

CLOUDWATCH_REQUEST_USD = 0.01 / 1000
CLOUDWATCH_METRIC_READ_USD = 0.01 / 1000
S3_READ_USD = 0.0004 / 1000
S3_WRITE_USD = 0.005 / 1000
INVOCATION_USD = 0.20 / 1_000_000


@dataclass(frozen=True, slots=True)
class Operation:
    """One call we know.

    Attributes:
        action: The IAM action it needs.
        target: What it is about, as a format over its parameters.
        rate: Calls a second we allow ourselves, below the account's quota.
        burst: Calls that may go at once after a rest.
        price_usd: What AWS takes for one call (list prices; compute time is not counted).
        priced_by: Parameter whose length multiplies the price, where it is not flat.
        body: Member of the answer that is a stream, and is read whole.
        versioned_action: The IAM action instead, when a certain version is asked for.
    """

    action: str
    target: str = ""
    rate: float = 10.0
    burst: int = 10
    price_usd: float = 0.0
    priced_by: str | None = None
    body: str | None = None
    versioned_action: str | None = None

    def action_of(self, params: Mapping[str, Any]) -> str:
        """Return the IAM action that a call with these parameters needs."""
        return self.versioned_action if self.versioned_action and "VersionId" in params else self.action

    def price_of(self, params: Mapping[str, Any]) -> float:
        """Return the price of one call with these parameters, in USD."""
        units = len(params.get(self.priced_by, ())) if self.priced_by is not None else 1
        return self.price_usd * units

    def target_of(self, params: Mapping[str, Any]) -> str:
        """Return what one call with these parameters is about, e.g. `s3://bucket/key`."""
        return self.target.format_map(defaultdict(str, params))


_BUCKET = "s3://{Bucket}"
_OBJECT = "s3://{Bucket}/{Key}"
_FUNCTION = "function {FunctionName}"
_ROLE = "role {RoleName}"

READS: Mapping[OperationKey, Operation] = MappingProxyType(
    {
        ("cloudwatch", "describe_alarms"): Operation(
            "cloudwatch:DescribeAlarms", rate=5, price_usd=CLOUDWATCH_REQUEST_USD
        ),
        ("cloudwatch", "get_metric_data"): Operation(
            "cloudwatch:GetMetricData",
            rate=20,
            price_usd=CLOUDWATCH_METRIC_READ_USD,
            priced_by="MetricDataQueries",
        ),
        ("cloudwatch", "list_metrics"): Operation(
            "cloudwatch:ListMetrics", "namespace {Namespace}", price_usd=CLOUDWATCH_REQUEST_USD
        ),
        ("iam", "get_role_policy"): Operation("iam:GetRolePolicy", "policy {PolicyName} of " + _ROLE, rate=5),
        ("lambda", "get_function_configuration"): Operation("lambda:GetFunctionConfiguration", _FUNCTION),
        ("lambda", "get_policy"): Operation("lambda:GetPolicy", _FUNCTION),
        ("lambda", "list_functions"): Operation("lambda:ListFunctions"),
        ("s3", "get_bucket_policy"): Operation("s3:GetBucketPolicy", _BUCKET, price_usd=S3_READ_USD),
        ("s3", "get_bucket_versioning"): Operation("s3:GetBucketVersioning", _BUCKET, price_usd=S3_READ_USD),
        ("s3", "get_object"): Operation(
            "s3:GetObject",
            _OBJECT,
            rate=50,
            burst=50,
            price_usd=S3_READ_USD,
            body="Body",
            versioned_action="s3:GetObjectVersion",
        ),
        ("s3", "head_bucket"): Operation("s3:ListBucket", _BUCKET, price_usd=S3_READ_USD),
        ("s3", "head_object"): Operation("s3:GetObject", _OBJECT, rate=20, price_usd=S3_READ_USD),
        ("s3", "list_buckets"): Operation("s3:ListAllMyBuckets", price_usd=S3_WRITE_USD),
        ("s3", "list_object_versions"): Operation("s3:ListBucketVersions", _BUCKET, price_usd=S3_WRITE_USD),
        ("sts", "get_caller_identity"): Operation("sts:GetCallerIdentity"),
    }
)
"""Reads: all that `Broker.call` lets through."""

WRITES: Mapping[OperationKey, Operation] = MappingProxyType(
    {("s3", "put_object"): Operation("s3:PutObject", _OBJECT, rate=20, burst=20, price_usd=S3_WRITE_USD)}
)
"""Writes: only through a `WriteGrant`, for a plan that announced them."""

INVOKE_KEY: OperationKey = ("lambda", "invoke")
INVOKE = Operation(
    "lambda:InvokeFunction", _FUNCTION, rate=20, burst=20, price_usd=INVOCATION_USD, body="Payload"
)
"""Invoking a function reads or writes, as its payload says: `Broker.invoke` looks at it."""

_READING_ACTIONS = frozenset({"get_config", "get_site", "list_sites", "history"})
_REHEARSABLE_ACTIONS = frozenset({"update_sites", "rollback", "reconcile"})


def may_invoke(function: str, payload: Mapping[str, Any], names: StackNames) -> bool:
    """Whether a function only looks when it is invoked with a payload: of two functions that can be known."""
    if function == names.site_config_manager:
        return is_reading(payload)
    action = payload.get("action")
    return function == names.ingest_manager and isinstance(action, str) and action in READING_ACTIONS


def is_reading(payload: Mapping[str, Any]) -> bool:
    """Whether a payload for `site-config-manager` only reads, or only rehearses a write."""
    action = payload.get("action")
    if not isinstance(action, str):
        return False
    return action in _READING_ACTIONS or (action in _REHEARSABLE_ACTIONS and payload.get("dry_run") is True)
