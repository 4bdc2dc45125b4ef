"""The resources of the embedded stack, created through the public API."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from smarterise_ops.local.clients import ACCOUNT, REGION
from smarterise_ops.local.provisioning import policies
from smarterise_ops.local.provisioning.alarms import alarm_of
from smarterise_ops.local.provisioning.functions import RECIPIENT, SENDER, Outside, deploy_all, make_role
from smarterise_sdk.domain.log_files.names import FTP_PREFIX
from smarterise_sdk.domain.sites.document import new_site_tiers, render_site_tiers
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.sites.updates import with_metadata
from smarterise_sdk.domain.stack.alarms import ALARM_NEWS, ALARM_RULES
from smarterise_sdk.errors import LocalStackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_events.type_defs import TargetTypeDef
    from types_boto3_s3.type_defs import FilterRuleTypeDef

    from smarterise_ops.local.clients import Clients
    from smarterise_ops.local.servers.ftp import FtpLogin
    from smarterise_ops.local.simulation.fleet import SimulatedSite
    from smarterise_sdk.domain.stack.names import StackNames

_ACTIVE_SECONDS = 30.0
_POLL_SECONDS = 0.02
LOG_RETENTION_DAYS = 3
BATCH_SIZE = 100
BATCHING_WINDOW_SECONDS = 1
PROVISIONER = "embedded stack"
OPERATOR = "demo-operator"


def provision(
    clients: Clients,
    names: StackNames,
    fleet: Sequence[SimulatedSite],
    *,
    database_url: str,
    ftp: FtpLogin,
) -> None:
    """Create all resources except alarms.

    Args:
        clients: Clients of the stack's endpoint.
        names: Resource names.
        fleet: The sites of the first `site-tiers.json`.
        database_url: The database.
        ftp: The login of the FTP server.
    """
    _make_buckets(clients, names)
    for group in names.log_groups:
        clients.logs.create_log_group(logGroupName=group)
        clients.logs.put_retention_policy(logGroupName=group, retentionInDays=LOG_RETENTION_DAYS)
    clients.kinesis.create_stream(StreamName=names.stream, ShardCount=1)
    secret = clients.secrets.create_secret(Name=names.ftp_secret, SecretString=ftp.secret)["ARN"]
    deploy_all(clients, names, Outside(database_url, ftp.url, secret))
    _put_site_file(clients, names, fleet)
    _notify_of_uploads(clients, names)
    _notify_of_files(clients, names)
    _make_schedules(clients, names)
    _make_topic_rule(clients, names)
    _send_alarms_by_mail(clients, names)
    _connect_stream(clients, names)


def make_alarms(clients: Clients, names: StackNames, fleet: Sequence[SimulatedSite]) -> None:
    """Create the alarms of every site."""
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


def _put_site_file(clients: Clients, names: StackNames, fleet: Sequence[SimulatedSite]) -> None:
    document = new_site_tiers({site.gateway_serial: site.to_config() for site in fleet})
    document = with_metadata(document, at=datetime.now(UTC), by=PROVISIONER, reason="simulated fleet")
    clients.s3.put_object(
        Bucket=names.site_config_bucket,
        Key=names.site_config_key,
        Body=render_site_tiers(document),
        ContentType="application/json",
    )
    clients.s3.put_bucket_policy(
        Bucket=names.site_config_bucket, Policy=json.dumps(policies.site_config_bucket(names))
    )


def _notify_of_uploads(clients: Clients, names: StackNames) -> None:
    """Invoke the manager for every upload of the site file."""
    # S3 has no filter for a single key; prefix and suffix are close to it.
    rules: list[FilterRuleTypeDef] = [
        {"Name": "prefix", "Value": names.site_config_key},
        {"Name": "suffix", "Value": names.site_config_key},
    ]
    _invoke_on_new_objects(
        clients, names.site_config_bucket, names.site_config_manager, "uploads-of-the-site-file", rules
    )


def _notify_of_files(clients: Clients, names: StackNames) -> None:
    """Invoke the loader for every file from the FTP server."""
    rules: list[FilterRuleTypeDef] = [{"Name": "prefix", "Value": FTP_PREFIX}]
    _invoke_on_new_objects(clients, names.data_lake_bucket, names.s3_to_rds, "files-of-the-ftp-server", rules)


def _invoke_on_new_objects(
    clients: Clients, bucket: str, function: str, identifier: str, rules: list[FilterRuleTypeDef]
) -> None:
    clients.functions.add_permission(
        FunctionName=function,
        StatementId=identifier,
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=ACCOUNT,
    )
    clients.s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {
                    "Id": identifier,
                    "LambdaFunctionArn": policies.function_arn(function),
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": rules}},
                }
            ]
        },
    )


def _send_alarms_by_mail(clients: Clients, names: StackNames) -> None:
    """Create the alert topic, and subscribe `alarm_notifier`, which sends e-mails through SES."""
    for address in (SENDER, RECIPIENT):
        clients.ses.create_email_identity(EmailIdentity=address)
    topic = clients.sns.create_topic(Name=names.alert_topic)["TopicArn"]
    clients.functions.add_permission(
        FunctionName=names.alarm_notifier,
        StatementId="alerts",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    clients.sns.subscribe(
        TopicArn=topic,
        Protocol="lambda",
        Endpoint=policies.function_arn(names.alarm_notifier),
        Attributes={"FilterPolicyScope": "MessageBody", "FilterPolicy": json.dumps(dict(ALARM_NEWS))},
    )


def _make_schedules(clients: Clients, names: StackNames) -> None:
    for tier in Tier:
        rule = names.sweep_rule(tier)
        clients.events.put_rule(
            Name=rule,
            ScheduleExpression=tier.policy.collection_schedule,
            State="ENABLED",
            Description=f"collect the files of {tier.value} sites",
        )
        target: TargetTypeDef = {
            "Id": names.ftp_to_s3,
            "Arn": policies.function_arn(names.ftp_to_s3),
            "Input": json.dumps({"site_tier": tier.value}),
        }
        clients.events.put_targets(Rule=rule, Targets=[target])
        clients.functions.add_permission(
            FunctionName=names.ftp_to_s3,
            StatementId=rule,
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}",
        )


def sweep_now(clients: Clients, names: StackNames, tier: Tier) -> None:
    """Invoke the targets of a tier's schedule asynchronously with their input.

    Raises:
        botocore.exceptions.BotoCoreError: If the emulator cannot be reached.
        botocore.exceptions.ClientError: If it refuses.
    """
    for target in clients.events.list_targets_by_rule(Rule=names.sweep_rule(tier))["Targets"]:
        clients.functions.invoke(
            FunctionName=target["Arn"],
            InvocationType="Event",
            Payload=target.get("Input", "{}").encode(),
        )


def _make_topic_rule(clients: Clients, names: StackNames) -> None:
    role = f"{names.topic_rule}-role"
    make_role(clients, role, f"{names.topic_rule}-policy", "iot", policies.topic_rule(names))
    clients.iot.create_topic_rule(
        ruleName=names.topic_rule,
        topicRulePayload={
            "sql": f"SELECT * FROM '{names.topic_prefix}/+'",  # noqa: S608 -- SQL of a topic rule
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
    """Wait until a function is active; boto3's waiter polls only once per second."""
    deadline = time.monotonic() + _ACTIVE_SECONDS
    while clients.functions.get_function_configuration(FunctionName=function).get("State") != "Active":
        if time.monotonic() >= deadline:
            raise LocalStackError(f"function {function} did not become active in {_ACTIVE_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def make_operator(clients: Clients) -> tuple[str, str]:
    """Create the user of the stack's exports; return access key and secret.

    Some calls (SimulatePrincipalPolicy) do not accept the root user.
    """
    clients.iam.create_user(UserName=OPERATOR)
    clients.iam.put_user_policy(
        UserName=OPERATOR, PolicyName=f"{OPERATOR}-policy", PolicyDocument=json.dumps(policies.operator())
    )
    key = clients.iam.create_access_key(UserName=OPERATOR)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
