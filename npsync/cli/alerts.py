"""`npsync alerts`: try a connection, look at a digest before anybody gets it, and what was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from npsync.alerting.spec import DigestSpec
    from npsync.config import Config

alerts = typer.Typer(help="Try what tells people, and look at digests.", no_args_is_help=True)


@alerts.command("test")
def try_out(
    connection: Annotated[str, typer.Argument(help="The connection that tells it.")],
    to: Annotated[
        str | None,
        typer.Option(
            help="A channel or an address.", show_default="what alerts or digests say, else its own"
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Hand one message over now, to see that it arrives. It says that it is a try."""
    from connectors.contract import Alert
    from npsync import logs, opening
    from npsync.cli import output
    from npsync.cli.choosing import connection_named

    loaded = output.load_config(config)
    connection_named(loaded, connection)
    logs.set_up(json=False)
    place = to if to is not None else _usual(loaded, connection)
    with opening.open_store(loaded) as store, opening.opened(loaded, store) as connections:
        now = connections.clock.now()
        said = Alert(
            key=f"try {now.isoformat(timespec='seconds')}",
            title="A try of npsync",
            facts=(("Connection", connection),),
            text="Alerts and digests of this file arrive here. Nothing has happened.",
            to=place,
        )
        id = connections.alerter(connection).alert(said)
    output.say(
        f"{connection} took it{f' for {place}' if place else ''}{f' ({id})' if id else ''}. Look whether it arrived."
    )


@alerts.command("digest")
def digest(
    audience: Annotated[
        str | None, typer.Argument(help="Whose digest. Without it the only one there is.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show it here, and hand nothing over.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Hand a digest over now, whenever it is due; or only look at it."""
    from npsync import logs, opening
    from npsync.alerting import digests, messages
    from npsync.cli import output
    from npsync.clock import SystemClock

    loaded = output.load_config(config)
    spec = _chosen(loaded, audience)
    logs.set_up(json=json)
    clock = SystemClock()
    with opening.open_store(loaded) as store:
        made = digests.digest(loaded, store, spec, clock, id=f"asked {clock.now().isoformat()}")
        told = messages.Told()
        if not preview:
            messages.want(store, spec.connection, spec.to, [made], now=clock.now())
            told = messages.deliver(loaded, store, clock)
    if json:
        facts = {"title": made.title, "figures": dict(made.facts), "lines": made.text.splitlines()}
        output.say_json(facts | ({} if preview else {"delivered": told.delivered, "problems": told.problems}))
    else:
        output.say(made.title)
        for name, value in made.facts:
            output.say(f"  {name}: {value}")
        for line in made.text.splitlines():
            output.say(f"  {line}")
        output.say("Nothing was sent." if preview else f"Handed over: {told.delivered}.")
        for problem in told.problems:
            output.say(f"  ! {problem}")
    if told.problems:
        raise typer.Exit(output.PARTIAL)


def _usual(config: Config, connection: str) -> str:
    """Where this connection is told to say something, by the first that says so."""
    from npsync.alerting.turn import digests_of

    told = [(one.connection, one.to) for one in config.alerts]
    told += [(one.connection, one.to) for one in digests_of(config)]
    return next((to for name, to in told if name == connection), "")


def _chosen(config: Config, audience: str | None) -> DigestSpec:
    from mapping.problems import did_you_mean
    from nps.errors import ConfigError
    from npsync.alerting.turn import digests_of

    known = {one.audience: one for one in digests_of(config)}
    if not known:
        raise ConfigError(f"{config.file}: report.digests names none")
    if audience is None and len(known) == 1:
        return next(iter(known.values()))
    if audience is None:
        raise ConfigError(f"there are several digests; name one of {', '.join(known)}")
    if audience not in known:
        raise ConfigError(
            f'{config.file}: there is no digest for "{audience}"{did_you_mean(audience, known)}: {", ".join(known)}'
        )
    return known[audience]
