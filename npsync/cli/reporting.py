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
    from npsync.reports import Report, Wish
    from store.api import Store


def report(
    survey: Annotated[
        str | None, typer.Argument(help="One survey. Without it, if there are several, a line for each.")
    ] = None,
    by: Annotated[
        list[str] | None,
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
    comments: Annotated[
        str | None, typer.Option(help='Instead: the comments with these words ("" for all of them).')
    ] = None,
    themes: Annotated[bool, typer.Option("--themes", help="Instead: what comes up in comments.")] = False,
    page: Annotated[int, typer.Option(min=1, max=100_000, help="Which page of the comments.")] = 1,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no CRM for the names of owners; show their ids.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell the NPS with its margin: over time, by group, against before, who moved, what is at risk."""
    from nps.errors import ConfigError
    from npsync import opening
    from npsync.cli import output, report_text
    from npsync.reports import exporting

    group = _one_group(by or [])
    if csv is not None and json:
        raise ConfigError("--csv and --json contradict each other; give one of them")
    loaded = output.load_config(config)
    if comments is not None and themes:
        raise ConfigError("--comments and --themes contradict each other; give one of them")
    if (comments is not None or themes) and csv is not None:
        raise ConfigError("--csv writes figures; for comments and themes take --json")
    asked = {"since": _day(since), "until": _day(until), "every": every, "compare": compare}
    with opening.open_store(loaded) as store:
        if comments is not None or themes:
            wanted = _one_wish(loaded, survey, asked)
            if comments is not None:
                _tell_comments(loaded, store, wanted, comments, page=page, limit=limit, as_json=json)
            else:
                _tell_themes(loaded, store, wanted, limit=limit, as_json=json)
            return
        reports = list(_reports(loaded, store, survey, group, asked, limit, offline=offline))
    if csv is not None:
        rows = [row for each in reports for row in exporting.rows(each)]
        _write(csv, exporting.csv_text(exporting.COLUMNS, rows, bom=bom))
    elif json:
        output.say_json({"reports": [exporting.as_json(each) for each in reports]})
    elif len(reports) > 1 and group is None:
        report_text.tell_all(reports)
    else:
        for place, each in enumerate(reports):
            if place:
                output.say()
            report_text.tell(each, by_score=group == "segment")


def _one_group(by: list[str]) -> str | None:
    """The last of several would win, and nobody would see that the others were dropped."""
    from nps.errors import ConfigError

    if len(by) > 1:
        raise ConfigError(f"--by takes one group, not {len(by)}; ask once for each: {', '.join(by)}")
    return by[0] if by else None


def _one_wish(config: Config, survey: str | None, asked: dict[str, Any]) -> Wish:
    from nps.errors import ConfigError
    from npsync.reports import nps_surveys

    surveys = nps_surveys(config)
    if survey is None and len(surveys) > 1:
        raise ConfigError(f"name the survey: npsync report NAME; there is {', '.join(surveys)}")
    return next(_wishes(config, [survey] if survey is not None else surveys, None, asked))


def _tell_comments(
    config: Config, store: Store, wanted: Wish, words: str, *, page: int, limit: int, as_json: bool
) -> None:
    from npsync.cli import output, remarks_text
    from npsync.reports.comments import search
    from npsync.reports.remarks import counting_of

    hits = search(store, counting_of(config, store, wanted), words, page=page, limit=limit)
    if as_json:
        output.say_json(remarks_text.hits_json(hits))
    else:
        remarks_text.tell_hits(hits, words, config.time_zone)


def _tell_themes(config: Config, store: Store, wanted: Wish, *, limit: int, as_json: bool) -> None:
    from npsync.cli import output, remarks_text
    from npsync.reports.remarks import least_said, themes_of

    found = themes_of(config, store, wanted, limit=limit)
    if as_json:
        output.say_json(remarks_text.themes_json(found))
    else:
        remarks_text.tell_themes(found, least_said(config, wanted))


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
    from npsync.clock import SystemClock
    from npsync.reports import make, nps_surveys
    from npsync.reports.owners import namer

    surveys = [survey] if survey is not None else nps_surveys(config)
    for wanted in _wishes(config, surveys, by, asked):
        names = None if offline or by != "owner" else namer(config, store, wanted.survey)
        yield make(config, store, wanted, now=SystemClock().now(), names=names, limit=limit)


def _wishes(config: Config, surveys: list[str], by: str | None, asked: dict[str, Any]) -> Iterator[Wish]:
    from nps.errors import ConfigError
    from nps.periods import Every
    from npsync.cli.choosing import one_of
    from npsync.clock import SystemClock
    from npsync.reports import Compare, wish

    if not surveys:
        raise ConfigError(f"{config.file}: no survey measures an NPS, so there is nothing to report")
    every = Every(one_of(asked["every"], [each.value for each in Every], "every"))
    compare = Compare(one_of(asked["compare"], [each.value for each in Compare], "compare"))
    for name in surveys:
        yield wish(
            config,
            name,
            today=SystemClock().now().astimezone(config.time_zone).date(),
            since=asked["since"],
            until=asked["until"],
            every=every,
            by=by,
            compare=compare,
        )


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
