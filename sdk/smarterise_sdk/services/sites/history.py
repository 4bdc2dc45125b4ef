"""The history of the site file as an operator reads it, whichever road it came by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smarterise_sdk.domain.problems import Problem
from smarterise_sdk.domain.sites.history import VersionKind
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_sdk.domain.json_text.types import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One version of the file.

    Attributes:
        version_id: Its S3 version id; `null`, as S3 says, where the bucket keeps no versions.
        written_at: When, by the clock of S3, as `2026-03-01T12:05:02Z`.
        is_latest: Whether it is the current one.
        kind: What it is, a `VersionKind`.
        by: Who wrote it, as the file says.
        reason: Why, as the file says.
        changed: How many sites differ from the good version before it.
        gateway_serials: The first few of them.
        tiers: The tier that these came to, where it is another than before.
        summary: What changed, or what is wrong, in one line.
        problems: What is wrong with it, when it cannot be used.
    """

    version_id: str
    written_at: str
    is_latest: bool
    kind: str
    by: str
    reason: str
    changed: int
    gateway_serials: tuple[str, ...]
    tiers: Mapping[str, str]
    summary: str
    problems: tuple[Problem, ...]

    @property
    def is_usable(self) -> bool:
        """Whether one can go back to it."""
        return self.kind not in {VersionKind.BROKEN, VersionKind.DELETED, VersionKind.GONE}

    def to_row(self) -> JsonObject:
        """Return the version as one JSON-ready object."""
        return {
            "version_id": self.version_id,
            "written_at": self.written_at,
            "is_latest": self.is_latest,
            "kind": self.kind,
            "by": self.by,
            "reason": self.reason,
            "changed": self.changed,
            "gateway_serials": list(self.gateway_serials),
            "tiers": dict(self.tiers),
            "summary": self.summary,
            "problems": [dict(problem.to_json()) for problem in self.problems],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, JsonValue]) -> HistoryRow:
        """Return the row that `VersionEntry.to_row` told, made safe to show; what is missing is empty."""

        def text(key: str) -> str:
            value = row.get(key)
            return visible(value) if isinstance(value, str) else ""

        changed, serials, problems = row.get("changed"), row.get("gateway_serials"), row.get("problems")
        tiers = row.get("tiers")
        return cls(
            version_id=text("version_id"),
            written_at=text("written_at"),
            is_latest=row.get("is_latest") is True,
            kind=text("kind"),
            by=text("by"),
            reason=text("reason"),
            changed=changed if isinstance(changed, int) else 0,
            gateway_serials=tuple(visible(str(one)) for one in serials) if isinstance(serials, list) else (),
            tiers={visible(serial): visible(str(tier)) for serial, tier in tiers.items()}
            if isinstance(tiers, dict)
            else {},
            summary=text("summary"),
            problems=tuple(Problem.from_json(one) for one in problems if isinstance(one, dict))
            if isinstance(problems, list)
            else (),
        )


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """The newest versions of the site file.

    Attributes:
        entries: The newest first, in the order of S3.
        is_versioned: Whether the bucket keeps versions.
        is_complete: Whether there are no older ones than those told.
    """

    entries: tuple[HistoryRow, ...]
    is_versioned: bool
    is_complete: bool
