"""A process that runs nothing itself lends a hand to a run of somebody else's."""

from __future__ import annotations

from collections.abc import Callable

from connectors.contract import Clock
from nps.errors import Interrupted, LeaseLost
from store.api import Store
from store.api.sharing import ShardKind
from sync.codecs import open_codecs
from sync.job import Job
from sync.outbox.after import After
from sync.planned import Planned
from sync.planning import LOOKING_UP, Planner
from sync.sharing.dispatch import Summons
from sync.sharing.hand import Hand
from sync.sharing.planning import plan_shards
from sync.sharing.writing import write_shards
from sync.writing import MOST_CHANGES, WRITING, Sender, WrittenUp

STARTS = 3
"""What so many hands began and none has done their processes may have died of. Whoever runs it does that himself: if he
dies of it too, the run rests before it is begun again, and the others are there for other runs meanwhile."""


def lend_a_hand(
    job: Job,
    store: Store,
    clock: Clock,
    owner: str,
    summons: Summons,
    *,
    at_once: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Work on the run until nothing of it is free, it is over, or `stop`; how many shards that were. What goes wrong is
    told to the run. Raises what opening the destination raises."""
    hand = Hand(store, summons.lease, summons.run, summons.kind, owner, clock, starts=STARTS)
    try:
        with hand.at_work():
            if summons.kind is ShardKind.PLAN:
                planner = _planner(job, store, clock, summons)
                plan_shards(planner, hand, at_once or LOOKING_UP, stop)
            else:
                sender = Sender(job, store, summons.lease, clock, WrittenUp())
                most = max(1, MOST_CHANGES // job.destination.ways(job.object, MOST_CHANGES)[0].batch)
                write_shards(sender, hand, most, at_once or WRITING, stop)
    except (LeaseLost, Interrupted):
        pass  # the run is over, or somebody else's; or we were asked to stop
    return hand.claimed


def _planner(job: Job, store: Store, clock: Clock, summons: Summons) -> Planner:
    after = After.of(job, store, clock, summons.began, write=False)
    return Planner(
        job,
        open_codecs(job, refuse_absent=True),
        store,
        summons.lease,
        summons.run,
        Planned(),
        summons.now,
        None if after is None else after.wants,
        adopt=summons.adopt,
        partial=False,
    )
