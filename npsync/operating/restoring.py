"""A backup becomes the store. What it cannot know of the time since is told; nobody is asked before people agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nps.errors import ConfigError
from npsync.clockwork.agreeing import named
from npsync.clockwork.ticking import is_alive
from npsync.deciding import sends
from npsync.deciding.deciders import Decider, at_the_command_line

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store


@dataclass(frozen=True)
class Restored:
    """What came of it. `latest`: the newest thing the backup knows of; `stopped`: sends wait for a person."""

    rows: int
    latest: datetime | None
    stopped: bool


def restore(
    config: Config,
    store: Store,
    file: Path,
    *,
    replace: bool,
    moved: bool,
    now: datetime,
    told: Callable[[int], None] = lambda rows: None,
) -> Restored:
    """Put the backup in the store's place. `moved`: nothing happened since it was made, so nothing waits for a person.
    Raises ConfigError when somebody works on the store, when it holds something and `replace` is not said, or when the
    file is no backup."""
    if busy := [*store.at_work(now), *_there(store, now)]:
        raise ConfigError(
            f"the store is in use ({', '.join(busy)}). Stop npsync serve and every worker first; what died without a "
            "word is free after a few minutes"
        )
    if not replace and not store.is_empty():
        raise ConfigError(
            "the store holds something. Back it up first (npsync db backup), then say --replace: what it holds is gone "
            "then"
        )
    stopped = config.has_to_ask and not moved
    who = at_the_command_line()

    def careful(restored: Store) -> None:
        """Before it is the store: nobody may act by what it knows, not even for the moment until somebody is told."""
        if stopped:
            why = "a backup was restored: it does not know who was asked since it was made"
            sends.stop(Decider(config, restored, who, now), why)
        if not moved:
            restored.give_up_actions("a backup was restored: ask for it again if it is still wanted", now=now)
        restored.note_audit(who, "restored a backup", file.name, {"moved": True} if moved else {}, now=now)

    rows = store.restore(file, told, careful)
    _empty_queue(config)
    latest = max((run.ended_at or run.started_at for run in store.runs(limit=1)), default=None)
    return Restored(rows, latest, stopped)


def _empty_queue(config: Config) -> None:
    """Its jobs are about runs and due times of the store that was."""
    from npsync.scale.queue import Queue, is_scaled

    if not is_scaled(config.store):
        return
    queue = Queue(config.store)
    try:
        queue.prepare()
        queue.empty()
    finally:
        queue.close()


def _there(store: Store, now: datetime) -> list[str]:
    """Processes that wait for what comes due: they hold nothing just now, and would go on by what they remember."""
    return [named(one) for one in store.serving() if is_alive(one, now)]
