"""Metadata of a log file before it is read: gateway, name parts and time zone of its clock."""

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
"""Field of a site in the site file: meter of each logger, `{"logger1": "CLD…"}`."""
_MAX_BATCH_ID_LENGTH: Final = 150
_ORIGINAL_NAME: Final = "original-name"


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log file to load.

    Attributes:
        file: Its identity in the file ledger.
        name: Its parsed name.
        batch_id: Batch id of its rows: last part of its key, without suffix.
        issue: Why it is rejected regardless of its content.
    """

    file: IngestFile
    name: LogName
    batch_id: str
    issue: RejectedFile | None


@dataclass(frozen=True, slots=True)
class SiteClock:
    """Site settings that are needed to read its log files.

    Attributes:
        zone: Time zone; `None` if unknown.
        why_no_zone: Why the time zone is unknown.
        nominal_voltage: Nominal line-to-neutral voltage, V.
        loggers: Meter of each logger, as far as the site file has it.
    """

    zone: ZoneInfo | None
    why_no_zone: str
    nominal_voltage: float
    loggers: Mapping[str, object]


def is_log_key(key: str) -> bool:
    """Return whether an object key is that of a log file."""
    return key.startswith(FTP_PREFIX) and not key.endswith("/")


def log_file_of(found: StoredObject) -> LogFile:
    """Build a `LogFile` from a stored object; in the data lake, the folder names the gateway."""
    data_lake, (*folders, last) = (
        parse_data_lake_key(found.key),
        found.key.removeprefix(FTP_PREFIX).split("/"),
    )
    original = unquote(found.metadata.get(_ORIGINAL_NAME, ""), errors="replace")
    name = read_log_name(original or (data_lake.name if data_lake else last))
    folder = data_lake.gateway_serial if data_lake else _serial_of(folders)
    serial = folder or name.gateway_serial
    issue = None
    if not serial:
        text = f"neither the folder nor the name {visible(last)!r} has a gateway serial"
        issue = RejectedFile(FileReason.NO_SERIAL, text)
    elif name.gateway_serial and name.gateway_serial != serial:
        text = f"the folder is that of {serial}, but the file name has {name.gateway_serial}"
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
    return LogFile(file, name, visible(last.split(".")[0])[:_MAX_BATCH_ID_LENGTH] or "_", issue)


def site_clock(sites: Mapping[str, Site] | None, gateway_serial: str) -> SiteClock:
    """Return the settings of a site that are needed to read its log files.

    Args:
        sites: Sites by gateway serial; `None` if the site file is not readable.
        gateway_serial: Serial of the site's gateway.
    """
    if sites is None:
        return SiteClock(None, "the site file is not readable", _ANY_SITE.nominal_voltage, {})
    site = sites.get(gateway_serial)
    if site is None:
        why = f"{gateway_serial} is not in the site file"
        return SiteClock(None, why, _ANY_SITE.nominal_voltage, {})
    zone = _zone(site.timezone)
    why = "" if zone else f"unknown time zone {visible(site.timezone)!r}"
    loggers = site.extra.get(LOGGERS_KEY)
    return SiteClock(zone, why, site.nominal_voltage, loggers if isinstance(loggers, dict) else {})


_ANY_SITE: Final = Site("", Tier.NON_CRITICAL)


def _serial_of(folders: list[str]) -> str:
    return folders[0] if folders and GATEWAY_SERIAL.match(folders[0]) else ""


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # unknown, a folder, or an invalid name
        return None
