"""`npsync tokens`: who may call the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from store.api import TokenRow

tokens = typer.Typer(help="Tokens for the API: made, listed, revoked.", no_args_is_help=True)

_SCOPES = (
    "What it allows: events (may somebody be asked, what other tools sent), surveys (which one waits), "
    "reports (figures of the dashboard), read (all of the dashboard)."
)
_NAME = Annotated[str, typer.Argument(help="What it is for, like marketing.")]


@tokens.command("create")
def create(
    name: _NAME,
    scope: Annotated[list[str] | None, typer.Option(help=_SCOPES, show_default="events")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a token and print it. It is shown once: only a hash of it is kept."""
    from npsync import service
    from npsync import tokens as made
    from npsync.cli import output
    from npsync.clock import SystemClock

    scopes = scope or ["events"]
    loaded = output.load_config(config)
    with service.open_store(loaded) as store:
        token = made.create(store, name, scopes, now=SystemClock().now())
    if json:
        output.say_json({"name": name, "scopes": sorted(set(scopes)), "token": token})
        return
    output.say(token)
    output.tell("Keep it where secrets are kept; it is not shown again. The caller sends it as a header:")
    output.tell("Authorization: Bearer TOKEN")


@tokens.command("list")
def show(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show all tokens, also those that were revoked; never what they are."""
    from npsync import service
    from npsync.cli import output

    loaded = output.load_config(config)
    with service.open_store(loaded) as store:
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
            day(one.revoked_at),
        )
        for one in found
    ]
    output.table(("name", "allows", "made", "used last", "revoked"), rows)


@tokens.command("revoke")
def revoke(name: _NAME, config: ConfigOption = None) -> None:
    """Take a token back. It stops working at once."""
    from npsync import service
    from npsync import tokens as made
    from npsync.cli import output
    from npsync.clock import SystemClock

    loaded = output.load_config(config)
    with service.open_store(loaded) as store:
        made.revoke(store, name, now=SystemClock().now())
    output.say(f'"{name}" is revoked.')


def _facts(token: TokenRow) -> dict[str, Any]:
    return {
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": token.created_at.isoformat(),
        "used_at": token.used_at and token.used_at.isoformat(),
        "revoked_at": token.revoked_at and token.revoked_at.isoformat(),
    }
