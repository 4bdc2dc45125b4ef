"""What is wrong is refused, in a sentence that says what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WRONG = {
    "no device": ({"smart_device_names": "[]"}, "name the gateway serial of one device"),
    "a device that is none": ({"smart_device_names": '["ehm-1"]'}, "correct: ehm-1"),
    "a device twice": ({"smart_device_names": '["abc1", "abc1"]'}, "leave each in once"),
    "an unknown tier": (
        {"site_details": '{ehm21120333 = {tier = "CRITCAL"}}'},
        "must be CRITICAL or NON_CRITICAL; correct: ehm21120333 has CRITCAL",
    ),
    "an unknown profile": (
        {"site_details": '{ehm21120333 = {quality_profile = "iso"}}'},
        "must be en50160, c84.1 or custom",
    ),
    "details of no site": ({"site_details": "{zzz9 = {}}"}, "add it there, or take it out here: zzz9"),
    "a domain without a dot": ({"smarterise_domain_root": "localhost"}, "with a dot in it"),
    "a domain that is a URL": ({"smarterise_domain_root": "https://a.example"}, "without https://"),
    "an owner that PostgreSQL keeps": ({"rds_postgresql_username": "postgres"}, "keeps for itself"),
    "a range of addresses that is none": ({"vpc_cidr": "10.20.0.0/33"}, "between /16 and /20"),
    "a range that begins elsewhere": ({"vpc_cidr": "10.20.0.5/16"}, "begins at its first address"),
    "a machine that is none": ({"database_instance_class": "t4g.medium"}, 'begins with "db."'),
    "a host that is a URL": ({"ftp_host": "ftp://ftp.example.com"}, "must be a host name alone"),
    "the guide's example user": ({"ftp_user": "your-ftp-user"}, "is the guide's example"),
    "a folder that is none": ({"ftp_folder": "meters"}, "must begin with /"),
    "a prefix that nobody writes": ({"s3_folder": "elsewhere/"}, 'must be "ftp-backups/"'),
    "a bucket that S3 does not take": ({"site_config_bucket_name": "Site_Config"}, "small letters, digits"),
    "an environment that is none": ({"environment": "Dev!"}, "beginning with a letter"),
    "a mode that is none": ({"mode": "half"}, "full or minimal"),
    "an account that is none": ({"aws_account_ids": '["123"]'}, "of 12 digits"),
    "a retention that is none": ({"log_retention_days": "8"}, "one of those that CloudWatch takes"),
    "nobody to tell": ({"alert_emails": "[]"}, "an alarm that nobody hears is none"),
    "a schedule that is none": (
        {"collection_schedules": '{critical = "hourly", non_critical = "rate(1 hour)"}'},
        "A schedule must be rate",
    ),
    "a URL without its version": (
        {"TF_VAR_database_url": "postgresql://a:b@db.example:5432/x"},
        "raise it to have a changed URL written",
    ),
    "a version without its URL": ({"database_url_version": "1"}, "go together"),
    "the guide's example URL": (
        {
            "TF_VAR_database_url": "postgresql://username:password@host:5432/database",
            "database_url_version": "1",
        },
        "is the guide's example",
    ),
    "the guide's example password": ({"TF_VAR_ftp_pass": "your-ftp-password"}, "TF_VAR_ftp_pass"),
}


def refusal(terraform: Any, folder: Any, packages: Any, **settings: str) -> str:
    """Plan dev with other settings; return on one line what Terraform says against it."""
    from_outside = {name: value for name, value in settings.items() if name.startswith("TF_VAR_")}
    given = [f"-var={name}={value}" for name, value in settings.items() if name not in from_outside]
    done = terraform(
        "plan",
        folder,
        "-var-file=environments/dev.tfvars",
        f"-var=lambda_package_dir={packages}",
        *given,
        **from_outside,
    )
    assert done.returncode != 0, "it was planned"
    return re.sub(r"[\s│╷╵]+", " ", done.stderr)


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_refused(wrong: str, terraform: Any, configuration: Any, packages: Any) -> None:
    settings, sentence = WRONG[wrong]
    assert sentence in refusal(terraform, configuration, packages, **settings)


@pytest.mark.parametrize("line", ['ftp_pass = "hunter2"', '  database_url="postgresql://a:b@c/d"'])
@pytest.mark.parametrize("file", ["terraform.tfvars", "environments/dev.tfvars"])
def test_a_password_in_a_file_is_refused(
    line: str, file: str, terraform: Any, copied: Path, packages: Any
) -> None:
    target = copied / file
    target.write_text((target.read_text() if target.exists() else "") + f"\n{line}\n")
    said = refusal(terraform, copied, packages)
    assert "A password stands in a .tfvars file" in said
    assert "TF_VAR_ftp_pass" in said
    assert "hunter2" not in said


def test_no_password_stands_in_a_file_that_is_committed(configuration: Path) -> None:
    files = [
        *configuration.rglob("*.tfvars"),
        *configuration.rglob("*.tfvars.example"),
        *configuration.rglob("*.tfbackend"),
    ]
    assert files
    for file in files:
        for line in file.read_text().splitlines():
            assert not re.match(r"\s*(ftp_pass|database_url|\w*(password|secret|token)\w*)\s*=", line), file


def test_zips_that_are_not_there_are_told(terraform: Any, configuration: Path, tmp_path: Path) -> None:
    assert "run `make lambdas` first" in refusal(terraform, configuration, tmp_path)
