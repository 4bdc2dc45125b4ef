"""Turns whatever boto3 raises, at session, client or call, into the one error tree, in people's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3.exceptions
from botocore import exceptions as boto

from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import (
    Conflict,
    CredentialsError,
    Denied,
    InvalidConfiguration,
    NotFound,
    RemoteFault,
    SmarteriseError,
    Throttled,
    Unreachable,
    UsageError,
)
from smarterise_sdk.journal.masking import masked_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NO_RESPONSE = "NO_ANSWER"
"""Code of an `Unreachable` whose request may have arrived: the answer is what is missing."""

RACING = "RACING"
"""Code of a `Conflict` that says nothing about the file: two writers met, and asking again helps."""

_LONGEST_WHY = 600


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure on its way to words.

    Attributes:
        action: IAM action that was tried, e.g. `s3:GetObject`; or what else was being done.
        target: What it was tried on.
        why: What AWS or boto3 said, made safe to show.
        request_id: AWS request id, when AWS answered.
        profile: The AWS profile in use, when one is named.
    """

    action: str
    target: str
    why: str
    request_id: str | None = None
    profile: str | None = None

    @property
    def of(self) -> str:
        """`action on target`, for a sentence."""
        return f"{self.action} on {self.target}" if self.target else self.action


def translate(error: Exception, *, action: str, target: str, profile: str | None = None) -> SmarteriseError:
    """Return the error of our tree that tells a person what happened.

    Args:
        error: What was raised while making a session or a client, or by a call.
        action: The IAM action that was tried, or in words what was being done.
        target: What it was tried on: a bucket, a function, …
        profile: The AWS profile in use, for the remedy.
    """
    if isinstance(error, SmarteriseError):
        return error
    why = masked_text(visible(str(error)))[:_LONGEST_WHY]
    failure = Failure(action, target, why, profile=profile)
    if isinstance(error, boto.ClientError):
        return _from_response(error, failure)
    telling = next((telling for telling, kinds in _BY_CLASS if isinstance(error, kinds)), _FAULT)
    return telling(failure)


def may_have_been_done(error: SmarteriseError) -> bool:
    """Whether a write that failed with this error may have been made all the same."""
    return isinstance(error, RemoteFault) or is_outcome_unknown(error)


def is_outcome_unknown(error: SmarteriseError) -> bool:
    """Whether the request may have arrived, and may even be under way still."""
    return isinstance(error, Unreachable) and error.code == NO_RESPONSE


def _from_response(error: boto.ClientError, failure: Failure) -> SmarteriseError:
    response: Mapping[str, Any] = error.response
    said = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    code = str(said.get("Code", ""))
    status = metadata.get("HTTPStatusCode", 0)
    message = masked_text(visible(str(said.get("Message", ""))))[:_LONGEST_WHY]
    answered = Failure(
        failure.action,
        failure.target,
        f"{code}: {message}" if code and message and not code.isdigit() else message or code,
        metadata.get("RequestId"),
        failure.profile,
    )
    told = (_BY_CODE.get(code) or _BY_STATUS.get(status) or _FAULT)(answered)
    if isinstance(told, NotFound) and code.startswith("NoSuch"):
        told.code = code
    return told


@dataclass(frozen=True, slots=True)
class ErrorTemplate:
    """How a kind of failure is told; `what` and `remedy` are formats over the fields of `Failure`."""

    error: Callable[..., SmarteriseError]
    what: str
    remedy: str
    code: str | None = None

    def __call__(self, failure: Failure) -> SmarteriseError:
        """Return the error for one failure."""
        text = {
            "of": failure.of,
            "action": failure.action,
            "subject": failure.target or failure.action,
            "on_target": f" on {failure.target}" if failure.target else "",
            "profile": failure.profile or "of that name",
            "profile_option": f" --profile {failure.profile}" if failure.profile else "",
        }
        extra = {"action": failure.action} if self.error is Denied else {}
        error = self.error(
            self.what.format(**text),
            why=failure.why,
            remedy=self.remedy.format(**text),
            request_id=failure.request_id,
            **extra,
        )
        if self.code is not None:
            error.code = self.code
        return error


_MISSING_CREDENTIALS = ErrorTemplate(
    CredentialsError,
    "no AWS credentials for {of}",
    "aws sso login{profile_option}, or set AWS_PROFILE; "
    'for the embedded stack: eval "$(smarterise-ops local env)"',
)
_HALF_CREDENTIALS = ErrorTemplate(
    CredentialsError,
    "half of the AWS credentials is missing for {of}",
    "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither and use a profile",
)
_UNKNOWN_PROFILE = ErrorTemplate(
    CredentialsError, "there is no AWS profile {profile}", "aws configure list-profiles"
)
_BAD_AWS_CONFIG = ErrorTemplate(
    CredentialsError,
    "the AWS configuration cannot be used",
    "aws configure list{profile_option}, then mend ~/.aws/config",
)
_FAILED_PROVIDER = ErrorTemplate(
    CredentialsError,
    "AWS credentials could not be fetched for {of}",
    "run the profile's command by hand: aws configure get credential_process{profile_option}",
)
_MISSING_DEPENDENCY = ErrorTemplate(
    CredentialsError, "this kind of AWS login needs another package", "pip install 'botocore[crt]'"
)
_EXPIRED_SSO = ErrorTemplate(
    CredentialsError,
    "the AWS SSO session is missing or has expired; {of} was not tried",
    "aws sso login{profile_option}",
)
_EXPIRED_LOGIN = ErrorTemplate(
    CredentialsError, "the AWS login has expired; {of} was not tried", "aws login{profile_option}"
)
_EXPIRED = ErrorTemplate(
    CredentialsError,
    "the AWS credentials have expired; {of} was refused",
    "aws sso login{profile_option}, or take new keys",
)
_UNUSABLE_KEYS = ErrorTemplate(
    CredentialsError,
    "AWS does not accept these credentials for {of}",
    "check which keys are in use: aws configure list{profile_option}",
)
_WRONG_CLOCK = ErrorTemplate(
    CredentialsError,
    "this machine's clock is off, so AWS refused {of}",
    "set the clock: timedatectl set-ntp true",
)
_DENIED = ErrorTemplate(
    Denied,
    "{action} is denied{on_target}",
    "see who you are: aws sts get-caller-identity{profile_option}; then have {action} allowed for that role",
)
_THROTTLED = ErrorTemplate(
    Throttled,
    "AWS is throttling {of}",
    "wait a minute and try again; ask for fewer sites or a longer period",
)
_NOT_FOUND = ErrorTemplate(
    NotFound,
    "{subject} does not exist",
    "check names, account and region: aws sts get-caller-identity{profile_option}",
)
_CONFLICT = ErrorTemplate(
    Conflict, "{subject} was changed by someone else in the meantime", "read it again and plan again"
)
_RACING = ErrorTemplate(Conflict, "{subject} is being changed by someone else right now", "try again", RACING)
_INVALID = ErrorTemplate(
    UsageError, "AWS finds the request {of} invalid", "check the names in the settings", "INVALID"
)
_BAD_CONFIGURATION = ErrorTemplate(
    InvalidConfiguration,
    "the settings do not allow {of}",
    "check region and endpoint: --region, --endpoint-url, AWS_REGION, AWS_ENDPOINT_URL",
)
_UNREACHABLE = ErrorTemplate(
    Unreachable,
    "no connection for {of}",
    "check endpoint, network and VPN; for the embedded stack: smarterise-ops local status",
)
_NO_RESPONSE = ErrorTemplate(
    Unreachable,
    "no answer to {of}",
    "check network and VPN; after a write, look whether it took effect before trying again",
    NO_RESPONSE,
)
_FAULT = ErrorTemplate(RemoteFault, "{of} failed", "try again; if it stays, look at the service's health")

_BY_CLASS: tuple[tuple[ErrorTemplate, tuple[type[Exception], ...]], ...] = (
    (_UNKNOWN_PROFILE, (boto.ProfileNotFound,)),
    (_HALF_CREDENTIALS, (boto.PartialCredentialsError,)),
    (_MISSING_CREDENTIALS, (boto.NoCredentialsError, boto.NoAuthTokenError)),
    (_EXPIRED_SSO, (boto.TokenRetrievalError, boto.SSOError)),
    (_EXPIRED_LOGIN, (boto.LoginError,)),
    (_FAILED_PROVIDER, (boto.CredentialRetrievalError, boto.MetadataRetrievalError)),
    (_MISSING_DEPENDENCY, (boto.MissingDependencyException,)),
    (_BAD_AWS_CONFIG, (boto.InvalidConfigError, boto.ConfigParseError, boto.ConfigNotFound)),
    (_INVALID, (boto.ParamValidationError,)),
    (
        _BAD_CONFIGURATION,
        (
            boto.BaseEndpointResolverError,
            boto.EndpointProviderError,
            boto.InvalidRegionError,
            boto.UnknownServiceError,
        ),
    ),
    (_UNREACHABLE, (boto.ConnectionError,)),
    (
        _NO_RESPONSE,
        (boto.HTTPClientError, boto.IncompleteReadError, urllib3.exceptions.HTTPError),
    ),
    # boto3 reports a malformed endpoint as a plain ValueError.
    (_BAD_CONFIGURATION, (ValueError,)),
)
"""Exceptions without an answer of AWS; the first row that fits counts."""

_CODES: Mapping[ErrorTemplate, tuple[str, ...]] = {
    _EXPIRED: ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
    _UNUSABLE_KEYS: (
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
    _WRONG_CLOCK: ("RequestTimeTooSkewed",),
    _DENIED: (
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "Forbidden",
        "KMSAccessDeniedException",
        "NotAuthorized",
        "OptInRequired",
        "UnauthorizedOperation",
    ),
    _THROTTLED: (
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    ),
    _NOT_FOUND: (
        "MethodNotAllowed",  # S3, of a version that is a deletion
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchVersion",
        "NotFound",
        "ResourceNotFound",
        "ResourceNotFoundException",
    ),
    _CONFLICT: ("PreconditionFailed",),
    _RACING: ("ConditionalRequestConflict", "OperationAborted", "ResourceConflictException"),
    _INVALID: (
        "InvalidArgument",
        "InvalidBucketName",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "InvalidRequest",
        "InvalidRequestContentException",
        "RequestEntityTooLargeException",
        "ValidationError",
        "ValidationException",
    ),
}
_BY_CODE = {code: telling for telling, codes in _CODES.items() for code in codes}
"""AWS's codes. A code tells more than the HTTP status, so it is asked first."""

_BY_STATUS: Mapping[int, ErrorTemplate] = {
    401: _UNUSABLE_KEYS,
    403: _DENIED,
    404: _NOT_FOUND,
    409: _RACING,
    412: _CONFLICT,
    413: _INVALID,
    429: _THROTTLED,
}

THROTTLING_CODES = frozenset(_CODES[_THROTTLED])
"""AWS's codes that ask for patience; the broker counts each."""
