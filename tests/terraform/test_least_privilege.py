"""Each function's role allows every call that its code makes, and nothing beyond a short list with reasons.

What a function calls is recorded while its tests run (`recorded/<function>.json`, by `record_calls.py`); what
its role allows is read from the applied stack.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from smarterise_ops.local.clients import ACCOUNT, REGION
from smarterise_ops.local.provisioning import policies
from smarterise_sdk.domain.stack.functions import FUNCTIONS
from smarterise_sdk.domain.stack.names import StackNames

RECORDED = Path(__file__).parent / "recorded"
LAMBDAS = Path(__file__).parents[2] / "lambdas" / "smarterise_lambdas"
NAMES = [spec.name for spec in FUNCTIONS.values()]

ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObject",
    "sesv2:SendEmail": "ses:SendEmail",
}
"""IAM's word for an operation, where it is another than the operation's own."""

LAMBDA_ITSELF = {
    "logs:CreateLogStream": "Lambda writes the log in the function's role",
    "logs:PutLogEvents": "Lambda writes the log in the function's role",
    "sqs:SendMessage": "Lambda keeps failed invocations in the function's role",
    "ec2:CreateNetworkInterface": "Lambda puts the function into the network",
    "ec2:DescribeNetworkInterfaces": "Lambda puts the function into the network",
    "ec2:DescribeSubnets": "Lambda puts the function into the network",
    "ec2:DeleteNetworkInterface": "Lambda takes the function out of the network",
    "kms:Decrypt": "S3, Kinesis and Secrets Manager use the key on behalf of the function",
    "kms:GenerateDataKey": "S3 uses the key on behalf of the function",
}
BEYOND = {
    "ftp_to_s3": {
        "s3:ListBucket": "without it S3 says denied of what is not there",
        "s3:GetObjectVersion": "earlier versions of the site file",
        "s3:ListBucketVersions": "earlier versions of the site file",
        "secretsmanager:GetSecretValue": "the server's password; tests give it in the URL",
    },
    "s3_to_rds_lambda": {
        "s3:ListBucket": "without it S3 says denied of what is not there",
        "s3:GetObjectVersion": "the version an event names; earlier versions of the site file",
        "s3:ListBucketVersions": "earlier versions of the site file",
        "rds-db:connect": "logging in is signed by the function and never called",
    },
    "kinesis_to_s3_rds": {
        **dict.fromkeys(
            (
                *("kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords"),
                *("kinesis:GetShardIterator", "kinesis:ListShards"),
            ),
            "Lambda reads the stream in the function's role",
        ),
        "s3:ListBucket": "Lambda looks whether the bucket for what it gives up is there",
        "s3:GetObjectVersion": "earlier versions of the site file",
        "s3:ListBucketVersions": "earlier versions of the site file",
        "rds-db:connect": "logging in is signed by the function and never called",
    },
    "alarm_notifier": {
        "s3:ListBucket": "finds notices",
        "s3:GetObjectVersion": "earlier versions of the site file",
        "s3:ListBucketVersions": "earlier versions of the site file",
    },
    "ingest-manager": {"rds-db:connect": "logging in is signed by the function and never called"},
    "migrate_database": {"secretsmanager:GetSecretValue": "the owner's password; tests give a URL"},
    "site-config-manager": {
        "s3:ListBucket": "without it S3 says denied of what is not there",
        "s3:GetObjectVersion": "s3:GetObject of a version",
    },
}
"""What a role allows that no recorded call is, and why."""

WITHOUT_A_RESOURCE = {
    "cloudwatch:PutMetricData",
    "cloudwatch:GetMetricData",
    "cloudwatch:DescribeAlarms",
    "events:ListRules",
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
}
"""Actions that take no resource, or one that cannot be known; the configuration says why beside each."""


def called(function: str) -> set[str]:
    path = RECORDED / f"{function}.json"
    if not path.exists():
        pytest.fail(f"{path.name} is not there: record it: see record_calls.py")
    return {ACTIONS.get(call, call) for call in json.loads(path.read_text())}


def allowed(stack: Any, function: str) -> set[str]:
    statements = stack.policy_of(f"{function}-role")
    return {action for s in statements if s["Effect"] == "Allow" for action in s["Action"]}


def test_what_is_recorded_is_still_in_the_code() -> None:
    """That nothing is missing is held wherever functions run: see record_calls.py."""
    assert {path.stem for path in RECORDED.glob("*.json")} == set(NAMES)
    shared = "".join(path.read_text() for path in (LAMBDAS / "shared").glob("*.py"))
    for spec in FUNCTIONS.values():
        function, package = spec.name, spec.package
        code = shared + "".join(path.read_text() for path in (LAMBDAS / package).glob("*.py"))
        recorded = json.loads((RECORDED / f"{function}.json").read_text())
        operations = [call.partition(":")[2] for call in recorded]
        assert [each for each in operations if xform_name(each) not in code] == [], function


@pytest.mark.parametrize("function", NAMES)
def test_the_role_allows_every_call_of_the_code(stack: Any, function: str) -> None:
    assert called(function) - allowed(stack, function) == set()


@pytest.mark.parametrize("function", NAMES)
def test_the_role_allows_nothing_beyond_a_reasoned_list(stack: Any, function: str) -> None:
    reasons = {**LAMBDA_ITSELF, **BEYOND.get(function, {})}
    assert allowed(stack, function) - called(function) - set(reasons) == set()


def test_no_policy_allows_every_action(stack: Any) -> None:
    for policy in stack.of("aws_iam_role_policy"):
        for statement in policy.statements():
            if statement["Effect"] == "Allow":
                assert not [a for a in statement["Action"] if "*" in a], policy.address
                assert "NotAction" not in statement, policy.address


def test_every_resource_is_named_where_it_can_be(stack: Any) -> None:
    functions = {f"{name}-role" for name in NAMES}
    for policy in stack.of("aws_iam_role_policy"):
        if policy["role"] not in functions:
            continue
        for statement in policy.statements():
            if statement["Effect"] == "Allow" and "*" in statement["Resource"]:
                assert set(statement["Action"]) <= WITHOUT_A_RESOURCE, (policy.address, statement["Action"])


def test_no_two_functions_share_a_role(stack: Any) -> None:
    roles = [each["role"] for each in stack.of("aws_lambda_function")]
    assert len(roles) == len(set(roles))


def test_only_what_it_is_for_may_take_a_role_on(stack: Any) -> None:
    for role in stack.of("aws_iam_role"):
        for statement in role.statements("assume_role_policy"):
            assert "*" not in json.dumps(statement["Principal"]), role.address


@pytest.mark.parametrize("function", NAMES)
def test_a_function_cannot_write_where_another_keeps_its_own(stack: Any, function: str) -> None:
    own = {
        "site-config-manager": ["site-tiers.json"],
        "ftp_to_s3": ["ftp-backups/*", "ftp-manifests/*"],
        "s3_to_rds_lambda": ["quarantine/*"],
        "kinesis_to_s3_rds": ["raw/*", "quarantine/*", "aws/lambda/*"],
        "alarm_notifier": ["alarm-notifier/*"],
        "ingest-manager": [],
        "migrate_database": [],
    }[function]
    written = {
        resource.partition("/")[2]
        for statement in stack.policy_of(f"{function}-role")
        if statement["Effect"] == "Allow" and "s3:PutObject" in statement["Action"]
        for resource in statement["Resource"]
    }
    assert written == set(own)


def test_the_embedded_stack_enforces_no_less(dev: Any) -> None:
    """What the embedded stack lets a function do, the deployed one does too."""
    names = StackNames()
    embedded = {
        names.site_config_manager: policies.site_config_manager(names),
        names.kinesis_to_s3_rds: policies.kinesis_to_s3_rds(names),
        names.ftp_to_s3: policies.ftp_to_s3(
            names, dev.one("aws_secretsmanager_secret", name=names.ftp_secret)["arn"]
        ),
        names.s3_to_rds: policies.s3_to_rds(names),
        names.ingest_manager: policies.ingest_manager(names),
    }
    for function, policy in embedded.items():
        deployed = [s for s in dev.policy_of(f"{function}-role") if s["Effect"] == "Allow"]
        for statement in policy["Statement"]:
            for action in statement["Action"]:
                resources = statement["Resource"]
                for resource in [resources] if isinstance(resources, str) else resources:
                    where = resource.replace(REGION, "eu-west-1").replace(ACCOUNT, "123456789012")
                    fits = [s for s in deployed if action in s["Action"]]
                    assert any(
                        fnmatchcase(where, each) or each.removesuffix("*") == where.removesuffix("*")
                        for s in fits
                        for each in s["Resource"]
                    ), (function, action, resource)
