"""What policy documents say, as far as they can be read without asking AWS."""

from __future__ import annotations

from typing import Any

import pytest

from smarterise_sdk.checks.iam_policy import Says, says

OBJECT = "arn:aws:s3:::bucket/site-tiers.json"
ROLE = "arn:aws:iam::111122223333:role/r"
CONDITION = {"Bool": {"aws:SecureTransport": "false"}}


def statement(effect: str, **parts: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "*", **parts}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], Says.NOTHING),
        (statement("Allow"), Says.ALLOWS),
        ([statement("Allow", Action=["s3:PutObject", "s3:GetObject"])], Says.ALLOWS),
        ([statement("Allow", Action="S3:GETOBJECT")], Says.ALLOWS),
        ([statement("Allow", Action="s3:Get*")], Says.ALLOWS),
        ([statement("Allow", Action="s3:GetObjec?")], Says.ALLOWS),
        ([statement("Allow", Action="*")], Says.ALLOWS),
        ([statement("Allow", Action="s3:GetObjectVersion")], Says.NOTHING),
        ([statement("Allow", Action="s3.GetObject")], Says.NOTHING),
        ([statement("Allow", Resource="arn:aws:s3:::bucket/*")], Says.ALLOWS),
        ([statement("Allow", Resource="arn:aws:s3:::bucket")], Says.NOTHING),
        ([statement("Allow", Resource="arn:aws:s3:::BUCKET/*")], Says.NOTHING),
        ([statement("Allow"), statement("Deny")], Says.DENIES),
        ([statement("Deny"), statement("Allow")], Says.DENIES),
        ([statement("Allow"), statement("Deny", Condition=CONDITION)], Says.ALLOWS),
        ([statement("Deny", Condition=CONDITION)], Says.NOTHING),
        ([statement("Allow", Condition=CONDITION)], Says.ALLOWS_IF),
        ([statement("Allow", Condition=CONDITION), statement("Allow")], Says.ALLOWS),
        ([statement("Allow", Condition={})], Says.ALLOWS),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], Says.ALLOWS),
        ([{"Effect": "Allow", "NotAction": ["s3:*"], "Resource": "*"}], Says.NOTHING),
        ([{"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::bucket/*"}], Says.NOTHING),
        ([{"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::other/*"}], Says.DENIES),
        ([{"Effect": "Allow", "Resource": "*"}], Says.NOTHING),
        (["not a statement"], Says.NOTHING),
    ],
)
def test_identity_policies(statements: Any, expected: Says) -> None:
    assert says({"Statement": statements}, "s3:GetObject", OBJECT) is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ({"Principal": "*"}, Says.DENIES),
        ({"Principal": {"AWS": "*"}}, Says.DENIES),
        ({"Principal": {"AWS": ROLE}}, Says.DENIES),
        ({"Principal": {"AWS": ["x", "111122223333"]}}, Says.DENIES),
        ({"Principal": {"AWS": "arn:aws:iam::999900001111:root"}}, Says.NOTHING),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, Says.NOTHING),
        ({}, Says.NOTHING),
        ({"NotPrincipal": {"AWS": ROLE}}, Says.NOTHING),
        ({"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:role/other"}}, Says.DENIES),
    ],
)
def test_resource_policies(principal: dict[str, Any], expected: Says) -> None:
    document = {"Statement": [statement("Deny", **principal)]}
    assert says(document, "s3:GetObject", OBJECT, frozenset({ROLE, "111122223333"})) is expected


def test_no_document_says_nothing() -> None:
    assert says({}, "s3:GetObject", OBJECT) is Says.NOTHING
