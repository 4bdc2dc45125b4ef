"""What docs/how-to/costs.md says is what an apply makes, at the prices that are typed in."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "build_terraform_costs.py"


@pytest.fixture(scope="module")
def tool() -> Any:
    import sys

    spec = importlib.util.spec_from_file_location("build_terraform_costs", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look for themselves there
    spec.loader.exec_module(module)
    return module


def listed(stack: Any) -> list[dict[str, Any]]:
    return [{"mode": "managed", "type": r.type, "values": r.values} for r in stack.resources.values()]


def test_the_page_is_what_an_apply_makes(tool: Any, applied: Any) -> None:
    page = tool.PAGE.read_text()
    stacks = {name: listed(applied(name)) for name in tool.ENVIRONMENTS}
    assert tool.written(page, stacks) == page, "run TF_OFFLINE=… python tools/build_terraform_costs.py"


def test_a_budget_has_room_for_what_stands(tool: Any, stack: Any) -> None:
    standing = sum(tool.standing(listed(stack)).values())
    budget = float(stack.one("aws_budgets_budget")["limit_amount"])
    assert standing * 1.2 < budget < standing * 2.5


def resource(kind: str, **values: Any) -> dict[str, Any]:
    return {"mode": "managed", "type": kind, "values": values}


def database(**values: Any) -> dict[str, Any]:
    usual = {
        "multi_az": False,
        "instance_class": "db.t4g.micro",
        "allocated_storage": 20,
        "replicate_source_db": None,
        "manage_master_user_password": None,
    }
    return resource("aws_db_instance", **{**usual, **values})


def test_a_standby_costs_as_much_as_what_it_stands_by_for(tool: Any) -> None:
    alone = tool.standing([database()])["database"]
    assert alone == pytest.approx(0.016 * 730 + 20 * 0.115)
    assert tool.standing([database(multi_az=True)])["database"] == pytest.approx(2 * alone)


def test_a_replica_has_the_room_of_what_it_follows(tool: Any) -> None:
    found = [database(), database(replicate_source_db="postgresql-instance", allocated_storage=None)]
    sums = tool.standing(found)
    assert sums["replica"] == pytest.approx(sums["database"])


def test_what_is_only_looked_up_costs_nothing(tool: Any) -> None:
    looked_up = {**resource("aws_kms_key"), "mode": "data"}
    assert tool.standing([looked_up]) == {}
    assert tool.standing([resource("aws_kms_key")]) == {"keys": 1.0}


def test_a_machine_without_a_price_is_told_and_not_left_out(tool: Any) -> None:
    with pytest.raises(KeyError, match=r"db\.r7g\.large"):
        tool.standing([database(instance_class="db.r7g.large")])


def test_every_machine_of_an_environment_is_one_with_a_price(tool: Any) -> None:
    for file in sorted((ROOT / "terraform" / "environments").glob("*.tfvars")):
        (line,) = [row for row in file.read_text().splitlines() if row.startswith("database_instance_class")]
        assert line.split('"')[1] in tool.DATABASE_HOUR_USD, file.name


def test_it_says_how_it_is_run_where_nothing_is_given(
    tool: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.delenv("TF_OFFLINE", raising=False)
    monkeypatch.setattr("sys.argv", ["build_terraform_costs.py"])
    assert tool.main() == 2
    assert "TF_OFFLINE" in capsys.readouterr().err
