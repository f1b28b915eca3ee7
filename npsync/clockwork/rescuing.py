"""What processes that died left undone: their runs, and the due times they had taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from npsync.logs import notice
from npsync.schedule import accounts_place, sync_of, verify_place
from store.owners import is_gone
from sync.leasing import LEASE_SECONDS, lease_name

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store, Tick

UNSEEN = timedelta(minutes=2)  # a process that ticks says so every few seconds
FORGOTTEN_AFTER = timedelta(days=1)  # of one on another machine, of which nobody can tell


def resume_killed(config: Config, store: Store, now: datetime, *, surely: bool = False) -> None:
    """A run whose process was killed is finished soon, not only when its sync comes due again.

    At once if it ran on this machine; else as soon as its lease has surely run out, for until then nobody can tell a
    dead process from a busy one. With `surely` only what is known to be dead.
    """
    for name, due in store.due(list(config.sync)).items():
        latest = store.runs(sync=name, limit=1)
        if not latest or latest[0].status != "running":
            continue
        dead = store.is_free(lease_name(name), now=now)
        soon = now if dead else now + timedelta(seconds=LEASE_SECONDS)
        if due.due_at > soon and (dead or not surely):
            store.schedule(name, soon)


def rescue(store: Store, now: datetime) -> list[Tick]:
    """Due times that were taken by a process that is gone, before it began what they stand for or while it was at it,
    are due again. Doing something twice is harmless: a run that was begun is finished, one that was not is made."""
    left = store.open_ticks()
    if not left:
        return []
    seen = {one.owner: one.seen_at for one in store.serving()}
    return due_again([tick for tick in left if _is_orphan(tick, seen, store, now)], store, now)


def due_again(orphans: Sequence[Tick], store: Store, now: datetime) -> list[Tick]:
    """Those of them that nobody else has made due again, or ended, since they were found."""
    rescued = [tick for tick in orphans if store.return_tick(tick.number, now=now)]
    for tick in rescued:
        notice("rescued", sync=tick.sync, due_at=tick.due_at.isoformat(), owner=tick.owner)
    return rescued


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
            store.schedule(place, now)


def _is_orphan(tick: Tick, seen: Mapping[str, datetime], store: Store, now: datetime) -> bool:
    if tick.owner is None:  # a queue keeps it
        return False
    if is_gone(tick.owner):
        return True
    last = max(tick.noted_at, seen.get(tick.owner, tick.noted_at))
    # Somebody on another machine who says nothing any more; a command without a clock says nothing either, but holds
    # the lease of what it runs.
    return now - last > UNSEEN and store.is_free(lease_name(sync_of(tick.sync)), now=now)
