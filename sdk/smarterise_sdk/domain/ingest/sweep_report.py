"""Report of the last FTP sweep of a tier: time, servers and faults.

`ftp_to_s3` writes it, `ingest-manager` returns it, and the FTP status of sites depends on it.
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
"""Key prefix of the reports in the data lake bucket; it cannot collide with a gateway serial."""
FAULTS_AT_MOST: Final = 5
"""Maximum number of faults in a report; all are counted."""
OVERDUE_AFTER: Final = timedelta(hours=3)
"""Time after which the next sweep is overdue; the default schedules sweep at least once per hour."""
_LONGEST_MESSAGE: Final = 200
_ACCESS_FAULTS: Final = frozenset({"LOGIN_REFUSED", "SECRET_UNREADABLE", "SECRET_INVALID"})


def sweep_report_key(tier: Tier) -> str:
    """Return the key of a tier's sweep report in the data lake bucket."""
    return f"{SWEEP_REPORTS}{tier.value}.json"


@dataclass(frozen=True, slots=True)
class SweepFault:
    """A fault in a sweep.

    Attributes:
        code: Stable code, e.g. `LOGIN_REFUSED`.
        server: Name of the server.
        message: The explanation.
        is_whole: Whether the whole server could not be swept, and not only a site or file.
    """

    code: str
    server: str
    message: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Report of the last sweep of a tier.

    Attributes:
        swept_at: End of the sweep, UTC.
        servers: Names of the servers.
        faults: Faults: whole servers first, then at most `FAULTS_AT_MOST` others.
        fault_count: Total number of faults.
    """

    swept_at: datetime
    servers: tuple[str, ...]
    faults: tuple[SweepFault, ...] = ()
    fault_count: int = 0

    @property
    def is_blocked(self) -> bool:
        """Whether no server could be swept, so that no files arrived."""
        return bool(self.servers) and set(self.servers) <= {fault.server for fault in self._whole}

    @property
    def is_denied(self) -> bool:
        """Whether no server could be swept because of missing permissions or credentials."""
        return self.is_blocked and all(fault.code in _ACCESS_FAULTS for fault in self._whole)

    @property
    def _whole(self) -> list[SweepFault]:
        return [fault for fault in self.faults if fault.is_whole]

    def summary(self, now: datetime) -> str:
        """Return a one-line summary, shown if files are missing."""
        is_overdue = now - self.swept_at > OVERDUE_AFTER
        when = f"{'no sweep since' if is_overdue else 'last sweep'} {utc_text(self.swept_at)}"
        if not self.fault_count:
            return when if is_overdue else f"{when} succeeded"
        first = "".join(f"{fault.server} {fault.code}: {fault.message}" for fault in self.faults[:1])
        more = f" (and {self.fault_count - 1} more)" if self.fault_count > 1 else ""
        return f"{when}{', which failed' if is_overdue else ''}: {first}{more}"

    def to_json(self) -> JsonObject:
        """Return the report as a JSON object."""
        return {
            "schema_version": SCHEMA_VERSION,
            "swept_at": self.swept_at.isoformat(timespec="seconds"),
            "servers": list(self.servers),
            "faults": [asdict(fault) for fault in self.faults],
            "fault_count": self.fault_count,
        }

    @classmethod
    def from_json(cls, data: Any) -> SweepReport | None:
        """Return the report from a `to_json` object; `None` if it is invalid."""
        try:
            return cls(
                swept_at=datetime.fromisoformat(data["swept_at"]).astimezone(UTC),
                servers=tuple(map(str, data["servers"])),
                faults=tuple(
                    SweepFault(
                        _shown(each["code"]),
                        _shown(each["server"]),
                        _shown(each["message"]),
                        is_whole=each["is_whole"] is True,
                    )
                    for each in data["faults"]
                ),
                fault_count=int(data["fault_count"]),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return None


def _shown(text: Any) -> str:
    return visible(str(text))[:_LONGEST_MESSAGE]
