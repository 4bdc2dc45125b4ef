"""Trust, role and bucket policies of the embedded stack, which enforces them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smarterise_ops.local.clients import ACCOUNT, REGION
from smarterise_sdk.domain.ingest.manager_api import GIVEN_UP_PREFIX, QUARANTINE_PREFIX, STREAM_PREFIX
from smarterise_sdk.domain.ingest.sweep_report import SWEEP_REPORTS
from smarterise_sdk.domain.log_files.names import FTP_PREFIX
from smarterise_sdk.domain.sites.model import Tier

if TYPE_CHECKING:
    from smarterise_sdk.domain.stack.names import StackNames

Policy = dict[str, Any]

_VERSION = "2012-10-17"


def trust(service: str) -> Policy:
    """Return the trust policy of a role that an AWS service assumes."""
    principal = {"Service": service}
    return _policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def role_arn(role: str) -> str:
    """Return the ARN of a role of the stack."""
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def stream_arn(names: StackNames) -> str:
    """Return the ARN of the stream."""
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{names.stream}"


def function_arn(function: str) -> str:
    """Return the ARN of a function of the stack."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"


def site_config_manager(names: StackNames) -> Policy:
    """Return the policy of `site-config-manager`: site file, alarms, schedules and its log."""
    bucket = _bucket(names.site_config_bucket)
    return _policy(
        _allow(
            "ReadWriteSiteFile",
            ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            f"{bucket}/{names.site_config_key}",
        ),
        _allow(
            "ListSiteFileVersions",
            ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"],
            bucket,
        ),
        # These listings do not support resource-level permissions.
        _allow("ListAlarmsAndSchedules", ["cloudwatch:DescribeAlarms", "events:ListRules"], "*"),
        _allow(
            "SwitchSiteAlarms",
            ["cloudwatch:EnableAlarmActions", "cloudwatch:DisableAlarmActions"],
            f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{names.alarm_prefix}-*",
        ),
        _allow(
            "EnableSchedules",
            ["events:ListTargetsByRule", "events:EnableRule"],
            *(f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{names.rule_prefix(tier)}*" for tier in Tier),
        ),
        _own_log(names, names.site_config_manager),
    )


def kinesis_to_s3_rds(names: StackNames) -> Policy:
    """Return the policy of `kinesis_to_s3_rds`: stream, site file, data lake, metrics and its log."""
    data_lake = _bucket(names.data_lake_bucket)
    read_stream = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
    return _policy(
        _allow("ReadStream", [f"kinesis:{action}" for action in read_stream], stream_arn(names)),
        *_read_site_file(names),
        _allow("WriteToDataLake", ["s3:PutObject"], f"{data_lake}/raw/*", f"{data_lake}/quarantine/*"),
        _allow(
            "ReplayFromDataLake",
            ["s3:GetObject"],
            f"{data_lake}/{STREAM_PREFIX}*",
            f"{data_lake}/{QUARANTINE_PREFIX}source=iot/*",
            f"{data_lake}/{GIVEN_UP_PREFIX}*",
        ),
        _allow("DetectMissingObjects", ["s3:ListBucket"], data_lake),
        _publish(names),
        _own_log(names, names.kinesis_to_s3_rds),
    )


def ftp_to_s3(names: StackNames, secret_arn: str) -> Policy:
    """Return the policy of `ftp_to_s3`: FTP secret, site file, log files and manifests."""
    data_lake = _bucket(names.data_lake_bucket)
    return _policy(
        *_read_site_file(names),
        _allow(
            "WriteFilesAndManifests",
            ["s3:GetObject", "s3:PutObject"],
            f"{data_lake}/{FTP_PREFIX}*",
            f"{data_lake}/ftp-manifests/*",
        ),
        _allow("DetectMissingObjects", ["s3:ListBucket"], data_lake),
        _allow("ReadServerPassword", ["secretsmanager:GetSecretValue"], secret_arn),
        _own_log(names, names.ftp_to_s3),
    )


def s3_to_rds(names: StackNames) -> Policy:
    """Return the policy of `s3_to_rds_lambda`: log files, site file, quarantine and metrics."""
    data_lake = _bucket(names.data_lake_bucket)
    return _policy(
        *_read_site_file(names),
        _allow("ReadFiles", ["s3:GetObject", "s3:GetObjectVersion"], f"{data_lake}/{FTP_PREFIX}*"),
        _allow("DetectMissingObjects", ["s3:ListBucket"], data_lake),
        _allow("WriteQuarantine", ["s3:PutObject"], f"{data_lake}/quarantine/*"),
        _publish(names),
        _own_log(names, names.s3_to_rds),
    )


def alarm_notifier(names: StackNames, sender: str) -> Policy:
    """Return the policy of `alarm_notifier`: notices, site file, metric values and one SES sender."""
    data_lake = _bucket(names.data_lake_bucket)
    batch = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    return _policy(
        *_read_site_file(names),
        _allow("SendEmail", ["ses:SendEmail"], f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{sender}"),
        _allow("ReadLatestValues", ["cloudwatch:GetMetricData"], "*"),
        _allow("BatchNotices", batch, f"{data_lake}/alarm-notifier/*"),
        _allow("ListNotices", ["s3:ListBucket"], data_lake),
        _own_log(names, names.alarm_notifier),
    )


def ingest_manager(names: StackNames) -> Policy:
    """Return the policy of `ingest-manager`: read log files, quarantine and sweep reports."""
    data_lake = _bucket(names.data_lake_bucket)
    return _policy(
        _allow(
            "ReadStoredObjects",
            ["s3:GetObject"],
            f"{data_lake}/{FTP_PREFIX}*",
            f"{data_lake}/{QUARANTINE_PREFIX}*",
            f"{data_lake}/{SWEEP_REPORTS}*",
        ),
        _allow("ListFilesAndReadings", ["s3:ListBucket"], data_lake),
        _own_log(names, names.ingest_manager),
    )


def migrate_database(names: StackNames) -> Policy:
    """Return the policy of `migrate_database`: metrics; the database password is in its URL."""
    return _policy(_publish(names), _own_log(names, names.migrate_database))


def topic_rule(names: StackNames) -> Policy:
    """Return the policy of the topic rule: the stream, and S3 for failed messages."""
    return _policy(
        _allow("PutOnStream", ["kinesis:PutRecord"], stream_arn(names)),
        _allow("StoreFailedMessages", ["s3:PutObject"], f"{_bucket(names.data_lake_bucket)}/iot-errors/*"),
    )


def operator() -> Policy:
    """Return the policy of the operator: full access."""
    return _policy(_allow("FullAccess", ["*"], "*"))


def site_config_bucket(names: StackNames) -> Policy:
    """Return the site-config bucket's policy: access of its function, no deletion of versions."""
    bucket = _bucket(names.site_config_bucket)
    allow = _allow(
        "ManagerReadWrite",
        ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
        f"{bucket}/{names.site_config_key}",
    )
    manager = role_arn(names.role(names.site_config_manager))
    return _policy(
        {**allow, "Principal": {"AWS": manager}},
        {
            "Sid": "DenyVersionDeletion",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObjectVersion",
            "Resource": f"{bucket}/*",
        },
    )


def _read_site_file(names: StackNames) -> tuple[dict[str, Any], dict[str, Any]]:
    bucket = _bucket(names.site_config_bucket)
    file = f"{bucket}/{names.site_config_key}"
    return (
        _allow("ReadSiteFile", ["s3:GetObject", "s3:GetObjectVersion"], file),
        _allow("FindFallbackVersion", ["s3:ListBucket", "s3:ListBucketVersions"], bucket),
    )


def _publish(names: StackNames) -> dict[str, Any]:
    publish = _allow("PublishMetrics", ["cloudwatch:PutMetricData"], "*")
    return {**publish, "Condition": {"StringEquals": {"cloudwatch:namespace": names.metric_namespace}}}


def _own_log(names: StackNames, function: str) -> dict[str, Any]:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{names.log_group(function)}:*"
    return _allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], group)


def _bucket(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def _allow(sid: str, actions: list[str], *resources: str) -> dict[str, Any]:
    resource: str | list[str] = resources[0] if len(resources) == 1 else list(resources)
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _policy(*statements: dict[str, Any]) -> Policy:
    return {"Version": _VERSION, "Statement": list(statements)}
