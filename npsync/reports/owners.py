"""The names of owners, asked of the CRM whose records they own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from connectors.creating import GivesTasks
from nps.errors import NpsyncError
from npsync.logs import notice
from npsync.reports.making import Names

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store


def namer(config: Config, store: Store, survey: str, clock: Clock | None = None) -> Names:
    """Asks every CRM that this survey's answers are written to and that knows owners. Who is not found keeps the id:
    a report does not fail because a name cannot be read."""
    from npsync.syncing.jobs import target_of

    places = {target_of(config, sync).connection for sync in config.sync.values() if sync.survey == survey}

    def names(ids: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        if ids:
            for place in sorted(places):
                found |= _asked(config, store, place, [id for id in ids if id not in found], clock)
        return found

    return names


def _asked(
    config: Config, store: Store, connection: str, ids: Sequence[str], clock: Clock | None
) -> Mapping[str, str]:
    from npsync import opening

    try:
        with opening.opened(config, store, clock) as connections:
            to = connections.destination(connection)
            owners = to.owners(ids) if isinstance(to, GivesTasks) else {}
    except NpsyncError as error:
        notice("owners_not_read", connection=connection, problem=str(error))
        return {}
    return {id: owner.name for id, owner in owners.items() if owner.name}
