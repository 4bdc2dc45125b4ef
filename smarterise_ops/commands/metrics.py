"""`smarterise-ops metrics`: latest metric values or a time range of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from smarterise_ops.context import current
from smarterise_ops.exit_codes import ExitCode
from smarterise_ops.notices import warn_if_degraded
from smarterise_ops.output.formats import OutputFormat
from smarterise_ops.output.render import Column, emit_rows, say_error, say_warning
from smarterise_ops.param_types import duration, one_of
from smarterise_sdk.domain.readings.metrics import HIGH_RESOLUTION, METRICS, Metric, MetricPoint
from smarterise_sdk.domain.sites.updates import suggest_site
from smarterise_sdk.domain.status import Status
from smarterise_sdk.domain.text import utc_text
from smarterise_sdk.errors import AccessError, NotFound, RemoteFault, SmarteriseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smarterise_sdk.domain.json_text.types import JsonObject
    from smarterise_sdk.domain.outcome import Missing
    from smarterise_sdk.domain.sites.model import Site

app = typer.Typer(help="Show metric values of sites.")

COLUMNS = (
    Column("gateway_serial", "SERIAL"),
    Column("metric"),
    Column("value", decimals=3),
    Column("unit"),
    Column("state"),
    Column("age_seconds", "AGE s", decimals=0),
    Column("at"),
)
_PERIODS = (
    (timedelta(minutes=15), HIGH_RESOLUTION),
    (timedelta(hours=3), timedelta(minutes=1)),
    (timedelta(days=1), timedelta(minutes=5)),
    (timedelta(days=15), timedelta(hours=1)),
)
"""Maximum time range and its default period."""
_DURATION = duration("455d")
"""CloudWatch's retention."""


@dataclass(frozen=True, slots=True)
class MetricValues:
    """Points by site and metric, and the values that could not be read."""

    points: Mapping[str, Mapping[Metric, Sequence[MetricPoint]]]
    as_of: datetime
    missing: tuple[Missing, ...]

    def rows(self, serial: str, metrics: Sequence[Metric]) -> Iterator[JsonObject]:
        """Yield one row per point, and one row for each metric without points."""
        is_missing = any(serial in missing.scope for missing in self.missing)
        without_points = Status.UNKNOWN if is_missing else Status.NO_DATA
        for metric in metrics:
            for point in self.points.get(serial, {}).get(metric, ()) or (None,):
                yield {
                    "gateway_serial": serial,
                    "metric": metric.value,
                    "value": point.value if point else None,
                    "unit": METRICS[metric].unit,
                    "state": Status.OK.value if point else without_points.value,
                    "at": utc_text(point.at) if point else None,
                    "age_seconds": round(point.age(self.as_of).total_seconds(), 1) if point else None,
                }

    def report_missing(self) -> ExitCode:
        """Print warnings and errors for missing values, and return the exit code."""
        scopes: dict[str, set[str]] = {}
        errors: dict[str, Missing] = {}
        for missing in self.missing:
            text = f"{missing.action}: {missing.error}"
            errors.setdefault(text, missing)
            scopes.setdefault(text, set()).update(missing.scope)
        for text, missing in errors.items():
            say_warning(f"{missing.action}: {len(scopes[text])} site(s) without values")
            say_error(
                missing.error
                if isinstance(missing.error, SmarteriseError)
                else RemoteFault(str(missing.error))
            )
        if not self.missing:
            return ExitCode.DONE
        is_empty = not any(any(points.values()) for points in self.points.values())
        all_denied = all(isinstance(missing.error, AccessError) for missing in self.missing)
        return ExitCode.ACCESS if is_empty and all_denied else ExitCode.UNDETERMINED


def period_for(since: timedelta) -> timedelta:
    """Return the default period for a time range."""
    return next((period for longest, period in _PERIODS if since <= longest), timedelta(days=1))


def _sites_by_serial(sites: Sequence[Site], serials: Sequence[str]) -> list[Site]:
    known = {site.gateway_serial: site for site in sites}
    unknown = [suggest_site(serial, known) for serial in dict.fromkeys(serials) if serial not in known]
    if unknown:
        remedies = dict.fromkeys(problem.remedy for problem in unknown)
        raise NotFound("; ".join(problem.message for problem in unknown), remedy=" ".join(remedies))
    return [known[serial] for serial in dict.fromkeys(serials)]


@app.callback()
def group() -> None:
    """Show metric values of sites."""


@app.command("show")
def show(
    serials: Annotated[list[str], typer.Argument(metavar="SERIAL...", help="Gateway serials.")],
    metric: Annotated[
        list[Metric] | None,
        typer.Option(
            **{**one_of(Metric), "metavar": "NAME"},
            help=f"Only this metric; repeatable. One of {', '.join(Metric)}.",
        ),
    ] = None,
    since: Annotated[
        timedelta | None,
        typer.Option(parser=_DURATION, metavar="DURATION", help="All values of a time range, e.g. 30m."),
    ] = None,
    period: Annotated[
        timedelta | None,
        typer.Option(parser=_DURATION, metavar="DURATION", help="Period of --since, e.g. 10s or 5m."),
    ] = None,
) -> ExitCode:
    """Show the latest values, or a time range.

    Metrics without a value have a row with their state.
    """
    run = current()
    if period is not None and since is None:
        raise UsageError("--period requires --since", remedy="add e.g. --since 30m")
    metrics = tuple(dict.fromkeys(metric or Metric))
    snapshot = run.stack.sites.fetch()
    warn_if_degraded(run, snapshot.degraded)
    sites = _sites_by_serial(snapshot.sites, serials)
    if since is None:
        latest = run.stack.metrics.latest(sites, metrics)
        points = {
            serial: {name: (point,) for name, point in of.items()} for serial, of in latest.value.items()
        }
        values = MetricValues(points, latest.as_of, latest.missing)
    else:
        names = [site.gateway_serial for site in sites]
        series = run.stack.metrics.series(names, metrics, since=since, period=period or period_for(since))
        values = MetricValues(series.value, series.as_of, series.missing)
    rows = [row for site in sites for row in values.rows(site.gateway_serial, metrics)]
    if run.output is OutputFormat.TABLE:
        rows = [{**row, "state": Status(str(row["state"])).label} for row in rows]
    emit_rows(rows, COLUMNS, run.output)
    return values.report_missing()
