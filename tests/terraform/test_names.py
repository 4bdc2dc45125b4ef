"""One source of names: Terraform calls things what domain, functions and embedded stack call them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smarterise_ops.local.provisioning.alarms import alarm_of
from smarterise_sdk.domain.readings.metrics import Metric, PipelineMetric
from smarterise_sdk.domain.sites.document import parse_site_tiers
from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.stack.alarms import ALARM_NEWS, ALARM_RULES
from smarterise_sdk.domain.stack.functions import FUNCTIONS, spec_of
from smarterise_sdk.domain.stack.names import GATEWAY_DIMENSION, StackNames, quarantine_key, raw_data_lake_key

ROOT = Path(__file__).parents[2]
NAMES = StackNames()


def environment_of(stack: Any, name: str) -> dict[str, str]:
    variables = stack.one("aws_lambda_function", function_name=name)["environment"][0]["variables"]
    assert isinstance(variables, dict)
    return variables


def test_terraform_reads_what_the_domain_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "build_terraform_domain.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_functions_and_their_log_groups(dev: Any) -> None:
    functions = {each["function_name"] for each in dev.of("aws_lambda_function")}
    assert functions == set(NAMES.functions)
    groups = {each["name"] for each in dev.of("aws_cloudwatch_log_group")}
    assert set(NAMES.log_groups) <= groups


def test_roles_and_policies_have_the_names_of_the_guide(dev: Any) -> None:
    roles = {each["name"] for each in dev.of("aws_iam_role")}
    policies = {(each["role"], each["name"]) for each in dev.of("aws_iam_role_policy")}
    for function in NAMES.functions:
        assert NAMES.role(function) in roles
        assert (NAMES.role(function), NAMES.role_policy(function)) in policies


def test_every_function_starts_where_its_code_is(dev: Any) -> None:
    handlers = {each["function_name"]: each["handler"] for each in dev.of("aws_lambda_function")}
    for spec in FUNCTIONS.values():
        assert handlers[spec.name] == spec.handler


def test_every_function_has_the_size_of_the_domain(dev: Any) -> None:
    sizes = {
        each["function_name"]: (each["timeout"], each["memory_size"])
        for each in dev.of("aws_lambda_function")
    }
    assert sizes == {spec.name: (spec.timeout_s, spec.memory_mb) for spec in FUNCTIONS.values()}


@pytest.mark.parametrize("function", sorted(spec.name for spec in FUNCTIONS.values()))
def test_every_setting_that_a_function_needs_is_set(dev: Any, function: str) -> None:
    folder = ROOT / "lambdas" / "smarterise_lambdas" / spec_of(function).package
    text = "\n".join(path.read_text() for path in folder.glob("*.py"))
    needed = set(re.findall(r'\brequired\(\s*"(\w+)"', text))
    known = needed | set(re.findall(r'\b(?:optional|number)\(\s*"(\w+)"', text))
    given = environment_of(dev, function)
    assert needed <= set(given)
    shared = {name for name in given if name.startswith(("DATABASE_", "FTP_", "POWERTOOLS_"))}
    assert set(given) - shared <= known, "set, but not read"
    assert set(given) - shared <= set(spec_of(function).settings) <= set(given)


def test_settings_are_the_names_of_the_domain(dev: Any) -> None:
    given = environment_of(dev, NAMES.site_config_manager)
    assert given["SITE_CONFIG_BUCKET"] == NAMES.site_config_bucket
    assert given["SITE_CONFIG_KEY"] == NAMES.site_config_key
    assert given["ALARM_PREFIX"] == NAMES.alarm_prefix
    assert given["CRITICAL_RULE_PREFIX"] == NAMES.critical_rule_prefix
    assert given["NON_CRITICAL_RULE_PREFIX"] == NAMES.non_critical_rule_prefix
    assert given["FTP_FUNCTION"] == NAMES.ftp_to_s3
    given = environment_of(dev, NAMES.kinesis_to_s3_rds)
    assert given["METRIC_NAMESPACE"] == NAMES.metric_namespace
    assert given["DATA_LAKE_BUCKET"] == NAMES.data_lake_bucket


def test_things_that_are_one_of_their_kind(dev: Any) -> None:
    assert dev.one("aws_kinesis_stream")["name"] == NAMES.stream
    assert dev.one("aws_iot_topic_rule")["name"] == NAMES.topic_rule
    assert dev.one("aws_iot_topic_rule")["sql"].endswith(f"'{NAMES.topic_prefix}/+'")
    dev.one("aws_sns_topic", name=NAMES.alert_topic)
    buckets = {each["bucket"] for each in dev.of("aws_s3_bucket")}
    assert {NAMES.site_config_bucket, NAMES.data_lake_bucket} <= buckets


def test_the_notifier_is_told_what_is_news(dev: Any) -> None:
    subscription = dev.one("aws_sns_topic_subscription", protocol="lambda")
    assert subscription["filter_policy_scope"] == "MessageBody"
    assert json.loads(subscription["filter_policy"]) == dict(ALARM_NEWS)


def test_schedules_are_those_of_the_embedded_stack(dev: Any) -> None:
    for tier in Tier:
        rule = dev.one("aws_cloudwatch_event_rule", name=NAMES.sweep_rule(tier))
        assert rule["schedule_expression"] == tier.policy.collection_schedule


def test_alarms_are_those_of_the_embedded_stack(stack: Any) -> None:
    """Name for name, limit for limit; only CloudWatch's own words differ."""
    first = stack.one("aws_s3_object", key=NAMES.site_config_key)
    topic = stack.one("aws_sns_topic", name=NAMES.alert_topic)["arn"]
    sites = parse_site_tiers(first["content"].encode()).sites.values()
    wanted = {}
    for site in sites:
        for rule in ALARM_RULES:
            call = alarm_of(site, rule, NAMES, topic)
            wanted[call["AlarmName"]] = {
                "alarm_description": call["AlarmDescription"],
                "namespace": call["Namespace"],
                "metric_name": call["MetricName"],
                "dimensions": {each["Name"]: each["Value"] for each in call["Dimensions"]},
                "statistic": call["Statistic"],
                "period": call["Period"],
                "evaluation_periods": call["EvaluationPeriods"],
                "datapoints_to_alarm": call["DatapointsToAlarm"],
                "threshold": pytest.approx(call["Threshold"]),
                "comparison_operator": call["ComparisonOperator"],
                "treat_missing_data": call["TreatMissingData"],
                "actions_enabled": call["ActionsEnabled"],
                "alarm_actions": call["AlarmActions"],
                "ok_actions": call["OKActions"],
            }
    made = {
        each["alarm_name"]: each
        for each in stack.of("aws_cloudwatch_metric_alarm")
        if each["alarm_name"].startswith(f"{NAMES.alarm_prefix}-")
    }
    assert set(made) == set(wanted)
    for name, expected in wanted.items():
        assert {key: made[name][key] for key in expected} == expected, name


def test_every_metric_that_an_alarm_watches_is_published(stack: Any) -> None:
    per_site, of_all = set(Metric), set(PipelineMetric)
    ours = [a for a in stack.of("aws_cloudwatch_metric_alarm") if a["namespace"] == NAMES.metric_namespace]
    assert ours
    for alarm in ours:
        dimensions = set(alarm["dimensions"] or {})
        if dimensions:
            assert dimensions == {GATEWAY_DIMENSION}, alarm["alarm_name"]
            assert alarm["metric_name"] in per_site, alarm["alarm_name"]
        else:
            assert alarm["metric_name"] in of_all, alarm["alarm_name"]


def test_alarms_of_the_stack_are_never_taken_for_those_of_a_site(stack: Any) -> None:
    serials = {"ehm21120333", "AN54101471"}
    for alarm in stack.of("aws_cloudwatch_metric_alarm"):
        found = NAMES.site_of_alarm(alarm["alarm_name"])
        assert found is None or found[0] in serials


WATCHED = {
    "FunctionName": ("aws_lambda_function", "function_name"),
    "QueueName": ("aws_sqs_queue", "name"),
    "StreamName": ("aws_kinesis_stream", "name"),
    "RuleName": ("aws_iot_topic_rule", "name"),
    "DBInstanceIdentifier": ("aws_db_instance", "identifier"),
    "ConfigurationSet": ("aws_sesv2_configuration_set", "configuration_set_name"),
    "ClusterName": ("aws_ecs_cluster", "name"),
    "ServiceName": ("aws_ecs_service", "name"),
    "LoadBalancer": ("aws_lb", "arn_suffix"),
    "TargetGroup": ("aws_lb_target_group", "arn_suffix"),
}
"""What an alarm of the stack names, and what is called that."""

FIXED = {"ActionType": {"Kinesis"}}


def test_alarms_watch_what_there_is_and_all_of_it(stack: Any) -> None:
    there = {name: {each[field] for each in stack.of(kind)} for name, (kind, field) in WATCHED.items()}
    watched: dict[str, set[str]] = {}
    for alarm in stack.of("aws_cloudwatch_metric_alarm"):
        for dimension, value in (alarm["dimensions"] or {}).items():
            watched.setdefault(dimension, set()).add(value)
    of_sites = watched.pop(GATEWAY_DIMENSION)
    assert of_sites == {"ehm21120333", "AN54101471"}
    assert watched == {name: found for name, found in there.items() if found} | FIXED


PARTS = ("postgresql-instance", "web", "api_service")
"""What is watched besides functions, queues, stream, rule and rows; the last two with the web application."""


def test_alarms_of_the_stack_say_what_they_are_of(stack: Any) -> None:
    names = {each["alarm_name"] for each in stack.of("aws_cloudwatch_metric_alarm")}
    of_stack = {name for name in names if not name.startswith(f"{NAMES.alarm_prefix}-")}
    assert all(name.startswith("stack-") for name in of_stack)
    has_web = bool(stack.of("aws_ecs_service"))
    for part in PARTS:
        found = {name for name in of_stack if name.startswith(f"stack-{part}-")}
        assert bool(found) == (part == "postgresql-instance" or has_web), part


def test_the_table_has_the_columns_that_a_line_of_the_lake_has(dev: Any) -> None:
    source = (ROOT / "lambdas/smarterise_lambdas/kinesis_to_s3_rds/records.py").read_text()
    body = source.partition("def data_lake_line")[2].partition("\n\n\n")[0]
    written = re.findall(r'^        "(\w+)":', body, re.MULTILINE)
    assert written
    columns = {each["name"] for each in dev.one("aws_glue_catalog_table")["storage_descriptor"][0]["columns"]}
    assert set(written) <= columns


def test_rules_of_the_lake_are_about_prefixes_that_are_written(dev: Any) -> None:
    from datetime import UTC, datetime

    from smarterise_lambdas.alarm_notifier.batching import PENDING
    from smarterise_sdk.domain.log_files.names import FTP_PREFIX

    now = datetime.now(UTC)
    written = {
        raw_data_lake_key("iot", now, "S", "b").partition("/")[0] + "/",
        quarantine_key("iot", now, "R", "b").partition("/")[0] + "/",
        *(FTP_PREFIX, PENDING, "iot-errors/", "aws/lambda/"),
    }
    rules = dev.one("aws_s3_bucket_lifecycle_configuration", bucket=NAMES.data_lake_bucket)["rule"]
    of_prefixes = [rule for rule in rules if rule["id"] != "leftovers"]
    assert {f["prefix"] for rule in of_prefixes for f in rule["filter"]} == written
