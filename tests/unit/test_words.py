"""Text escaping, ages, statuses, problems, names and outcomes."""

from __future__ import annotations

import unicodedata
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.outcome import Missing, Outcome
from smarterise_sdk.domain.problems import InvalidInput, Problem
from smarterise_sdk.domain.sites.plans import FieldChange, Plan, SiteChange, WritePath
from smarterise_sdk.domain.stack.names import StackNames, quarantine_key, raw_data_lake_key
from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import age_text, utc_text, visible

AT = datetime(2026, 3, 1, 7, 5, 2, tzinfo=UTC)


@given(st.text())
def test_visible_text_moves_no_cursor(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [text]", "plain [text]"),
        ("Ìkẹjà ±5 °C", "Ìkẹjà ±5 °C"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("two\nlines", "two\\x0alines"),
    ],
)
def test_what_cannot_be_shown_is_shown_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_what_is_welcome_is_kept() -> None:
    assert visible("two\nlines\t", keep="\n") == "two\nlines\\x09"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86_400, "1d"),
        (-42, "-42s"),
        (-7200, "-2h"),
    ],
)
def test_ages_are_said_as_an_operator_says_them(seconds: float, text: str) -> None:
    assert age_text(timedelta(seconds=seconds)) == text


def test_moments_are_utc() -> None:
    assert utc_text(AT) == "2026-03-01T07:05:02Z"


def test_every_status_has_its_own_glyph_and_rank() -> None:
    assert len({status.glyph for status in Status}) == len(Status)
    assert sorted(Status, key=lambda status: status.rank)[0] is Status.FAIL
    assert sorted(status.rank for status in Status) == list(range(len(Status)))
    assert Status.WARN.label == "▲ warn"


def test_a_problem_says_where_and_travels_as_json() -> None:
    problem = Problem("INVALID_TIER", "tier is wrong", "Correct it.", site="AN1", field="tier").at_line(4)
    assert str(problem) == "line 4, site AN1, field tier: tier is wrong"
    assert Problem.from_json(problem.to_json()) == problem
    assert str(Problem("X", "no place")) == "no place"


def test_a_problem_from_elsewhere_is_taken_as_far_as_it_makes_sense() -> None:
    assert Problem.from_json({"code": 7, "message": None, "line": "4"}) == Problem("UNKNOWN", "")


@pytest.mark.parametrize(
    ("codes", "code"), [(["A", "A"], "A"), (["A", "B"], "BAD_REQUEST"), (["EMPTY"], "EMPTY")]
)
def test_a_refusal_has_the_code_its_problems_share(codes: list[str], code: str) -> None:
    refusal = InvalidInput("the file", [Problem(each, "wrong") for each in codes])
    assert refusal.code == code
    assert str(refusal) == "the file: " + "; ".join(["wrong"] * len(codes))


def test_keys_are_partitioned_for_athena() -> None:
    assert raw_data_lake_key("iot", AT, "AN1", "b") == "raw/source=iot/dt=2026-03-01/hour=07/AN1/b.json.gz"
    assert quarantine_key("iot", AT, "NOT_JSON", "b") == (
        "quarantine/source=iot/dt=2026-03-01/reason=NOT_JSON/b.json.gz"
    )


def test_names_hang_together() -> None:
    names = StackNames()
    assert names.log_group("ftp_to_s3") in names.log_groups
    assert names.api_log_group in names.log_groups
    assert len(names.functions) == len(set(names.functions)) == 7
    assert names.role("x") == "x-role"
    assert names.role_policy("x") == "x-policy"
    assert names.topic("AN1") == "accuenergy/AN1"
    assert names.alarm("AN1", "voltage-low") == "smartmeter-AN1-voltage-low"
    assert all(getattr(names, field.name) for field in fields(names))


def test_an_outcome_with_a_gap_is_not_complete() -> None:
    gap = Missing("cloudwatch:GetMetricData", RuntimeError("denied"), ("AN1",))
    assert Outcome({}, AT).is_complete
    assert not Outcome({}, AT, (gap,)).is_complete


def test_a_change_shows_the_fields_that_differ() -> None:
    change = SiteChange(
        "AN1", {"tier": "CRITICAL", "n": 1, "gone": 0}, {"tier": "CRITICAL", "n": True, "new": None}
    )
    assert change.fields == (
        FieldChange("n", 1, True),
        FieldChange("gone", 0, None),
        FieldChange("new", None, None),
    )
    assert SiteChange("AN1", None, {"tier": "CRITICAL"}).fields == (FieldChange("tier", None, "CRITICAL"),)


def test_a_plan_without_changes_is_empty() -> None:
    plan = Plan(
        plan_id="1", title="", environment="local", account="", region="eu-west-2", via=WritePath.LAMBDA,
        updates={}, create=False, changes=(), unchanged=(), effects=(), calls=(), base_etag="", reason="",
        planned_at=AT,
    )  # fmt: skip
    assert plan.is_empty
