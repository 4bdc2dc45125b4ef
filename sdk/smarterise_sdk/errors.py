"""The one error tree. Every error a person can cause says what happened, to what, why, and what to do.

SmarteriseError
├── UsageError              the request makes no sense as asked
├── InvalidConfiguration    a settings file or an environment variable is wrong
├── InvalidDocument         site-tiers.json, or an update to it, is wrong: `problems` lists all of it
├── NotFound                no such site, function, bucket, …
├── Conflict                someone else changed it; read again, plan again
├── WriteRefused            read-only mode, or a call outside the write gate
├── AccessError
│   ├── CredentialsError    missing, expired or unusable credentials
│   ├── Denied              AWS said no: `action` is the IAM action
│   └── Unreachable         no answer from the endpoint
├── Throttled               AWS asks for patience
├── RemoteFault             AWS or one of our functions failed
└── LocalStackError         the embedded stack cannot start or be found
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smarterise_sdk.domain.problems import InvalidInput, Problem


class SmarteriseError(Exception):
    """The root of all errors meant for people.

    Attributes:
        code: Stable machine word.
        what: What happened, to what.
        why: The cause, as far as it is known.
        remedy: What to do next; a command where there is one.
        request_id: AWS request id, to quote to support.
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
    """The request makes no sense as asked."""

    code = "USAGE"


class InvalidConfiguration(SmarteriseError):
    """A settings file, flag or environment variable is wrong; `problems` has every one."""

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
    """A document or an update to it is wrong; `problems` has every one."""

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
    def of(cls, refused: InvalidInput, *, remedy: str = "") -> InvalidDocument:
        """Return the error for a refusal of the domain."""
        return cls(
            f"{refused.subject} cannot be used: {len(refused.problems)} problem(s)",
            problems=refused.problems,
            remedy=remedy,
            code=refused.code,
        )


class NotFound(SmarteriseError):
    """There is no such thing."""

    code = "NOT_FOUND"


class Conflict(SmarteriseError):
    """Somebody else changed it in the meantime."""

    code = "CONFLICT"


class WriteRefused(SmarteriseError):
    """A write that the write gate does not let through."""

    code = "READ_ONLY"


class AccessError(SmarteriseError):
    """AWS could not be asked, or would not answer."""

    code = "ACCESS"


class CredentialsError(AccessError):
    """Credentials are missing, expired or unusable."""

    code = "CREDENTIALS"


class Denied(AccessError):
    """AWS said no. `action` is the IAM action that is lacking."""

    code = "ACCESS_DENIED"

    def __init__(
        self, what: str, *, action: str, why: str = "", remedy: str = "", request_id: str | None = None
    ) -> None:
        super().__init__(what, why=why, remedy=remedy, request_id=request_id)
        self.action = action


class Unreachable(AccessError):
    """No answer from the endpoint."""

    code = "UNREACHABLE"


class Throttled(SmarteriseError):
    """AWS asks for patience."""

    code = "THROTTLED"


class RemoteFault(SmarteriseError):
    """AWS or one of our functions failed."""

    code = "REMOTE_FAULT"


class LocalStackError(SmarteriseError):
    """The embedded stack cannot start, or is not to be found."""

    code = "LOCAL_STACK"
