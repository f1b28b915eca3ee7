"""What processes that died left undone: their runs, and the due times they had taken.

What is left undone is begun again at once: mostly it was the machine that went, or somebody killed it. But a due time
may be what its processes die of (a file that does not fit into memory). After a few tries it rests before the next,
longer each time, so that whatever runs beside it comes to its end meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from npsync.logs import notice
from npsync.schedule import accounts_place, sync_of, verify_place
from store.owners import is_gone
from sync.leasing import LEASE_SECONDS, lease_name

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store, Tick

UNSEEN = timedelta(minutes=2)  # a process that ticks says so every few seconds
WRONG = timedelta(hours=1)
FORGOTTEN_AFTER = timedelta(days=1)  # of one on another machine, of which nobody can tell
AT_ONCE = 3  # tries without a rest
FIRST_REST, LONGEST_REST = timedelta(seconds=15), timedelta(hours=1)
_MOST_DEATHS = 12  # after as many every rest is the longest


def resume_killed(config: Config, store: Store, now: datetime, *, surely: bool = False) -> None:
    """A run whose process was killed is finished soon, not only when its sync comes due again.

    At once if it ran on this machine; else as soon as its lease has surely run out, for until then nobody can tell a
    dead process from a busy one. With `surely` only what is known to be dead. What the clock had taken is rescued
    before, and may rest.
    """
    ticks = store.latest_ticks(list(config.sync))
    for name, due in store.due(list(config.sync)).items():
        latest = store.runs(sync=name, limit=1)
        tick = ticks.get(name)
        if not latest or latest[0].status != "running" or (tick is not None and tick.died):
            continue
        dead = store.is_free(lease_name(name), now=now)
        soon = now if dead else now + timedelta(seconds=LEASE_SECONDS)
        if due.due_at > soon and (dead or not surely):
            store.hasten(name, soon)


def is_lately(seen: datetime, now: datetime) -> bool:
    """Two clocks are never quite alike; one that is ahead by more is wrong, or was."""
    return -WRONG <= now - seen <= UNSEEN


def rescue(store: Store, now: datetime) -> list[Tick]:
    """Due times that were taken by a process that is gone, before it began what they stand for or while it was at it,
    are due again. Doing something twice is harmless: a run that was begun is finished, one that was not is made."""
    left = store.open_ticks()
    if not left:
        return []
    seen = {one.owner: one.seen_at for one in store.serving()}
    return due_again([tick for tick in left if _is_orphan(tick, seen, store, now)], store, now)


def due_again(orphans: Sequence[Tick], store: Store, now: datetime) -> list[Tick]:
    """Those of them that nobody else has made due again, or ended, since they were found. Those that rest do so one
    after the other: what the others are there for is not known."""
    rescued, resting = [], 0
    for tick in orphans:
        rest = rest_of(tick, store)
        resting += bool(rest)
        again_at = now + rest * resting if rest else None
        if store.return_tick(tick.number, now=now, died=True, again_at=again_at):
            rescued.append(tick)
            rests = {} if again_at is None else {"rests_until": again_at.isoformat(timespec="seconds")}
            notice("rescued", sync=tick.sync, due_at=tick.due_at.isoformat(), owner=tick.owner, **rests)
    return rescued


def rest_of(tick: Tick, store: Store) -> timedelta:
    """Before the due time of a process that died is begun again."""
    earlier = store.ticks([tick.sync], before=tick.number, limit=_MOST_DEATHS)
    deaths = 1 + sum(1 for _ in takewhile(lambda one: one.died, earlier))
    if deaths < AT_ONCE:
        return timedelta(0)
    doubled: int = 2 ** (deaths - AT_ONCE)
    return min(FIRST_REST * doubled, LONGEST_REST)


def forget_gone(store: Store, now: datetime) -> None:
    """Processes of this machine that were killed are shown as serving no longer."""
    for one in store.serving():
        if is_gone(one.owner):
            store.end_serving(one.owner, before=now - FORGOTTEN_AFTER)


def catch_up_unpaused(config: Config, store: Store, now: datetime) -> None:
    """Whose due times were skipped while the file said `paused: true` is due at once, now that it does not."""
    places = {
        place: name for name in config.sync for place in (name, verify_place(name), accounts_place(name))
    }
    due = store.due(list(places))
    for place, tick in store.latest_ticks([place for place in places if place in due]).items():
        name = places[place]
        if tick.outcome != "skipped_paused" or config.sync[name].paused or (name in due and due[name].paused):
            continue
        if due[place].due_at > now:
            store.hasten(place, now)


def _is_orphan(tick: Tick, seen: Mapping[str, datetime], store: Store, now: datetime) -> bool:
    if tick.owner is None:  # a queue keeps it
        return False
    if is_gone(tick.owner):
        return True
    last = max(tick.noted_at, seen.get(tick.owner, tick.noted_at))
    # Somebody on another machine who says nothing any more; a command without a clock says nothing either, but holds
    # the lease of what it runs.
    return not is_lately(last, now) and store.is_free(lease_name(sync_of(tick.sync)), now=now)
