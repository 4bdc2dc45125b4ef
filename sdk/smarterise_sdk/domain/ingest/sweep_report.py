"""What is kept of the last sweep of the FTP servers, a tier each: when it was, and what it could not do.

`ftp_to_s3` writes it, `ingest-manager` reads it out, and how a site is by file rests on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from smarterise_sdk.domain.text import utc_text, visible

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.sites.model import Tier

SCHEMA_VERSION: Final = 1
SWEEP_REPORTS: Final = "ftp-manifests/sweep="
"""How the keys of the reports begin, in the lake's bucket; no gateway has such a serial."""
FAULTS_AT_MOST: Final = 5
"""Kept one by one; all are counted."""
OVERDUE_AFTER: Final = timedelta(hours=3)
"""So long after a sweep the next one is missed: the stack's own schedules sweep each hour, or more often."""
_LONGEST_MESSAGE: Final = 200
_NOT_LET_IN: Final = frozenset({"LOGIN_REFUSED", "SECRET_UNREADABLE", "SECRET_INVALID"})


def sweep_report_key(tier: Tier) -> str:
    """Return the key of the report on a tier's sweeps, in the lake's bucket."""
    return f"{SWEEP_REPORTS}{tier.value}.json"


@dataclass(frozen=True, slots=True)
class SweepFault:
    """Something that a sweep failed for.

    Attributes:
        code: Stable word for it, e.g. `LOGIN_REFUSED`.
        server: Name of the server.
        message: What, for people.
        is_whole: Whether the server as a whole could not be swept, and not one site or file of it.
    """

    code: str
    server: str
    message: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class SweepReport:
    """The last sweep for a tier's sites.

    Attributes:
        swept_at: When it ended, UTC.
        servers: Names of the servers it was about.
        faults: What it failed for: whole servers first, and no more than `FAULTS_AT_MOST` of the others.
        fault_count: How many there were.
    """

    swept_at: datetime
    servers: tuple[str, ...]
    faults: tuple[SweepFault, ...] = ()
    fault_count: int = 0

    @property
    def is_blocked(self) -> bool:
        """Whether no server could be swept: no site's file can have come."""
        return bool(self.servers) and set(self.servers) <= {fault.server for fault in self._whole}

    @property
    def is_denied(self) -> bool:
        """Whether that is for want of rights or a password."""
        return self.is_blocked and all(fault.code in _NOT_LET_IN for fault in self._whole)

    @property
    def _whole(self) -> list[SweepFault]:
        return [fault for fault in self.faults if fault.is_whole]

    def summary(self, now: datetime) -> str:
        """Return what is to be known of it, when files are missed."""
        is_overdue = now - self.swept_at > OVERDUE_AFTER
        when = f"{'no sweep since' if is_overdue else 'last sweep'} {utc_text(self.swept_at)}"
        if not self.fault_count:
            return when if is_overdue else f"{when} went well"
        told = "".join(f"{fault.server} {fault.code}: {fault.message}" for fault in self.faults[:1])
        more = f" (and {self.fault_count - 1} more)" if self.fault_count > 1 else ""
        return f"{when}{', and that one' if is_overdue else ''}: {told}{more}"

    def to_json(self) -> JsonObject:
        """Return what is kept."""
        return {
            "schema_version": SCHEMA_VERSION,
            "swept_at": self.swept_at.isoformat(timespec="seconds"),
            "servers": list(self.servers),
            "faults": [asdict(fault) for fault in self.faults],
            "fault_count": self.fault_count,
        }

    @classmethod
    def from_json(cls, kept: Any) -> SweepReport | None:
        """Return what was kept; `None` if that cannot be understood."""
        try:
            return cls(
                swept_at=datetime.fromisoformat(kept["swept_at"]).astimezone(UTC),
                servers=tuple(map(str, kept["servers"])),
                faults=tuple(
                    SweepFault(
                        _shown(each["code"]),
                        _shown(each["server"]),
                        _shown(each["message"]),
                        is_whole=each["is_whole"] is True,
                    )
                    for each in kept["faults"]
                ),
                fault_count=int(kept["fault_count"]),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return None


def _shown(text: Any) -> str:
    return visible(str(text))[:_LONGEST_MESSAGE]
