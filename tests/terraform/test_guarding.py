"""What the guide recommends besides the chains: audit, promises, backups in a second region, costs told."""

from __future__ import annotations

import json
from typing import Any

import pytest

FULL = ("dev", "staging", "prod")
BACKED_UP = ("staging", "prod")
REGION = "eu-west-1"
THE_KEY = "module.meta.aws_kms_key.this"


@pytest.fixture(params=FULL)
def full(request: pytest.FixtureRequest, applied: Any) -> Any:
    """Each environment that has everything."""
    return applied(request.param)


@pytest.fixture(params=BACKED_UP)
def backed_up(request: pytest.FixtureRequest, applied: Any) -> Any:
    """Each environment that must survive the loss of its region."""
    return applied(request.param)


def arn_of(stack: Any, bucket: str) -> str:
    return f"arn:aws:s3:::{stack.outputs[bucket]}"


# Audit


def test_what_is_done_in_any_region_is_recorded_and_cannot_be_altered_unseen(full: Any) -> None:
    trail = full.one("aws_cloudtrail")
    assert trail["is_multi_region_trail"]
    assert trail["include_global_service_events"]
    assert trail["enable_log_file_validation"]
    assert trail["kms_key_id"] == full.resources[THE_KEY]["arn"]
    assert trail["s3_bucket_name"] == full.outputs["audit_bucket"]


def test_the_trail_may_write_to_its_bucket_and_use_the_key(full: Any) -> None:
    trail = full.one("aws_cloudtrail")
    bucket = trail["s3_bucket_name"]
    statements = full.one("aws_s3_bucket_policy", bucket=bucket).statements()
    (write,) = [s for s in statements if s["Effect"] == "Allow" and s["Action"] == ["s3:PutObject"]]
    assert write["Principal"] == {"Service": "cloudtrail.amazonaws.com"}
    assert write["Resource"] == [f"arn:aws:s3:::{bucket}/{trail['s3_key_prefix']}/AWSLogs/123456789012/*"]
    named = write["Condition"]["StringEquals"]["aws:SourceArn"]
    assert named == f"arn:aws:cloudtrail:{REGION}:123456789012:trail/{trail['name']}"
    key = full.resources[THE_KEY]
    (use,) = [s for s in key.statements() if s["Principal"] == {"Service": "cloudtrail.amazonaws.com"}]
    assert "kms:GenerateDataKey" in use["Action"]


def selectors(stack: Any) -> list[dict[str, list[str]]]:
    return [
        {f["field"]: f["equals"] or f["starts_with"] for f in selector["field_selector"]}
        for selector in stack.one("aws_cloudtrail")["advanced_event_selector"]
    ]


def test_who_changed_the_site_file_is_recorded(full: Any) -> None:
    assert {"eventCategory": ["Management"]} in selectors(full)
    (changes,) = [s for s in selectors(full) if s.get("readOnly") == ["false"]]
    assert changes["resources.ARN"] == [f"{arn_of(full, 'site_config_bucket')}/"]
    (reads,) = [s for s in selectors(full) if s["eventCategory"] == ["Data"] and "readOnly" not in s]
    assert reads["resources.ARN"] == [f"{arn_of(full, 'device_certificate_bucket')}/"]


def test_the_recorder_runs_and_may_deliver(full: Any) -> None:
    recorder = full.one("aws_config_configuration_recorder")
    assert full.one("aws_config_configuration_recorder_status")["name"] == recorder["name"]
    channel = full.one("aws_config_delivery_channel")
    role = recorder["role_arn"].rpartition("/")[2]
    folder = f"{channel['s3_bucket_name']}/{channel['s3_key_prefix']}/AWSLogs/123456789012/Config"
    puts = [s for s in full.policy_of(role) if s["Action"] == ["s3:PutObject"]]
    assert [s["Resource"] for s in puts] == [[f"arn:aws:s3:::{folder}/*"]]


PROMISES = {
    "S3_BUCKET_SERVER_SIDE_ENCRYPTION_ENABLED",
    "S3_BUCKET_SSL_REQUESTS_ONLY",
    "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED",
    "RDS_STORAGE_ENCRYPTED",
    "RDS_INSTANCE_PUBLIC_ACCESS_CHECK",
    "DB_INSTANCE_BACKUP_ENABLED",
    "MULTI_REGION_CLOUD_TRAIL_ENABLED",
    "VPC_FLOW_LOGS_ENABLED",
}


def test_promises_are_held_by_rules_and_their_breach_is_told(full: Any) -> None:
    rules = full.of("aws_config_config_rule")
    assert {r["source"][0]["source_identifier"] for r in rules} >= PROMISES
    assert {r["source"][0]["owner"] for r in rules} == {"AWS"}
    told(full, "promise-broken", {"source": ["aws.config"]})


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("backup-failed", {"source": ["aws.backup"]}),
        ("restore-failed", {"detail": {"status": ["FAILED", "ABORTED"]}}),
        ("promise-broken", {"detail": {"newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]}}}),
        ("audit-switched-off", {"detail-type": ["AWS API Call via CloudTrail"]}),
        ("aws-health", {"source": ["aws.health"]}),
    ],
)
def test_what_people_must_hear_of_goes_to_the_topic(stack: Any, rule: str, part: dict[str, Any]) -> None:
    told(stack, rule, part)


def told(stack: Any, name: str, part: dict[str, Any]) -> None:
    rule = stack.one("aws_cloudwatch_event_rule", name=name)
    assert rule["state"] == "ENABLED"
    pattern = json.loads(rule["event_pattern"])
    assert {key: pattern[key] for key in part} == part
    target = stack.one("aws_cloudwatch_event_target", rule=name)
    assert target["arn"] == stack.outputs["alert_topic_arn"]


def test_traffic_of_the_network_is_logged(stack: Any) -> None:
    flow = stack.one("aws_flow_log")
    assert flow["vpc_id"] == stack.one("aws_vpc")["id"]
    assert flow["traffic_type"] == "ALL"
    group = stack.one("aws_cloudwatch_log_group", arn=flow["log_destination"])
    assert group["retention_in_days"]


def test_the_account_has_no_public_bucket(stack: Any) -> None:
    block = stack.one("aws_s3_account_public_access_block")
    assert block["block_public_acls"]
    assert block["block_public_policy"]
    assert block["ignore_public_acls"]
    assert block["restrict_public_buckets"]


# Backups


def test_what_cannot_be_made_anew_is_backed_up(backed_up: Any) -> None:
    selection = backed_up.one("aws_backup_selection")
    wanted = {
        backed_up.one("aws_db_instance", identifier="postgresql-instance")["arn"],
        arn_of(backed_up, "site_config_bucket"),
        arn_of(backed_up, "device_certificate_bucket"),
    }
    assert wanted <= set(selection["resources"])
    assert selection["plan_id"] == backed_up.one("aws_backup_plan")["id"]
    role = backed_up.one("aws_iam_role", arn=selection["iam_role_arn"])
    (trust,) = role.statements("assume_role_policy")
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}


def test_every_backup_is_copied_to_another_region_under_a_key_of_that_region(backed_up: Any) -> None:
    copies = backed_up.outputs["backup_copy_vault"]
    assert copies["region"] not in {REGION, ""}
    vault = backed_up.one("aws_backup_vault", name=copies["name"])
    assert vault["region"] == copies["region"]
    assert backed_up.one("aws_kms_key", arn=vault["kms_key_arn"])["region"] == copies["region"]
    rules = backed_up.one("aws_backup_plan")["rule"]
    assert {rule["rule_name"] for rule in rules} == {"daily", "monthly"}
    for rule in rules:
        (copy,) = rule["copy_action"]
        assert copy["destination_vault_arn"] == vault["arn"]
        assert copy["lifecycle"][0]["delete_after"] == rule["lifecycle"][0]["delete_after"] >= 35
        assert rule["target_vault_name"] == backed_up.outputs["backup_vault"]


def minutes(clock: str) -> int:
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)


def test_backups_begin_when_the_database_lets_them(backed_up: Any) -> None:
    """Not while it is backed up by itself or maintained, on whichever day, nor in the hour before."""
    database = backed_up.one("aws_db_instance", identifier="postgresql-instance")
    maintained = "-".join(part.partition(":")[2] for part in database["maintenance_window"].split("-"))
    for rule in backed_up.one("aws_backup_plan")["rule"]:
        minute, hour = rule["schedule"].removeprefix("cron(").split()[:2]
        begins = int(hour) * 60 + int(minute)
        for window in (database["backup_window"], maintained):
            start, _, end = window.partition("-")
            assert begins > minutes(end) or begins + rule["start_window"] < minutes(start) - 60, rule[
                "rule_name"
            ]


def test_nobody_deletes_a_backup_early(backed_up: Any) -> None:
    locks = backed_up.of("aws_backup_vault_lock_configuration")
    vaults = {vault["name"] for vault in backed_up.of("aws_backup_vault")}
    assert {lock["backup_vault_name"] for lock in locks} == vaults
    assert all(lock["min_retention_days"] >= 7 for lock in locks)
    assert all(lock["changeable_for_days"] is None for lock in locks), "compliance mode can never be left"


def test_backups_are_restored_each_month_to_see_that_they_can_be(backed_up: Any) -> None:
    plan = backed_up.one("aws_backup_restore_testing_plan")
    kinds = {}
    for selection in backed_up.of("aws_backup_restore_testing_selection"):
        assert selection["restore_testing_plan_name"] == plan["name"]
        kinds[selection["protected_resource_type"]] = selection
    assert set(kinds) == {"RDS", "S3"}
    where = kinds["RDS"]["restore_metadata_overrides"]
    database = backed_up.one("aws_db_instance", identifier="postgresql-instance")
    assert where["dbSubnetGroupName"] == database["db_subnet_group_name"]
    assert json.loads(where["vpcSecurityGroupIds"]) == database["vpc_security_group_ids"]
    assert set(kinds["S3"]["protected_resource_arns"]) == {arn_of(backed_up, "site_config_bucket")}


def test_buckets_that_are_backed_up_tell_eventbridge(backed_up: Any) -> None:
    """AWS Backup would switch it on itself, and the next apply off again."""
    chosen = backed_up.one("aws_backup_selection")["resources"]
    for notification in backed_up.of("aws_s3_bucket_notification"):
        is_chosen = f"arn:aws:s3:::{notification['bucket']}" in chosen
        assert notification["eventbridge"] == is_chosen, notification["bucket"]


def test_whoever_restores_touches_no_other_bucket(backed_up: Any) -> None:
    role = backed_up.outputs["backup_role_arn"].rpartition("/")[2]
    (refused,) = [s for s in backed_up.policy_of(role) if s["Effect"] == "Deny"]
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} <= set(refused["Action"])
    ours = {f"{arn}/*" for arn in backed_up.one("aws_backup_selection")["resources"] if ":s3:::" in arn}
    rest = set(refused["NotResource"]) - ours
    assert ours <= set(refused["NotResource"])
    assert rest == {"arn:aws:s3:::awsbackup-restore-test-*/*", "arn:aws:s3:::smarterise-restored-*/*"}


# Costs and modes


def test_costs_are_told_before_the_bill_does(stack: Any) -> None:
    budget = stack.one("aws_budgets_budget")
    assert float(budget["limit_amount"]) > 0
    topic = stack.outputs["alert_topic_arn"]
    notices = {(n["notification_type"], n["threshold"]) for n in budget["notification"]}
    assert notices == {("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)}
    assert all(n["subscriber_sns_topic_arns"] == [topic] for n in budget["notification"])
    subscription = stack.one("aws_ce_anomaly_subscription")
    assert subscription["monitor_arn_list"] == [stack.one("aws_ce_anomaly_monitor")["arn"]]
    assert [(s["type"], s["address"]) for s in subscription["subscriber"]] == [("SNS", topic)]


def test_a_declared_minimal_has_nothing_of_these_that_costs(applied: Any) -> None:
    minimal = applied("minimal")
    for kind in ("cloudtrail", "config_configuration_recorder", "backup_plan", "backup_vault"):
        assert minimal.of(f"aws_{kind}") == [], kind
    for output in ("audit_bucket", "backup_vault", "backup_copy_vault", "backup_role_arn"):
        assert minimal.outputs.get(output) is None
