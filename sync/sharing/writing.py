"""The plan, written by several hands: each opens, sends and settles its own batches, in write order.

What a hand leaves open that is gone, the next one settles by asking the vendor, as a restart does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from nps.changes import Batch, Outcome
from nps.errors import Interrupted, NpsyncError, ShardLost, UnavailableError
from nps.values import Json, JsonFields
from store.api.sharing import Closing, Shard, ShardKind
from sync.progress import Progress
from sync.sharing.dispatch import Dispatch, Summons
from sync.sharing.hand import PAUSE, Hand, error_of, repeated, trouble_with
from sync.sharing.watching import watched
from sync.writing import MOST_CHANGES, OPENED, WRITING, Sender, WrittenUp, found_out, unsent


@dataclass
class _Part:
    """A shard this hand has opened: what is still out of it, and what came back."""

    shard: Shard
    out: int
    answered: dict[int, Sequence[Outcome] | None] = field(default_factory=dict)


def write_shards(
    sender: Sender, hand: Hand, most: int, at_once: int, stop: Callable[[], bool]
) -> NpsyncError | None:
    """Write what is free until nothing is, or until `stop`; what was opened by then is written. Why it ended early,
    if it did. Raises LeaseLost."""
    waiting: deque[tuple[_Part, Callable[[], Sequence[Outcome] | None], Batch]] = deque()
    under_way: dict[Future[Sequence[Outcome] | None], tuple[_Part, Batch]] = {}
    done = sender.done
    shards = hand.shards(stop)
    with ThreadPoolExecutor(at_once, thread_name_prefix="npsync-write") as pool:
        while True:
            if done.problem is None and not waiting and (shard := next(shards, None)) is not None:
                waiting.extend(_opened(sender, shard))
            while waiting and done.problem is None and len(under_way) < min(2 * at_once, most):
                part, send, batch = waiting.popleft()
                under_way[pool.submit(send)] = part, batch
            if not under_way:
                break
            finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in finished:
                part, batch = under_way.pop(future)
                _note(sender, part, batch, future.result())
    for part, _send, batch in waiting:  # opened, and known not to have left
        _note(sender, part, batch, unsent(batch))
    return done.problem


def _opened(
    sender: Sender, shard: Shard
) -> list[tuple[_Part, Callable[[], Sequence[Outcome] | None], Batch]]:
    opened_at: datetime = sender.clock.now()  # before: who sleeps in between has slept since
    try:
        batches, before = repeated(lambda: sender.store.open_shard(shard, lease=sender.lease))
    except ShardLost:
        return []
    part = _Part(shard, len(batches) + len(before))
    if not part.out:  # whoever had it before was killed when all of it was settled
        _close(sender, part)
    return [
        *((part, partial(_left_open, sender, batch, handle), batch) for batch, handle in before),
        *((part, partial(_sent, sender, shard, batch, opened_at), batch) for batch in batches),
    ]


def _sent(sender: Sender, shard: Shard, batch: Batch, opened_at: datetime) -> Sequence[Outcome] | None:
    """The run may go on while a hand of it sleeps: then another one has settled this by what the vendor said, and a
    call that leaves only now would be in nobody's journal."""
    try:
        return sender.outcomes(batch, opened_at, lambda: sender.store.prove_shard(shard, lease=sender.lease))
    except ShardLost:
        return None


def _left_open(sender: Sender, batch: Batch, handle: str | None) -> Sequence[Outcome] | None:
    """A hand that is gone had opened it: the vendor knows how far it got."""
    try:
        return found_out(sender.job.destination, batch, handle)
    except UnavailableError as error:  # StillUnderWay too: then the next run asks again
        sender.done.problem = sender.done.problem or error
        return None


def _note(sender: Sender, part: _Part, batch: Batch, outcomes: Sequence[Outcome] | None) -> None:
    part.answered[batch.id] = outcomes
    part.out -= 1
    if not part.out:
        _close(sender, part)


def _close(sender: Sender, part: _Part) -> None:
    known = {batch: outcomes for batch, outcomes in part.answered.items() if outcomes is not None}
    came_to = WrittenUp()
    for outcomes in known.values():
        came_to.note(outcomes)
    problem = sender.done.problem
    # That one hand was asked to stop is no trouble of the run's: the others go on.
    trouble = None if problem is None or isinstance(problem, Interrupted) else trouble_with(problem)

    def outcome(_replaced: Sequence[JsonFields]) -> Mapping[str, Json]:
        return {"outcomes": dict(came_to.outcomes), "doubt": came_to.doubt}

    closing = Closing(part.shard, outcome, trouble)
    with suppress(ShardLost):  # another hand found it open, and settled it by what the vendor says
        repeated(
            lambda: sender.store.settle_batches(
                part.shard.run, known, lease=sender.lease, now=sender.clock.now(), closing=closing
            )
        )


def write_together(
    sender: Sender,
    done: WrittenUp,
    dispatch: Dispatch,
    summons: Summons,
    *,
    size: int,
    owner: str,
    at_once: int = WRITING,
    stop: Callable[[], bool],
    progress: Progress,
) -> None:
    """All batches that are planned (of `size` changes each), by whoever comes. `done` is put together of what all of
    them wrote."""
    store, run, lease, clock = sender.store, summons.run, sender.lease, sender.clock
    most = max(1, MOST_CHANGES // size)
    together = min(OPENED, most) if most > OPENED else 1
    store.share_batches(summons.sync, run, together=together, lease=lease, enlist=dispatch.enlist(summons))
    see = watched(store, dispatch, summons, progress)
    own = WrittenUp()
    mine = Sender(sender.job, store, lease, clock, own)

    def heeding() -> bool:
        if stop():
            own.problem = own.problem or Interrupted()
        return own.problem is not None

    with Hand(store, lease, run, ShardKind.WRITE, owner, clock, see).at_work() as hand:
        while True:
            problem = write_shards(mine, hand, most, at_once, heeding)
            if problem is not None:
                store.stop_sharing(run, ShardKind.WRITE, trouble_with(problem), lease=lease, now=clock.now())
            if store.sharing(run, ShardKind.WRITE).over:
                break
            clock.sleep(PAUSE)
            heeding()
    see()
    for part in store.shard_outcomes(run, ShardKind.WRITE):
        _absorb(done, part)
    trouble = store.sharing(run, ShardKind.WRITE).trouble
    done.problem = own.problem or (None if trouble is None else error_of(trouble))


def _absorb(done: WrittenUp, part: Mapping[str, Any]) -> None:
    done.outcomes.update(part.get("outcomes") or {})
    done.doubt = done.doubt or part.get("doubt") or ""
