"""Settings: sources, precedence, and error messages."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smarterise_sdk.domain.stack.names import StackNames
from smarterise_sdk.domain.text import visible
from smarterise_sdk.errors import InvalidConfiguration, UsageError
from smarterise_sdk.settings import EnvironmentKind, Settings, Source, load_settings
from smarterise_sdk.settings.keys import IN_ENVIRONMENT, NAMES, BadSettingError, is_loopback, shown
from smarterise_sdk.settings.unlock import Unlock, Unlocks

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROJECT = """
default_environment = "staging"
[environments.prod]
kind = "production"
profile = "prod-profile"
region = "eu-west-1"
[environments.prod.names]
stream = "prod-stream"
[environments.staging]
kind = "staging"
colour = "#aabbcc"
region = "eu-west-2"
read_only = true
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder; the working directory is two levels below it."""
    inner = tmp_path / "project" / "a" / "b"
    inner.mkdir(parents=True)
    return inner


def write_project(inner: Path, content: str) -> Path:
    path = inner.parents[1] / "smarterise-ops.toml"
    path.write_text(content)
    return path


def write_user(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "home" / ".config" / "smarterise-ops" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


def load(
    inner: Path, environ: dict[str, str] | None = None, *, now: datetime | None = None, **flags: object
) -> Settings:
    home = inner.parents[2] / "home"
    return load_settings(flags, environ=environ or {}, cwd=inner, home=home, now=now)


def problems_of(inner: Path, environ: dict[str, str] | None = None, **flags: object) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        load(inner, environ, **flags)
    assert caught.value.remedy
    return [str(problem) for problem in caught.value.problems]


def test_each_source_beats_the_next(project: Path, tmp_path: Path) -> None:
    write_user(tmp_path, '[environments.prod]\nregion = "us-east-2"\nprofile = "user-profile"')
    user = load(project, {"SMARTERISE_ENV": "unused"}, environment="prod")
    assert (user.region, user.origin("region").source) == ("us-east-2", Source.USER_FILE)

    file = write_project(project, PROJECT)
    in_file = load(project, environment="prod")
    assert (in_file.region, in_file.profile) == ("eu-west-1", "prod-profile")
    assert str(in_file.origin("region")) == f"project file {file} [environments.prod]"

    variable = load(project, {"AWS_REGION": "eu-north-1", "SMARTERISE_ENV": "prod"})
    assert (variable.region, str(variable.origin("region"))) == (
        "eu-north-1",
        "environment variable AWS_REGION",
    )
    assert (variable.profile, variable.environment.name) == ("prod-profile", "prod")

    flag = load(project, {"AWS_REGION": "eu-north-1"}, environment="prod", region="ap-south-1")
    assert (flag.region, str(flag.origin("region"))) == ("ap-south-1", "flag --region")


def test_aws_region_beats_aws_default_region(project: Path) -> None:
    both = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}
    assert load(project, both).region == "eu-west-2"
    assert load(project, {"AWS_DEFAULT_REGION": "eu-west-1"}).region == "eu-west-1"


def test_an_empty_variable_is_an_unset_one(project: Path) -> None:
    write_project(project, PROJECT)
    assert load(project, {"AWS_REGION": "", "AWS_PROFILE": ""}, environment="prod").profile == "prod-profile"


def test_default_environment_of_the_project_file_beats_that_of_the_user(
    project: Path, tmp_path: Path
) -> None:
    write_user(tmp_path, 'default_environment = "mine"\n[environments.mine]\nkind = "dev"')
    assert load(project).environment.name == "mine"
    write_project(project, PROJECT)
    settings = load(project)
    assert settings.environment.name == "staging"
    assert settings.origin("environment").source is Source.PROJECT_FILE


def test_nearest_project_file_counts_and_one_environment_may_be_in_both_files(
    project: Path, tmp_path: Path
) -> None:
    write_user(tmp_path, '[environments.prod]\nkind = "production"\ncolour = "orange"')
    write_project(project, PROJECT)
    (project / "smarterise-ops.toml").write_text('[environments.prod]\nregion = "eu-west-3"')
    settings = load(project, environment="prod")
    assert (settings.region, settings.environment.colour, settings.profile) == ("eu-west-3", "orange", None)


@pytest.mark.parametrize(
    ("kind", "read_only"),
    [("production", True), ("staging", False), ("dev", False)],
)
def test_production_starts_read_only(project: Path, kind: str, read_only: bool) -> None:
    write_project(project, f'[environments.x]\nkind = "{kind}"')
    settings = load(project, environment="x")
    assert settings.read_only is read_only
    assert settings.environment.kind is EnvironmentKind(kind)
    assert kind in str(settings.origin("read_only"))


@pytest.mark.parametrize(("word", "value"), [("1", True), ("YES", True), ("off", False), ("False", False)])
def test_read_only_by_variable_and_flag(project: Path, word: str, value: bool) -> None:
    write_project(project, PROJECT)
    assert load(project, {"SMARTERISE_READ_ONLY": word}, environment="staging").read_only is value
    assert load(
        project, {"SMARTERISE_READ_ONLY": word}, environment="staging", read_only=not value
    ).read_only is (not value)


@pytest.mark.parametrize(
    ("environ", "flags", "text"),
    [
        ({"SMARTERISE_READ_ONLY": "false"}, {}, "SMARTERISE_READ_ONLY=false cannot unlock environment prod"),
        ({}, {"read_only": False}, "--no-read-only cannot unlock environment prod"),
    ],
)
def test_in_production_a_wish_to_write_is_not_enough(
    project: Path, environ: dict[str, str], flags: dict[str, object], text: str
) -> None:
    [reported] = problems_of(project, environ, **flags)
    assert "environment default" in reported
    write_project(project, PROJECT)
    with pytest.raises(InvalidConfiguration) as caught:
        load(project, environ, environment="prod", **flags)
    [problem] = caught.value.problems
    assert text in str(problem)
    assert "smarterise-ops --env prod unlock --for 30m" in problem.remedy
    assert load(project, {"SMARTERISE_READ_ONLY": "true"}, environment="prod").read_only


def test_the_file_may_open_production(project: Path) -> None:
    write_project(project, '[environments.live]\nkind = "production"\nread_only = false\n')
    for environ, flags in (({}, {}), ({"SMARTERISE_READ_ONLY": "0"}, {}), ({}, {"read_only": False})):
        settings = load(project, environ, environment="live", **flags)
        assert not settings.read_only
        assert settings.origin("read_only").source is Source.PROJECT_FILE
        assert settings.write_until is None
    assert load(project, environment="live", read_only=True).read_only


def unlocked(project: Path, environment: str, minutes: int = 30) -> Unlock:
    state = load(project, environment="staging").state_dir
    return Unlocks(state).open(environment, minutes=minutes, reason="outage 7", by="anna", now=NOON)


def test_an_unlock_opens_production_for_a_while(project: Path) -> None:
    write_project(project, PROJECT)
    unlocked(project, "prod")
    settings = load(project, environment="prod", now=NOON + timedelta(minutes=29))
    assert not settings.read_only
    assert str(settings.origin("read_only")) == "unlock until 12:30Z: outage 7"
    assert (settings.write_until, settings.write_reason) == (NOON + timedelta(minutes=30), "outage 7")
    wished = load(project, {"SMARTERISE_READ_ONLY": "false"}, environment="prod", now=NOON)
    assert wished.write_until is not None
    for now in (NOON + timedelta(minutes=30), NOON - timedelta(seconds=1)):
        over = load(project, environment="prod", now=now)
        assert over.read_only
        assert over.write_until is None
    assert load(project, environment="prod", read_only=True, now=NOON).read_only, "caution comes first"


def test_an_unlock_opens_what_a_file_has_marked_and_nothing_that_is_open(project: Path) -> None:
    write_project(project, PROJECT + '[environments.dev]\nkind = "dev"\n')
    unlocked(project, "staging")
    unlocked(project, "dev")
    assert load(project, environment="staging", now=NOON).origin("read_only").source is Source.UNLOCK
    dev = load(project, environment="dev", now=NOON)
    assert (dev.read_only, dev.write_until, dev.origin("read_only").source) == (False, None, Source.DEFAULT)


def test_the_command_that_unlocks_names_what_can_be_named(project: Path) -> None:
    write_project(project, '[environments."two words"]\nkind = "production"\n')
    assert "--env 'two words' unlock" in load(project, environment="two words").unlock_command
    assert load(project).unlock_command.startswith("smarterise-ops unlock --for 30m")


def test_nothing_said_is_taken_for_production(project: Path) -> None:
    settings = load(project)
    assert (settings.environment.name, settings.environment.kind) == ("default", EnvironmentKind.PRODUCTION)
    assert settings.read_only
    assert "no kind is set" in str(settings.origin("kind"))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:9", "https://aws.localhost"]
)
def test_a_loopback_endpoint_makes_an_unnamed_environment_local(project: Path, url: str) -> None:
    settings = load(project, {"AWS_ENDPOINT_URL": url})
    assert (settings.environment.name, settings.environment.kind) == ("local", EnvironmentKind.LOCAL)
    assert not settings.read_only
    assert settings.is_on_this_machine


@pytest.mark.parametrize(
    "url", ["http://127.evil.example", "http://localhost.example.com", "http://128.0.0.1"]
)
def test_what_only_looks_like_loopback_is_not(project: Path, url: str) -> None:
    assert load(project, endpoint_url=url).environment.kind is EnvironmentKind.PRODUCTION
    assert not is_loopback(url)


def test_a_named_environment_keeps_its_kind_on_a_loopback_endpoint(project: Path) -> None:
    write_project(project, PROJECT)
    settings = load(project, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, environment="prod")
    assert settings.environment.kind is EnvironmentKind.PRODUCTION
    assert settings.read_only


@pytest.mark.parametrize("endpoint", [None, "https://lambda.eu-west-2.amazonaws.com"])
def test_local_without_an_endpoint_of_its_own_is_refused(project: Path, endpoint: str | None) -> None:
    [problem] = problems_of(project, environment="local", endpoint_url=endpoint)
    assert "kind local" in problem


def test_names_from_file_and_variable(project: Path) -> None:
    write_project(project, PROJECT)
    settings = load(project, {"SMARTERISE_SITE_CONFIG_BUCKET": "other-bucket"}, environment="prod")
    assert settings.names == StackNames(site_config_bucket="other-bucket", stream="prod-stream")
    assert str(settings.origin("names.site_config_bucket")).endswith("SMARTERISE_SITE_CONFIG_BUCKET")
    assert settings.origin("names.topic_prefix").source is Source.DEFAULT


def test_every_setting_has_an_origin(project: Path) -> None:
    settings = load(project)
    keys = {"environment", "kind", "colour", "profile", "region", "endpoint_url", "read_only", "journal_dir"}
    keys |= {"journal_bucket"}
    keys |= {f"names.{field.name}" for field in fields(StackNames)}
    assert set(settings.origins) == keys
    assert str(settings.origin("profile")) == "default"
    with pytest.raises(UsageError, match="unknown setting proflie") as caught:
        settings.origin("proflie")
    assert caught.value.remedy == "did you mean profile?"
    with pytest.raises(UsageError) as caught:
        settings.origin("zzz")
    assert caught.value.remedy == ""


def test_region_of_the_aws_profile(project: Path, tmp_path: Path) -> None:
    config = tmp_path / "aws-config"
    config.write_text("[default]\nregion = eu-west-2\n[profile prod]\nregion = eu-central-1\n")
    environ = {"AWS_CONFIG_FILE": str(config)}
    default = load(project, environ)
    assert (default.region, default.origin("region").source) == ("eu-west-2", Source.AWS_CONFIG)
    assert load(project, environ, profile="prod").region == "eu-central-1"
    assert load(project, environ, profile="unknown").region is None
    assert load(project, environ | {"AWS_REGION": "us-west-1"}, profile="prod").region == "us-west-1"


def test_region_from_the_default_place_and_a_broken_aws_file(project: Path, tmp_path: Path) -> None:
    aws = tmp_path / "home" / ".aws"
    aws.mkdir(parents=True)
    (aws / "config").write_text("[default]\nregion = eu-west-3\n")
    assert load(project).region == "eu-west-3"
    (aws / "config").write_text("region = without a section")
    assert load(project).region is None


def test_xdg_places(project: Path, tmp_path: Path) -> None:
    config = tmp_path / "xdg" / "smarterise-ops" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[environments.x]\nkind = "dev"')
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "XDG_STATE_HOME": str(tmp_path / "state")}
    settings = load(project, environ, environment="x")
    assert settings.journal_dir == tmp_path / "state" / "smarterise-ops" / "journal"
    relative = load(project, {"XDG_STATE_HOME": "relative"})
    assert relative.journal_dir == tmp_path / "home" / ".local/state" / "smarterise-ops" / "journal"


def test_all_problems_of_all_sources_at_once(project: Path, tmp_path: Path) -> None:
    write_user(tmp_path, 'defualt_environment = "x"\n[environments.a]\nkind = "prod"\nread_only = "perhaps"')
    write_project(
        project, '[environments.b]\nnames = 3\n[environments.c.names]\nsite_config_bucket = "UPPER"'
    )
    reported = problems_of(project, {"AWS_ENDPOINT_URL": "nowhere"}, region="London", hurry=True)
    assert len(reported) == 8
    for text in (
        "defualt_environment is not a setting",
        "environments.a.kind must be one of",
        "environments.a.read_only must be true or false",
        "environments.b.names must be a table",
        "environments.c.names.site_config_bucket is not a valid bucket name",
        "AWS_ENDPOINT_URL must look like http://host:port",
        "--region is not an AWS region name",
        "unknown option hurry",
    ):
        assert any(text in line for line in reported), text


def test_suggestions(project: Path) -> None:
    write_project(project, '[environments.prod]\nregoin = "eu-west-1"\nzzz = 1')
    with pytest.raises(InvalidConfiguration) as caught:
        load(project, environment="prdo")
    remedies = [problem.remedy for problem in caught.value.problems]
    assert remedies[0] == "did you mean region?"
    assert remedies[1].startswith("known settings: kind")
    assert remedies[2] == "did you mean prod?"


def test_an_undefined_environment_names_those_there_are(project: Path) -> None:
    [problem] = problems_of(project, {"SMARTERISE_ENV": "qa"})
    assert "environment qa is not defined in a settings file" in problem
    write_project(project, PROJECT)
    with pytest.raises(InvalidConfiguration) as caught:
        load(project, environment="qa")
    assert caught.value.problems[0].remedy == "defined: prod, staging"


@pytest.mark.parametrize(
    ("content", "text", "line"),
    [
        (b"a = 1\nb = = 2\n", "not valid TOML", 2),
        (b"a = 1\nb = '\xff'\n", "not UTF-8", 2),
        (b"#" * (1024 * 1024 + 1), "larger than", None),
        (b"a = " + b"[" * 100_000, "nested too deeply", None),
        (b"a = ", "not valid TOML", None),
    ],
    ids=["syntax", "encoding", "size", "depth", "end"],
)
def test_a_file_that_cannot_be_parsed_is_the_only_thing_reported(
    project: Path, content: bytes, text: str, line: int | None
) -> None:
    path = project / "smarterise-ops.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidConfiguration) as caught:
        load(project, environment="prod")
    [problem] = caught.value.problems
    assert text in str(problem)
    assert str(path) in problem.message
    assert line is None or problem.line == line


def test_a_byte_order_mark_is_tolerated(project: Path) -> None:
    (project / "smarterise-ops.toml").write_bytes(b'\xef\xbb\xbf[environments.x]\nkind = "dev"')
    assert load(project, environment="x").environment.kind is EnvironmentKind.DEV


def test_an_unreadable_file_is_reported(project: Path, tmp_path: Path) -> None:
    path = write_user(tmp_path, "")
    path.unlink()
    path.mkdir()
    [problem] = problems_of(project)
    assert "cannot be read" in problem


def test_without_a_working_directory_there_is_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    settings = load_settings(environ={"HOME": str(tmp_path)})
    assert settings.environment.name == "default"


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    monkeypatch.chdir(tmp_path)
    assert load_settings({"profile": None}).region == "sa-east-1"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("endpoint_url", "http://user:secret@127.0.0.1"),
        ("endpoint_url", "ftp://127.0.0.1"),
        ("endpoint_url", "http://127.0.0.1:notaport"),
        ("endpoint_url", "http://127.0.0.1:0"),
        ("endpoint_url", "http://"),
        ("profile", ""),
        ("profile", "two\nlines"),
        ("profile", " padded"),
        ("profile", 3),
        ("read_only", 3),
        ("region", "eu_west_2"),
    ],
)
def test_values_that_cannot_be(project: Path, key: str, value: object) -> None:
    [problem] = problems_of(project, None, **{key: value})
    assert "--" in problem
    assert "secret" not in problem
    assert "\n" not in problem


@pytest.mark.parametrize("colour", ["red", "#00ff7F"])
def test_colours(project: Path, colour: str) -> None:
    write_project(project, f'[environments.x]\nkind = "dev"\ncolour = "{colour}"')
    assert load(project, environment="x").environment.colour == colour


def test_a_colour_that_is_none(project: Path) -> None:
    write_project(project, '[environments.x]\ncolour = "mauve"')
    [problem] = problems_of(project, environment="x")
    assert "must be one of red" in problem


@given(st.one_of(st.text(), st.integers(), st.lists(st.text()), st.none()))
def test_shown_is_one_short_visible_line(value: Any) -> None:
    text = shown(value)
    assert len(text) <= 80
    assert visible(text) == text


@given(st.text())
def test_no_text_makes_a_parser_fail_otherwise(value: str) -> None:
    for key in (*IN_ENVIRONMENT, *NAMES):
        with suppress(BadSettingError):
            key.parse(value)


def test_loading_settings_and_stack_loads_neither_boto3_nor_pydantic() -> None:
    code = (
        "import sys, smarterise_sdk.settings as s, smarterise_sdk.stack as t;"
        "t.Stack(s.load_settings());"
        "print(sorted({'boto3', 'botocore', 'pydantic', 'urllib3'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert ran.stdout.strip() == "[]", ran.stderr
