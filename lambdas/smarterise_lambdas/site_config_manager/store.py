"""The one way to replace the site file."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from smarterise_lambdas.shared.site_file import NOT_THERE, SiteFile, StoredFile, code_of

_CONFLICTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class WriteConflict(Exception):
    """The file is no longer the one that was read, or another write was under way."""


class ConfigStore(SiteFile):
    """The site file, for its one writer."""

    def replace(self, body: bytes, *, etag: str | None) -> StoredFile:
        """Write the file if it still is the one that was read.

        Args:
            body: The new content.
            etag: ETag of the version that was read; `None` when there was no file.

        Raises:
            WriteConflict: If it is another by now (412), gone (404), or being written (409).
            ClientError: If S3 refuses for another reason.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            written = self._s3.put_object(
                Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json", **condition
            )
        except ClientError as error:
            if code_of(error) in _CONFLICTS | NOT_THERE:
                raise WriteConflict(code_of(error)) from error
            raise
        return StoredFile(body, written["ETag"], written.get("VersionId"))
