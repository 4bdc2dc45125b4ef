"""What is wrong with an input, and where: one record a problem, so that all are told at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        code: Stable machine word, e.g. `INVALID_TIER`.
        message: What is wrong, for a person, without the place.
        remedy: What to do about it.
        line: 1-based line in the source, when it is known.
        site: Gateway serial concerned, when there is one.
        field: Field concerned, when there is one.
    """

    code: str
    message: str
    remedy: str = ""
    line: int | None = None
    site: str | None = None
    field: str | None = None

    @property
    def place(self) -> str:
        """Where it is, e.g. `line 4, site AN54101471, field tier`; empty when unknown."""
        parts = [
            f"line {self.line}" if self.line is not None else "",
            f"site {self.site}" if self.site is not None else "",
            f"field {self.field}" if self.field is not None else "",
        ]
        return ", ".join(part for part in parts if part)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message

    def at_line(self, line: int | None) -> Problem:
        """Return the same problem at a line."""
        return replace(self, line=line)

    def to_json(self) -> dict[str, str | int | None]:
        """Return the problem as answers of the functions carry it."""
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
        """Return the problem that `to_json` told; what is missing or of another type is left out."""

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
    """An input that cannot be taken, with every problem found in it.

    The base of all refusals in the domain; faces show `problems`, one line each.
    """

    def __init__(self, subject: str, problems: Sequence[Problem]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        super().__init__(f"{subject}: " + "; ".join(str(problem) for problem in self.problems))

    @property
    def code(self) -> str:
        """The code all problems share, else `BAD_REQUEST`."""
        codes = {problem.code for problem in self.problems}
        return codes.pop() if len(codes) == 1 else "BAD_REQUEST"
