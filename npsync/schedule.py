"""When a sync is due: the YAML's `every` or `cron` over what our tables remember. Truth is in the tables."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from store.owners import this_process
from sync.spec import SyncSpec

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store


SPREAD = timedelta(seconds=30)  # where the YAML says no jitter
_PARTS = 2**32


def next_due(
    spec: SyncSpec, after: datetime, *, zone: ZoneInfo, last_due: datetime | None = None
) -> datetime:
    """The first due time of a sync later than `after`."""
    return following(spec.every, spec.cron, after, zone, last_due=last_due)


def following(
    every: timedelta | None,
    cron: str | None,
    after: datetime,
    zone: ZoneInfo,
    *,
    last_due: datetime | None = None,
) -> datetime:
    """The first due time later than `after`. `every` keeps its rhythm from `last_due`; `cron` is in `zone`."""
    if every is not None:
        start = last_due if last_due is not None else after
        missed = max(0, (after - start) // every)
        return start + (missed + 1) * every
    return fire_time(cron or "", after, zone)


def spread_of(installation: str, place: str, jitter: timedelta | None, gap: timedelta) -> timedelta:
    """How much later than it is due a place is taken: always the same for one place of one installation, another for
    each, so that not everybody asks a vendor in the same second. Never half the time to the next due time, so that
    none is left out; the due times keep their rhythm."""
    longest = min(SPREAD if jitter is None else jitter, gap / 2)
    lot = int.from_bytes(blake2b(f"{installation}\n{place}".encode(), digest_size=4).digest(), "big")
    return longest * lot / _PARTS


def fire_time(line: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first fire time later than `after`, by the wall clock of `zone`.

    When the clock is put back, a line with hours of its own ("30 1 * * *") fires once, one for every hour
    ("*/15 * * * *") goes on; when it is put forward, a time that is left out comes as much later.
    """
    from apscheduler.triggers.cron import CronTrigger

    # APScheduler loses its way in the hour that comes twice, so it only reads a wall clock that never moves.
    trigger = CronTrigger.from_crontab(line, timezone=UTC)
    every_hour = line.split()[1].startswith("*")
    moment, offset = after.astimezone(UTC), _offset(after, zone)
    while True:
        wall: datetime | None = trigger.get_next_fire_time(None, moment + offset + _LATER)
        if wall is None:
            raise ValueError(f'the cron line "{line}" never comes due')
        fire = wall - offset
        if _offset(fire, zone) == offset:
            if every_hour or not fire.astimezone(zone).fold:
                return fire
            moment = fire
            continue
        turn = _turn(moment, fire, offset, zone)
        moved = _offset(turn, zone) - offset
        if not every_hour and fire < turn + moved:
            return fire
        # On from where the clock was put to; what was shown before it was put back is not shown again.
        moment = turn - _LATER if every_hour else turn + max(timedelta(0), -moved) - _LATER
        offset += moved


def installation_of(store: Store) -> str:
    """What tells this installation from all others; the same for all processes on one store."""
    known = store.recall(_INSTALLATION, ["id"])
    if not known:
        store.memorize(_INSTALLATION, {"id": uuid.uuid4().hex})
        known = store.recall(_INSTALLATION, ["id"])
    return known["id"]


_INSTALLATION = "clock/installation"
_LATER = timedelta(microseconds=1)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _turn(low: datetime, high: datetime, offset: timedelta, zone: ZoneInfo) -> datetime:
    """When the clock of `zone` left `offset`, between two moments."""
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return high.replace(second=0, microsecond=0)


def has_its_turn(store: Store, place: str, now: datetime, following: Callable[[datetime], datetime]) -> bool:
    """Whether this place of the clock is due, and it falls to us; then it is due again at what is `following`. One that
    is due later than twice that was put there by a clock that was wrong."""
    after = following(now)
    due_at = store.schedule_first(place, now)
    return (due_at <= now or due_at > following(after)) and store.claim_due(place, due_at, after)


def all_rolled_up(config: Config, store: Store, sync: str, now: datetime) -> None:
    """All accounts of this sync are worked out, until the next time. What was due and not taken yet is done with that,
    and noted."""
    spec, place = config.sync[sync].account, accounts_place(sync)
    if spec is None:
        return
    following = fire_time(spec.cron, now, config.time_zone)
    due = store.due([place]).get(place)
    if due is not None and due.due_at <= now:
        tick = store.take_tick(place, due.due_at, following, "started", this_process(), now=now)
        if tick is not None:
            store.end_tick(tick, now=now)
    store.schedule(place, following)


ROLL_UP_AGAIN = timedelta(hours=1)  # after one that was begun and never came to its end


def answers_place(sync: str) -> str:
    """Under which name the clock remembers that pushed answers wait for a sync."""
    return f"answers/{sync}"


def accounts_place(sync: str) -> str:
    """Under which name the clock remembers when all accounts of a sync are worked out."""
    return f"accounts/{sync}"


def verify_place(sync: str) -> str:
    """Under which name the clock remembers when a sync is verified."""
    return f"verify/{sync}"


def sync_of(place: str) -> str:
    """The sync that a place of the clock belongs to."""
    for of in (verify_place, accounts_place, answers_place):
        if place.startswith(of("")):
            return place.removeprefix(of(""))
    return place


def soonest(config: Config, store: Store) -> Mapping[str, datetime]:
    """When each sync comes due next, for people to see."""
    return {name: due.due_at for name, due in store.due(list(config.sync)).items()}
