"""Everything that the infrastructure guide names is there, by exactly that name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TERRAFORM = Path(__file__).parents[2] / "terraform"

MODULES = (
    *(
        "aws-site-config",
        "aws-enhanced-eventbridge",
        "aws-enhanced-lambda",
        "aws-iot",
        "aws-kinesis-data-stream",
    ),
    *("aws-lambda", "aws-s3", "aws-rds", "aws-vpc", "aws-ecs", "aws-ecr", "aws-route53", "web-app"),
    *("aws-eventbridge", "aws_ses", "meta"),
)
FILES = ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md")
VARIABLES = (
    *("smart_device_names", "site_config_bucket_name", "smarterise_domain_root", "rds_postgresql_username"),
    *(
        "database_url",
        "ftp_host",
        "ftp_user",
        "ftp_pass",
        "ftp_folder",
        "s3_bucket",
        "s3_folder",
        "environment",
    ),
    "datalake_raw_athena_results_storage_bucket_name",
    "iot_device_certificate_bucket_name",
    "rds_state_bucket_name",
)
BUCKETS = {
    "datalake_raw_athena_results_storage_bucket_name": "datalake-raw-athena-results1",
    "iot_device_certificate_bucket_name": "smarterise-accuenergy-mqtt-certificates1",
    "rds_state_bucket_name": "smarterise-rds-state1",
    "site_config_bucket_name": "smarterise-site-config",
}
OUTPUTS = ("ftp_lambda_arn", "ftp_lambda_function_name", "site_switching_instructions")


@pytest.mark.parametrize("module", MODULES)
def test_every_module_is_there_and_whole(module: str) -> None:
    folder = TERRAFORM / module
    assert [name for name in FILES if not (folder / name).is_file()] == []
    assert sorted(folder.glob("tests/*.tftest.hcl"))


@pytest.mark.parametrize("module", MODULES)
def test_no_module_configures_a_provider_or_a_backend(module: str) -> None:
    text = "\n".join(path.read_text() for path in (TERRAFORM / module).rglob("*.tf"))
    assert 'provider "' not in text
    assert 'backend "' not in text


def blocks(kind: str) -> set[str]:
    text = "\n".join(path.read_text() for path in TERRAFORM.glob("*.tf"))
    return {line.split('"')[1] for line in text.splitlines() if line.startswith(f'{kind} "')}


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_of_the_guide_is_there(variable: str) -> None:
    assert variable in blocks("variable")


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_of_the_guide_is_there(output: str) -> None:
    assert output in blocks("output")


def test_every_module_is_wired(dev: Any) -> None:
    text = "\n".join(path.read_text() for path in TERRAFORM.glob("*.tf"))
    assert [module for module in MODULES if f'source = "./{module}"' not in text] == []


def test_every_bucket_of_the_guide_is_made(dev: Any) -> None:
    assert set(BUCKETS.values()) <= {each["bucket"] for each in dev.of("aws_s3_bucket")}


def test_outputs_tell_what_the_guide_asks(dev: Any) -> None:
    assert dev.outputs["ftp_lambda_function_name"] == "ftp_to_s3"
    assert dev.outputs["ftp_lambda_arn"].endswith(":function:ftp_to_s3")
    told = dev.outputs["site_switching_instructions"]
    for command in (
        "aws s3 cp s3://smarterise-site-config/site-tiers.json .",
        "aws s3 cp site-tiers.json s3://smarterise-site-config/",
        "aws lambda invoke --function-name site-config-manager",
    ):
        assert command in told


def test_log_groups_of_the_guide(dev: Any) -> None:
    groups = {each["name"] for each in dev.of("aws_cloudwatch_log_group")}
    guide = {"/aws/lambda/site-config-manager", "/aws/lambda/ftp_to_s3", "/aws/lambda/s3_to_rds_lambda"}
    assert guide | {"/aws/ecs/api_service"} <= groups


def test_what_the_guides_commands_ask_for(dev: Any) -> None:
    """`iam get-role-policy`, `events list-rules --name-prefix`, `rds … postgresql-instance`."""
    dev.one("aws_iam_role_policy", role="site-config-manager-role", name="site-config-manager-policy")
    rules = {each["name"] for each in dev.of("aws_cloudwatch_event_rule")}
    for prefix in ("critical-sites", "non-critical-sites"):
        assert any(name.startswith(prefix) for name in rules)
    dev.one("aws_db_instance", identifier="postgresql-instance")
