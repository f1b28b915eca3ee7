"""Reading anonymous surveys, which no sync does: their answers go into the inbox without who gave them, and figures
move on by whole groups of new answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from connectors.contract import Clock
from nps.errors import NpsyncError
from npsync.schedule import has_its_turn
from npsync.syncing.jobs import anonymous_at, feed_of
from sync.inbox import Pulled, pull
from sync.progress import Silent

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store

PLACE = "anonymous"


@dataclass
class Gathered:
    """What came, and which surveys' figures moved on."""

    new: int = 0
    published: list[str] = field(default_factory=list)
    problems: Sequence[str] = ()

    @property
    def did_something(self) -> bool:
        return bool(self.new or self.published)

    def as_json(self) -> dict[str, Any]:
        return {"new": self.new, "published": list(self.published), "problems": list(self.problems)}


def gather(
    config: Config, store: Store, connections: Opened, *, stop: Callable[[], bool] = lambda: False
) -> Gathered:
    """Read every connection that an anonymous survey is answered in; a failure of one is told and stops no other."""
    pulled, problems = Pulled(), []
    for name in config.connections:
        if anonymous_at(config, name) is None or config.connections[name].connector.source is None:
            continue
        try:
            feed = replace(feed_of(config, name), source=connections.source(name))
        except NpsyncError as error:
            problems.append(str(error))
            continue
        pull(
            [feed],
            store,
            connections.clock,
            connections.owner,
            pulled,
            region=config.phone_region,
            full=False,
            stop=stop,
            progress=Silent(),
        )
    problems += [str(error) for error in pulled.failures.values()]
    moved = [
        survey
        for survey in config.privacy.anonymous
        if store.publish(
            survey, config.sources_of(survey), config.privacy.min_group, now=connections.clock.now()
        )
    ]
    return Gathered(pulled.new + pulled.edited, moved, problems)


class Gathering:
    """Every so often, by whoever of several processes takes the turn."""

    def __init__(self, config: Config, store: Store, clock: Clock, *, stop: Callable[[], bool]) -> None:
        self._config, self._store, self._clock, self._stop = config, store, clock, stop

    def turn(self) -> Gathered:
        from npsync.opening import opened

        now, every = self._clock.now(), self._config.privacy.read_every
        if not has_its_turn(self._store, PLACE, now, lambda at: at + every):
            return Gathered()
        with opened(self._config, self._store, self._clock, stop=self._stop) as connections:
            return gather(self._config, self._store, connections, stop=self._stop)
