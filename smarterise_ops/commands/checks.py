"""`smarterise-ops checks`: health checks of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import Column, emit_object, emit_rows, write_data
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smarterise_sdk.checks.model import CheckMeta, Finding
    from smarterise_sdk.domain.json_text.types import JsonObject

app = typer.Typer(help="Run health checks against the stack.")

META_COLUMNS = (Column("check_id", "CHECK ID"), Column("severity"), Column("title"))
FINDING_COLUMNS = (
    Column("state"),
    Column("check_id", "CHECK ID"),
    Column("severity"),
    Column("subject"),
    Column("observed"),
)
GLYPHS = {"ok": "●", "warn": "▲", "fail": "✖", "skip": "-", "unknown": "?"}
_FINDINGS = {"warn", "fail"}


@app.command("list")
def list_checks() -> None:
    """List all checks without running them."""
    from smarterise_sdk.checks.registry import all_checks

    rows = [_meta_row(check.meta) for check in all_checks()]
    emit_rows(rows, META_COLUMNS, current().output)


@app.command("explain")
def explain_check(
    check_id: Annotated[str, typer.Argument(metavar="CHECK_ID", help="Check id from `checks list`.")],
) -> None:
    """Show rationale and remedy of a check."""
    from smarterise_sdk.checks.registry import find_check

    emit_object(_meta_row(find_check(check_id).meta), current().output)


@app.command("run")
def run_checks(
    check_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[CHECK_ID]...", help="Check ids; default all checks.")
    ] = None,
) -> ExitCode:
    """Run checks; read-only."""
    run = current()
    findings = run.stack.checks.run(check_ids or None).findings
    if run.output is OutputFormat.TABLE:
        emit_rows(
            [_finding_row(finding, with_state=True) for finding in findings], FINDING_COLUMNS, run.output
        )
        write_data("".join(f"{line}\n" for line in _remedy_lines(findings)))
    else:
        emit_rows([_finding_row(finding) for finding in findings], (), run.output)
    return _exit_code(findings)


def _exit_code(findings: Sequence[Finding]) -> ExitCode:
    statuses = {finding.status.value for finding in findings}
    if statuses & _FINDINGS:
        return ExitCode.FINDINGS
    return ExitCode.UNDETERMINED if "unknown" in statuses else ExitCode.DONE


def _remedy_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the expectations and remedies; findings with the same remedy are grouped."""
    for remedy in dict.fromkeys(finding.remedy for finding in findings if finding.remedy):
        yield ""
        for finding in findings:
            if finding.remedy == remedy:
                glyph = GLYPHS[finding.status.value]
                yield f"{glyph} {finding.check_id}: expected: {visible(finding.expected)}"
        yield f"try: {visible(remedy)}"


def _meta_row(meta: CheckMeta) -> JsonObject:
    return {
        "check_id": meta.id,
        "title": meta.title,
        "severity": meta.severity.value,
        "rationale": meta.rationale,
        "expected": meta.expected,
        "remedy": meta.remedy,
        "reads": list(meta.reads),
    }


def _finding_row(finding: Finding, *, with_state: bool = False) -> JsonObject:
    status = finding.status.value
    row: JsonObject = {
        "check_id": finding.check_id,
        "title": finding.title,
        "severity": finding.severity.value,
        "status": status,
        "subject": finding.subject,
        "observed": finding.observed,
        "expected": finding.expected,
        "evidence": list(finding.evidence),
        "remedy": finding.remedy,
    }
    return {**row, "state": f"{GLYPHS[status]} {status}"} if with_state else row
