"""`npsync report`: the figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.reports import Report
    from store.api import Store


def report(
    survey: Annotated[
        str | None, typer.Argument(help="One survey. Without it, if there are several, a line for each.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Group by segment, channel, source, survey (its id in each tool), owner, or a name of report.by."
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day.", show_default="twelve months with this one"),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day.", show_default="today")
    ] = None,
    every: Annotated[str, typer.Option(help="The steps of the time line: month, quarter or week.")] = "month",
    compare: Annotated[
        str, typer.Option(help="With what: previous (as many days before), year (a year before) or none.")
    ] = "previous",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many groups to show.")] = 25,
    csv: Annotated[
        Path | None, typer.Option(help="Write every figure to this CSV file (- for the output).")
    ] = None,
    bom: Annotated[
        bool, typer.Option("--bom", help="Begin the CSV with the mark by which Excel knows UTF-8.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no CRM for the names of owners; show their ids.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell the NPS with its margin: over time, by group, against before, who moved, what is at risk."""
    from nps.errors import ConfigError
    from npsync import service
    from npsync.cli import output, report_text
    from npsync.reports import exporting

    if csv is not None and json:
        raise ConfigError("--csv and --json contradict each other; give one of them")
    loaded = output.load_config(config)
    asked = {"since": _day(since), "until": _day(until), "every": every, "compare": compare}
    with service.open_store(loaded) as store:
        reports = list(_reports(loaded, store, survey, by, asked, limit, offline=offline))
    if csv is not None:
        rows = [row for each in reports for row in exporting.rows(each)]
        _write(csv, exporting.csv_text(exporting.COLUMNS, rows, bom=bom))
    elif json:
        output.say_json({"reports": [exporting.as_json(each) for each in reports]})
    elif len(reports) > 1 and by is None:
        report_text.tell_all(reports)
    else:
        for place, each in enumerate(reports):
            if place:
                output.say()
            report_text.tell(each, by_score=by == "segment")


def _reports(
    config: Config,
    store: Store,
    survey: str | None,
    by: str | None,
    asked: dict[str, Any],
    limit: int,
    *,
    offline: bool,
) -> Iterator[Report]:
    from nps.errors import ConfigError
    from nps.periods import Every
    from npsync.cli.choosing import one_of
    from npsync.clock import SystemClock
    from npsync.reports import Compare, make, nps_surveys, wish
    from npsync.reports.owners import namer

    now = SystemClock().now()
    surveys = [survey] if survey is not None else nps_surveys(config)
    if not surveys:
        raise ConfigError(f"{config.file}: no survey measures an NPS, so there is nothing to report")
    every = Every(one_of(asked["every"], [each.value for each in Every], "every"))
    compare = Compare(one_of(asked["compare"], [each.value for each in Compare], "compare"))
    for name in surveys:
        wanted = wish(
            config,
            name,
            today=now.astimezone(config.time_zone).date(),
            since=asked["since"],
            until=asked["until"],
            every=every,
            by=by,
            compare=compare,
        )
        names = None if offline or by != "owner" else namer(config, store, name)
        yield make(config, store, wanted, now=now, names=names, limit=limit)


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.date()


def _write(to: Path, text: str) -> None:
    from nps.errors import ConfigError
    from npsync.cli import output

    if str(to) == "-":
        output.say_exactly(text)
        return
    try:
        to.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigError(f"cannot write {to}: {error.strerror}") from None
    output.tell(f"Wrote {to}.")
