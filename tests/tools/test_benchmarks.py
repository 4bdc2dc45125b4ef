"""What benchmarks print and append; `make bench` measures their figures, which depend on the machine."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path

import pytest

from benchmarks._report import Figure, Report, argument_parser, cpu_model, machine_facts

ROOT = Path(__file__).parents[2]
BENCHMARKS = sorted(path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py"))


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        (Figure("a / b", 2.0, at_most=2.0), True),
        (Figure("a / b", 2.1, at_most=2.0), False),
        (Figure("a / b", 2.0, at_least=2.0), True),
        (Figure("a / b", 1.9, at_least=2.0), False),
        (Figure("a / b", 1.0, at_least=2.0, at_most=3.0), False),
        (Figure("a / b", math.nan, at_most=2.0), False),
        (Figure("a / b", math.nan, at_least=2.0), False),
        (Figure("a / b", 1e9), True),
    ],
)
def test_limits(figure: Figure, is_met: bool) -> None:
    assert figure.is_met is is_met
    assert figure.to_json()["is_met"] is is_met


def test_a_figure_is_one_line() -> None:
    over = Figure("a / b", 2.5, at_most=2.0, measured={"a_ms": 1234.5, "b_ms": 0.5})
    assert " ".join(str(over).split()) == "a / b 2.5 at most 2 OVER LIMIT a_ms 1,234, b_ms 0.5"
    assert " ".join(str(Figure("a / b", 0.25, at_least=0.2)).split()) == "a / b 0.25 at least 0.2 ok"
    assert " ".join(str(Figure("files", 12)).split()) == "files 12"


def test_a_run_prints_the_machine_and_the_versions_and_appends_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"earlier": 1}\n')
    report = Report("sample", ("pytest",), log)
    report.add("a / b", 2.0, at_most=2.0, a_ms=4.0, b_ms=2.0)
    assert report.finish() == 0
    earlier, line = map(json.loads, log.read_text().splitlines())
    assert earlier == {"earlier": 1}
    assert line["benchmark"] == "sample"
    assert line["packages"] == {"pytest": pytest.__version__}
    assert line["machine"] == report.machine
    assert line["figures"] == [
        {
            "name": "a / b",
            "value": 2.0,
            "at_most": 2.0,
            "is_met": True,
            "measured": {"a_ms": 4.0, "b_ms": 2.0},
        }
    ]
    assert line["is_met"] is True
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3
    assert printed[1] == f"pytest {pytest.__version__}"


def test_a_figure_over_its_limit_ends_with_1() -> None:
    report = Report("sample", ())
    report.add("a / b", 1.0, at_most=2.0)
    report.add("c / d", 3.0, at_most=2.0)
    assert report.finish() == 1


def test_a_log_that_cannot_be_written_fails_before_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        Report("sample", (), tmp_path / "missing" / "log.jsonl")


def test_machine_facts() -> None:
    facts = machine_facts()
    assert set(facts) == {"cpu", "cores", "load", "python", "platform"}
    assert all(facts[name] for name in ("cpu", "cores", "python", "platform"))
    assert cpu_model("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\n") == "A CPU @ 2 GHz"
    assert cpu_model("")


def test_every_benchmark_has_the_option() -> None:
    assert argument_parser("").parse_args(["--append", "x"]).append == Path("x")
    assert argument_parser("").parse_args([]).append is None


@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmarks_report_by_the_shared_module(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.Report is Report
    assert module.argument_parser is argument_parser
    assert callable(module.main)
