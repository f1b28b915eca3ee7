"""`npsync sessions`: who is signed in at the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from npsync.sign_in.sessions import SignedIn

sessions = typer.Typer(help="Who is signed in at the dashboard: listed, ended.", no_args_is_help=True)

_WHO = Annotated[
    str | None,
    typer.Argument(
        help="As the list names them: user:ann, token:robot, or ann for both.", show_default=False
    ),
]


@sessions.command("list")
def show(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show who is signed in, since when and by which door, once for each browser."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.sign_in.sessions import signed_in, terms_of

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        found = signed_in(store, terms_of(loaded), now=SystemClock().now())
    if json:
        output.say_json({"sessions": [_facts(one) for one in found]})
        return
    if not found:
        output.say("Nobody is signed in.")
        return
    zone = loaded.time_zone

    def moment(at: Any) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"

    rows = [
        (one.who, one.by, one.role or "", moment(one.began_at), moment(one.seen_at), moment(one.ends_at))
        for one in found
    ]
    output.table(("who", "by", "role", "since", "seen", "ends"), rows)


@sessions.command("end")
def end(
    who: _WHO = None,
    everybody: Annotated[bool, typer.Option("--all", help="Of everybody.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Sign somebody out everywhere, or everybody. They may sign in again: users revoke, tokens revoke and the provider
    keep them out."""
    from nps.errors import ConfigError
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.deciding.deciders import at_the_command_line
    from npsync.sign_in import sessions as signing

    if (who is None) != everybody:
        raise ConfigError("say whose sessions end: npsync sessions end NAME, or --all for everybody's")
    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        terms, now = signing.terms_of(loaded), SystemClock().now()
        ended = signing.end(store, who, terms, by=at_the_command_line(), now=now)
    if json:
        output.say_json({"ended": [_facts(one) for one in ended]})
        return
    if not ended:
        output.say("Nobody was signed in." if everybody else f"{who} was not signed in.")
        return
    names = ", ".join(sorted({one.who for one in ended}))
    output.say(f"{len(ended)} {'session' if len(ended) == 1 else 'sessions'} ended: {names}.")


def _facts(one: SignedIn) -> dict[str, Any]:
    return {
        "who": one.who,
        "by": one.kind,
        "role": one.role,
        "began_at": one.began_at.isoformat(),
        "seen_at": one.seen_at.isoformat(),
        "ends_at": one.ends_at.isoformat(),
    }
