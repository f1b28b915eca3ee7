"""`npsync tokens`: who may call the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from store.api import TokenRow

tokens = typer.Typer(help="Tokens for the API: made, listed, revoked.", no_args_is_help=True)

_SCOPES = (
    "What it allows: events (may somebody be asked, what other tools sent), surveys (which one waits), "
    "reports (figures), read (everything, also who said what), plan, apply (run, pause, decide), undo, "
    "audit (who did what), metrics. May be given several times."
)
_NAME = Annotated[str, typer.Argument(help="What it is for, like marketing.")]


@tokens.command("create")
def create(
    name: _NAME,
    scope: Annotated[list[str] | None, typer.Option(help=_SCOPES, show_default="events")] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            help="When it stops working by itself, like 90 days.", show_default="when it is revoked"
        ),
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a token and print it. It is shown once: only a hash of it is kept."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.deciding.deciders import at_the_command_line
    from npsync.sign_in import tokens as made

    scopes = scope or ["events"]
    lasts, now = _lasts(expires), SystemClock().now()
    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        token = made.create(store, name, scopes, now=now, expires=lasts)
        allowed = {"scopes": " ".join(sorted(set(scopes)))}
        store.note_audit(at_the_command_line(), "made a token", f"token:{name}", allowed, now=now)
    if json:
        ends = None if lasts is None else (now + lasts).isoformat()
        output.say_json({"name": name, "scopes": sorted(set(scopes)), "expires_at": ends, "token": token})
        return
    output.say(token)
    output.tell("Keep it where secrets are kept; it is not shown again. The caller sends it as a header:")
    output.tell("Authorization: Bearer TOKEN")


@tokens.command("list")
def show(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show all tokens, also those that were revoked; never what they are."""
    from npsync import opening
    from npsync.cli import output

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        found = store.tokens()
    if json:
        output.say_json({"tokens": [_facts(token) for token in found]})
        return
    if not found:
        output.say("There is no token. npsync tokens create NAME makes one.")
        return
    zone = loaded.time_zone

    def day(at: Any) -> str:
        return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"

    rows = [
        (
            one.name,
            " ".join(one.scopes),
            day(one.created_at),
            day(one.used_at) or "never",
            _end(one, day),
        )
        for one in found
    ]
    output.table(("name", "allows", "made", "used last", "ends"), rows)


@tokens.command("revoke")
def revoke(name: _NAME, config: ConfigOption = None) -> None:
    """Take a token back. It stops working at once."""
    from npsync import opening
    from npsync.cli import output
    from npsync.clock import SystemClock
    from npsync.deciding.deciders import at_the_command_line
    from npsync.sign_in import tokens as made

    loaded = output.load_config(config)
    with opening.open_store(loaded) as store:
        now = SystemClock().now()
        made.revoke(store, name, now=now)
        store.note_audit(at_the_command_line(), "revoked a token", f"token:{name}", now=now)
    output.say(f'"{name}" is revoked.')


def _end(token: TokenRow, day: Callable[[Any], str]) -> str:
    from npsync.clock import SystemClock
    from npsync.sign_in import tokens as made

    if token.revoked_at is not None:
        return f"revoked {day(token.revoked_at)}"
    over = "over since " if made.is_over(token, SystemClock().now()) else ""
    return over + day(token.expires_at)


def _lasts(expires: str | None) -> timedelta | None:
    from nps.durations import duration
    from nps.errors import ConfigError

    if expires is None:
        return None
    try:
        return duration(expires)
    except ValueError as error:
        raise ConfigError(f"--expires: {error}") from None


def _facts(token: TokenRow) -> dict[str, Any]:
    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": token.created_at.isoformat(),
        "used_at": token.used_at and token.used_at.isoformat(),
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "revoked_at": token.revoked_at and token.revoked_at.isoformat(),
    }
