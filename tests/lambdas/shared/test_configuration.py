"""Database settings of a function, and errors for missing settings."""

from __future__ import annotations

import json
import re
import traceback
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, NoRegionError

from smarterise_lambdas.shared import clients
from smarterise_lambdas.shared.database import connect
from smarterise_lambdas.shared.database_credentials import (
    BadDatabaseSecret,
    BadDatabaseUrl,
    connection_parameters,
    database_url,
)
from smarterise_lambdas.shared.runtime import MissingSetting, optional, required

SETTINGS = ("URL", "SECRET_ARN", "HOST", "PORT", "NAME", "USER", "CA_FILE")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(f"DATABASE_{name}", raising=False)


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_LAKE_BUCKET", "")
    with pytest.raises(MissingSetting, match="DATA_LAKE_BUCKET"):
        required("DATA_LAKE_BUCKET")
    assert optional("DATA_LAKE_BUCKET", "x") == "x"


def test_without_a_database_the_error_names_all_settings() -> None:
    with pytest.raises(MissingSetting, match="DATABASE_URL or DATABASE_SECRET_ARN or DATABASE_HOST"):
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
def test_the_secret_is_a_url_or_an_rds_secret(
    bucket: str, monkeypatch: pytest.MonkeyPatch, secret: str, url: str
) -> None:
    created = boto3.client("secretsmanager").create_secret(Name=f"{bucket}-db", SecretString=secret)
    monkeypatch.setenv("DATABASE_SECRET_ARN", created["ARN"])
    assert database_url() == url


def keep_secret(bucket: str, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    created = boto3.client("secretsmanager").create_secret(Name=f"{bucket}-db", SecretString=secret)
    monkeypatch.setenv("DATABASE_SECRET_ARN", created["ARN"])


def test_a_secret_that_rds_manages_is_completed_by_settings(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_secret(bucket, monkeypatch, json.dumps({"username": "u", "password": "p"}))
    monkeypatch.setenv("DATABASE_HOST", "db.example")
    monkeypatch.setenv("DATABASE_NAME", "meters")
    assert database_url() == "postgresql://u:p@db.example:5432/meters"


@pytest.mark.parametrize(
    ("secret", "missing"),
    [
        ("hunter2", "URL and no JSON object"),
        ('["hunter2"]', "URL and no JSON object"),
        ('{"username": "u", "host": "h", "token": "hunter2"}', "password"),
        ('{"username": "u", "password": "hunter2"}', "host"),
    ],
)
def test_an_invalid_secret_is_reported_without_its_content(
    bucket: str, monkeypatch: pytest.MonkeyPatch, secret: str, missing: str
) -> None:
    keep_secret(bucket, monkeypatch, secret)
    with pytest.raises(BadDatabaseSecret, match=f"has no {missing}") as refused:
        database_url()
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


def test_a_host_without_a_secret_uses_iam_authentication(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_SESSION_TOKEN": "to/ken+=",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "DATABASE_HOST": "db.example",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MissingSetting, match="DATABASE_USER"):
        database_url()
    monkeypatch.setenv("DATABASE_USER", "loader@x")
    url = urlsplit(database_url())
    assert (url.hostname, url.port, url.path, url.username) == ("db.example", 5432, "/postgres", "loader%40x")
    token = unquote(url.password or "")
    theirs = boto3.Session().client("rds").generate_db_auth_token("db.example", 5432, "loader@x")
    timestamp = re.compile(r"(?<=X-Amz-Date=)[^&]+|(?<=X-Amz-Signature=)[^&]+")
    assert timestamp.sub("", token) == timestamp.sub("", theirs)


def test_the_token_is_the_one_that_boto3_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_DEFAULT_REGION": "eu-west-2",
    }.items():
        monkeypatch.setenv(name, value)
    theirs = boto3.Session().client("rds").generate_db_auth_token
    for _ in range(5):  # both within one second, or the timestamps differ
        if clients.database_token("h", 5432, "u") == theirs("h", 5432, "u"):
            return
    pytest.fail("never the same")


def test_without_credentials_or_region_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoCredentialsError):
        clients.database_token("h", 5432, "u")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    with pytest.raises(NoRegionError):
        clients.database_token("h", 5432, "u")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", ""])
def test_a_local_server_needs_no_certificate(host: str) -> None:
    assert "sslmode" not in connection_parameters(f"postgresql://u:p@{host}/d")


def test_a_remote_server_needs_a_verified_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://u:p@db.example/d"
    with pytest.raises(MissingSetting, match="DATABASE_CA_FILE"):
        connect(url)
    monkeypatch.setenv("DATABASE_CA_FILE", "/opt/rds.pem")
    parameters = connection_parameters(url)
    assert (parameters["sslmode"], parameters["sslrootcert"]) == ("verify-full", "/opt/rds.pem")


def test_a_url_with_sslmode_is_used_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_CA_FILE", "/opt/rds.pem")
    parameters = connection_parameters("postgresql://u:p@db.example/d?sslmode=require")
    assert (parameters["sslmode"], parameters.get("sslrootcert")) == ("require", None)


@pytest.mark.parametrize(
    "url", ["postgres//ada:hunter2@h/d", "postgresql://ada:hun ter2@h/d", "postgresql://ada:hunter2@[::1/d"]
)
def test_an_invalid_url_is_reported_without_its_password(url: str) -> None:
    with pytest.raises(BadDatabaseUrl) as refused:
        connect(url)
    assert "ter2" not in "".join(traceback.format_exception(refused.value))
