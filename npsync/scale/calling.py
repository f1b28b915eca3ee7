"""What the engine and the clock know as hands, on the queue."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from nps.errors import ConfigError
from npsync.clockwork.claims import Claim
from npsync.clockwork.ticking import is_alive
from npsync.scale.queue import CLAIM, LEND, Job, Queue, is_scaled
from npsync.syncing.planfile import mapping_hash
from store.api.sharing import Enlisting
from sync.sharing.dispatch import Cut, Summons

if TYPE_CHECKING:
    from npsync.clockwork.work import Work
    from npsync.config import Config
    from npsync.scale.hands import Laborer
    from store.api import Store

FIRST = 10  # a run that is under way is finished before another one begins


class Called:
    """The hands of one sync's runs: whoever has the same mapping, and time."""

    alone = False

    def __init__(self, config: Config, queue: Queue) -> None:
        self._config, self._queue = config, queue
        self.cut = cut_from(os.environ)

    def enlist(self, summons: Summons) -> Enlisting:
        return lambda connection: self._queue.put_within(self._job(summons), connection)

    def remind(self, summons: Summons) -> None:
        self._queue.put(self._job(summons))

    def _job(self, summons: Summons) -> Job:
        mapping = mapping_hash(self._config, summons.sync)
        return Job(
            LEND,
            {"summons": msgspec.to_builtins(summons), "mapping": mapping},
            once=f"{LEND}/{summons.run}/{summons.kind}",
            priority=FIRST,
            by=mapping,
        )


def cut_from(environment: Mapping[str, str]) -> Cut:
    """NPSYNC_SHARE_FROM: from how many answers on a run is shared, and its parts as much smaller."""
    said = environment.get("NPSYNC_SHARE_FROM")
    if said is None:
        return Cut()
    if not said.isdigit() or not int(said):
        raise ConfigError(f'NPSYNC_SHARE_FROM is a number of answers, at least 1; it says "{said}"')
    return Cut(answers=int(said), batches=2, least=max(1, int(said) // 10))


@contextmanager
def whoever_is_there(config: Config, store: Store, now: datetime) -> Iterator[Called | None]:
    """Other hands for a run that nobody took off the queue: of the processes that serve this store. None where there
    are none, or no queue."""
    if not is_scaled(config.store) or not any(is_alive(one, now) for one in store.serving()):
        yield None
        return
    queue = Queue(config.store)
    try:
        yield Called(config, queue) if queue.is_prepared() else None
    finally:
        queue.close()


class Queued:
    """`npsync.clockwork.hands.Hands`: what the clock took goes on the queue, this process's own laborer among those
    who do it."""

    def __init__(self, store: Store, queue: Queue, laborer: Laborer) -> None:
        self._store, self._queue, self._laborer = store, queue, laborer

    def begin(self, claim: Claim, work: Work) -> None:
        self._laborer.go_by(work.config)
        job = job_of(claim, work)
        if claim.tick is None:
            self._queue.put(job)
        else:  # from here on the queue keeps it: a process that is gone by then is nobody to wait for
            self._store.hand_tick(
                claim.tick, None, enlist=lambda connection: self._queue.put_within(job, connection)
            )

    def is_busy(self, place: str) -> bool:
        """A job whose tick has ended is through, or was handed back: it is off the queue in a moment, and what is due
        again meanwhile is no overlap."""
        ticks = self._queue.ticks_of(once_of(place))
        return None in ticks or (bool(ticks) and any(one.number in ticks for one in self._store.open_ticks()))

    def stop(self) -> None:
        self._laborer.stop()

    def under_way(self) -> list[str]:
        return []  # `wait` says when the laborer has come to its end

    def wait(self) -> None:
        self._laborer.wait()


def job_of(claim: Claim, work: Work) -> Job:
    mapping = mapping_hash(work.config, claim.sync)
    words = {"claim": words_of(claim), "mapping": mapping}
    return Job(CLAIM, words, once=once_of(claim.place), after=work.order(claim), by=mapping)


def once_of(place: str) -> str:
    return f"{CLAIM}/{place}"


def words_of(claim: Claim) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in dataclasses.asdict(claim).items()
    }


def claim_of(words: Mapping[str, Any]) -> Claim:
    known = {one.name for one in dataclasses.fields(Claim)}
    said: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value
        for name, value in words.items()
        if name in known
    }
    return Claim(**said)
