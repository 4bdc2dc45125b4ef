"""What is known of a site's files from one sweep to the next: one document a site, in the lake's bucket.

It saves work and is no more than that: without it, files are fetched again, and found in the lake already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from smarterise_lambdas.shared.documents import SharedDocument

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from types_boto3_s3.client import S3Client

    from smarterise_lambdas.ftp_to_s3.source import RemoteFile
    from smarterise_lambdas.shared.documents import Found

PREFIX: Final = "ftp-manifests/"
SCHEMA_VERSION: Final = 1


class FileState(StrEnum):
    """How far a file has come."""

    SEEN = "seen"
    """It may still be growing."""
    STORED = "stored"
    EMPTY = "empty"
    """There is nothing in it."""
    REFUSED = "refused"
    """It cannot be taken as it is; it is looked at again when it changes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a server.

    Attributes:
        state: How far it has come.
        size: Bytes, as the server listed it then.
        modified: Last change, as the server told it then.
        at: When this was written down, UTC.
        key: Where it is in the lake, when it is there.
        sha256: Of what is there, in hexadecimal digits.
        reason: Why it was refused.
    """

    state: FileState
    size: int | None
    modified: str
    at: datetime
    key: str = ""
    sha256: str = ""
    reason: str = ""

    def is_of(self, file: RemoteFile) -> bool:
        """Return whether a file is still what it was then, as far as the server tells."""
        return (self.size, self.modified) == (file.size, file.modified)

    def to_json(self) -> dict[str, Any]:
        """Return what is written down."""
        told = {
            "state": self.state.value,
            "size": self.size,
            "modified": self.modified,
            "at": self.at.isoformat(timespec="milliseconds"),
            "key": self.key,
            "sha256": self.sha256,
            "reason": self.reason,
        }
        return {name: value for name, value in told.items() if value != ""}

    @classmethod
    def from_json(cls, told: Any) -> Entry | None:
        """Return what was written down; `None` if that cannot be understood."""
        try:
            return cls(
                state=FileState(told["state"]),
                size=None if told["size"] is None else int(told["size"]),
                modified=str(told.get("modified", "")),
                at=datetime.fromisoformat(told["at"]).astimezone(UTC),
                key=str(told.get("key", "")),
                sha256=str(told.get("sha256", "")),
                reason=str(told.get("reason", "")),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


class Manifests:
    """The manifests of all sites, as far as one server is concerned."""

    def __init__(self, s3: S3Client, bucket: str, server: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._server = server

    def read(self, gateway_serial: str) -> dict[str, Entry]:
        """Return what is known of a site's files, by their paths on the server.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
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
        """Write down what became of files, beside what others write down meanwhile.

        Args:
            gateway_serial: Whose they are.
            known: By path.
            gone: Paths at which there is nothing any more.
            now: This moment, UTC.

        Raises:
            Contended: If others wrote it each time.
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
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
            (name.removeprefix(own), Entry.from_json(told))
            for name, told in (files.items() if isinstance(files, dict) else ())
            if name.startswith(own)
        )
        return {path: entry for path, entry in entries if entry is not None}
