"""Colours of the console: one accent, one colour a status, one band an environment. Never the only sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.color import Color, ColorParseError
from textual.theme import Theme

from smarterise_sdk.domain.status import Status

if TYPE_CHECKING:
    from smarterise_sdk.settings.model import Environment

STATUS_COLOURS = {
    Status.OK: "#8fc98f",
    Status.WARN: "#f0b94d",
    Status.FAIL: "#ff7b72",
    Status.STALE: "#9db4cc",
    Status.NO_DATA: "#b7a58a",
    Status.DENIED: "#d2a8ff",
    Status.LOADING: "#8b98a5",
    Status.UNKNOWN: "#a9b3bd",
}
PHASE_COLOURS = {"A": "#f0b94d", "B": "#6fc3ff", "C": "#e58fb1"}
_BANDS = {
    "red": "#c5362c",
    "yellow": "#d9a514",
    "green": "#3d8b4f",
    "cyan": "#1f8a99",
    "blue": "#3267b5",
    "magenta": "#9a4fb0",
}
_BAND_OF_UNREADABLE_COLOUR = "#c5362c"


def status_class(status: Status) -> str:
    """Return the status as a word for style names, e.g. `no-data`."""
    return status.value.replace(" ", "-")


def band(environment: Environment) -> Color:
    """Return the colour of an environment's band.

    A colour that cannot be read becomes the loudest one: too much care does no harm.
    """
    try:
        return Color.parse(_BANDS.get(environment.colour.casefold(), environment.colour))
    except ColorParseError:
        return Color.parse(_BAND_OF_UNREADABLE_COLOUR)


def band_style(environment: Environment) -> str:
    """Return the style of text on an environment's band."""
    colour = band(environment)
    text = Color.parse("#ffffff") if colour.brightness < 0.55 else Color.parse("#101418")
    return f"bold {text.hex} on {colour.hex}"


THEME = Theme(
    name="smarterise",
    primary="#5cc8c2",
    secondary="#5cc8c2",
    accent="#5cc8c2",
    foreground="#d7dde3",
    background="#11161b",
    surface="#161c22",
    panel="#1d252d",
    success=STATUS_COLOURS[Status.OK],
    warning=STATUS_COLOURS[Status.WARN],
    error=STATUS_COLOURS[Status.FAIL],
    dark=True,
    variables={
        **{f"status-{status_class(status)}": colour for status, colour in STATUS_COLOURS.items()},
        "quiet": "#7d8893",
        "spark": "#3f8f8c",
        "cursor-line": "#22404a",
        "scrollbar": "#2a343d",
        "scrollbar-background": "#11161b",
        "border": "#3a4650",
        "block-cursor-text-style": "none",
    },
)
