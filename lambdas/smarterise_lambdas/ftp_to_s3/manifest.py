"""Manifests: the known files of each site, one JSON document per site in the data lake.

A manifest is a cache: without it, files are fetched again and found in the data lake. The manifest writer
collects changes in memory and writes them during the sweep.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.ftp_to_s3.data_lake import FAULTS
from smarterise_lambdas.ftp_to_s3.report import Issue
from smarterise_lambdas.shared.s3_document import Contended, SharedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ftp_to_s3.file_source import RemoteFile
    from smarterise_lambdas.ftp_to_s3.report import SweepStats
    from smarterise_lambdas.shared.s3_document import Found

PREFIX: Final = "ftp-manifests/"
SCHEMA_VERSION: Final = 1

WRITE_INTERVAL: Final = timedelta(seconds=30)
"""Entries lost when the function is killed; their files are fetched again without harm."""


class FileState(StrEnum):
    """State of a file in the manifest."""

    SEEN = "seen"
    """Listed; it may still be growing."""
    STORED = "stored"
    EMPTY = "empty"
    """Fetched and empty."""
    REFUSED = "refused"
    """Rejected as it is; checked again when it changes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Manifest entry of one file.

    Attributes:
        state: State of the file.
        size: Size as listed, bytes.
        modified: Time of the last change as listed.
        at: When the entry was made, UTC.
        key: Its key in the data lake, if stored.
        sha256: SHA-256 of the stored content, hexadecimal.
        reason: Why it was rejected.
    """

    state: FileState
    size: int | None
    modified: str
    at: datetime
    key: str = ""
    sha256: str = ""
    reason: str = ""

    def matches(self, file: RemoteFile) -> bool:
        """Return whether a file's listed size and time of change equal those of the entry."""
        return (self.size, self.modified) == (file.size, file.modified)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON, without empty values."""
        data = {
            "state": self.state.value,
            "size": self.size,
            "modified": self.modified,
            "at": self.at.isoformat(timespec="milliseconds"),
            "key": self.key,
            "sha256": self.sha256,
            "reason": self.reason,
        }
        return {name: value for name, value in data.items() if value != ""}

    @classmethod
    def from_json(cls, data: Any) -> Entry | None:
        """Parse an entry; `None` if it is invalid."""
        try:
            return cls(
                state=FileState(data["state"]),
                size=None if data["size"] is None else int(data["size"]),
                modified=str(data.get("modified", "")),
                at=datetime.fromisoformat(data["at"]).astimezone(UTC),
                key=str(data.get("key", "")),
                sha256=str(data.get("sha256", "")),
                reason=str(data.get("reason", "")),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


class Manifests:
    """Reads and writes one server's entries in the manifests of all sites."""

    def __init__(self, s3: S3Client, bucket: str, server: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._server = server

    def read(self, gateway_serial: str) -> dict[str, Entry]:
        """Return the entries of a site's files, by path on the server.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 is unreachable.
            botocore.exceptions.ClientError: If S3 returns an error.
        """
        return self._entries(self._document(gateway_serial).read().value)

    def update(
        self,
        gateway_serial: str,
        known: Mapping[str, Entry],
        gone: Collection[str] = (),
        *,
        now: datetime,
    ) -> None:
        """Merge entries into a site's manifest; entries written concurrently are kept.

        Args:
            gateway_serial: Serial of the gateway.
            known: New entries, by path.
            gone: Paths of files that no longer exist.
            now: Current time, UTC.

        Raises:
            Contended: If every attempt met a concurrent write.
            botocore.exceptions.BotoCoreError: If S3 is unreachable.
            botocore.exceptions.ClientError: If S3 returns an error.
        """

        def edit(found: Found) -> dict[str, Any] | None:
            files = found.value.get("files")
            before = dict(files) if isinstance(files, dict) else {}
            after = dict(before)
            for path in gone:
                after.pop(self._name(path), None)
            for path, entry in known.items():
                after[self._name(path)] = entry.to_json()
            if after == before and not found.is_broken:
                return None
            return {
                **found.value,
                "schema_version": SCHEMA_VERSION,
                "gateway_serial": gateway_serial,
                "updated_at": now.isoformat(timespec="milliseconds"),
                "files": after,
            }

        self._document(gateway_serial).change(edit)

    def _document(self, gateway_serial: str) -> SharedDocument:
        return SharedDocument(self._s3, self._bucket, f"{PREFIX}{gateway_serial}.json")

    def _name(self, path: str) -> str:
        return f"{self._server}:{path}"

    def _entries(self, document: Mapping[str, Any]) -> dict[str, Entry]:
        files = document.get("files")
        own = self._name("")
        entries = (
            (name.removeprefix(own), Entry.from_json(data))
            for name, data in (files.items() if isinstance(files, dict) else ())
            if name.startswith(own)
        )
        return {path: entry for path, entry in entries if entry is not None}


@dataclass(slots=True)
class _SiteChanges:
    """Unwritten changes of one site's manifest.

    Attributes:
        pending: Number of files in progress.
        known: Entries to write, by path.
        gone: Paths of files that no longer exist.
        written_at: When the manifest was last written.
    """

    written_at: datetime
    pending: int = 0
    known: dict[str, Entry] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class ManifestWriter:
    """Collects manifest changes of one server and writes them; thread-safe."""

    def __init__(
        self, manifests: Manifests, stats: SweepStats, *, server: str, now: Callable[[], datetime]
    ) -> None:
        self._manifests = manifests
        self._stats = stats
        self._server = server
        self._now = now
        self._changes: dict[str, _SiteChanges] = {}
        self._lock = threading.Lock()

    def read(self, gateway_serial: str) -> dict[str, Entry] | None:
        """Return the entries of a site's files; `None` if S3 fails, which is recorded as an issue."""
        try:
            return self._manifests.read(gateway_serial)
        except FAULTS as error:
            self._record_fault(gateway_serial, error)
            return None

    def expect(self, gateway_serial: str, files: int) -> None:
        """Add to the number of files in progress of a site."""
        with self._lock:
            self._changes_of(gateway_serial).pending += files

    def note(self, gateway_serial: str, path: str, entry: Entry | None) -> None:
        """Record the entry of a file; `None` if the file no longer exists."""
        with self._lock:
            changes = self._changes_of(gateway_serial)
            if entry is None:
                changes.known.pop(path, None)
                changes.gone.add(path)
            else:
                changes.gone.discard(path)
                changes.known[path] = entry

    def done(self, gateway_serial: str) -> None:
        """Record that a file is processed; write the manifest after the last file or when it is due."""
        with self._lock:
            changes = self._changes_of(gateway_serial)
            changes.pending -= 1
            is_due = changes.pending <= 0 or self._now() - changes.written_at >= WRITE_INTERVAL
        if is_due:
            self.write(gateway_serial)

    def unwritten(self) -> list[str]:
        """Return the serials of sites with unwritten changes."""
        with self._lock:
            return [serial for serial, changes in self._changes.items() if changes.known or changes.gone]

    def write(self, gateway_serial: str) -> None:
        """Write a site's changes; a failure is recorded, and the next sweep fetches the files again."""
        with self._lock:
            changes = self._changes_of(gateway_serial)
            known, gone = changes.known, changes.gone
            changes.known, changes.gone, changes.written_at = {}, set(), self._now()
        if not known and not gone:
            return
        try:
            self._manifests.update(gateway_serial, known, gone, now=self._now())
        except (*FAULTS, Contended) as error:
            self._record_fault(gateway_serial, error)

    def _changes_of(self, gateway_serial: str) -> _SiteChanges:
        changes = self._changes.get(gateway_serial)
        if changes is None:
            changes = self._changes[gateway_serial] = _SiteChanges(self._now())
        return changes

    def _record_fault(self, gateway_serial: str, error: Exception) -> None:
        message = f"manifest: {error}"
        self._stats.issue(Issue("MANIFEST_FAULT", self._server, message, gateway_serial, is_fault=True))
