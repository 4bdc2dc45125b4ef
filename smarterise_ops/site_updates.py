"""From a request to change sites to its receipt: reads what is asked, has it planned, tells every problem."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from smarterise_ops import writes
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.output import say
from smarterise_ops.update_file import Updates, read_updates
from smarterise_ops.update_formats import MAX_UPDATE_BYTES
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidDocument, SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smarterise_ops.context import Invocation
    from smarterise_ops.formats import UpdateFormat
    from smarterise_sdk.domain.plans import Plan, WritePath
    from smarterise_sdk.domain.problems import Problem
    from smarterise_sdk.domain.sites import Tier
    from smarterise_sdk.services.sites import Sites

STDIN = "-"
NO_FILE = "the request"


@dataclass(frozen=True, slots=True)
class Request:
    """How a change is to go.

    Attributes:
        reason: Why, in the operator's words.
        via: The road of the write.
        dry_run: Print the plan and stop.
        assume_yes: Do not ask.
        create: Serials that are not known are new sites.
        expect_etag: Write only if the site file has this ETag.
    """

    reason: str
    via: WritePath
    dry_run: bool
    assume_yes: bool
    create: bool = False
    expect_etag: str | None = None


def switch_tier(run: Invocation, serials: Iterable[str], tier: Tier, request: Request) -> ExitCode:
    """Switch sites to a tier."""
    return _update(run, Updates({serial: {"tier": tier.value} for serial in serials}), NO_FILE, request)


def update_from(
    run: Invocation,
    file: str | None,
    settings: Sequence[str],
    form: UpdateFormat | None,
    request: Request,
) -> ExitCode:
    """Change the sites that a file and settings name.

    Args:
        run: The run.
        file: The update file; `-` is standard input.
        settings: `SERIAL=TIER` each.
        form: The file's format, when its name does not tell.
        request: How the change is to go.

    Raises:
        UsageError: There is no file and no setting, or the file cannot be read.
        InvalidDocument: With every problem of what is asked, and its line; nothing was written.
    """
    if file is None and not settings:
        raise UsageError(
            "There is nothing to update: give FILE or --set SERIAL=TIER",
            remedy="smarterise-ops sites bulk-update --help",
        )
    subject = "standard input" if file == STDIN else visible(file or NO_FILE)
    source = None if file is None else _content(file)
    return _update(run, read_updates(source, subject, form=form, settings=settings), subject, request)


def _update(run: Invocation, updates: Updates, subject: str, request: Request) -> ExitCode:
    if not request.dry_run:
        writes.refuse_when_read_only(run)
    if not updates.values and not updates.problems:
        say(f"nothing to do: {subject} asks for nothing")
        return ExitCode.DONE
    sites = run.stack.sites
    return writes.carry_out(
        run,
        _planned(sites, updates, subject, request),
        lambda plan, on_step: sites.apply(plan, on_step=on_step),
        dry_run=request.dry_run,
        assume_yes=request.assume_yes,
    )


def _planned(sites: Sites, updates: Updates, subject: str, request: Request) -> Plan:
    """Plan the updates; what is wrong with their source and with what they ask for is told together."""
    problems = list(updates.problems)
    if updates.values:
        try:
            plan = sites.plan_update(
                updates.values,
                reason=request.reason,
                create=request.create,
                expect_etag=request.expect_etag,
                via=request.via,
            )
        except InvalidDocument as refused:
            if all(problem.line is None and problem.site in updates.values for problem in refused.problems):
                problems += (updates.located(problem) for problem in refused.problems)
            elif not problems:
                raise
        except SmarteriseError:
            # With the source itself wrong there is enough to tell without the stack.
            if not problems:
                raise
    if problems:
        raise InvalidDocument(
            f"{subject} cannot be applied: {len(problems)} problem(s)",
            problems=sorted(problems, key=_by_line),
            remedy="mend them all; nothing was written",
        )
    return plan


def _by_line(problem: Problem) -> tuple[bool, int]:
    return problem.line is None, problem.line or 0


def _content(file: str) -> bytes:
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(MAX_UPDATE_BYTES + 1)
        with Path(file).open("rb") as source:
            return source.read(MAX_UPDATE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{visible(file)} cannot be read", why=error.strerror or str(error)) from error
