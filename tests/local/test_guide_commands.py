"""The infrastructure guide's commands, as written there, with the stock AWS CLI on the embedded stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_ops.local.testing import running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smarterise_ops.local.client import RunningStack

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def guides_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of these tests' own: they switch the tiers of the guide's sites."""
    with running_stack(tmp_path_factory.mktemp("guide"), sites=6, simulator=False) as stack:
        yield stack


class Shell:
    """A shell as the guide's reader has it: the AWS CLI on PATH, the stack's exports set."""

    def __init__(self, stack: RunningStack, cwd: Path) -> None:
        self.cwd = cwd
        tools = Path(sys.executable).parent
        self.environment = {**os.environ, **stack.exports, "PATH": f"{tools}:{os.environ['PATH']}"}

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def file(self, name: str) -> Any:
        return json.loads((self.cwd / name).read_text())

    def shown(self, serial: str) -> Any:
        """Return what our own command line says about a site."""
        return json.loads(self.run(f"smarterise-ops sites show {serial} --output json"))


@pytest.fixture
def shell(guides_stack: RunningStack, tmp_path: Path) -> Shell:
    return Shell(guides_stack, tmp_path)


def test_post_deployment_configuration(shell: Shell) -> None:
    shell.run("""
aws lambda invoke --function-name site-config-manager \\
  --payload '{"action": "get_config"}' response.json
""")
    response = shell.file("response.json")
    assert response["ok"] is True
    assert response["config"]["sites"]["ehm21120333"]["timezone"] == "Africa/Lagos"
    assert "smarterise-site-config" in shell.run("aws s3 ls | grep smarterise")
    listed = json.loads(
        shell.run("""
aws lambda list-functions --query 'Functions[?contains(FunctionName, `smarterise`) || contains(FunctionName, `site-config`) || contains(FunctionName, `ftp`)]'
""")  # noqa: E501 -- the guide's own line
    )
    assert "site-config-manager" in {function["FunctionName"] for function in listed}


def test_switch_site_from_critical_to_non_critical(shell: Shell) -> None:
    shell.run("aws s3 cp s3://smarterise-site-config/site-tiers.json .")
    document = shell.file("site-tiers.json")
    document["sites"]["ehm21120333"].update(tier="NON_CRITICAL", note="kept by hand")
    (shell.cwd / "site-tiers.json").write_text(json.dumps(document, indent=2))
    shell.run("aws s3 cp site-tiers.json s3://smarterise-site-config/")
    printed = shell.run("""
aws lambda invoke --function-name site-config-manager \\
  --payload '{"action": "get_site", "gateway_serial": "ehm21120333"}' \\
  response.json && cat response.json
""")
    response = shell.file("response.json")
    assert response["site"]["tier"] == "NON_CRITICAL"
    assert response["site"]["note"] == "kept by hand"
    assert '"NON_CRITICAL"' in printed
    assert shell.shown("ehm21120333")["tier"] == "NON_CRITICAL"


def test_bulk_site_updates(shell: Shell) -> None:
    shell.run("""
aws lambda invoke --function-name site-config-manager \\
  --payload '{
    "action": "update_sites",
    "updates": {
      "ehm21120333": {"tier": "NON_CRITICAL"},
      "AN54101471": {"tier": "CRITICAL"}
    }
  }' response.json
""")
    response = shell.file("response.json")
    assert response["ok"] is True
    assert {change["gateway_serial"] for change in response["changed"]} | set(response["unchanged"]) == {
        "ehm21120333",
        "AN54101471",
    }
    assert shell.shown("ehm21120333")["tier"] == "NON_CRITICAL"
    assert shell.shown("AN54101471")["tier"] == "CRITICAL"


def test_site_configuration_not_loading(shell: Shell) -> None:
    policy = json.loads(
        json.loads(shell.run("aws s3api get-bucket-policy --bucket smarterise-site-config"))["Policy"]
    )
    assert policy["Statement"]
    role = json.loads(
        shell.run(
            "aws iam get-role-policy --role-name site-config-manager-role "
            "--policy-name site-config-manager-policy"
        )
    )
    actions = [action for one in role["PolicyDocument"]["Statement"] for action in one["Action"]]
    assert {"s3:GetObject", "s3:PutObject"} <= set(actions)


def test_whoever_has_the_wrong_secret_is_refused(shell: Shell) -> None:
    shell.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    done = subprocess.run(
        ["aws", "s3", "ls"], env=shell.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "SignatureDoesNotMatch" in done.stderr


def test_functions_may_do_what_their_policies_say_and_no_more(shell: Shell) -> None:
    def decision(role: str, action: str, resource: str) -> str:
        told = shell.run(
            "aws iam simulate-principal-policy --policy-source-arn "
            f"arn:aws:iam::123456789012:role/{role}-role --action-names {action} --resource-arns {resource} "
            "--query 'EvaluationResults[0].EvalDecision' --output text"
        )
        return told.strip()

    file = "arn:aws:s3:::smarterise-site-config/site-tiers.json"
    data_lake = "arn:aws:s3:::smarterise-data-lake-raw/raw/x"
    assert decision("site-config-manager", "s3:PutObject", file) == "allowed"
    assert decision("site-config-manager", "s3:PutObject", data_lake) == "implicitDeny"
    assert decision("site-config-manager", "s3:DeleteObject", file) == "implicitDeny"
    assert decision("kinesis_to_s3_rds", "s3:PutObject", data_lake) == "allowed"
    assert decision("kinesis_to_s3_rds", "s3:GetObject", data_lake) == "implicitDeny"
    assert decision("kinesis_to_s3_rds", "s3:PutObject", file) == "implicitDeny"
