"""What the pages on deploying, upgrading, restoring and destroying have people type can be typed.

Commands of the AWS CLI are compared with AWS's own description of its services, names with what an apply
makes.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
PAGES = ("deploy", "upgrade", "restore", "destroy", "multiple-regions")
ENVIRONMENTS = ("dev", "staging", "prod", "minimal")

OF_THE_CLI = {"query", "output", "region", "profile", "cli-binary-format"}
"""Options that every command takes."""

GUIDE = (
    "terraform init",
    "terraform plan",
    "terraform apply",
    "terraform output site_switching_instructions",
)
"""The deployment section of the infrastructure guide."""


def commands(program: str) -> list[tuple[str, list[str]]]:
    """Return what the pages have people type that begins with a program, taken apart, by its page.

    Programs in $(…) are found too, and stand as one word in the command around them.
    """
    found = []
    for page in PAGES:
        text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
        lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", outside)]
        for line in lines:
            inner = re.findall(r"\$\(([^()]+)\)", line)
            whole = re.sub(r"\$\([^()]+\)", "SOMETHING", line)
            for one in re.split(r" \| | && ", " && ".join([*inner, whole])):
                if one.startswith(f"{program} "):
                    found.append((page, shlex.split(one)[1:]))
    return found


def named(text: tuple[str, list[str]]) -> str:
    return f"{text[0]}: {' '.join(text[1][:3])}"


@cache
def service(name: str) -> Any:
    return botocore.session.get_session().get_service_model({"s3api": "s3"}.get(name, name))


def operation(name: str, command: str) -> Any:
    model = service(name)
    for each in model.operation_names:
        if xform_name(each, "-") == command:
            return model.operation_model(each)
    raise AssertionError(f"aws {name} has no {command}")


@pytest.mark.parametrize("text", commands("aws"), ids=named)
def test_the_aws_cli_takes_it(text: tuple[str, list[str]]) -> None:
    name, command, *rest = text[1]
    if name in {"s3", "configure"}:
        assert command in {"cp", "ls", "set"}
        return
    if command == "wait":
        waiters = botocore.session.get_session().get_waiter_model(name)
        names = {xform_name(each, "-"): each for each in waiters.waiter_names}
        model = service(name).operation_model(waiters.get_waiter(names[rest.pop(0)]).operation)
    elif (name, command) == ("ecr", "get-login-password"):
        return  # the CLI's own
    else:
        model = operation(name, command)
    members = {xform_name(member, "-"): shape for member, shape in model.input_shape.members.items()}
    given = [word[2:] for word in rest if word.startswith("--")]
    known = set(members) | {f"no-{m}" for m, shape in members.items() if shape.type_name == "boolean"}
    assert set(given) - OF_THE_CLI - known == set()
    required = {xform_name(member, "-") for member in model.input_shape.required_members}
    positional = {"outfile"} if (name, command) in {("lambda", "invoke"), ("s3api", "get-object")} else set()
    assert required - set(given) - positional == set()


def variables() -> set[str]:
    text = "\n".join(
        path.read_text() for folder in (TERRAFORM, TERRAFORM / "bootstrap") for path in folder.glob("*.tf")
    )
    return set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))


def outputs() -> set[str]:
    text = "\n".join((TERRAFORM / folder / "outputs.tf").read_text() for folder in (".", "bootstrap"))
    return set(re.findall(r'^output "(\w+)"', text, re.MULTILINE))


@pytest.mark.parametrize("text", commands("terraform"), ids=named)
def test_terraform_knows_what_is_named(text: tuple[str, list[str]], applied: Any) -> None:
    command, *rest = text[1]
    values = [word for word in rest if not word.startswith("-")]
    if command == "output":
        assert set(values) <= outputs()
    set_here = [each for option, each in pairwise(rest) if option == "-var"]
    assert {each.partition("=")[0] for each in set_here} <= variables()
    replaced = [word.partition("=")[2] for word in rest if word.startswith("-replace=")]
    if command == "state":
        assert values.pop(0) == "rm"
        replaced += values
    if command == "import":
        replaced.append(values[0])
    if replaced:
        assert set(replaced) <= set(applied("prod").resources)


def test_every_setting_that_is_named_exists() -> None:
    text = "\n".join((ROOT / "docs" / "how-to" / f"{page}.md").read_text() for page in (*PAGES, "costs"))
    assert set(re.findall(r"TF_VAR_(\w+)", text)) <= variables()
    files = re.findall(r"-(?:var-file|backend-config)=([\w./-]+)", text)
    assert files
    assert [file for file in files if not (TERRAFORM / file).is_file()] == []
    settings = set(re.findall(r"`((?:database|backup|ftp|cost|audit|dns|web)_\w+)(?: = [^`]*)?`", text))
    assert settings - variables() - outputs() == set()


def test_names_in_the_runbook_are_those_of_the_stack(applied: Any) -> None:
    prod = applied("prod")
    text = (ROOT / "docs" / "how-to" / "restore.md").read_text()
    assert prod.outputs["database_instance"] == "postgresql-instance"
    assert f"s3://{prod.outputs['site_config_bucket']}/" in text
    rules = set(re.findall(r"able-rule --name ([\w-]+)", text))
    assert rules == set(prod.outputs["collection_rules"].values())
    mapping = re.findall(r"list-event-source-mappings --function-name ([\w-]+)", text)
    assert mapping == [prod.one("aws_lambda_event_source_mapping")["function_name"]]
    replica = next(d for d in prod.of("aws_db_instance") if d["replicate_source_db"])
    assert f"{replica['identifier']} --skip-final-snapshot" in " ".join(text.split())
    for vault in (prod.outputs["backup_vault"], prod.outputs["backup_copy_vault"]["name"]):
        prod.one("aws_backup_vault", name=vault)
    elsewhere = (ROOT / "docs" / "how-to" / "multiple-regions.md").read_text()
    copies = prod.outputs["backup_copy_vault"]
    assert f"--region {copies['region']} --backup-vault-name {copies['name']} " in elsewhere


@pytest.mark.parametrize("text", commands("smarterise-ops"), ids=named)
def test_our_own_program_takes_it(text: tuple[str, list[str]]) -> None:
    from smarterise_ops.cli import load, shared_options
    from smarterise_ops.context import invocation

    with invocation([]):
        shared = {option for param in shared_options() for option in param.opts}
        first, *rest = text[1]
        command: Any = load(first)
        while hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    given = {word for word in rest if word.startswith("--")}
    assert given - known - shared - {"--help"} == set()


# The guide's deployment commands


def test_the_guides_commands_stand_in_our_page_in_their_order() -> None:
    text = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    block = next(b for b in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) if GUIDE[-1] in b)
    assert tuple(line for line in block.splitlines() if line.startswith("terraform")) == GUIDE


def test_the_guides_plan_needs_no_more_than_a_terraform_tfvars(
    terraform: Any, copied: Path, packages: Path
) -> None:
    """`terraform plan` as it stands, with the example filled in."""
    example = (copied / "terraform.tfvars.example").read_text()
    (copied / "terraform.tfvars").write_text(
        example.replace("your-ftp-user", "gateways").replace("your-ftp-backup-bucket", "an-ftp-backup-bucket")
        + 'mode = "minimal"\n'  # it is planned faster
    )
    done = terraform("plan", [copied], TF_VAR_lambda_package_dir=str(packages))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "to add" in done.stderr


def test_the_guides_init_finds_its_backend() -> None:
    """The backend takes bucket, key and region from the environment's file, and a lock of its own."""
    for environment in ENVIRONMENTS:
        text = (TERRAFORM / "environments" / f"{environment}.s3.tfbackend").read_text()
        assert set(re.findall(r"^(\w+) *=", text, re.MULTILINE)) >= {"bucket", "key", "region"}
    text = (TERRAFORM / "terraform.tf").read_text()
    assert 'backend "s3" {' in text
    assert re.search(r"use_lockfile += true", text)


def test_the_guides_output_tells_how_a_site_is_switched(
    applied: Any, skip_for_terraform: Any, kept_states: Any, tmp_path: Path
) -> None:
    """By Terraform itself, of the state that an apply left."""
    program = shutil.which("terraform")
    if program is None:
        skip_for_terraform("there is no terraform on the path")
    applied("dev")
    (tmp_path / "terraform.tfstate").write_bytes(kept_states[1]["/dev"])
    done = subprocess.run(
        [program, "output", "-no-color", "site_switching_instructions"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "aws s3 cp site-tiers.json s3://smarterise-site-config/" in done.stdout


def test_every_provider_that_a_module_uses_is_named_by_the_root() -> None:
    providers = {
        name
        for path in TERRAFORM.rglob("versions.tf")
        for name in re.findall(r'source += "(hashicorp/\w+)"', path.read_text())
    }
    root = set(re.findall(r'source += "(hashicorp/\w+)"', (TERRAFORM / "terraform.tf").read_text()))
    assert providers == root == {"hashicorp/aws", "hashicorp/random"}


def test_metadata_of_a_restore_is_what_aws_backup_asks_for() -> None:
    (text,) = [text for _, text in commands("aws") if text[:2] == ["backup", "start-restore-job"]]
    metadata = text[text.index("--metadata") + 1]
    keys = {pair.partition("=")[0] for pair in metadata.split(",")}
    assert keys == {"DestinationBucketName", "NewBucket", "Encrypted"}
