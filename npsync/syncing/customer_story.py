"""Everything about one WHO, for `npsync why` and for the page of a customer alike: what records show and why, and what
our own surveys have to do with them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from npsync.asking import invited
from npsync.asking.invited import About
from npsync.syncing.views import account_views_of, views_of
from sync.accounts.telling import tell_accounts
from sync.story import Story
from sync.telling import tell

if TYPE_CHECKING:
    from connectors.contract import Destination
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store

_TOLD = 20  # invitations of one person, and refusals


def told(
    config: Config,
    store: Store,
    who: str,
    *,
    now: datetime,
    sync: str | None = None,
    connections: Opened | None = None,
    thorough: bool = False,
) -> Story:
    """The story of `who`. Without `connections` no CRM is asked. `thorough`: whatever it takes to find them."""
    look: Callable[[str], Destination] | None = None if connections is None else connections.destination
    region, views = config.phone_region, views_of(config, sync=sync)
    with _moment(store, connections):
        story = tell(who, views, store, region=region, look=look, thorough=thorough)
        its_views = account_views_of(config, sync=sync)
        accounts, problems = tell_accounts(who, its_views, store, now=now, look=look)
    return replace(
        story, accounts=tuple(accounts), problems=tuple(dict.fromkeys((*story.problems, *problems)))
    )


def asked(config: Config, store: Store, who: str, story: Story, connections: Opened | None) -> About:
    """What our own asking has to do with them, also with somebody who never answered anything: whose record `who`
    names is then looked up, by the CRM if there are `connections`."""
    with _moment(store, connections):
        if story.records or not config.triggers:
            return invited.of_records(config, store, who, records_of(story), limit=_TOLD)
        return invited.about(config, store, who, connections, limit=_TOLD)


def _moment(store: Store, connections: Opened | None) -> AbstractContextManager[None]:
    """The store is read as of one moment, unless a CRM is waited for in between."""
    return store.at_one_moment() if connections is None else nullcontext()


def records_of(story: Story) -> list[tuple[str, str]]:
    """The records told of, and those that were merged into them: who was asked before a merge stays asked."""
    return [
        (f"{record.connection}.{record.object}", id)
        for record in story.records
        for id in (record.id, *record.absorbed)
    ]
