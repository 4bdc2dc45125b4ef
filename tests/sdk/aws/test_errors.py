"""Every way in which AWS cannot be asked, or says no, told in people's words with something to do."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from botocore import exceptions as boto
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk import errors
from smarterise_sdk.aws.errors import (
    NO_RESPONSE,
    RACING,
    THROTTLING_CODES,
    is_outcome_unknown,
    may_have_been_done,
    translate,
)
from smarterise_sdk.errors import SmarteriseError
from smarterise_sdk.settings import Settings
from smarterise_sdk.stack import Stack


def answer_of(code: str, status: int = 400, message: str = "no") -> boto.ClientError:
    return boto.ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "req-1"},  # type: ignore[typeddict-item]
        },
        "GetObject",
    )


def told(error: Exception) -> SmarteriseError:
    return translate(error, action="s3:GetObject", target="s3://bucket/key", profile="prod")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ExpiredToken", 400, errors.CredentialsError),
        ("ExpiredTokenException", 400, errors.CredentialsError),
        ("RequestExpired", 400, errors.CredentialsError),
        ("InvalidClientTokenId", 403, errors.CredentialsError),
        ("UnrecognizedClientException", 400, errors.CredentialsError),
        ("SignatureDoesNotMatch", 403, errors.CredentialsError),
        ("RequestTimeTooSkewed", 403, errors.CredentialsError),
        ("AccessDenied", 403, errors.Denied),
        ("AccessDeniedException", 400, errors.Denied),
        ("403", 403, errors.Denied),
        ("ThrottlingException", 400, errors.Throttled),
        ("TooManyRequestsException", 429, errors.Throttled),
        ("SlowDown", 503, errors.Throttled),
        ("SomethingNew", 429, errors.Throttled),
        ("NoSuchKey", 404, errors.NotFound),
        ("404", 404, errors.NotFound),
        ("ResourceNotFoundException", 404, errors.NotFound),
        ("PreconditionFailed", 412, errors.Conflict),
        ("412", 412, errors.Conflict),
        ("ConditionalRequestConflict", 409, errors.Conflict),
        ("ValidationException", 400, errors.UsageError),
        ("InternalError", 500, errors.RemoteFault),
        ("SomethingNew", 418, errors.RemoteFault),
        ("", 0, errors.RemoteFault),
    ],
)
def test_answers_of_aws(code: str, status: int, kind: type[SmarteriseError]) -> None:
    error = told(answer_of(code, status))
    assert type(error) is kind
    assert error.request_id == "req-1"
    assert error.what
    assert error.why
    assert error.remedy
    assert "s3:GetObject" in error.what or "s3://bucket/key" in error.what or "clock" in error.what


def test_a_denial_names_the_iam_action_and_the_target() -> None:
    error = told(answer_of("AccessDenied", 403, "User is not authorized"))
    assert isinstance(error, errors.Denied)
    assert error.action == "s3:GetObject"
    assert error.what == "s3:GetObject is denied on s3://bucket/key"
    assert "User is not authorized" in error.why
    assert "aws sts get-caller-identity --profile prod" in error.remedy


def test_an_expired_token_names_the_login_command() -> None:
    assert "aws sso login --profile prod" in told(answer_of("ExpiredToken")).remedy


@pytest.mark.parametrize("code", ["NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NoSuchBucketPolicy"])
def test_what_is_missing_keeps_its_code(code: str) -> None:
    assert told(answer_of(code, 404)).code == code


def test_two_writers_meeting_is_not_the_same_as_a_changed_file() -> None:
    assert told(answer_of("ConditionalRequestConflict", 409)).code == RACING
    assert told(answer_of("PreconditionFailed", 412)).code == "CONFLICT"


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (boto.ProfileNotFound(profile="prod"), errors.CredentialsError, "there is no AWS profile prod"),
        (boto.NoCredentialsError(), errors.CredentialsError, "no AWS credentials"),
        (
            boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            errors.CredentialsError,
            "half of the AWS credentials",
        ),
        (boto.SSOTokenLoadError(error_msg="x"), errors.CredentialsError, "SSO session"),
        (boto.UnauthorizedSSOTokenError(), errors.CredentialsError, "SSO session"),
        (boto.TokenRetrievalError(provider="sso", error_msg="x"), errors.CredentialsError, "SSO session"),
        (boto.LoginRefreshRequired(), errors.CredentialsError, "login has expired"),
        (
            boto.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
            errors.CredentialsError,
            "could not be fetched",
        ),
        (boto.MissingDependencyException(msg="crt"), errors.CredentialsError, "another package"),
        (boto.InvalidConfigError(error_msg="x"), errors.CredentialsError, "AWS configuration"),
        (boto.ConfigParseError(path="x"), errors.CredentialsError, "AWS configuration"),
        (boto.NoRegionError(), errors.InvalidConfiguration, "settings"),
        (boto.InvalidRegionError(region_name="?"), errors.InvalidConfiguration, "settings"),
        (ValueError("Invalid endpoint: nowhere"), errors.InvalidConfiguration, "settings"),
        (boto.ParamValidationError(report="x"), errors.UsageError, "invalid"),
        (boto.EndpointConnectionError(endpoint_url="u"), errors.Unreachable, "no connection"),
        (boto.ConnectTimeoutError(endpoint_url="u"), errors.Unreachable, "no connection"),
        (boto.SSLError(endpoint_url="u", error=OSError("e")), errors.Unreachable, "no connection"),
        (boto.ProxyConnectionError(proxy_url="u"), errors.Unreachable, "no connection"),
        (boto.ReadTimeoutError(endpoint_url="u"), errors.Unreachable, "no answer"),
        (boto.ConnectionClosedError(endpoint_url="u"), errors.Unreachable, "no answer"),
        (boto.ResponseStreamingError(error="e"), errors.Unreachable, "no answer"),
        (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), errors.Unreachable, "no answer"),
        (boto.BotoCoreError(), errors.RemoteFault, "failed"),
        (RuntimeError("?"), errors.RemoteFault, "failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_failures_without_an_answer(error: Exception, kind: type[SmarteriseError], text: str) -> None:
    translated = told(error)
    assert type(translated) is kind
    assert text in translated.what
    assert translated.remedy


@pytest.mark.parametrize(
    ("error", "may_be_done", "is_open"),
    [
        (boto.ReadTimeoutError(endpoint_url="u"), True, True),
        (boto.ConnectionClosedError(endpoint_url="u"), True, True),
        (answer_of("InternalError", 500), True, False),
        (boto.EndpointConnectionError(endpoint_url="u"), False, False),
        (boto.ConnectTimeoutError(endpoint_url="u"), False, False),
        (answer_of("AccessDenied", 403), False, False),
        (answer_of("SlowDown", 503), False, False),
        (answer_of("PreconditionFailed", 412), False, False),
        (boto.NoCredentialsError(), False, False),
    ],
)
def test_whether_a_failed_write_may_be_done(error: Exception, may_be_done: bool, is_open: bool) -> None:
    translated = told(error)
    assert may_have_been_done(translated) is may_be_done
    assert is_outcome_unknown(translated) is is_open
    assert (translated.code == NO_RESPONSE) is is_open


def test_our_own_errors_pass_through() -> None:
    own = errors.UsageError("mine")
    assert told(own) is own


def test_secrets_and_control_characters_do_not_come_through() -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    process = boto.CredentialRetrievalError(
        provider="custom-process", error_msg=f"SecretAccessKey={secret} \x1b[31m"
    )
    for error in (process, answer_of("Odd", 500, f"key {secret} \x1b[31m")):
        why = told(error).why
        assert secret not in why
        assert "\x1b" not in why


@given(st.text(), st.text(), st.integers(0, 599))
def test_whatever_aws_says_becomes_one_of_ours(code: str, message: str, status: int) -> None:
    error = told(answer_of(code, status, message))
    assert isinstance(error, SmarteriseError)
    assert len(error.why) < 1300


def test_throttling_codes_are_those_that_become_throttled() -> None:
    assert all(isinstance(told(answer_of(code)), errors.Throttled) for code in THROTTLING_CODES)


# Real failures, from the session up ---------------------------------------------------------------


SettingsFor = Callable[..., Settings]


def failure(settings: Settings) -> SmarteriseError:
    with Stack(settings) as stack, pytest.raises(SmarteriseError) as caught:
        stack.sites.fetch()
    return caught.value


def test_missing_credentials(settings_for: SettingsFor) -> None:
    error = failure(settings_for("http://127.0.0.1:1"))
    assert isinstance(error, errors.CredentialsError)
    assert "lambda:InvokeFunction" in error.what
    assert "smarterise-ops local env" in error.remedy


def test_half_a_key_pair(settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    error = failure(settings_for("http://127.0.0.1:1"))
    assert isinstance(error, errors.CredentialsError)
    assert "AWS_SECRET_ACCESS_KEY" in error.remedy


def test_an_unknown_profile(settings_for: SettingsFor) -> None:
    error = failure(settings_for(None, profile="nobody"))
    assert isinstance(error, errors.CredentialsError)
    assert error.what == "there is no AWS profile nobody"
    assert error.remedy == "aws configure list-profiles"


def test_a_profile_whose_process_fails(
    settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile odd]\ncredential_process = false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    error = failure(settings_for("http://127.0.0.1:1", profile="odd"))
    assert isinstance(error, errors.CredentialsError)
    assert "credential_process --profile odd" in error.remedy


def test_a_malformed_aws_config(
    settings_for: SettingsFor, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    config = tmp_path / "config"
    config.write_text("no section here\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert isinstance(failure(settings_for("http://127.0.0.1:1")), errors.CredentialsError)


@pytest.mark.usefixtures("keys")
def test_nobody_listens(settings_for: SettingsFor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    error = failure(settings_for(f"http://127.0.0.1:{port}"))
    assert isinstance(error, errors.Unreachable)
    assert not is_outcome_unknown(error)
    assert str(port) in error.why


@pytest.mark.usefixtures("keys")
def test_a_host_that_does_not_exist(settings_for: SettingsFor) -> None:
    assert isinstance(failure(settings_for("http://no-such-host.invalid")), errors.Unreachable)


@pytest.mark.usefixtures("keys")
def test_a_malformed_endpoint(settings_for: SettingsFor) -> None:
    error = failure(settings_for("nowhere"))
    assert isinstance(error, errors.InvalidConfiguration)
    assert "nowhere" in error.why


@pytest.mark.usefixtures("keys")
def test_no_region(settings_for: SettingsFor) -> None:
    error = failure(settings_for("http://127.0.0.1:1", region=None))
    assert isinstance(error, errors.InvalidConfiguration)
    assert "AWS_REGION" in error.remedy


def test_masking_of_endpoint_passwords() -> None:
    error = told(boto.EndpointConnectionError(endpoint_url="http://me:hunter2@host/"))
    assert "hunter2" not in error.why
