"""What is wrong is refused, in a sentence that says what to do."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

WRONG = {
    "no device": ({"smart_device_names": "[]"}, "name the gateway serial of at least one device"),
    "a device that is none": ({"smart_device_names": '["ehm-1"]'}, "correct: ehm-1"),
    "a device twice": ({"smart_device_names": '["abc1", "abc1"]'}, "list each once"),
    "an unknown tier": (
        {"site_details": '{ehm21120333 = {tier = "CRITCAL"}}'},
        "must be CRITICAL or NON_CRITICAL; correct: ehm21120333 has CRITCAL",
    ),
    "an unknown profile": (
        {"site_details": '{ehm21120333 = {quality_profile = "iso"}}'},
        "must be en50160, c84.1 or custom",
    ),
    "details of no site": ({"site_details": "{zzz9 = {}}"}, "add it there, or remove it here: zzz9"),
    "a domain without a dot": ({"smarterise_domain_root": "localhost"}, "with a dot in it"),
    "a domain that is a URL": ({"smarterise_domain_root": "https://a.example"}, "without https://"),
    "an owner that PostgreSQL keeps": (
        {"rds_postgresql_username": "postgres"},
        "that PostgreSQL or RDS reserves",
    ),
    "a range of addresses that is none": ({"vpc_cidr": "10.20.0.0/33"}, "between /16 and /20"),
    "a range that begins elsewhere": ({"vpc_cidr": "10.20.0.5/16"}, "begins at its first address"),
    "a machine that is none": ({"database_instance_class": "t4g.medium"}, 'begins with "db."'),
    "a host that is a URL": ({"ftp_host": "ftp://ftp.example.com"}, "must be a host name only"),
    "the guide's example user": ({"ftp_user": "your-ftp-user"}, "is the guide's example"),
    "a folder that is none": ({"ftp_folder": "meters"}, "must begin with /"),
    "a prefix that nobody writes": ({"s3_folder": "elsewhere/"}, 'must be "ftp-backups/"'),
    "a bucket that S3 does not take": (
        {"site_config_bucket_name": "Site_Config"},
        "lowercase letters, digits",
    ),
    "an environment that is none": ({"environment": "Dev!"}, "beginning with a letter"),
    "a mode that is none": ({"mode": "half"}, "full or minimal"),
    "an account that is none": ({"aws_account_ids": '["123"]'}, "of 12 digits"),
    "a retention that is none": ({"log_retention_days": "8"}, "one of the values that CloudWatch supports"),
    "nobody to tell": ({"alert_emails": "[]"}, "must contain at least one e-mail address"),
    "a URL without its version": (
        {"TF_VAR_database_url": "postgresql://a:b@db.example:5432/x"},
        "raise it to write a changed URL",
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


ERROR = re.compile(r"^Error: ", re.MULTILINE)
ASSIGNMENT = re.compile(r"^(?=\w+\s*=)", re.MULTILINE)


def on_one_line(text: str) -> str:
    """Return Terraform's words without its frame and line breaks."""
    return re.sub(r"[\s│╷╵├─]+", " ", text)


def in_hcl(name: str, text: str) -> str:
    """Return a value as -var has it, or the environment, as it is written in a file."""
    is_plain = not text.startswith(("[", "{")) and not re.fullmatch(r"\d+", text)
    return f"{name} = {json.dumps(text) if is_plain else text}\n"


def variables_alone(folder: Path, configuration: Path, cases: dict[str, dict[str, str]]) -> Path:
    """Make a configuration that gives dev's values to the root's variables, once for each case's wrong ones.

    So all are judged in one second: nothing but variables is there to be planned.
    """
    (folder / "variables").mkdir(parents=True)
    shutil.copy(configuration / "variables.tf", folder / "variables")
    first, *given = ASSIGNMENT.split((configuration / "environments" / "dev.tfvars").read_text())
    assert "=" not in first
    usual = {text.split("=", 1)[0].strip(): text for text in given}
    usual["ftp_pass"] = in_hcl("ftp_pass", "a-password-of-the-tests")
    usual["database_url"] = "database_url = null\n"  # of what is not written Terraform cannot say where it is
    written = ""
    for name, wrong in cases.items():
        of_case = {each.removeprefix("TF_VAR_"): value for each, value in wrong.items()}
        values = usual | {each: in_hcl(each, value) for each, value in of_case.items()}
        written += f'module "{name}" {{\n  source = "./variables"\n{"".join(values.values())}\n}}\n\n'
    (folder / "main.tf").write_text(written)
    return folder


@pytest.fixture(scope="module")
def refused(terraform: Any, configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Terraform says against each of what is wrong.

    It looks first at what is wrong in itself, and only where all is right at what does not go together.
    """
    names = {f"case_{number}": wrong for number, wrong in enumerate(WRONG)}
    cases = {"right": {}} | {name: WRONG[wrong][0] for name, wrong in names.items()}
    found: dict[str, str] = {}
    for part in ("alone", "together"):
        left = {name: values for name, values in cases.items() if names.get(name) not in found}
        folder = variables_alone(tmp_path_factory.mktemp("wrong") / part, configuration, left)
        done = terraform("plan", [folder])
        assert done.returncode != 0, "it was planned"
        for error in ERROR.split(done.stderr)[1:]:
            where = re.search(r'in module "(\w+)"', error)
            assert where, f"an error of no module: {error}"
            name = names.get(where[1], where[1])
            found[name] = found.get(name, "") + on_one_line(error)
    return found


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_refused(wrong: str, refused: dict[str, str]) -> None:
    assert WRONG[wrong][1] in refused[wrong]


def test_what_is_right_is_not_refused(refused: dict[str, str]) -> None:
    assert set(refused) == set(WRONG)


def said_of_root(terraform: Any, folder: Path, packages: Path, *arguments: str) -> str:
    done = terraform(
        "plan",
        [folder],
        "-var-file=environments/dev.tfvars",
        f"-var=lambda_package_dir={packages}",
        *arguments,
    )
    assert done.returncode != 0, "it was planned"
    return on_one_line(done.stderr)


def test_the_root_refuses_all_that_is_wrong_at_once(terraform: Any, copied: Path, packages: Path) -> None:
    (copied / "terraform.tfvars").write_text('ftp_pass = "hunter2"\n')
    wrong = ("no device", "a domain without a dot", "a range of addresses that is none")
    given = [f"-var={name}={value}" for each in wrong for name, value in WRONG[each][0].items()]
    said = said_of_root(terraform, copied, packages, *given)
    assert [each for each in wrong if WRONG[each][1] not in said] == []
    assert "A .tfvars file contains a password" in said
    assert "TF_VAR_ftp_pass" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("terraform.tfvars", '  database_url="postgresql://a:hunter2@c/d"'),
        ("environments/dev.tfvars", 'ftp_pass = "hunter2"'),
    ],
)
def test_a_password_in_a_file_is_refused(
    file: str, line: str, terraform: Any, configuration: Path, tmp_path: Path
) -> None:
    folder = variables_alone(tmp_path / "wrong", configuration, {"right": {}})
    target = folder / file
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"# A note\n{line}\n")
    done = terraform("plan", [folder])
    assert done.returncode != 0, "it was planned"
    assert "A .tfvars file contains a password" in on_one_line(done.stderr)
    assert "hunter2" not in done.stderr


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


def test_what_modules_refuse_is_told(
    program: Any, skip_for_terraform: Any, terraform: Any, copied: Path, tmp_path: Path
) -> None:
    """Zips that are not there, and a schedule that is none."""
    if not program.is_offline:
        skip_for_terraform("TF_OFFLINE is not set: without it a plan asks AWS")
    wrong = '-var=collection_schedules={critical = "hourly", non_critical = "rate(1 hour)"}'
    said = said_of_root(terraform, copied, tmp_path, wrong)
    assert "run `make lambdas` first" in said
    assert "A schedule must be rate" in said
