"""The stack's own resources, made through the public API under the stack's own names."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from smarterise_ops.local import policies
from smarterise_ops.local.alarms import alarm_of
from smarterise_ops.local.aws_server import ACCOUNT, REGION
from smarterise_sdk.domain.alarm_rules import ALARM_RULES
from smarterise_sdk.domain.site_tiers import new_site_tiers, render_site_tiers
from smarterise_sdk.domain.sites import Tier
from smarterise_sdk.domain.updates import stamped
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_events.type_defs import TargetTypeDef
    from types_boto3_s3.type_defs import FilterRuleTypeDef

    from smarterise_ops.local.clients import Clients
    from smarterise_ops.local.fleet import SimulatedSite
    from smarterise_sdk.domain.names import StackNames

_ACTIVE_SECONDS = 30.0
_POLL_SECONDS = 0.02
LOG_RETENTION_DAYS = 3
BATCH_SIZE = 100
BATCHING_WINDOW_SECONDS = 1
RUNTIME: Final = "python3.12"
PROVISIONER = "embedded stack"
LOOK_AGAIN_SECONDS = 2
"""How soon the stream follows a switch; on AWS the function looks every 15 s."""
SWEEPS: Final = {Tier.CRITICAL: "cron(0/15 * * * ? *)", Tier.NON_CRITICAL: "cron(0 * * * ? *)"}
"""When the files of a tier are collected."""
OPERATOR = "demo-operator"


@dataclass(frozen=True, slots=True)
class _Function:
    """A function to deploy."""

    name: str
    handler: str
    policy: policies.Policy
    timeout: int
    memory: int
    environment: dict[str, str]


def provision(clients: Clients, names: StackNames, fleet: Sequence[SimulatedSite], database_url: str) -> None:
    """Make everything but the alarms.

    Args:
        clients: Of the stack's endpoint.
        names: What things are called.
        fleet: The sites of the first `site-tiers.json`.
        database_url: Where `kinesis_to_s3_rds` puts rows.
    """
    _make_buckets(clients, names)
    for group in names.log_groups:
        clients.logs.create_log_group(logGroupName=group)
        clients.logs.put_retention_policy(logGroupName=group, retentionInDays=LOG_RETENTION_DAYS)
    clients.sns.create_topic(Name=names.alert_topic)
    clients.kinesis.create_stream(StreamName=names.stream, ShardCount=1)
    for function in _functions(names, database_url):
        _deploy(clients, names, function)
    _put_site_file(clients, names, fleet)
    _tell_of_uploads(clients, names)
    _make_schedules(clients, names)
    _make_topic_rule(clients, names)
    _connect_stream(clients, names)


def make_alarms(clients: Clients, names: StackNames, fleet: Sequence[SimulatedSite]) -> None:
    """Make the alarms of every site."""
    topic_arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{names.alert_topic}"
    sites = new_site_tiers({site.gateway_serial: site.to_config() for site in fleet}).sites
    for site in sites.values():
        for rule in ALARM_RULES:
            clients.cloudwatch.put_metric_alarm(**alarm_of(site, rule, names, topic_arn))


def _make_buckets(clients: Clients, names: StackNames) -> None:
    for bucket in (names.site_config_bucket, names.data_lake_bucket):
        clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    clients.s3.put_bucket_versioning(
        Bucket=names.site_config_bucket, VersioningConfiguration={"Status": "Enabled"}
    )


def _functions(names: StackNames, database_url: str) -> tuple[_Function, ...]:
    site_file = {"SITE_CONFIG_BUCKET": names.site_config_bucket, "SITE_CONFIG_KEY": names.site_config_key}
    return (
        _Function(
            name=names.site_config_manager,
            handler="smarterise_lambdas.site_config_manager.handler.handler",
            policy=policies.site_config_manager(names),
            timeout=300,
            memory=512,
            environment={
                **site_file,
                "ALARM_PREFIX": names.alarm_prefix,
                "CRITICAL_RULE_PREFIX": names.critical_rule_prefix,
                "NON_CRITICAL_RULE_PREFIX": names.non_critical_rule_prefix,
                "FTP_FUNCTION": names.ftp_to_s3,
            },
        ),
        _Function(
            name=names.kinesis_to_s3_rds,
            handler="smarterise_lambdas.kinesis_to_s3_rds.handler.handler",
            policy=policies.kinesis_to_s3_rds(names),
            timeout=60,
            memory=512,
            environment={
                **site_file,
                "SITE_CONFIG_LOOK_AGAIN_SECONDS": str(LOOK_AGAIN_SECONDS),
                "DATA_LAKE_BUCKET": names.data_lake_bucket,
                "DATABASE_URL": database_url,
                "METRIC_NAMESPACE": names.metric_namespace,
            },
        ),
    )


def _deploy(clients: Clients, names: StackNames, function: _Function) -> None:
    from smarterise_lambdas.bundle import source_zip

    _make_role(
        clients, names.role(function.name), names.role_policy(function.name), "lambda", function.policy
    )
    clients.functions.create_function(
        FunctionName=function.name,
        Runtime=RUNTIME,
        Role=policies.role_arn(names.role(function.name)),
        Handler=function.handler,
        Code={"ZipFile": source_zip(function.name)},
        Timeout=function.timeout,
        MemorySize=function.memory,
        # The emulator's own level would be inherited, and its functions would tell nothing of what goes well.
        Environment={"Variables": {"POWERTOOLS_LOG_LEVEL": "INFO", **function.environment}},
    )


def _make_role(clients: Clients, role: str, policy_name: str, service: str, policy: policies.Policy) -> None:
    trust = policies.trust(f"{service}.amazonaws.com")
    clients.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    clients.iam.put_role_policy(RoleName=role, PolicyName=policy_name, PolicyDocument=json.dumps(policy))


def _put_site_file(clients: Clients, names: StackNames, fleet: Sequence[SimulatedSite]) -> None:
    document = new_site_tiers({site.gateway_serial: site.to_config() for site in fleet})
    document = stamped(document, at=datetime.now(UTC), by=PROVISIONER, reason="simulated fleet")
    clients.s3.put_object(
        Bucket=names.site_config_bucket,
        Key=names.site_config_key,
        Body=render_site_tiers(document),
        ContentType="application/json",
    )
    clients.s3.put_bucket_policy(
        Bucket=names.site_config_bucket, Policy=json.dumps(policies.site_config_bucket(names))
    )


def _tell_of_uploads(clients: Clients, names: StackNames) -> None:
    """Let every upload of the site file, by whichever road, invoke the manager, which carries it out."""
    function = policies.function_arn(names.site_config_manager)
    clients.functions.add_permission(
        FunctionName=names.site_config_manager,
        StatementId="uploads-of-the-site-file",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{names.site_config_bucket}",
        SourceAccount=ACCOUNT,
    )
    # There is no filter for one key; beginning and end leave little else.
    rules: list[FilterRuleTypeDef] = [
        {"Name": "prefix", "Value": names.site_config_key},
        {"Name": "suffix", "Value": names.site_config_key},
    ]
    clients.s3.put_bucket_notification_configuration(
        Bucket=names.site_config_bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {
                    "Id": "the-site-file",
                    "LambdaFunctionArn": function,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": rules}},
                }
            ]
        },
    )


def _make_schedules(clients: Clients, names: StackNames) -> None:
    for tier, schedule in SWEEPS.items():
        rule = names.sweep_rule(tier)
        clients.events.put_rule(
            Name=rule,
            ScheduleExpression=schedule,
            State="ENABLED",
            Description=f"collect the files of {tier.value} sites",
        )
        target: TargetTypeDef = {
            "Id": names.ftp_to_s3,
            "Arn": policies.function_arn(names.ftp_to_s3),
            "Input": json.dumps({"site_tier": tier.value}),
        }
        clients.events.put_targets(Rule=rule, Targets=[target])


def _make_topic_rule(clients: Clients, names: StackNames) -> None:
    role = f"{names.topic_rule}-role"
    _make_role(clients, role, f"{names.topic_rule}-policy", "iot", policies.topic_rule(names))
    clients.iot.create_topic_rule(
        ruleName=names.topic_rule,
        topicRulePayload={
            "sql": f"SELECT * FROM '{names.topic_prefix}/+'",  # noqa: S608 -- of a topic rule, no database's
            "awsIotSqlVersion": "2016-03-23",
            "actions": [
                {
                    "kinesis": {
                        "roleArn": policies.role_arn(role),
                        "streamName": names.stream,
                        "partitionKey": "${topic(2)}",
                    }
                }
            ],
            "errorAction": {
                "s3": {
                    "roleArn": policies.role_arn(role),
                    "bucketName": names.data_lake_bucket,
                    "key": "iot-errors/${topic(2)}/${newuuid()}.json",
                }
            },
        },
    )


def _connect_stream(clients: Clients, names: StackNames) -> None:
    _wait_active(clients, names.kinesis_to_s3_rds)
    clients.functions.create_event_source_mapping(
        EventSourceArn=policies.stream_arn(names),
        FunctionName=names.kinesis_to_s3_rds,
        StartingPosition="TRIM_HORIZON",
        BatchSize=BATCH_SIZE,
        MaximumBatchingWindowInSeconds=BATCHING_WINDOW_SECONDS,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


def _wait_active(clients: Clients, function: str) -> None:
    """Wait until a function can be used; boto3's own waiter looks once a second at most."""
    deadline = time.monotonic() + _ACTIVE_SECONDS
    while clients.functions.get_function_configuration(FunctionName=function).get("State") != "Active":
        if time.monotonic() >= deadline:
            raise LocalStackError(f"function {function} did not become active in {_ACTIVE_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def make_operator(clients: Clients) -> tuple[str, str]:
    """Make the user that the stack's exports speak for; return access key and secret.

    Nobody operates a stack as root, and some calls (SimulatePrincipalPolicy) take no root.
    """
    clients.iam.create_user(UserName=OPERATOR)
    clients.iam.put_user_policy(
        UserName=OPERATOR, PolicyName=f"{OPERATOR}-policy", PolicyDocument=json.dumps(policies.operator())
    )
    key = clients.iam.create_access_key(UserName=OPERATOR)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
