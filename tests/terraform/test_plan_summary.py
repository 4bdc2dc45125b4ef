"""What is told of a plan: what it does and to which arguments, and never with which values."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "plan_summary.py"


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("plan_summary", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def change(address: str, *actions: str, **more: Any) -> dict[str, Any]:
    beside = {key: more.pop(key) for key in ("previous_address",) if key in more}
    return {"address": address, "change": {"actions": list(actions), **more}, **beside}


def plan(*changes: dict[str, Any], outputs: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"resource_changes": list(changes), "output_changes": outputs or {}}


def test_it_tells_what_is_done_and_no_values(tool: Any) -> None:
    told = tool.summary(
        plan(
            change(
                "aws_db_instance.one",
                "update",
                before={"a": "old-secret", "b": 1},
                after={"a": "new-secret", "b": 1},
            ),
            change("aws_iam_role.two", "create", before=None, after={"name": "a-name"}),
            change(
                "aws_kms_key.three",
                "delete",
                "create",
                before={"x": 1},
                after={"x": 2},
                after_unknown={"arn": True},
            ),
            change("aws_sns_topic.four", "no-op", before={}, after={}),
            change("data.aws_region.five", "read", before=None, after={}),
            outputs={"url": {"actions": ["update"], "before": "https://secret", "after": "https://other"}},
        ),
        "dev",
    )
    assert told.startswith("### dev\n\n1 to change, 1 to create, 1 to replace, 1 of the outputs.\n")
    assert "**1 resources are destroyed or replaced.**" in told
    assert "| change | `aws_db_instance.one` | `a` |" in told
    assert "| create | `aws_iam_role.two` |  |" in told
    assert "| replace | `aws_kms_key.three` | `arn`, `x` |" in told
    assert told.index("aws_kms_key.three") < told.index("aws_db_instance.one"), "what is lost comes first"
    for hidden in ("secret", "a-name", "other", "four", "five"):
        assert hidden not in told


def test_moves_and_imports_are_told(tool: Any) -> None:
    told = tool.summary(
        plan(
            change("aws_sns_topic.new", "no-op", previous_address="aws_sns_topic.old"),
            change("aws_sqs_queue.one", "no-op", importing={"id": "x"}),
        ),
        "dev",
    )
    assert "1 to import, 1 to move." in told


def test_nothing_is_told_as_nothing(tool: Any) -> None:
    nothing = plan(change("aws_sns_topic.four", "no-op"), outputs={"a": {"actions": ["no-op"]}})
    assert tool.summary(nothing, "prod") == "### prod\n\nNothing changes.\n"


def test_a_name_cannot_leave_its_cell(tool: Any) -> None:
    told = tool.summary(plan(change('aws_iot_thing.x["`| <b>\n# big"]', "create")), "dev")
    (line,) = [each for each in told.splitlines() if "aws_iot_thing" in each]
    assert line == '| create | `aws_iot_thing.x["\'\\| <b>?# big"]` |  |'


def test_a_long_plan_is_cut_and_says_so(tool: Any) -> None:
    told = tool.summary(
        plan(*(change(f"aws_sns_topic.n{number:04}", "create") for number in range(250))), "dev"
    )
    assert "250 to create." in told
    assert told.endswith("And 50 more.\n")


def test_the_digest_is_of_what_is_done(tool: Any) -> None:
    one = change("aws_a.one", "update", before={"x": 1}, after={"x": 2})
    two = change("aws_a.two", "create", before=None, after={"x": 2})
    other = change("aws_a.two", "create", before=None, after={"x": 3})
    still = change("aws_a.three", "no-op", before={"x": 1}, after={"x": 1})
    assert tool.digest(plan(one, two)) == tool.digest(plan(two, still, one))
    assert tool.digest(plan(one, two)) != tool.digest(plan(one, other))
    assert tool.digest(plan(one)) != tool.digest(
        plan(one, outputs={"a": {"actions": ["create"], "after": 1}})
    )


def test_when_it_was_planned_is_no_difference(tool: Any) -> None:
    def at(when: str) -> dict[str, Any]:
        content = json.dumps({"updated_at": when})
        made = plan(change("aws_s3_object.first", "create", before=None, after={"content": content}))
        return {**made, "timestamp": when}

    assert tool.digest(at("2026-11-23T08:00:00Z")) == tool.digest(at("2026-11-23T09:30:00Z"))


def test_it_is_a_program(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan(change("aws_a.one", "create"))))
    done = subprocess.run(
        [sys.executable, TOOL, file, "--outputs"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("changes=1\ndigest=")
    file.write_text("[")
    done = subprocess.run([sys.executable, TOOL, file], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot read the plan" in done.stderr
    assert "try: terraform show -json PLAN" in done.stderr
