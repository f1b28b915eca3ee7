"""Why a record shows what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.contract import Destination
    from npsync.config import Config
    from npsync.invited import About
    from store.api import Store
    from sync.story import Story


def why(
    who: Annotated[
        str, typer.Argument(help="An e-mail, external id, phone, record id or answer id (also source:id).")
    ],
    sync: Annotated[str | None, typer.Option(help="Only what this sync has to do with it.")] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no CRM: tell what was written, not what stands there now.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell why a record shows what it shows: the answer behind it, those that lost, every write, what changed since."""
    from mapping.problems import did_you_mean
    from nps.errors import ConfigError
    from npsync import invited, service
    from npsync.cli import asking_text, output, why_text
    from npsync.config import load

    loaded = load(output.config_path(config), without_variables=offline)
    if sync is not None and sync not in loaded.sync:
        raise ConfigError(f'{loaded.file}: there is no sync "{sync}"{did_you_mean(sync, loaded.sync)}')
    with service.open_store(loaded) as store:
        story = told(loaded, store, who, sync=sync, offline=offline)
        asked = invited.About() if sync is not None else _asked(loaded, store, who, story, offline=offline)
    if json:
        output.say_json(
            why_text.as_json(story, loaded.time_zone) | {"asked": asking_text.about_as_json(asked)}
        )
    else:
        if story.found or not asked.found:
            for line in why_text.lines(story, loaded.time_zone):
                output.say(line)
        if asked.found:
            output.say(f"\n{who} and our own surveys:")
            asking_text.tell_asked(asked, loaded.time_zone)
    if story.problems:
        raise typer.Exit(output.PARTIAL)
    if not story.found and not asked.found:
        raise typer.Exit(output.FAILED)


def _asked(config: Config, store: Store, who: str, story: Story, *, offline: bool) -> About:
    """What our own asking has to do with them, also with somebody who never answered anything."""
    from npsync import invited, service

    if story.records or not config.triggers:
        return invited.of_records(config, store, who, _records(story))
    if offline:
        return invited.about(config, store, who, None, limit=20)
    with service.opened(config, store) as connections:
        return invited.about(config, store, who, connections, limit=20)


def _records(story: Story) -> list[tuple[str, str]]:
    """The records told of, and those that were merged into them: who was asked before a merge stays asked."""
    return [
        (f"{record.connection}.{record.object}", id)
        for record in story.records
        for id in (record.id, *record.absorbed)
    ]


def told(config: Config, store: Store, who: str, *, sync: str | None = None, offline: bool = False) -> Story:
    """The story of `who`, the CRMs asked unless `offline`."""
    from npsync import service

    if offline:
        return _told(config, store, who, sync, None)
    with service.opened(config, store) as connections:
        return _told(config, store, who, sync, connections.destination)


def _told(
    config: Config, store: Store, who: str, sync: str | None, look: Callable[[str], Destination] | None
) -> Story:
    from msgspec.structs import replace

    from npsync.clock import SystemClock
    from npsync.views import account_views_of, views_of
    from sync.accounts.telling import tell_accounts
    from sync.telling import tell

    story = tell(who, views_of(config, sync=sync), store, region=config.phone_region, look=look)
    views = account_views_of(config, sync=sync)
    accounts, problems = tell_accounts(who, views, store, now=SystemClock().now(), look=look)
    return replace(
        story, accounts=tuple(accounts), problems=tuple(dict.fromkeys((*story.problems, *problems)))
    )
