"""Validation problems of an input, with their locations; all of them are reported at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Problem:
    """One validation problem of an input.

    Attributes:
        code: Stable error code, e.g. `INVALID_TIER`.
        message: What is wrong, without the location.
        remedy: The fix.
        line: 1-based line in the source, if known.
        site: Gateway serial of the affected site, if any.
        field: Affected field, if any.
    """

    code: str
    message: str
    remedy: str = ""
    line: int | None = None
    site: str | None = None
    field: str | None = None

    @property
    def place(self) -> str:
        """Location, e.g. `line 4, site AN54101471, field tier`; empty if unknown."""
        parts = [
            f"line {self.line}" if self.line is not None else "",
            f"site {self.site}" if self.site is not None else "",
            f"field {self.field}" if self.field is not None else "",
        ]
        return ", ".join(part for part in parts if part)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message

    def at_line(self, line: int | None) -> Problem:
        """Return a copy with the given line."""
        return replace(self, line=line)

    def to_json(self) -> dict[str, str | int | None]:
        """Return the problem as a JSON object, as in the responses of the functions."""
        return {
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "line": self.line,
            "site": self.site,
            "field": self.field,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Problem:
        """Return the problem from a `to_json` object; missing or invalid values are ignored."""

        def text(key: str) -> str | None:
            value = data.get(key)
            return value if isinstance(value, str) else None

        line = data.get("line")
        return cls(
            code=text("code") or "UNKNOWN",
            message=text("message") or "",
            remedy=text("remedy") or "",
            line=line if isinstance(line, int) else None,
            site=text("site"),
            field=text("field"),
        )


class InvalidInput(ValueError):
    """Invalid input, with every problem found in it.

    The only error that validation in the domain raises; user interfaces show one line per problem.
    """

    def __init__(self, subject: str, problems: Sequence[Problem]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        super().__init__(f"{subject}: " + "; ".join(str(problem) for problem in self.problems))

    @property
    def code(self) -> str:
        """The common code of all problems, else `BAD_REQUEST`."""
        codes = {problem.code for problem in self.problems}
        return codes.pop() if len(codes) == 1 else "BAD_REQUEST"
