"""GitHub's workflows: what they may, whom they trust, and that what they run is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = {path.name: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
TEXTS = {name: path.read_text() for name, path in WORKFLOWS.items()}
PARSED: dict[str, dict[str, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
STAGES = ("dev", "staging", "prod")

ACTIONS = {
    "actions/checkout",
    "actions/download-artifact",
    "actions/setup-python",
    "actions/upload-artifact",
    "aws-actions/configure-aws-credentials",
    "hashicorp/setup-terraform",
}
READS = {"contents": "read"}
ASKS_AWS = {"contents": "read", "id-token": "write"}
PERMISSIONS = {
    "ci.yml": {"checks": READS, "terraform": READS},
    "drift.yml": {"packages": READS, "plan": ASKS_AWS, "report": {"issues": "write"}},
    "terraform-apply.yml": {"packages": READS} | dict.fromkeys(STAGES, ASKS_AWS),
    "terraform-packages.yml": {"build": READS},
    "terraform-plan.yml": {"packages": READS, "plan": ASKS_AWS, "comment": {"pull-requests": "write"}},
    "terraform-stage.yml": {"plan": ASKS_AWS, "apply": ASKS_AWS},
}


def triggers(name: str) -> Any:
    return PARSED[name].get("on", PARSED[name].get(True))  # YAML 1.1 takes a bare "on" for true


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, job, body) for name, parsed in PARSED.items() for job, body in parsed["jobs"].items()]


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{name}: {job}", step) for name, job, body in jobs() for step in body.get("steps", [])]


def scripts() -> list[tuple[str, str]]:
    return [(where, step["run"]) for where, step in steps() if "run" in step]


def test_no_job_may_more_than_it_needs() -> None:
    assert [name for name, parsed in PARSED.items() if parsed["permissions"] != {}] == []
    found: dict[str, dict[str, Any]] = {}
    for name, job, body in jobs():
        found.setdefault(name, {})[job] = body.get("permissions")
    assert found == PERMISSIONS


def test_no_workflow_gives_a_stranger_s_code_what_is_ours() -> None:
    for name in WORKFLOWS:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(triggers(name)), name
        if "pull_request" in triggers(name):
            assert "secrets." not in TEXTS[name], name
            assert "secrets: inherit" not in TEXTS[name], name
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    assert PARSED["terraform-plan.yml"]["jobs"]["packages"]["if"] == same
    assert PARSED["terraform-plan.yml"]["jobs"]["plan"]["needs"] == "packages"


def test_who_may_write_on_github_runs_nothing_of_the_repository() -> None:
    writers = [body for _, _, body in jobs() if {"pull-requests", "issues"} & set(body["permissions"])]
    assert len(writers) == 2
    for body in writers:
        assert not [step for step in body["steps"] if step.get("uses", "").startswith("actions/checkout@")]


def test_every_action_is_known_and_pinned_by_its_commit() -> None:
    for where, step in steps():
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), where
            assert step["uses"].partition("@")[0] in ACTIONS, where
    pins = {
        line.split("uses:")[1].strip()
        for text in TEXTS.values()
        for line in text.splitlines()
        if "@" in line and "uses:" in line
    }
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", pin) for pin in pins)
    assert len({pin.partition("@")[0] for pin in pins}) == len(pins), "one action at two versions"


def test_no_checkout_leaves_a_token_behind() -> None:
    for where, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}, where


def test_other_workflows_that_are_used_are_there() -> None:
    for name, job, body in jobs():
        if "uses" in body:
            used = ROOT / body["uses"]
            assert used.is_file(), (name, job)
            wanted = triggers(used.name)["workflow_call"].get("inputs", {})
            assert set(body.get("with", {})) == set(wanted), (name, job)


def test_every_script_is_one(tmp_path: Path) -> None:
    shellcheck = shutil.which("shellcheck", path=str(ROOT / ".venv" / "bin")) or shutil.which("shellcheck")
    assert shellcheck, "shellcheck is not installed: make lint"
    files = []
    for number, (where, script) in enumerate(scripts()):
        assert "${{" not in script, f"{where}: give it by env, or what stands in it is run"
        file = tmp_path / f"{number}.sh"
        file.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n# {where}\n{script}")
        assert subprocess.run(["bash", "-n", file], check=False).returncode == 0, where
        files.append(file)
    done = subprocess.run(
        [shellcheck, *files, ROOT / ".ci" / "run"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_what_scripts_run_is_there() -> None:
    everything = "\n".join(script for _, script in scripts())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in re.findall(r"^make (.*)$", everything, re.MULTILINE):
        asked = {word for word in line.split() if "=" not in word}
        assert asked <= targets, line
    for path in set(re.findall(r"(?:\.\./)?(tools/\w+\.py|\.ci/\w+)", everything)):
        assert (ROOT / path).is_file(), path
    for name, _, body in jobs():
        for entry in body.get("strategy", {}).get("matrix", {}).get("include", []):
            assert entry["environment"] in STAGES, name
    for environment in STAGES:
        for file in (f"{environment}.tfvars", f"{environment}.s3.tfbackend"):
            assert (ROOT / "terraform" / "environments" / file).is_file()
    for where, step in steps():
        folder = step.get("working-directory")
        assert folder in (None, "terraform", "build/lambdas"), where


def test_every_environment_is_planned_looked_at_and_applied_in_its_order() -> None:
    for name, job in (("terraform-plan.yml", "plan"), ("drift.yml", "plan")):
        body = PARSED[name]["jobs"][job]
        assert [each["environment"] for each in body["strategy"]["matrix"]["include"]] == list(STAGES)
    applying = PARSED["terraform-apply.yml"]["jobs"]
    assert [applying[stage]["with"]["environment"] for stage in STAGES] == list(STAGES)
    assert applying["staging"]["needs"] == ["packages", "dev"]
    assert applying["prod"]["needs"] == ["packages", "staging"]
    assert triggers("terraform-apply.yml")["push"]["branches"] == ["main"]


def test_only_a_job_that_an_environment_let_through_may_apply() -> None:
    for name, job, body in jobs():
        text = json.dumps(body)
        is_applying = "terraform apply" in text or "smarterise-terraform-apply" in text
        assert is_applying == ("environment" in body), (name, job)
        assert ("${{ secrets." in text) == is_applying, (name, job)
    assert PARSED["terraform-stage.yml"]["jobs"]["apply"]["concurrency"]["cancel-in-progress"] is False


def test_zips_are_checked_before_they_are_planned_or_applied() -> None:
    for name, job, body in jobs():
        if "terraform plan" not in json.dumps(body):
            continue
        order = [step.get("run", step.get("uses", "")) for step in body["steps"]]
        (got,) = [at for at, each in enumerate(order) if each.startswith("actions/download-artifact@")]
        (checked,) = [at for at, each in enumerate(order) if "sha256sum --check --strict SHA256SUMS" in each]
        (planned,) = [at for at, each in enumerate(order) if "terraform plan" in each]
        assert got < checked < planned, (name, job)


# The roles that the workflows take on


@pytest.fixture(scope="module")
def bootstrap(
    program: Any,
    skip_for_terraform: Any,
    terraform: Any,
    state_of: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """What bootstrap makes for one repository."""
    if not program.is_offline:
        skip_for_terraform("TF_OFFLINE is not set: without it an apply needs an account of AWS")
    top = tmp_path_factory.mktemp("bootstrap")
    for folder in ("bootstrap", "aws-s3/bucket"):
        shutil.copytree(ROOT / "terraform" / folder, top / folder)
    settings = {"environment": "dev", "state_bucket_name": "states", "github_repository": "smarterise/ops"}
    done = terraform(
        "apply", [top / "bootstrap"], *(f"-var={key}={value}" for key, value in settings.items())
    )
    assert done.returncode == 0, done.stderr
    return state_of(done.stdout)


def role(bootstrap: Any, name: str) -> Any:
    return bootstrap.one("aws_iam_role", name=f"smarterise-terraform-{name}")


def test_a_role_is_for_jobs_of_this_repository_alone(bootstrap: Any) -> None:
    subjects = {
        "plan": ["repo:smarterise/ops:pull_request", "repo:smarterise/ops:ref:refs/heads/main"],
        "apply": "repo:smarterise/ops:environment:dev",
    }
    assert set(bootstrap.outputs["github_role_arns"]) == set(subjects)
    for name, subject in subjects.items():
        (statement,) = role(bootstrap, name).statements("assume_role_policy")
        assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity"]
        assert statement["Principal"]["Federated"].endswith(
            ":oidc-provider/token.actions.githubusercontent.com"
        )
        assert statement["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": subject,
            }
        }


def test_the_workflows_take_on_the_roles_that_are_made(bootstrap: Any) -> None:
    taken = set(re.findall(r":role/([\w-]+)", "\n".join(TEXTS.values())))
    assert taken == {each["name"] for each in bootstrap.of("aws_iam_role")}


def test_who_plans_reads_no_secret_and_writes_nothing(bootstrap: Any) -> None:
    statements = bootstrap.policy_of("smarterise-terraform-plan")
    allowed = {action for s in statements if s["Effect"] == "Allow" for action in s["Action"]}
    assert allowed == {"s3:GetObject", "kms:Decrypt"}
    denied = {action for s in statements if s["Effect"] == "Deny" for action in s["Action"]}
    assert {
        "secretsmanager:GetSecretValue",
        "s3:GetObject",
        "kinesis:GetRecords",
        "logs:GetLogEvents",
    } <= denied
    (objects,) = [s for s in statements if "NotResource" in s]
    assert objects["NotResource"] == [
        "arn:aws:s3:::states/dev/terraform.tfstate",
        "arn:aws:s3:::*/site-tiers.json",
    ]
    (attached,) = [a for a in bootstrap.of("aws_iam_role_policy_attachment") if a["role"].endswith("-plan")]
    assert attached["policy_arn"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"


def test_who_applies_makes_the_stack_s_roles_and_not_its_own(bootstrap: Any, stack: Any) -> None:
    statements = bootstrap.policy_of("smarterise-terraform-apply")
    of_roles = [s for s in statements if s["Effect"] == "Allow"]
    assert {resource for s in of_roles for resource in s["Resource"]} == {
        "arn:aws:iam::123456789012:role/*-role"
    }
    assert not [each["name"] for each in bootstrap.of("aws_iam_role") if each["name"].endswith("-role")]
    assert [each["name"] for each in stack.of("aws_iam_role") if not each["name"].endswith("-role")] == []
    (handed,) = [s for s in of_roles if s["Action"] == ["iam:PassRole"]]
    services = handed["Condition"]["StringEquals"]["iam:PassedToService"]
    for each in stack.of("aws_iam_role"):
        for statement in each.statements("assume_role_policy"):
            assert statement["Principal"]["Service"] in services, each.address


def test_who_applies_cannot_lose_the_state(bootstrap: Any) -> None:
    refused = [s for s in bootstrap.policy_of("smarterise-terraform-apply") if s["Effect"] == "Deny"]
    actions = {action for s in refused for action in s["Action"]}
    assert {
        "s3:DeleteBucket",
        "s3:DeleteObjectVersion",
        "s3:PutBucketVersioning",
        "kms:ScheduleKeyDeletion",
    } <= actions
