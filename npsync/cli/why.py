"""Why a record shows what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from npsync.cli.output import ConfigOption, JsonOption

if TYPE_CHECKING:
    from npsync.asking.invited import About
    from npsync.config import Config
    from npsync.opening import Opened
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
    from npsync import opening
    from npsync.cli import asking_told, output
    from npsync.cli.choosing import sync_named
    from npsync.config import load
    from npsync.words import asking_text, why_text

    loaded = load(output.config_path(config), without_variables=offline)
    if sync is not None:
        sync_named(loaded, sync)
    with opening.open_store(loaded) as store:
        if offline:
            story, asked = _told(loaded, store, who, sync, None)
        else:
            with opening.opened(loaded, store) as connections:
                story, asked = _told(loaded, store, who, sync, connections)
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
            asking_told.asked(asked, loaded.time_zone)
    if story.problems:
        raise typer.Exit(output.PARTIAL)
    if not story.found and not asked.found:
        raise typer.Exit(output.FAILED)


def _told(
    config: Config, store: Store, who: str, sync: str | None, connections: Opened | None
) -> tuple[Story, About]:
    from npsync.asking import invited
    from npsync.clock import SystemClock
    from npsync.syncing import customer_story

    now = SystemClock().now()
    story = customer_story.told(
        config, store, who, now=now, sync=sync, connections=connections, thorough=True
    )
    if sync is not None:
        return story, invited.About()
    return story, customer_story.asked(config, store, who, story, connections)
