"""The plan, made by several hands: each looks up, decides and settles its own range of persons.

Two hands may decide one record at the same time, neither seeing the other's answer. So when all are through, every
record that answers of two shards were about is planned anew over all of them: that is the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from connectors.contract import Clock
from nps.errors import Interrupted, LeaseLost, NpsyncError, ShardLost
from store.api.sharing import Shard, ShardKind
from sync.finding import Found
from sync.first_look import Chunk
from sync.interruption import heed
from sync.planned import Planned
from sync.planning import CHUNK, LOOKING_UP, Planner, in_turn
from sync.progress import Progress
from sync.sharing.dispatch import Dispatch, Summons
from sync.sharing.hand import PAUSE, Hand, error_of, repeated, trouble_with
from sync.sharing.watching import watched

PARTS = 24  # into so many a run is cut, if they may be smaller than a chunk


def plan_shards(planner: Planner, hand: Hand, at_once: int, stop: Callable[[], bool]) -> None:
    """Do what is free until nothing is, or until `stop`: then what was begun is given back. Raises LeaseLost."""
    under_way: list[Shard] = []

    def chunks() -> Iterator[Chunk]:
        for shard in hand.shards(stop):
            under_way.append(shard)
            yield planner.chunk_of(shard)

    def settle(chunk: Chunk, found: Found) -> None:
        with suppress(ShardLost):  # another hand does it, or did
            repeated(lambda: planner.settle(chunk, found))

    try:
        for chunk in in_turn(planner.job, planner.codecs, settle, chunks(), at_once, stop):
            under_way = [shard for shard in under_way if shard is not chunk.shard]
    except (LeaseLost, Interrupted):
        raise
    except NpsyncError as error:
        for shard in under_way[:1]:  # one says it; the others are free again
            try:
                hand.store.close_shard(shard, {}, lease=hand.lease, trouble=trouble_with(error))
            except ShardLost:
                continue
        hand.store.give_back(hand.owner)


def plan_together(
    planner: Planner,
    planned: Planned,
    dispatch: Dispatch,
    summons: Summons,
    *,
    taken_up: int,
    owner: str,
    clock: Clock,
    at_once: int = LOOKING_UP,
    stop: Callable[[], bool],
    progress: Progress,
) -> None:
    """The whole work, by whoever comes. `planned` is put together of what all of them counted."""
    store, job, run, lease = planner.store, planner.job, planner.run, planner.lease
    for _ in in_turn(job, planner.codecs, planner.settle, planner.uncleared(), at_once, stop):
        pass
    size = max(dispatch.cut.least, min(CHUNK, -(-taken_up // PARTS)))
    store.share_work(job.name, run, size=size, lease=lease, enlist=dispatch.enlist(summons))
    see = watched(store, dispatch, summons, progress)
    try:
        with Hand(store, lease, run, ShardKind.PLAN, owner, clock, see).at_work() as hand:
            while True:
                plan_shards(planner, hand, at_once, stop)
                if store.sharing(run, ShardKind.PLAN).over:
                    break
                heed(stop)
                clock.sleep(PAUSE)
        see()
    except Interrupted as interrupted:
        store.stop_sharing(run, ShardKind.PLAN, trouble_with(interrupted), lease=lease, now=clock.now())
        raise
    finally:
        planner.planned = planned
        for part in store.shard_outcomes(run, ShardKind.PLAN):
            if part:
                planned.absorb(part)
    if (trouble := store.sharing(run, ShardKind.PLAN).trouble) is not None:
        raise error_of(trouble)
    met = store.met(job.name, run)
    for _ in in_turn(job, planner.codecs, planner.settle, _again(met), at_once, stop):
        pass


def _again(met: dict[str, str]) -> Iterator[Chunk]:
    records: Sequence[str] = sorted(met)
    for start in range(0, len(records), CHUNK):
        some = records[start : start + CHUNK]
        yield Chunk(touched=set(some), keys={record: met[record] for record in some})
