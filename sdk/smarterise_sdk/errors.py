"""All error classes of the SDK. Each error states what failed, its subject, the cause and the fix.

SmarteriseError
├── UsageError              invalid arguments or an impossible request
├── InvalidConfiguration    invalid settings file, option or environment variable
├── InvalidDocument         invalid site-tiers.json or update; `problems` lists every error
├── NotFound                site, function, bucket, … does not exist
├── Conflict                the file changed since the plan was made; plan again
├── WriteRefused            read-only mode, or a call that the write gate does not allow
├── AccessError
│   ├── CredentialsError    missing, expired or unusable credentials
│   ├── Denied              access denied by AWS; `action` is the missing IAM action
│   └── Unreachable         no response from the endpoint
├── Throttled               request rate exceeded
├── RemoteFault             error in AWS or in a Lambda function of the stack
└── LocalStackError         the embedded stack cannot start or is not running
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.problems import InvalidInput, Problem


class SmarteriseError(Exception):
    """Base class of all errors that are shown to users.

    Attributes:
        code: Stable error code, e.g. `NOT_FOUND`.
        what: What failed, and the subject.
        why: The cause, if known.
        remedy: The fix; a command where there is one.
        request_id: AWS request id, for AWS support.
    """

    code = "ERROR"

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.request_id = request_id
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return ". ".join(part.rstrip(".") for part in (self.what, self.why) if part)


class UsageError(SmarteriseError):
    """Invalid arguments or an impossible request."""

    code = "USAGE"


class InvalidConfiguration(SmarteriseError):
    """Invalid settings file, option or environment variable; `problems` lists every error."""

    code = "INVALID_CONFIGURATION"

    def __init__(
        self,
        what: str,
        *,
        problems: Sequence[Problem] = (),
        why: str = "",
        remedy: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(what, why=why, remedy=remedy, request_id=request_id)
        self.problems = tuple(problems)


class InvalidDocument(SmarteriseError):
    """Invalid document or update; `problems` lists every error."""

    code = "CONFIG_INVALID"

    def __init__(
        self,
        what: str,
        *,
        problems: Sequence[Problem] = (),
        why: str = "",
        remedy: str = "",
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(what, why=why, remedy=remedy, code=code, request_id=request_id)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, error: InvalidInput, *, remedy: str = "") -> InvalidDocument:
        """Convert an `InvalidInput` of the domain to an SDK error."""
        return cls(
            f"{error.subject} cannot be used: {len(error.problems)} problem(s)",
            problems=error.problems,
            remedy=remedy,
            code=error.code,
        )


class NotFound(SmarteriseError):
    """Resource not found."""

    code = "NOT_FOUND"


class Conflict(SmarteriseError):
    """The resource was changed by another process or operator since it was read."""

    code = "CONFLICT"


class WriteRefused(SmarteriseError):
    """Write rejected by the write gate."""

    code = "READ_ONLY"


class AccessError(SmarteriseError):
    """AWS cannot be accessed: credentials, permissions or network."""

    code = "ACCESS"


class CredentialsError(AccessError):
    """Credentials are missing, expired or unusable."""

    code = "CREDENTIALS"


class Denied(AccessError):
    """Access denied. `action` is the missing IAM action."""

    code = "ACCESS_DENIED"

    def __init__(
        self, what: str, *, action: str, why: str = "", remedy: str = "", request_id: str | None = None
    ) -> None:
        super().__init__(what, why=why, remedy=remedy, request_id=request_id)
        self.action = action


class Unreachable(AccessError):
    """No response from the endpoint."""

    code = "UNREACHABLE"


class Throttled(SmarteriseError):
    """Throttled: request rate exceeded."""

    code = "THROTTLED"


class RemoteFault(SmarteriseError):
    """Error in AWS or in a Lambda function of the stack."""

    code = "REMOTE_FAULT"


class LocalStackError(SmarteriseError):
    """The embedded stack cannot start or is not running."""

    code = "LOCAL_STACK"
