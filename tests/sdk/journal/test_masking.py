"""Masking of secrets in texts and JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.journal.masking import _IN_TEXT, MASK, masked, masked_text

if TYPE_CHECKING:
    from smarterise_sdk.domain.json_text.types import JsonValue


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://dbadmin:hunter2@host:5432/db",
        "password=hunter2",
        "PASSWORD: hunter2",
        '"SecretAccessKey": "hunter2"',
        "ftp_pass=hunter2",
        "session_token=hunter2&x=1",
        "aws_secret_access_key = hunter2",
        "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY.".replace("K7MDENG", "hunter2"),
    ],
)
def test_secrets_in_text(text: str) -> None:
    assert "hunter2" not in masked_text(text)
    assert MASK in masked_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "the file is unchanged",
        "s3://smarterise-site-config/site-tiers.json",
        "arn:aws:sts::111122223333:assumed-role/ops/anna",
        '"d41d8cd98f00b204e9800998ecf8427e"',
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "ETag is stale; by-pass the transformer",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked_text(text) == text


def test_structures() -> None:
    value: JsonValue = {
        "site": {"tier": "CRITICAL", "ftp_password": "hunter2", "api_key": "", "token": None},
        "list": [{"privateKey": "hunter2"}, "password=hunter2", 3, True, None],
    }
    hidden = masked(value)
    assert "hunter2" not in repr(hidden)
    assert hidden == {
        "site": {"tier": "CRITICAL", "ftp_password": MASK, "api_key": "", "token": None},
        "list": [{"privateKey": MASK}, f"password={MASK}", 3, True, None],
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_masking_twice_is_masking_once(value: JsonValue) -> None:
    once = masked(value)
    assert masked(once) == once


@given(
    st.text(st.sampled_from("ab1:=/@ \"'"), max_size=12)
    | st.from_regex(r"[a-zA-Z0-9/+]{38,42}", fullmatch=True)
    | st.sampled_from(["password", "token", "secret=", "x://a:b@c"])
)
def test_the_quick_way_past_the_patterns_hides_no_less(text: str) -> None:
    by_patterns = text
    for pattern, replacement in _IN_TEXT:
        by_patterns = pattern.sub(replacement, by_patterns)
    assert masked_text(text) == by_patterns
