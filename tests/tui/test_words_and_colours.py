"""Small words and colours of the frame: bands, accounts, twins, lines that make room."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from smarterise_sdk.domain.sites.model import Tier
from smarterise_sdk.domain.status import Status
from smarterise_sdk.errors import CredentialsError, Denied, RemoteFault
from smarterise_sdk.settings.model import Environment, EnvironmentKind, Origin, Source
from smarterise_tui import cli_command
from smarterise_tui.issues import describe, failure, is_about_credentials
from smarterise_tui.state import short_account
from smarterise_tui.theme import STATUS_COLOURS, THEME, band, band_style
from smarterise_tui.widgets.text_line import Line, Part


def environment(colour: str) -> Environment:
    return Environment("prod", EnvironmentKind.PRODUCTION, colour)


def test_a_colour_that_cannot_be_read_is_the_loudest():
    assert band(environment("no such colour")) == band(environment("red"))
    assert band(environment("#123456")).hex == "#123456"


@pytest.mark.parametrize(
    "colour", ["red", "yellow", "green", "cyan", "blue", "magenta", "#ffffff", "#000000"]
)
def test_the_name_can_be_read_on_every_band(colour):
    text, ground = band_style(environment(colour)).removeprefix("bold ").split(" on ")
    a, b = (_luminance(value) for value in (text, ground))
    assert (max(a, b) + 0.05) / (min(a, b) + 0.05) >= 3.5


@pytest.mark.parametrize("status", list(Status))
def test_every_status_can_be_read_on_the_background(status):
    a, b = _luminance(STATUS_COLOURS[status]), _luminance(str(THEME.background))
    assert (a + 0.05) / (b + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_accounts_are_shortened_but_told_apart():
    assert short_account("123456789012") == "1234…9012"
    assert short_account("local") == "local"


def test_a_twin_leads_to_the_same_stack_from_another_shell(settings_of):
    settings = settings_of("dev", name="dev")
    origins = {
        "environment": Origin(Source.VARIABLE, "SMARTERISE_ENV"),
        "profile": Origin(Source.FLAG, "--profile"),
        "region": Origin(Source.USER_FILE, "config.toml"),
        "endpoint_url": Origin(Source.FLAG, "--endpoint-url"),
    }
    settings = replace(settings, profile="my ops", origins=MappingProxyType(origins))
    assert cli_command.list_sites(settings) == "smarterise-ops --env dev --profile 'my ops' sites list"
    settings = replace(settings, endpoint_url="http://127.0.0.1:1")
    assert "--endpoint-url http://127.0.0.1:1" in cli_command.run_checks(settings)
    command = cli_command.set_tier(settings, ["AN1", "AN2"], Tier.CRITICAL, "it's; rm -rf /")
    assert command.endswith("sites set-tier AN1 AN2 --to CRITICAL --reason 'it'\"'\"'s; rm -rf /'")


def test_what_is_least_needed_goes_first_and_the_rest_is_cut():
    line = Line((Part("Sites 40", drop=0), Part("tiers", drop=9)), (Part("marks 2", drop=0),))
    assert line.fit(30).plain == "Sites 40  tiers        marks 2"
    assert line.fit(20).plain == "Sites 40     marks 2"
    assert line.fit(12).plain == "Sit… marks 2"


def test_errors_tell_all_they_know():
    error = Denied("denied", action="s3:GetObject", why="no policy", remedy="ask", request_id="r1")
    assert describe(error) == [
        "denied",
        "why: no policy",
        "try: ask",
        "code: ACCESS_DENIED",
        "AWS request id: r1",
    ]
    assert failure("sites", error).status is Status.DENIED
    assert failure("sites", RemoteFault("two\nlines")).line == "two lines"
    assert is_about_credentials(CredentialsError("expired"))
    assert not is_about_credentials(error)
