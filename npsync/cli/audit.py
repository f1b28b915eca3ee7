"""`npsync audit`: who did what, and who looked at whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from store.api import Audited

_WHO = Annotated[
    str | None, typer.Option(help="Of one: user:ann, token:bi, or what their machine calls them: cli:ann.")
]
_ABOUT = Annotated[str | None, typer.Option(help="What it was about: a sync, run 12, crm/Contact/003….")]
_SINCE = Annotated[
    str | None, typer.Option(help="From this day on, like 2026-03-31, or so long ago: 7 days.")
]


def audit(
    who: _WHO = None,
    about: _ABOUT = None,
    since: _SINCE = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many, the latest.")] = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show who did what, at the dashboard, through the API and here, and who looked at whose record."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock

    loaded = output.load_config(config)
    begin = None if since is None else _begin(since, SystemClock().now(), loaded.time_zone)
    with opening.open_store(loaded) as store:
        found = store.audited(who=who, about=about, since=begin, limit=limit)
    if json:
        output.say_json({"audit": [_facts(one) for one in found]})
        return
    if not found:
        output.say("Nothing was done or looked at that is kept.")
        return
    zone = loaded.time_zone
    rows = [
        (f"{one.at.astimezone(zone):%Y-%m-%d %H:%M}", one.who, one.what, one.about, _said(one))
        for one in found
    ]
    output.table(("when", "who", "did", "about", "facts"), rows)


def _begin(since: str, now: datetime, zone: tzinfo) -> datetime:
    from datetime import UTC, datetime

    from nps.durations import duration
    from nps.errors import ConfigError

    try:
        return datetime.strptime(since, "%Y-%m-%d").replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        pass  # no day: then so long ago
    try:
        return now - duration(since)
    except (ValueError, OverflowError):
        raise ConfigError(f'--since: "{since}" is no day like 2026-03-31, and no time like 7 days') from None


def _said(one: Audited) -> str:
    return " ".join(f"{name}={value}" for name, value in one.facts.items())


def _facts(one: Audited) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "who": one.who,
        "what": one.what,
        "about": one.about,
        "facts": dict(one.facts),
    }
