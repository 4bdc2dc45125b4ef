"""What is known of a file before it is read: whose it is, what its name tells, which zone its clock is in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from smarterise_lambdas.shared.ledger import IngestFile
from smarterise_sdk.domain.log_files.names import FTP_PREFIX, LogName, parse_data_lake_key, read_log_name
from smarterise_sdk.domain.log_files.rejects import FileReason, RejectedFile
from smarterise_sdk.domain.readings.model import Source
from smarterise_sdk.domain.serials import GATEWAY_SERIAL
from smarterise_sdk.domain.sites.model import Site, Tier
from smarterise_sdk.domain.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smarterise_lambdas.s3_to_rds_lambda.s3_reader import StoredObject

LOGGERS_KEY: Final = "loggers"
"""Of a site in the site file: which meter each of its loggers logs, `{"logger1": "CLD…"}`."""
_BATCH_ID_AT_MOST: Final = 150
_NAME_OF_THE_SERVER: Final = "original-name"


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file that is to be loaded.

    Attributes:
        file: As the ledger knows it.
        name: What its name tells.
        batch_id: What its rows are known by: its key's last part, without suffix.
        issue: Why it cannot be taken, whatever is in it.
    """

    file: IngestFile
    name: LogName
    batch_id: str
    issue: RejectedFile | None


@dataclass(frozen=True, slots=True)
class SiteClock:
    """A site as far as its files need it.

    Attributes:
        zone: Its time zone; `None` when nobody can say.
        why_no_zone: Why not.
        nominal_voltage: Nominal line-to-neutral voltage, V.
        loggers: Which meter each of its loggers logs, as far as the site file says.
    """

    zone: ZoneInfo | None
    why_no_zone: str
    nominal_voltage: float
    loggers: Mapping[str, object]


def is_log_key(key: str) -> bool:
    """Return whether a key is that of a log file, and none of what else lies in the bucket."""
    return key.startswith(FTP_PREFIX) and not key.endswith("/")


def log_file_of(found: StoredObject) -> LogFile:
    """Return what is known of a file. One in the lake is named for its gateway by its folder."""
    data_lake, (*folders, last) = (
        parse_data_lake_key(found.key),
        found.key.removeprefix(FTP_PREFIX).split("/"),
    )
    original = unquote(found.metadata.get(_NAME_OF_THE_SERVER, ""), errors="replace")
    name = read_log_name(original or (data_lake.name if data_lake else last))
    folder = data_lake.gateway_serial if data_lake else _serial_of(folders)
    serial = folder or name.gateway_serial
    issue = None
    if not serial:
        text = f"neither the folder nor the name {visible(last)!r} tells a gateway serial"
        issue = RejectedFile(FileReason.NO_SERIAL, text)
    elif name.gateway_serial and name.gateway_serial != serial:
        text = f"it lies with the files of {serial}, but its name is of {name.gateway_serial}"
        issue = RejectedFile(FileReason.SERIAL_MISMATCH, text)
    file = IngestFile(
        bucket=found.bucket,
        key=found.key,
        etag=found.etag,
        size=found.size,
        source=Source.FTP,
        gateway_serial=serial,
        received_at=found.received_at,
    )
    return LogFile(file, name, visible(last.split(".")[0])[:_BATCH_ID_AT_MOST] or "_", issue)


def site_clock(sites: Mapping[str, Site] | None, gateway_serial: str) -> SiteClock:
    """Return what a site's files need of it.

    Args:
        sites: The sites by gateway serial; `None` when nobody can say.
        gateway_serial: The site.
    """
    if sites is None:
        return SiteClock(None, "the site file cannot be read", _ANY_SITE.nominal_voltage, {})
    site = sites.get(gateway_serial)
    if site is None:
        why = f"the site file does not know {gateway_serial}"
        return SiteClock(None, why, _ANY_SITE.nominal_voltage, {})
    zone = _zone(site.timezone)
    why = "" if zone else f"no time zone is called {visible(site.timezone)!r}"
    loggers = site.extra.get(LOGGERS_KEY)
    return SiteClock(zone, why, site.nominal_voltage, loggers if isinstance(loggers, dict) else {})


_ANY_SITE: Final = Site("", Tier.NON_CRITICAL)


def _serial_of(folders: list[str]) -> str:
    return folders[0] if folders and GATEWAY_SERIAL.match(folders[0]) else ""


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # not there, a folder, or no name at all
        return None
