"""Rows that cannot be taken: kept as they were, with line and header, in one object a file and reason.

They go to the disk while the file is read, so that a file of nothing else needs no more memory than any.
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
    """What is rejected of one file.

    Args:
        file: The file.
        batch_id: What its rows are known by.
    """

    def __init__(self, file: IngestFile, batch_id: str) -> None:
        self._file = file
        self._batch_id = batch_id
        self._of_reason: dict[str, _OfReason] = {}
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._of_reason.values():
            each.close()

    def take(self, header: str, rows: Iterable[RejectedRow]) -> None:
        """Take rows that stood under a header."""
        for row in rows:
            reason = row.reason.value
            if reason not in self._of_reason:
                self._of_reason[reason] = _OfReason(self._file, reason)
            self._of_reason[reason].add(header, row)
            self.count += 1

    def store(self, archive: Archive) -> list[QuarantineEntry]:
        """Write one object for each reason; return what the index is to say of them.

        Raises:
            botocore.exceptions.BotoCoreError: If S3 cannot be reached.
            botocore.exceptions.ClientError: If S3 refuses.
        """
        file = self._file
        entries: list[QuarantineEntry] = []
        for reason, kept in self._of_reason.items():
            key = quarantine_key(file.source, file.received_at, reason, self._batch_id)
            archive.put_file(key, kept.finished())
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


class _OfReason:
    """The rows of one reason, gzipped: the same rows give the same bytes."""

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

    def finished(self) -> IO[bytes]:
        self._lines.close()
        self._spool.seek(0)
        return self._spool

    def close(self) -> None:
        self._lines.close()
        self._spool.close()

    def _write(self, line: dict[str, object]) -> None:
        # Escaped, so that bytes that were no UTF-8 come back as they were.
        self._lines.write(json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n")
