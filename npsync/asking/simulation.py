"""`npsync triggers simulate`: what is known of the past, through the rules and the policy of the file as it is now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nps.errors import AccessError, BudgetError, ConfigError, UnavailableError
from nps.events import Event
from npsync.asking.triggering import Compiled, desk_of
from sync.progress import Progress, Silent
from triggers.desk import Desk
from triggers.simulating import Simulation, simulate

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store


@dataclass(frozen=True)
class History:
    """Events of the past, and what could not be learnt of it."""

    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()


def simulated(
    config: Config,
    store: Store,
    clock: Clock,
    *,
    days: int,
    trigger: str | None = None,
    progress: Progress | None = None,
) -> tuple[Simulation, History]:
    """Follow all triggers of the file (or one, even if it is paused) over the past `days`; writes nothing anywhere."""
    from npsync.opening import opened

    progress = progress or Silent()
    end = clock.now()
    begin = end - timedelta(days=days)
    with opened(config, books=store, clock=clock) as connections:
        compiled = Compiled(config)
        desk = _chosen(desk_of(config, compiled, connections, store), trigger)
        progress.phase("past", None)
        history = history_of(config, desk, connections, begin)
        progress.advance(len(history.events))
        progress.phase("imagining", days)
        return simulate(
            desk, history.events, begin=begin, end=end, progress=_by_day(progress, begin)
        ), history


def _by_day(progress: Progress, begin: datetime) -> Callable[[datetime], None]:
    done = 0

    def at(moment: datetime) -> None:
        nonlocal done
        if (days := (moment - begin).days) > done:
            progress.advance(days - done)
            done = days

    return at


def _chosen(desk: Desk, trigger: str | None) -> Desk:
    if trigger is None:
        return desk
    rule = replace(desk.rules[trigger], paused=False)
    return replace(desk, rules={trigger: rule})


def history_of(config: Config, desk: Desk, connections: Opened, begin: datetime) -> History:
    """What npsync recorded since then, and what the vendors still tell."""
    recorded = [event for event in desk.store.events_since(begin) if event.connection in desk.watched]
    found = {(event.connection, event.key): event for event in recorded}
    notes: list[str] = []
    for connection in desk.watched:
        told, why_not = _told(config, desk, connections, connection, begin)
        notes += why_not
        for event in told:
            found.setdefault((event.connection, event.key), event)
    return History(tuple(found.values()), tuple(notes))


def _told(
    config: Config, desk: Desk, connections: Opened, connection: str, begin: datetime
) -> tuple[Sequence[Event], Sequence[str]]:
    """What a vendor can still tell of these days, and what it cannot."""
    tells_past = {kind.name for kind in config.connections[connection].connector.event_kinds if kind.past}
    watches = desk.watches(connection)
    notes = [
        f"{connection}: what npsync has not recorded itself of {kind} cannot be told afterwards"
        for kind in dict.fromkeys(watch.kind for watch in watches if watch.kind not in tells_past)
    ]
    past = [watch for watch in watches if watch.kind in tells_past]
    source = connections.event_source(connection) if past else None
    if source is None:
        return (), notes
    try:
        return [event for page in source.past(past, begin) for event in page.events], notes
    except (AccessError, BudgetError, ConfigError, UnavailableError) as error:
        return (), [*notes, f"{connection}: only what npsync recorded is known, for {error}"]
