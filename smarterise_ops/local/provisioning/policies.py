"""Who may do what: trust, role and bucket policies of the stack. The embedded stack enforces them."""

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
    """Return the trust policy of a role that an AWS service takes on."""
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
    """Return what `site-config-manager` may: its file, the sites' alarms and schedules, and its own log."""
    bucket = _bucket(names.site_config_bucket)
    return _policy(
        _allow(
            "ReadAndWriteTheSiteFile",
            ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
            f"{bucket}/{names.site_config_key}",
        ),
        _allow(
            "FindItsVersions", ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"], bucket
        ),
        # Neither listing can be held to certain names.
        _allow("SeeAlarmsAndSchedules", ["cloudwatch:DescribeAlarms", "events:ListRules"], "*"),
        _allow(
            "SwitchTheSitesAlarms",
            ["cloudwatch:EnableAlarmActions", "cloudwatch:DisableAlarmActions"],
            f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{names.alarm_prefix}-*",
        ),
        _allow(
            "EnableTheSchedules",
            ["events:ListTargetsByRule", "events:EnableRule"],
            *(f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{names.rule_prefix(tier)}*" for tier in Tier),
        ),
        _own_log(names, names.site_config_manager),
    )


def kinesis_to_s3_rds(names: StackNames) -> Policy:
    """Return what `kinesis_to_s3_rds` may: read stream, site file and what it kept; add to all but these."""
    data_lake = _bucket(names.data_lake_bucket)
    read_stream = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"]
    return _policy(
        _allow("ReadTheStream", [f"kinesis:{action}" for action in read_stream], stream_arn(names)),
        *_read_site_file(names),
        _allow("AddToTheLake", ["s3:PutObject"], f"{data_lake}/raw/*", f"{data_lake}/quarantine/*"),
        _allow(
            "LoadWhatItKeptAgain",
            ["s3:GetObject"],
            f"{data_lake}/{STREAM_PREFIX}*",
            f"{data_lake}/{QUARANTINE_PREFIX}source=iot/*",
            f"{data_lake}/{GIVEN_UP_PREFIX}*",
        ),
        _allow("TellWhatIsNotThere", ["s3:ListBucket"], data_lake),
        _publish(names),
        _own_log(names, names.kinesis_to_s3_rds),
    )


def ftp_to_s3(names: StackNames, secret_arn: str) -> Policy:
    """Return what `ftp_to_s3` may: read its password and the site file; keep files and its manifests."""
    data_lake = _bucket(names.data_lake_bucket)
    return _policy(
        *_read_site_file(names),
        _allow(
            "KeepFilesAndWhatIsKnownOfThem",
            ["s3:GetObject", "s3:PutObject"],
            f"{data_lake}/{FTP_PREFIX}*",
            f"{data_lake}/ftp-manifests/*",
        ),
        _allow("TellWhatIsNotThere", ["s3:ListBucket"], data_lake),
        _allow("ReadTheServersPassword", ["secretsmanager:GetSecretValue"], secret_arn),
        _own_log(names, names.ftp_to_s3),
    )


def s3_to_rds(names: StackNames) -> Policy:
    """Return what `s3_to_rds_lambda` may: read files and the site file; keep rejects, publish metrics."""
    data_lake = _bucket(names.data_lake_bucket)
    return _policy(
        *_read_site_file(names),
        _allow("ReadFiles", ["s3:GetObject", "s3:GetObjectVersion"], f"{data_lake}/{FTP_PREFIX}*"),
        _allow("TellWhatIsNotThere", ["s3:ListBucket"], data_lake),
        _allow("KeepWhatIsRejected", ["s3:PutObject"], f"{data_lake}/quarantine/*"),
        _publish(names),
        _own_log(names, names.s3_to_rds),
    )


def alarm_notifier(names: StackNames, sender: str) -> Policy:
    """Return what `alarm_notifier` may: gather notices, look at names and values, send as one sender."""
    data_lake = _bucket(names.data_lake_bucket)
    gather = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    return _policy(
        *_read_site_file(names),
        _allow("SendLetters", ["ses:SendEmail"], f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{sender}"),
        _allow("ShowTheLastValues", ["cloudwatch:GetMetricData"], "*"),
        _allow("GatherNotices", gather, f"{data_lake}/alarm-notifier/*"),
        _allow("FindNotices", ["s3:ListBucket"], data_lake),
        _own_log(names, names.alarm_notifier),
    )


def ingest_manager(names: StackNames) -> Policy:
    """Return what `ingest-manager` may: look at files, at the quarantine, and at what lies in the lake."""
    data_lake = _bucket(names.data_lake_bucket)
    return _policy(
        _allow(
            "ShowWhatIsKept",
            ["s3:GetObject"],
            f"{data_lake}/{FTP_PREFIX}*",
            f"{data_lake}/{QUARANTINE_PREFIX}*",
            f"{data_lake}/{SWEEP_REPORTS}*",
        ),
        _allow("FindFilesAndReadings", ["s3:ListBucket"], data_lake),
        _own_log(names, names.ingest_manager),
    )


def migrate_database(names: StackNames) -> Policy:
    """Return what `migrate_database` may: publish metrics. Its database's password is in its URL here."""
    return _policy(_publish(names), _own_log(names, names.migrate_database))


def topic_rule(names: StackNames) -> Policy:
    """Return what the topic rule may: put on the stream, and keep what it could not put."""
    return _policy(
        _allow("PutOnTheStream", ["kinesis:PutRecord"], stream_arn(names)),
        _allow("KeepWhatFailed", ["s3:PutObject"], f"{_bucket(names.data_lake_bucket)}/iot-errors/*"),
    )


def operator() -> Policy:
    """Return what the operator of an embedded stack may: everything in it."""
    return _policy(_allow("EverythingHere", ["*"], "*"))


def site_config_bucket(names: StackNames) -> Policy:
    """Return the site-config bucket's policy: its function may use the file, nobody may lose a version."""
    bucket = _bucket(names.site_config_bucket)
    allow = _allow(
        "TheManagerReadsAndWrites",
        ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
        f"{bucket}/{names.site_config_key}",
    )
    manager = role_arn(names.role(names.site_config_manager))
    return _policy(
        {**allow, "Principal": {"AWS": manager}},
        {
            "Sid": "NobodyLosesAVersion",
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
        _allow("ReadTheSiteFile", ["s3:GetObject", "s3:GetObjectVersion"], file),
        _allow("FindItsLastGoodVersion", ["s3:ListBucket", "s3:ListBucketVersions"], bucket),
    )


def _publish(names: StackNames) -> dict[str, Any]:
    publish = _allow("PublishItsMetrics", ["cloudwatch:PutMetricData"], "*")
    return {**publish, "Condition": {"StringEquals": {"cloudwatch:namespace": names.metric_namespace}}}


def _own_log(names: StackNames, function: str) -> dict[str, Any]:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{names.log_group(function)}:*"
    return _allow("WriteItsLog", ["logs:CreateLogStream", "logs:PutLogEvents"], group)


def _bucket(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def _allow(sid: str, actions: list[str], *resources: str) -> dict[str, Any]:
    resource: str | list[str] = resources[0] if len(resources) == 1 else list(resources)
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _policy(*statements: dict[str, Any]) -> Policy:
    return {"Version": _VERSION, "Statement": list(statements)}
