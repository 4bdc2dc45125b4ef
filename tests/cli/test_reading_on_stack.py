"""`metrics` and `checks` against the embedded stack, where meters publish and the runbook is clean."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from smarterise_ops.local.simulation.fleet import simulated_fleet

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from smarterise_ops.local.client import RunningStack

    Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.stack

SERIAL = "ehm21120333"
TIMEOUT_SECONDS = 90


@pytest.fixture
def live(on_stack: Run) -> list[dict[str, Any]]:
    """The newest values of a streamed site, once its readings have come through the whole path."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        done = on_stack("metrics", "show", SERIAL, "-o", "json")
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        if all(row["state"] == "ok" for row in rows):
            return rows
        time.sleep(1)
    raise AssertionError(f"no values of {SERIAL} within {TIMEOUT_SECONDS} s")


def test_the_newest_values_of_a_live_site(live: list[dict[str, Any]]) -> None:
    by_metric = {row["metric"]: row for row in live}
    assert 100 < by_metric["VoltagePhase_A"]["value"] < 300
    assert by_metric["VoltagePhase_A"]["unit"] == "V"
    assert 45 < by_metric["Frequency"]["value"] < 55
    assert all(row["gateway_serial"] == SERIAL and row["age_seconds"] < 300 for row in live)


@pytest.mark.usefixtures("live")
def test_values_of_a_span_and_of_chosen_metrics(on_stack: Run) -> None:
    done = on_stack(
        "metrics",
        "show",
        SERIAL,
        "--metric",
        "Frequency",
        "--metric",
        "voltagephase_a",
        "--since",
        "10m",
        "-o",
        "json",
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {row["metric"] for row in rows} == {"Frequency", "VoltagePhase_A"}
    times = [row["at"] for row in rows if row["metric"] == "Frequency"]
    assert times == sorted(times)


def test_a_site_without_values_says_so(on_stack: Run, new_sites: Callable[..., list[str]]) -> None:
    (serial,) = new_sites(1)
    done = on_stack("metrics", "show", serial, "--metric", "Frequency", "-o", "json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["value"], row["at"], row["state"]) == (None, None, "no data")


def test_an_unknown_serial_is_exit_1(on_stack: Run) -> None:
    done = on_stack("metrics", "show", SERIAL, SERIAL.upper(), "AN0")
    assert (done.returncode, done.stdout) == (1, "")
    assert SERIAL.upper() in done.stderr
    assert "AN0" in done.stderr


def test_the_runbook_is_clean_on_a_sound_stack(on_stack: Run, embedded_stack: RunningStack) -> None:
    options = embedded_stack.state.options
    provisioned = {site.gateway_serial for site in simulated_fleet(options["sites"], options["seed"])}
    listed = json.loads(on_stack("sites", "list", "-o", "json").stdout)
    added = {site["gateway_serial"] for site in listed} - provisioned  # by other tests; they have no alarms
    if added:
        assert on_stack("sites", "remove", *added, "--yes").returncode == 0
    done = on_stack("checks", "run", "-o", "json")
    findings = json.loads(done.stdout)
    assert {finding["status"] for finding in findings} == {"ok"}
    assert done.returncode == 0
    listed = json.loads(on_stack("checks", "list", "-o", "json").stdout)
    assert [check["check_id"] for check in listed] == [finding["check_id"] for finding in findings]


def test_only_named_checks_run(on_stack: Run) -> None:
    done = on_stack("checks", "run", "site-config-file", "-o", "json")
    assert [finding["check_id"] for finding in json.loads(done.stdout)] == ["site-config-file"]
    wrong = on_stack("checks", "run", "site-config-fiel")
    assert wrong.returncode == 1
    assert "did you mean site-config-file?" in wrong.stderr


def test_a_finding_is_exit_1_with_what_to_do(on_stack: Run, embedded_stack: RunningStack) -> None:
    done = on_stack(
        "checks",
        "run",
        "site-config-bucket",
        "site-config-file",
        env={"SMARTERISE_SITE_CONFIG_BUCKET": "no-such-bucket"},
    )
    assert done.returncode == 1
    assert "✖ fail" in done.stdout
    assert "try: " in done.stdout


def test_a_check_is_explained(on_stack: Run) -> None:
    explained = json.loads(on_stack("checks", "explain", "site-config-file", "-o", "json").stdout)
    assert explained["check_id"] == "site-config-file"
    assert explained["reads"] == ["s3:GetObject"]
    assert on_stack("checks", "explain", "nope").returncode == 1
