"""Who was asked and who was not, and what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from npsync.asking.invited import About
    from npsync.config import Config
    from store.api import Store


def invitations(
    who: Annotated[
        str | None,
        typer.Argument(help="An invitation, or a person: e-mail, phone, external id or record id."),
    ] = None,
    trigger: Annotated[str | None, typer.Option(help="Only those of this trigger.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Only those that are queued, sent, answered, suppressed …")
    ] = None,
    not_asked: Annotated[
        bool, typer.Option("--not-asked", help="Those that were not asked, and why.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel this invitation: nobody is asked by it.")
    ] = False,
    reason: Annotated[str, typer.Option(help="With --cancel: why, for those who look later.")] = "",
    links: Annotated[
        bool, typer.Option("--links", help="Those whose link somebody else sends (type: link), with it.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no CRM whose an e-mail or external id is.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show who was asked, who was not and why."""
    from nps.asking import InvitationState
    from nps.errors import ConfigError
    from npsync import opening
    from npsync.asking import invited
    from npsync.cli import asking_told, output
    from npsync.cli.choosing import one_of, trigger_named
    from npsync.clock import SystemClock
    from npsync.config import load
    from npsync.deciding import sends
    from npsync.deciding.deciders import Decider
    from npsync.words import asking_text

    loaded = load(output.config_path(config), without_variables=offline)
    wanted = None if state is None else InvitationState(one_of(state, list(InvitationState), "state"))
    if trigger is not None:
        trigger_named(loaded, trigger)
    if cancel and who is None:
        raise ConfigError("--cancel takes back one invitation: npsync invitations ID --cancel")
    zone = loaded.time_zone
    with opening.open_store(loaded) as store:
        now = SystemClock().now()
        if who is not None and cancel:
            decider = Decider.at_the_command_line(loaded, store)
            one = sends.cancel(decider, invited.named(store, who), reason)
            if json:
                output.say_json(asking_text.as_json(one))
            else:
                output.say(f"{one.id}: {one.reason}. Nobody is asked.")
        elif who is not None:
            story = _about(loaded, store, who, offline, limit)
            asking_told.about(story, who, zone, json=json)
            if not story.found:
                raise typer.Exit(output.FAILED)
        elif links:
            asking_told.links(invited.to_hand_on(loaded, store, now, limit=limit), zone, json=json)
        elif not_asked:
            asking_told.not_asked(invited.not_asked(store, trigger=trigger, limit=limit), zone, json=json)
        else:
            found = store.invitations(trigger=trigger, state=wanted, limit=limit)
            funnel = store.funnel(since=now - invited.FUNNEL)
            asking_told.invitations(found, funnel, zone, trigger=trigger, json=json)


def _about(config: Config, store: Store, who: str, offline: bool, limit: int) -> About:
    from npsync import opening
    from npsync.asking import invited

    if offline:
        return invited.about(config, store, who, None, limit=limit)
    with opening.opened(config, store) as connections:
        return invited.about(config, store, who, connections, limit=limit)


def events(
    connection: Annotated[str | None, typer.Option(help="Only those of this connection.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what arrived about events, and what became of it."""
    from npsync import opening
    from npsync.asking import invited
    from npsync.cli import asking_told, output
    from npsync.cli.choosing import connection_named

    loaded = output.load_config(config)
    if connection is not None:
        connection_named(loaded, connection)
    with opening.open_store(loaded) as store:
        found = invited.arrivals(store, connection=connection, limit=limit)
    asking_told.arrivals(found, loaded.time_zone, json=json)
