"""Every link of the guide's chains is there, in every environment: source, permission, target."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "123456789012"
LARGEST_RETENTION_DAYS = 3653


def function(stack: Any, name: str) -> Any:
    return stack.one("aws_lambda_function", function_name=name)


def permission(stack: Any, name: str, principal: str, source_arn: str) -> Any:
    return stack.one("aws_lambda_permission", function_name=name, principal=principal, source_arn=source_arn)


def allows(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    return any(
        statement["Effect"] == "Allow"
        and action in statement["Action"]
        and any(fnmatchcase(resource, allowed) for allowed in statement["Resource"])
        for statement in statements
    )


def bucket(stack: Any, output: str) -> str:
    return str(stack.outputs[output])


# Site switching


def test_an_upload_of_the_site_file_reaches_the_manager(stack: Any) -> None:
    name = bucket(stack, "site_config_bucket")
    manager = function(stack, "site-config-manager")
    permission(stack, "site-config-manager", "s3.amazonaws.com", f"arn:aws:s3:::{name}")
    (told,) = stack.one("aws_s3_bucket_notification", bucket=name)["lambda_function"]
    assert told["lambda_function_arn"] == manager["arn"]
    assert told["filter_prefix"] == told["filter_suffix"] == "site-tiers.json"
    assert told["events"] == ["s3:ObjectCreated:*"]


def test_every_version_of_the_site_file_is_kept(stack: Any) -> None:
    name = bucket(stack, "site_config_bucket")
    (versioning,) = stack.one("aws_s3_bucket_versioning", bucket=name)["versioning_configuration"]
    assert versioning["status"] == "Enabled"
    denied = [s for s in stack.one("aws_s3_bucket_policy", bucket=name).statements() if s["Effect"] == "Deny"]
    assert any(s["Action"] == ["s3:DeleteObjectVersion"] and s["Principal"] == "*" for s in denied)
    for rule in stack.one("aws_s3_bucket_lifecycle_configuration", bucket=name)["rule"]:
        assert not rule["noncurrent_version_expiration"]
        assert not rule["expiration"]


def test_the_first_site_file_is_one_the_code_takes(stack: Any) -> None:
    from smarterise_sdk.domain.sites.document import parse_site_tiers

    first = stack.one("aws_s3_object", bucket=bucket(stack, "site_config_bucket"))
    document = parse_site_tiers(first["content"].encode())
    assert set(document.sites) == {"ehm21120333", "AN54101471"}
    assert first["key"] == "site-tiers.json"


def test_the_manager_writes_only_over_what_it_has_read(stack: Any) -> None:
    name = bucket(stack, "site_config_bucket")
    role = function(stack, "site-config-manager")["role"]
    statements = stack.one("aws_s3_bucket_policy", bucket=name).statements()
    (held,) = [s for s in statements if s["Effect"] == "Deny" and s["Action"] == ["s3:PutObject"]]
    assert held["Principal"] == {"AWS": role}
    assert held["Condition"] == {"Null": {"s3:if-match": "true", "s3:if-none-match": "true"}}
    assert allows(
        stack.policy_of("site-config-manager-role"), "s3:PutObject", f"arn:aws:s3:::{name}/site-tiers.json"
    )


@pytest.mark.parametrize("tier", ["CRITICAL", "NON_CRITICAL"])
def test_files_of_a_tier_are_collected_on_schedule(stack: Any, tier: str) -> None:
    prefix = {"CRITICAL": "critical-sites", "NON_CRITICAL": "non-critical-sites"}[tier]
    rule = stack.one("aws_cloudwatch_event_rule", name=f"{prefix}-ftp-sweep")
    assert rule["state"] == "ENABLED"
    target = stack.one("aws_cloudwatch_event_target", rule=rule["name"])
    assert target["arn"] == function(stack, "ftp_to_s3")["arn"]
    assert json.loads(target["input"]) == {"site_tier": tier}
    permission(stack, "ftp_to_s3", "events.amazonaws.com", rule["arn"])
    (dead,) = target["dead_letter_config"]
    queue = stack.one("aws_sqs_queue", arn=dead["arn"])
    policies = [s for each in stack.of("aws_sqs_queue_policy") for s in each.statements()]
    (keep,) = [s for s in policies if s["Resource"] == [queue["arn"]] and s["Effect"] == "Allow"]
    assert keep["Principal"] == {"Service": "events.amazonaws.com"}
    assert rule["arn"] in keep["Condition"]["ArnEquals"]["aws:SourceArn"]


# Data


def test_what_a_gateway_publishes_goes_on_the_stream(stack: Any) -> None:
    rule = stack.one("aws_iot_topic_rule")
    assert rule["enabled"]
    assert rule["sql"] == "SELECT * FROM 'accuenergy/+'"
    (action,) = rule["kinesis"]
    assert action["stream_name"] == stack.one("aws_kinesis_stream")["name"] == "device-data-stream"
    assert action["partition_key"] == "${topic(2)}"
    ((failed,),) = ([error["s3"] for error in rule["error_action"]],)
    (kept,) = failed
    assert kept["bucket_name"] == bucket(stack, "data_lake_bucket")
    role = action["role_arn"].rpartition("/")[2]
    assert kept["role_arn"] == action["role_arn"]
    statements = stack.policy_of(role)
    assert allows(statements, "kinesis:PutRecord", stack.one("aws_kinesis_stream")["arn"])
    assert allows(statements, "s3:PutObject", f"arn:aws:s3:::{kept['bucket_name']}/iot-errors/x/y.json")


@pytest.mark.parametrize("serial", ["ehm21120333", "AN54101471"])
def test_a_gateway_may_speak_for_itself_alone(stack: Any, serial: str) -> None:
    stack.one("aws_iot_thing", name=serial)
    statements = stack.one("aws_iot_policy", name=f"gateway-{serial}").statements()
    allowed = {
        (action, each.rpartition(":")[2])
        for s in statements
        for action in s["Action"]
        for each in s["Resource"]
    }
    assert allowed == {("iot:Connect", f"client/{serial}"), ("iot:Publish", f"topic/accuenergy/{serial}")}


def test_the_stream_is_read_with_bounds(stack: Any) -> None:
    mapping = stack.one("aws_lambda_event_source_mapping")
    assert mapping["event_source_arn"] == stack.one("aws_kinesis_stream")["arn"]
    assert mapping["function_name"] == "kinesis_to_s3_rds"
    assert 0 < mapping["maximum_retry_attempts"] <= 100
    assert mapping["maximum_record_age_in_seconds"] > 0
    assert mapping["bisect_batch_on_function_error"]
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    (given_up,) = mapping["destination_config"][0]["on_failure"]
    data_lake = f"arn:aws:s3:::{bucket(stack, 'data_lake_bucket')}"
    assert given_up["destination_arn"] == data_lake
    statements = stack.policy_of("kinesis_to_s3_rds-role")
    assert allows(statements, "s3:PutObject", f"{data_lake}/aws/lambda/an-id/shard/2026/11/23/x")
    assert allows(statements, "kinesis:GetRecords", mapping["event_source_arn"])


def test_a_new_file_reaches_the_loader(stack: Any) -> None:
    data_lake = bucket(stack, "data_lake_bucket")
    permission(stack, "s3_to_rds_lambda", "s3.amazonaws.com", f"arn:aws:s3:::{data_lake}")
    (told,) = stack.one("aws_s3_bucket_notification", bucket=data_lake)["lambda_function"]
    assert told["lambda_function_arn"] == function(stack, "s3_to_rds_lambda")["arn"]
    assert told["filter_prefix"] == "ftp-backups/"


def test_the_ftp_password_is_in_the_secret_that_the_function_reads(stack: Any) -> None:
    variables = function(stack, "ftp_to_s3")["environment"][0]["variables"]
    assert "password" not in variables["FTP_URL"]
    secret = stack.one("aws_secretsmanager_secret", arn=variables["FTP_SECRET_ARN"])
    version = stack.one("aws_secretsmanager_secret_version", secret_id=secret["id"])
    assert (version["secret_string"], version["secret_string_wo"]) == (None, None)
    assert allows(stack.policy_of("ftp_to_s3-role"), "secretsmanager:GetSecretValue", secret["arn"])


def test_no_password_is_in_the_state(stack: Any) -> None:
    assert "a-password-of-the-tests" not in stack.text


@pytest.mark.parametrize(
    "name", ["s3_to_rds_lambda", "kinesis_to_s3_rds", "ingest-manager", "migrate_database"]
)
def test_functions_that_need_the_database_reach_it(stack: Any, name: str) -> None:
    found = function(stack, name)
    (network,) = found["vpc_config"]
    assert network["subnet_ids"]
    assert network["security_group_ids"]
    variables = found["environment"][0]["variables"]
    assert variables["DATABASE_HOST"]
    assert variables["DATABASE_CA_FILE"] == "/opt/rds/authorities.pem"
    assert found["layers"] == [stack.one("aws_lambda_layer_version")["arn"]]
    statements = stack.policy_of(f"{name}-role")
    if name == "migrate_database":
        assert allows(statements, "secretsmanager:GetSecretValue", variables["DATABASE_SECRET_ARN"])
    else:
        connect = [s for s in statements if s["Action"] == ["rds-db:connect"]]
        assert [each.rpartition("/")[2] for s in connect for each in s["Resource"]] == [
            variables["DATABASE_USER"]
        ]


def test_the_lake_is_a_table_without_partitions_to_register(stack: Any) -> None:
    table = stack.one("aws_glue_catalog_table")
    data_lake = bucket(stack, "data_lake_bucket")
    template = table["parameters"]["storage.location.template"]
    assert template == f"s3://{data_lake}/raw/source=${{source}}/dt=${{dt}}/hour=${{hour}}/"
    assert table["parameters"]["projection.enabled"] == "true"
    (configuration,) = stack.one("aws_athena_workgroup")["configuration"]
    assert configuration["enforce_workgroup_configuration"]
    output = configuration["result_configuration"][0]["output_location"]
    assert output.startswith(f"s3://{bucket(stack, 'athena_results_bucket')}/")


def test_an_operator_who_asks_about_files_holds_up_no_loading(stack: Any) -> None:
    asked = function(stack, "ingest-manager")
    assert 0 < asked["reserved_concurrent_executions"] < 10
    statements = stack.policy_of("ingest-manager-role")
    assert not any(
        action in ("s3:PutObject", "s3:DeleteObject") for s in statements for action in s["Action"]
    )
    data_lake = f"arn:aws:s3:::{bucket(stack, 'data_lake_bucket')}"
    assert allows(statements, "s3:GetObject", f"{data_lake}/ftp-backups/a.csv")
    assert allows(statements, "s3:GetObject", f"{data_lake}/quarantine/source=ftp/x")
    assert allows(statements, "s3:ListBucket", data_lake)


def test_what_the_lake_keeps_of_the_stream_can_be_loaded_once_more(stack: Any) -> None:
    statements = stack.policy_of("kinesis_to_s3_rds-role")
    data_lake = f"arn:aws:s3:::{bucket(stack, 'data_lake_bucket')}"
    assert allows(statements, "s3:GetObject", f"{data_lake}/raw/source=iot/dt=2026-11-23/hour=08/x")
    assert allows(statements, "s3:GetObject", f"{data_lake}/quarantine/source=iot/x")


def test_each_deployment_brings_the_schema_up_to_date_before_who_loads(
    stack: Any, configuration: Path
) -> None:
    migration = stack.one("aws_lambda_invocation")
    assert migration["function_name"] == "migrate_database"
    assert json.loads(migration["input"]) == {"action": "migrate"}
    database = stack.one("aws_db_instance", identifier="postgresql-instance")
    assert migration["triggers"]["database"] == database["resource_id"], "a restored one has its own"
    assert migration["triggers"]["code"]
    text = (configuration / "aws-lambda" / "main.tf").read_text()
    for word in ("s3_to_rds", "kinesis_to_s3_rds", "ingest_manager"):
        block = text.partition(f'module "{word}" {{')[2].partition("\n}")[0]
        assert re.search(r"^  after += aws_lambda_invocation.migration.id$", block, re.MULTILINE), word


def test_the_database_is_kept_in_order_each_night(stack: Any) -> None:
    rule = stack.one("aws_cloudwatch_event_rule", name="database-upkeep")
    assert (rule["state"], rule["schedule_expression"]) == ("ENABLED", "cron(30 1 * * ? *)")
    target = stack.one("aws_cloudwatch_event_target", rule=rule["name"])
    assert target["arn"] == function(stack, "migrate_database")["arn"]
    assert json.loads(target["input"]) == {"action": "maintain"}
    permission(stack, "migrate_database", "events.amazonaws.com", rule["arn"])


# Monitoring


def test_every_alarm_goes_to_the_topic_and_from_there_to_people(stack: Any) -> None:
    topic = stack.one("aws_sns_topic", name="smarterise-alerts")
    alarms = stack.of("aws_cloudwatch_metric_alarm")
    assert alarms
    assert [a["alarm_name"] for a in alarms if topic["arn"] not in (a["alarm_actions"] or [])] == []
    subscriptions = [s for s in stack.of("aws_sns_topic_subscription") if s["topic_arn"] == topic["arn"]]
    by_protocol = {s["protocol"]: s["endpoint"] for s in subscriptions}
    assert by_protocol["lambda"] == function(stack, "alarm_notifier")["arn"]
    assert "@" in by_protocol["email"]
    permission(stack, "alarm_notifier", "sns.amazonaws.com", topic["arn"])
    publishers = {
        service
        for s in stack.one("aws_sns_topic_policy", arn=topic["arn"]).statements()
        if s["Effect"] == "Allow"
        for service in (
            [s["Principal"]["Service"]]
            if isinstance(s["Principal"]["Service"], str)
            else s["Principal"]["Service"]
        )
    }
    assert {"cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com"} <= publishers


def test_who_publishes_on_the_topic_may_use_its_key(stack: Any) -> None:
    topic = stack.one("aws_sns_topic", name="smarterise-alerts")
    key = next(k for k in stack.of("aws_kms_key") if k["arn"] == topic["kms_master_key_id"])
    users = json.dumps([s for s in key.statements() if "kms:GenerateDataKey" in s["Action"]])
    for service in ("cloudwatch", "events", "budgets"):
        assert f'"{service}.amazonaws.com"' in users


def test_letters_come_from_an_identity_that_the_notifier_may_use(stack: Any) -> None:
    variables = function(stack, "alarm_notifier")["environment"][0]["variables"]
    identity = stack.one("aws_sesv2_email_identity")
    assert variables["ALERT_SENDER"].endswith(f"@{identity['email_identity']}")
    assert allows(stack.policy_of("alarm_notifier-role"), "ses:SendEmail", identity["arn"])
    assert variables["ALERT_RECIPIENTS"]


@pytest.mark.parametrize(
    "group",
    [
        "/aws/lambda/site-config-manager",
        "/aws/lambda/ftp_to_s3",
        "/aws/lambda/s3_to_rds_lambda",
        "/aws/lambda/kinesis_to_s3_rds",
        "/aws/lambda/alarm_notifier",
        "/aws/lambda/ingest-manager",
        "/aws/lambda/migrate_database",
    ],
)
def test_every_log_group_is_kept_for_so_long_and_no_longer(stack: Any, group: str) -> None:
    found = stack.one("aws_cloudwatch_log_group", name=group)
    assert 0 < found["retention_in_days"] <= LARGEST_RETENTION_DAYS
    assert found["kms_key_id"]


def test_no_log_group_is_kept_for_ever(stack: Any) -> None:
    forever = [g["name"] for g in stack.of("aws_cloudwatch_log_group") if not g["retention_in_days"]]
    assert forever == []


# Every bucket


def test_every_bucket_is_encrypted_private_and_by_tls_alone(stack: Any) -> None:
    for each in stack.of("aws_s3_bucket"):
        name = each["bucket"]
        block = stack.one("aws_s3_bucket_public_access_block", bucket=name)
        assert all(
            block[flag]
            for flag in (
                "block_public_acls",
                "block_public_policy",
                "ignore_public_acls",
                "restrict_public_buckets",
            )
        ), name
        (rule,) = stack.one("aws_s3_bucket_server_side_encryption_configuration", bucket=name)["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        assert default["sse_algorithm"] in {"aws:kms", "AES256"}, name
        refused = [
            s
            for s in stack.one("aws_s3_bucket_policy", bucket=name).statements()
            if s["Effect"] == "Deny" and s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert any(s["Action"] == ["s3:*"] and s["Principal"] == "*" for s in refused), name


def test_only_receipts_of_access_logs_are_without_a_key_of_ours(stack: Any) -> None:
    plain = {
        one["bucket"]
        for one in stack.of("aws_s3_bucket_server_side_encryption_configuration")
        if one["rule"][0]["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == "AES256"
    }
    assert all("log" in name for name in plain)
