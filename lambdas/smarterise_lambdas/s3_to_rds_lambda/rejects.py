"""Stores rejected rows unchanged, with line number and header, in one object per file and reason.

Rows are spooled to disk while the file is read, so memory use does not depend on their number.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from typing import IO, TYPE_CHECKING, Final, Self

from smarterise_lambdas.shared.quarantine import QuarantineEntry
from smarterise_sdk.domain.stack.names import quarantine_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from smarterise_lambdas.shared.data_lake import Archive
    from smarterise_lambdas.shared.ledger import IngestFile
    from smarterise_sdk.domain.log_files.rejects import RejectedRow

_IN_MEMORY: Final = 256 * 1024


class Rejects:
    """Collects the rejected rows of one file.

    Args:
        file: The file.
        batch_id: Batch id of its rows.
    """

    def __init__(self, file: IngestFile, batch_id: str) -> None:
        self._file = file
        self._batch_id = batch_id
        self._by_reason: dict[str, _ReasonFile] = {}
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._by_reason.values():
            each.close()

    def add(self, header: str, rows: Iterable[RejectedRow]) -> None:
        """Add rejected rows and the header they were read with."""
        for row in rows:
            reason = row.reason.value
            if reason not in self._by_reason:
                self._by_reason[reason] = _ReasonFile(self._file, reason)
            self._by_reason[reason].add(header, row)
            self.count += 1

    def store(self, archive: Archive) -> list[QuarantineEntry]:
        """Write one object per reason; return their entries for the quarantine index.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 is unreachable.
            botocore.exceptions.ClientError: If S3 returns an error.
        """
        file = self._file
        entries: list[QuarantineEntry] = []
        for reason, kept in self._by_reason.items():
            key = quarantine_key(file.source, file.received_at, reason, self._batch_id)
            archive.put_file(key, kept.finish())
            entries.append(
                QuarantineEntry(
                    source=file.source,
                    gateway_serial=file.gateway_serial,
                    bucket=archive.bucket,
                    key=key,
                    origin=file.origin,
                    position="",
                    reason=reason,
                    detail=kept.detail,
                    seen_at=file.received_at,
                    rows=kept.count,
                )
            )
        return entries


class _ReasonFile:
    """Rejected rows of one reason, gzipped deterministically."""

    def __init__(self, file: IngestFile, reason: str) -> None:
        self.count = 0
        self.detail = ""
        self._header: str | None = None
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 -- closed by Rejects
        self._lines = gzip.GzipFile(filename="", mode="wb", fileobj=self._spool, mtime=0)
        self._write({"origin": file.origin, "gateway_serial": file.gateway_serial, "reason": reason})

    def add(self, header: str, row: RejectedRow) -> None:
        if header != self._header:
            self._header = header
            self._write({"header": header})
        if not self.count:
            self.detail = f"line {row.line}: {row.detail}"
        self.count += 1
        self._write({"line": row.line, "text": row.text, "detail": row.detail})

    def finish(self) -> IO[bytes]:
        self._lines.close()
        self._spool.seek(0)
        return self._spool

    def close(self) -> None:
        self._lines.close()
        self._spool.close()

    def _write(self, line: dict[str, object]) -> None:
        # ASCII escapes preserve bytes that are not UTF-8.
        self._lines.write(json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n")
