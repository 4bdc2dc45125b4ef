"""Table of all settings: options, environment variables and value parsers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.domain.text import visible

SettingValue = str | bool
Parser = Callable[[object], SettingValue]

KINDS = ("production", "staging", "dev", "local")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "magenta", "grey")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+\Z")
_LOOPBACK = re.compile(r"(localhost|[a-z0-9.-]+\.localhost|127(\.\d{1,3}){3}|::1)\Z", re.IGNORECASE)
_SHOWN_AT_MOST = 80


class BadSettingError(ValueError):
    """An invalid value of a setting; the message does not contain the name of the setting."""


def shown(value: object) -> str:
    """Return an untrusted value for a message: escaped and shortened."""
    text = visible(value if isinstance(value, str) else repr(value))
    return text if len(text) <= _SHOWN_AT_MOST else text[: _SHOWN_AT_MOST - 1] + "…"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `did you mean …?` for an unknown name; empty if no known name is similar."""
    # Imported on demand to keep the start fast.
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def text(value: object) -> str:
    """Parse non-empty text of one line."""
    if not isinstance(value, str):
        raise BadSettingError(f"must be text, not {shown(value)}")
    if not value.strip():
        raise BadSettingError("is empty")
    if visible(value) != value or value != value.strip():
        raise BadSettingError(f"contains control characters or leading or trailing blanks: {shown(value)}")
    return value


def boolean(value: object) -> bool:
    """Parse a TOML boolean or its spelling in environment variables."""
    if isinstance(value, bool):
        return value
    spelling = value.strip().lower() if isinstance(value, str) else None
    if spelling in _TRUE:
        return True
    if spelling in _FALSE:
        return False
    raise BadSettingError(f"must be true or false, not {shown(value)}")


def region(value: object) -> str:
    """Parse the name of an AWS region, e.g. `eu-west-2`."""
    name = text(value)
    if not _REGION.match(name):
        raise BadSettingError(f"is not an AWS region name: {shown(name)}")
    return name


def endpoint_url(value: object) -> str:
    """Parse an endpoint URL: scheme, host and optional port, without credentials."""
    url = text(value)
    try:
        parts = urlsplit(url)
        is_port_valid = parts.port is None or parts.port > 0
    except ValueError as error:
        raise BadSettingError(f"is not a URL: {error}") from error
    if parts.username is not None or parts.password is not None:
        raise BadSettingError("must not contain a user name or a password")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_port_valid:
        raise BadSettingError(f"must look like http://host:port, not {shown(url)}")
    return url


def is_loopback(url: str | None) -> bool:
    """Return whether an endpoint is on this machine."""
    return url is not None and bool(_LOOPBACK.match(urlsplit(url).hostname or ""))


def kind(value: object) -> str:
    """Parse a kind of environment."""
    name = text(value)
    if name not in KINDS:
        raise BadSettingError(f"must be one of {', '.join(KINDS)}, not {shown(name)}")
    return name


def colour(value: object) -> str:
    """Parse a colour name, or `#rrggbb`."""
    name = text(value)
    if name not in COLOURS and not _HEX_COLOUR.match(name):
        raise BadSettingError(f"must be one of {', '.join(COLOURS)} or #rrggbb, not {shown(name)}")
    return name


def bucket(value: object) -> str:
    """Parse the name of an S3 bucket."""
    name = text(value)
    if not _BUCKET.match(name):
        raise BadSettingError(f"is not a valid bucket name: {shown(name)}")
    return name


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    Attributes:
        name: Name in `Settings.origin`, e.g. `profile` or `names.stream`.
        parse: Parses the raw value; raises `BadSettingError` if it is invalid.
        option: The command-line option, if there is one.
        variables: Environment variables; the first one that is set is used.
    """

    name: str
    parse: Parser
    option: str | None = None
    variables: tuple[str, ...] = ()


ENVIRONMENT = Key("environment", text, "--env", ("SMARTERISE_ENV",))

IN_ENVIRONMENT: tuple[Key, ...] = (
    Key("kind", kind),
    Key("colour", colour),
    Key("profile", text, "--profile", ("AWS_PROFILE",)),
    Key("region", region, "--region", ("AWS_REGION", "AWS_DEFAULT_REGION")),
    Key("endpoint_url", endpoint_url, "--endpoint-url", ("AWS_ENDPOINT_URL",)),
    Key("read_only", boolean, "--read-only", ("SMARTERISE_READ_ONLY",)),
    Key("journal_bucket", bucket, variables=("SMARTERISE_JOURNAL_BUCKET",)),
)
"""Settings in `[environments.<name>]`."""

NAMES: tuple[Key, ...] = tuple(
    Key(
        f"names.{field.name}",
        bucket if field.name.endswith("_bucket") else text,
        variables=(f"SMARTERISE_{field.name.upper()}",),
    )
    for field in fields(StackNames)
)
"""Settings in `[environments.<name>.names]`: the names in the stack."""

FLAGS = {key.name: key for key in (ENVIRONMENT, *IN_ENVIRONMENT) if key.option is not None}
