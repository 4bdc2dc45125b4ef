"""How a write goes: shown, asked for, applied, told. No AWS here; the plan is what decides."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import yaml

from smarterise_ops.changes import workflow
from smarterise_ops.changes.plan_text import plan_lines
from smarterise_ops.context import Invocation, invocation
from smarterise_ops.exit_codes import ExitCode
from smarterise_sdk.domain.sites.plans import (
    Plan,
    PlannedCall,
    Receipt,
    ReceiptState,
    SiteChange,
    StackChange,
    WritePath,
)
from smarterise_sdk.errors import UsageError, WriteRefused
from smarterise_sdk.settings.unlock import Unlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AT = datetime(2026, 3, 1, 12, 5, 2, tzinfo=UTC)
PLAN = Plan(
    plan_id="8f31",
    title="Switch 2 sites to NON_CRITICAL",
    environment="local",
    account="000000000000",
    region="eu-west-2",
    via=WritePath.LAMBDA,
    updates={"AN10000001": {"tier": "NON_CRITICAL"}},
    create=False,
    changes=(
        SiteChange(
            "AN10000001",
            {"tier": "CRITICAL", "name": "a"},
            {"tier": "NON_CRITICAL", "name": "b\x1b[2J", "enabled": False},
        ),
        SiteChange("AN2", None, {"tier": "NON_CRITICAL"}),
    ),
    unchanged=("AN10000009",),
    effects=("2 sites: live stream off",),
    calls=(PlannedCall("lambda:Invoke", "site-config-manager"),),
    base_etag='"abc"',
    reason="transformer works",
    planned_at=AT,
)
EMPTY = replace(PLAN, changes=())


def receipt(state: ReceiptState = ReceiptState.VERIFIED, plan: Plan = PLAN) -> Receipt:
    all_serials = tuple(change.gateway_serial for change in plan.changes)
    verified = {ReceiptState.VERIFIED: all_serials, ReceiptState.PARTLY_VERIFIED: all_serials[:1]}.get(
        state, ()
    )
    unverified = {serial: "reads CRITICAL" for serial in all_serials if serial not in verified}
    is_done = state is not ReceiptState.NOTHING_TO_DO
    return Receipt(
        plan,
        state,
        verified,
        unverified,
        '"def"',
        "v2",
        ("r-1",),
        AT if is_done else None,
        AT,
        "read back from S3",
    )


class Applied:
    """Stands in for the service; remembers whether it was called."""

    def __init__(self, outcome: Receipt | BaseException | None = None) -> None:
        self.calls = 0
        self._outcome = outcome

    def __call__(self, plan: Plan, on_step: Callable[[str], None]) -> Receipt:
        self.calls += 1
        on_step("applying")
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome or receipt(
            ReceiptState.NOTHING_TO_DO if plan.is_empty else ReceiptState.VERIFIED, plan
        )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Invocation]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with invocation(
        ["sites", "set-tier", "AN10000001", "--to", "NON_CRITICAL", "--reason", "it's on"]
    ) as this_run:
        yield this_run


@pytest.fixture
def response(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Pretend that somebody sits at a terminal and types."""

    def typed(text: str) -> None:
        monkeypatch.setattr(Invocation, "is_interactive", True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return typed


def production(run: Invocation, folder: Path) -> None:
    (folder / "smarterise-ops.toml").write_text(
        '[environments.live]\nkind = "production"\nread_only = false\n'
    )
    run.shared["environment"] = "live"


def test_a_plan_is_shown_in_full(run: Invocation, capsys: pytest.CaptureFixture[str]) -> None:
    assert workflow.carry_out(run, PLAN, Applied(), dry_run=False, assume_yes=True) is ExitCode.DONE
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        "Switch 2 sites to NON_CRITICAL · local · eu-west-2 · 000000000000 · via lambda",
        "  AN10000001  tier  CRITICAL → NON_CRITICAL",
        r"              name  a → b\x1b[2J",
        "              enabled  absent → false",
        "  AN2         tier  absent → NON_CRITICAL  (new site)",
        "unchanged 1 already as requested",
        "effects   2 sites: live stream off",
        "calls     1 × lambda:Invoke site-config-manager",
        "reason    transformer works",
        "undo: smarterise-ops undo 8f31",
    ]
    assert printed.out.splitlines() == [
        "✔ 2 changed, verified 2026-03-01T12:05:02Z (read back from S3)",
        "journal 8f31",
    ]


RICH = replace(
    PLAN,
    changes=(SiteChange("AN3", {"tier": "CRITICAL", "name": "c\x1b[2J", "note": "x" * 200}, None),),
    stack_changes=(
        StackChange("alarm actions", "smartmeter-AN3-u2", "on", "off", "AN3"),
        StackChange("schedule", "critical-sites-ftp-sweep\x07", "disabled", "enabled"),
    ),
    document=b"{}",
    notes=('line 7: tier "CRITICL" → "CRITICAL"', "kept: AN9\x1b[2J"),
    effects=(
        "2 sites: live stream off",
        "2 sites: alarm actions off, 16 alarms",
        "cost: −3.60 USD a month by list prices",
    ),
    monthly_usd=-3.6,
    undoes="11aa",
    unchanged=(),
)


def test_everything_a_plan_can_hold_is_shown() -> None:
    assert plan_lines(RICH, unlock="until 12:31Z: works") == [
        "Switch 2 sites to NON_CRITICAL · local · eu-west-2 · 000000000000 · via lambda",
        r"  AN3  removed  (tier CRITICAL, name c\x1b[2J, note " + "x" * 44 + "…)",
        "  smartmeter-AN3-u2             alarm actions  on → off",
        r"  critical-sites-ftp-sweep\x07  schedule  disabled → enabled",
        "file      replaced completely, 2 bytes",
        'note      line 7: tier "CRITICL" → "CRITICAL"',
        r"          kept: AN9\x1b[2J",
        "effects   2 sites: live stream off",
        "          2 sites: alarm actions off, 16 alarms",
        "cost      −3.60 USD a month by list prices",
        "calls     1 × lambda:Invoke site-config-manager",
        "undoes    11aa",
        "unlock    until 12:31Z: works",
        "reason    transformer works",
    ]


def test_steps_are_told_where_a_person_watches(
    run: Invocation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.carry_out(run, PLAN, Applied(), dry_run=False, assume_yes=True)
    assert "applying" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    workflow.carry_out(run, PLAN, Applied(), dry_run=False, assume_yes=True)
    assert "\napplying\n" in capsys.readouterr().err


def test_a_long_plan_is_cut_for_people_and_whole_in_a_dry_run(
    run: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    many = replace(
        PLAN, changes=tuple(SiteChange(f"AN{n:08}", {"tier": "A"}, {"tier": "B"}) for n in range(60))
    )
    workflow.carry_out(run, many, Applied(), dry_run=False, assume_yes=True)
    assert "  … and 10 more; --dry-run shows all" in capsys.readouterr().err
    both = replace(many, stack_changes=RICH.stack_changes * 30)
    workflow.carry_out(run, both, Applied(), dry_run=False, assume_yes=True)
    assert "  … and 20 more; --dry-run shows all" in capsys.readouterr().err
    workflow.carry_out(run, many, Applied(), dry_run=True, assume_yes=False)
    assert "AN00000059" in capsys.readouterr().out


def test_a_dry_run_applies_nothing_and_prints_the_plan(
    run: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    applied = Applied()
    assert workflow.carry_out(run, PLAN, applied, dry_run=True, assume_yes=True) is ExitCode.DONE
    assert applied.calls == 0
    out = capsys.readouterr().out
    assert out.startswith("Switch 2 sites to NON_CRITICAL")
    assert out.endswith("nothing was written (--dry-run)\n")


@pytest.mark.parametrize(
    ("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load), ("jsonl", json.loads)]
)
def test_plan_and_receipt_are_data(
    run: Invocation, capsys: pytest.CaptureFixture[str], form: str, read: Callable[[str], dict[str, object]]
) -> None:
    run.shared["output"] = form
    workflow.carry_out(run, PLAN, Applied(), dry_run=True, assume_yes=False)
    plan = read(capsys.readouterr().out)
    assert plan["changed"] == [
        {"gateway_serial": change.gateway_serial, "before": change.before, "after": change.after}
        for change in PLAN.changes
    ]
    assert plan["base_etag"] == '"abc"'
    assert (plan["stack_changes"], plan["notes"], plan["monthly_usd"], plan["undoes"]) == ([], [], None, "")
    workflow.carry_out(run, PLAN, Applied(), dry_run=False, assume_yes=True)
    done = read(capsys.readouterr().out)
    assert done["state"] == "verified"
    assert done["changed"] == done["verified"] == ["AN10000001", "AN2"]
    assert done["applied_at"] == "2026-03-01T12:05:02Z"


def test_nobody_to_ask_is_a_usage_error_with_the_command_to_run(run: Invocation) -> None:
    applied = Applied()
    with pytest.raises(UsageError) as caught:
        workflow.carry_out(run, PLAN, applied, dry_run=False, assume_yes=False)
    assert caught.value.remedy == (
        "smarterise-ops sites set-tier AN10000001 --to NON_CRITICAL --reason 'it'\"'\"'s on' --yes"
    )
    assert applied.calls == 0


@pytest.mark.parametrize(
    ("typed", "code"), [("y\n", 0), ("YES\n", 0), ("\n", 1), ("", 1), ("n\n", 1), ("2\n", 1)]
)
def test_the_answer_decides(
    run: Invocation,
    response: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    typed: str,
    code: int,
) -> None:
    response(typed)
    applied = Applied()
    assert workflow.carry_out(run, PLAN, applied, dry_run=False, assume_yes=False) == code
    assert applied.calls == (1 if code == 0 else 0)
    printed = capsys.readouterr()
    assert "Apply? [y/N] " in printed.err
    assert ("not applied" in printed.err) is (code == 1)
    assert bool(printed.out) is (code == 0)


def changing(count: int) -> Plan:
    return replace(
        PLAN, changes=tuple(SiteChange(f"AN{n:08}", {"tier": "A"}, {"tier": "B"}) for n in range(count))
    )


STACK_PLAN = replace(PLAN, changes=(), stack_changes=RICH.stack_changes)
MENDING = replace(PLAN, changes=(), document=b"{}")


@pytest.mark.parametrize(
    ("plan", "question", "typed", "code"),
    [
        (changing(2), "Type the number of sites (2) to apply to live: ", "2\n", 0),
        (changing(2), "Type the number of sites (2) to apply to live: ", "y\n", 1),
        (changing(2), "Type the number of sites (2) to apply to live: ", "3\n", 1),
        (changing(2), "Type the number of sites (2) to apply to live: ", "\n", 1),
        (changing(1), "Type the serial (AN00000000) to apply to live: ", "AN00000000\n", 0),
        (changing(1), "Type the serial (AN00000000) to apply to live: ", "1\n", 1),
        (STACK_PLAN, "Type the number of changes (2) to apply to live: ", "2\n", 0),
        (MENDING, "Type the name of the environment (live) to apply to live: ", "live\n", 0),
        (MENDING, "Type the name of the environment (live) to apply to live: ", "0\n", 1),
    ],
)
def test_production_wants_to_be_typed_what_is_at_stake(
    run: Invocation,
    response: Callable[[str], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    plan: Plan,
    question: str,
    typed: str,
    code: int,
) -> None:
    production(run, tmp_path)
    response(typed)
    plan = replace(plan, environment="live")
    assert workflow.carry_out(run, plan, Applied(), dry_run=False, assume_yes=False) == code
    assert question in capsys.readouterr().err


@pytest.mark.parametrize(("count", "typed", "code"), [(10, "y\n", 0), (11, "y\n", 1), (11, "11\n", 0)])
def test_many_sites_want_their_number_anywhere(
    run: Invocation, response: Callable[[str], None], count: int, typed: str, code: int
) -> None:
    response(typed)
    assert workflow.carry_out(run, changing(count), Applied(), dry_run=False, assume_yes=False) == code


def test_production_wants_a_reason(run: Invocation, tmp_path: Path) -> None:
    workflow.refuse_unready(run, reason="")
    del run.settings
    production(run, tmp_path)
    workflow.refuse_unready(run, reason="works")
    with pytest.raises(UsageError) as caught:
        workflow.refuse_unready(run, reason="  ")
    assert caught.value.what == "A change of live requires a reason"
    assert caught.value.remedy.endswith("--reason REASON")


def test_nothing_to_do_asks_nobody(run: Invocation, capsys: pytest.CaptureFixture[str]) -> None:
    assert workflow.carry_out(run, EMPTY, Applied(), dry_run=False, assume_yes=False) is ExitCode.DONE
    assert capsys.readouterr().out == "No changes: 1 already as requested\n"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (ReceiptState.VERIFIED, 0),
        (ReceiptState.PARTLY_VERIFIED, 3),
        (ReceiptState.UNVERIFIED, 3),
        (ReceiptState.NOTHING_TO_DO, 0),
    ],
)
def test_the_receipt_decides_the_exit_code(
    run: Invocation, capsys: pytest.CaptureFixture[str], state: ReceiptState, code: int
) -> None:
    applied = Applied(receipt(state))
    assert workflow.carry_out(run, PLAN, applied, dry_run=False, assume_yes=True) == code
    assert ("? AN2: reads CRITICAL" in capsys.readouterr().out) is (code == 3)


def test_an_interruption_says_what_is_not_certain(
    run: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        workflow.carry_out(run, PLAN, Applied(KeyboardInterrupt()), dry_run=False, assume_yes=True)
    assert "the outcome is unknown" in capsys.readouterr().err


FILE = '[environments.live]\nkind = "{}"\nread_only = true\n'


@pytest.mark.parametrize(
    ("kind", "shared", "variable", "why", "way"),
    [
        ("dev", {}, "", "project file", "set-tier AN10000001 --to NON_CRITICAL --reason {} --no-read-only"),
        ("production", {}, "", "project file", 'smarterise-ops --env live unlock --for 30m --reason "why"'),
        ("dev", {"read_only": True}, "", "flag --read-only", "allow writes: omit --read-only"),
        ("dev", {}, "yes", "environment variable", "allow writes: unset SMARTERISE_READ_ONLY"),
    ],
)
def test_read_only_is_refused_before_anybody_is_asked(
    run: Invocation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    shared: dict[str, object],
    variable: str,
    why: str,
    way: str,
) -> None:
    (tmp_path / "smarterise-ops.toml").write_text(FILE.format(kind))
    monkeypatch.setenv("SMARTERISE_READ_ONLY", variable)
    run.shared.update(shared, environment="live")
    with pytest.raises(WriteRefused) as caught:
        workflow.refuse_unready(run, reason="x")
    assert why in caught.value.why
    assert caught.value.remedy.endswith(way.format("'it'\"'\"'s on'"))


def test_an_unlock_is_shown_with_the_plan(
    run: Invocation, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "smarterise-ops.toml").write_text(FILE.format("production"))
    run.shared["environment"] = "live"
    now = datetime.now(UTC)
    unlocks = Unlocks(tmp_path / "state" / "smarterise-ops")
    unlock = unlocks.open("live", minutes=5, reason="breaker works", by="anna", now=now)
    workflow.refuse_unready(run, reason="x")
    workflow.carry_out(run, PLAN, Applied(), dry_run=False, assume_yes=True)
    assert f"unlock    until {unlock.until:%H:%MZ}: breaker works\n" in capsys.readouterr().err


def test_a_receipt_says_what_is_not_certain(run: Invocation, capsys: pytest.CaptureFixture[str]) -> None:
    many = {f"AN{n:04}": "no response\x1b[2J" for n in range(25)}
    done = replace(receipt(ReceiptState.UNVERIFIED), unverified=many, notes=("no copy in s3://b",))
    workflow.print_receipt(run, done)
    out = capsys.readouterr().out.splitlines()
    assert out[0] == r"? AN0000: no response\x1b[2J"
    assert out[-3:] == ["? … and 5 more", "▲ no copy in s3://b", "journal 8f31"]
    assert workflow.print_receipt(run, receipt(ReceiptState.NOT_WRITTEN)) is ExitCode.FINDINGS
    assert capsys.readouterr().out.splitlines()[0] == "✖ not written"
    workflow.print_receipt(run, replace(receipt(plan=MENDING), verified=()))
    assert capsys.readouterr().out.startswith("✔ done, verified 2026-03-01T12:05:02Z (read back from S3)\n")
