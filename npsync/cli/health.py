"""`npsync health`: whether all is well, for a container's healthcheck and for people."""

from __future__ import annotations

from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption


def health(
    web: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Also ask the web that listens there whether it is ready."),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell whether nothing is lost, the clock ticks and what is due was run. Exit code 1 when it is not so."""
    from nps.errors import ConfigError
    from npsync.cli import output
    from npsync.cli.checking import GOES_ON
    from npsync.clock import SystemClock
    from npsync.config import ConfigProblems
    from npsync.operating.health import health as asked
    from npsync.operating.health import web_is_ready
    from store import open_store

    try:
        loaded = output.load_config(config)
    except ConfigProblems as unread:  # without the file nobody knows where the store is
        raise ConfigError(f"{unread}\n{GOES_ON}") from unread
    store = open_store(loaded.store, loaded.forgetting)  # as it is: a healthcheck changes no schema
    try:
        found = asked(loaded, store, SystemClock().now())
    finally:
        store.close()
    answers = None if web is None else web_is_ready(web)
    well = found.well and answers is not False
    if json:
        told = found.as_json(details=True)
        output.say_json(
            told | ({} if answers is None else {"web": answers}) | {"status": "ok" if well else "red"}
        )
    else:
        output.say("All is well." if well else "Not all is well:")
        if found.problem is not None:
            output.say_wrapped(found.problem, indent="  ")
        for line in found.lines(loaded.time_zone):
            output.say_wrapped(line, indent="  ", then="    ")
        for remark in found.remarks():
            output.say_wrapped(remark)
        if answers is False:
            output.say(f"  the web at {web} is not ready")
    if not well:
        raise typer.Exit(output.FAILED)
