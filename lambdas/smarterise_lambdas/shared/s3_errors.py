"""Error codes of S3, by meaning. Responses without a body (HEAD) have only the HTTP status as their code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

NOT_FOUND: Final = frozenset({"NoSuchKey", "NoSuchVersion", "NotFound", "404"})
"""The object or version does not exist."""
DELETE_MARKER: Final = frozenset({"MethodNotAllowed", "405"})
"""The requested version is a delete marker."""
INVALID_VERSION_ID: Final = frozenset({"InvalidArgument", "400"})
"""The version id was never issued by S3."""
NOT_MODIFIED: Final = frozenset({"NotModified", "304"})
"""The object still has the ETag of `IfNoneMatch`."""
INVALID_RANGE: Final = frozenset({"InvalidRange", "416"})
"""The range starts at or after the end of the object, e.g. of an empty one."""
PRECONDITION_FAILED: Final = frozenset({"PreconditionFailed", "412"})
"""`IfMatch` or `IfNoneMatch` does not hold: the object was changed or exists."""
CONFLICT: Final = frozenset({"ConditionalRequestConflict", "409"})
"""A concurrent request for the same key; S3 does not report which of the two succeeded."""


def code_of(error: ClientError) -> str:
    """Return the error code; empty if there is none."""
    return str(error.response.get("Error", {}).get("Code", ""))
