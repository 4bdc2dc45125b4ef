"""Where a function finds its database, and what it says when a setting is missing."""

from __future__ import annotations

import json
import traceback

import boto3
import pytest

from smarterise_lambdas.shared.database import BadDatabaseUrl, connect, database_url
from smarterise_lambdas.shared.environment import MissingSetting, optional, required


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_LAKE_BUCKET", "")
    with pytest.raises(MissingSetting, match="DATA_LAKE_BUCKET"):
        required("DATA_LAKE_BUCKET")
    assert optional("DATA_LAKE_BUCKET", "x") == "x"


def test_without_a_database_both_ways_to_name_one_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_SECRET_ARN", raising=False)
    with pytest.raises(MissingSetting, match="DATABASE_URL or DATABASE_SECRET_ARN"):
        database_url()


@pytest.mark.parametrize(
    ("secret", "url"),
    [
        ("postgresql://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
        (
            json.dumps(
                {"username": "db admin", "password": "p@ss/w:rd", "host": "db.example", "dbname": "meters"}
            ),
            "postgresql://db%20admin:p%40ss%2Fw%3Ard@db.example:5432/meters",
        ),
        (
            json.dumps({"username": "u", "password": "p", "host": "h", "port": 6432}),
            "postgresql://u:p@h:6432/postgres",
        ),
    ],
)
def test_the_secret_is_a_url_or_what_rds_keeps(
    bucket: str, monkeypatch: pytest.MonkeyPatch, secret: str, url: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    created = boto3.client("secretsmanager").create_secret(Name=f"{bucket}-db", SecretString=secret)
    monkeypatch.setenv("DATABASE_SECRET_ARN", created["ARN"])
    assert database_url() == url


@pytest.mark.parametrize(
    "url", ["postgres//ada:hunter2@h/d", "postgresql://ada:hun ter2@h/d", "postgresql://ada:hunter2@[::1/d"]
)
def test_a_url_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(BadDatabaseUrl) as refused:
        connect(url)
    assert "ter2" not in "".join(traceback.format_exception(refused.value))
