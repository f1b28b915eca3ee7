"""Whether somebody may be asked, for departments that ask from elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption


def may_ask(
    who: Annotated[
        str, typer.Argument(help="An e-mail address, phone number with +, record id or external id.")
    ],
    survey: Annotated[
        str | None, typer.Option(help="A survey of the YAML; without it the most careful rest counts.")
    ] = None,
    reserve: Annotated[
        bool, typer.Option("--reserve", help="Hold the yes: nobody else may ask meanwhile.")
    ] = False,
    until: Annotated[
        str | None,
        typer.Option(help="With --reserve: how long it holds, like 3 days.", show_default="2 days"),
    ] = None,
    tool: Annotated[str, typer.Option(help="Who wants to ask.")] = "by hand",
    release: Annotated[
        bool, typer.Option("--release", help="WHO is a reservation that is not used: give it back.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say whether a person may be asked now, and why not. Exit code 1 when not."""
    from nps.asking import Send, Suppress
    from nps.errors import ConfigError
    from npsync import opening
    from npsync.asking import gatekeeper
    from npsync.cli import output
    from npsync.clock import SystemClock

    loaded = output.load_config(config)
    if until is not None and not reserve:
        raise ConfigError("--until says how long a reservation holds: add --reserve")
    now = SystemClock().now()
    with opening.open_store(loaded) as store:
        if release:
            if not store.release_reservation(who):
                raise ConfigError(f"there is no reservation {who} that could be given back")
            output.say(f"{who} is given back; the person may be asked again.")
            return
        wish = gatekeeper.Wish(
            tool=tool,
            survey=survey,
            reserve=reserve,
            until=now + _length(until) if until is not None else None,
        )
        with opening.opened(loaded, store) as connections:
            said = gatekeeper.may_ask(loaded, store, connections, gatekeeper.named_by(loaded, who), wish)
    if json:
        output.say_json(gatekeeper.as_json(said))
    elif isinstance(said.decision, Send):
        output.say(
            "Yes." if said.reservation is None else f"Yes, reserved until {said.until:%Y-%m-%d %H:%M} UTC."
        )
        if said.reservation is not None:
            output.say(f"  not used after all: npsync may-ask {said.reservation} --release")
    elif isinstance(said.decision, Suppress):
        free = said.decision.until
        output.say(f"No: {said.decision.reason}." + (f" Free on {free:%Y-%m-%d}." if free else ""))
    else:
        output.say(f"Not now: {said.decision.reason}. From {said.decision.until:%Y-%m-%d %H:%M} UTC.")
    if not said.may:
        raise typer.Exit(output.FAILED)


def _length(text: str) -> timedelta:
    from nps.durations import duration
    from nps.errors import ConfigError

    try:
        return duration(text)
    except ValueError as error:
        raise ConfigError(f"--until: {error}") from None
