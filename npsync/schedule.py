"""When a sync is due: the YAML's `every` or `cron` over what our tables remember. Truth is in the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sync.leasing import LEASE_SECONDS, lease_name
from sync.spec import SyncSpec

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Due, Store


@dataclass(frozen=True)
class Claim:
    """A due time this process has taken, and nobody else has."""

    sync: str
    due_at: datetime
    caught_up: bool  # at least one due time before this one passed while nothing ran
    verify: bool = False  # to verify the sync, not to run it
    accounts: bool = False  # to work out all its accounts
    pushed: bool = False  # to take up what was pushed, without reading the sources
    again_at: datetime | None = None  # when a pushed one is due again, if nobody says that it is done

    @property
    def place(self) -> str:
        """Under which name the clock remembers it."""
        if self.pushed:
            return answers_place(self.sync)
        if self.accounts:
            return accounts_place(self.sync)
        return verify_place(self.sync) if self.verify else self.sync


def next_due(
    spec: SyncSpec, after: datetime, *, zone: ZoneInfo, last_due: datetime | None = None
) -> datetime:
    """The first due time later than `after`. `every` keeps its rhythm from `last_due`; `cron` is in `zone`."""
    if spec.every is not None:
        start = last_due if last_due is not None else after
        missed = max(0, (after - start) // spec.every)
        return start + (missed + 1) * spec.every
    return fire_time(spec.cron or "", after, zone)


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


_LATER = timedelta(microseconds=1)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _turn(low: datetime, high: datetime, offset: timedelta, zone: ZoneInfo) -> datetime:
    """When the clock of `zone` left `offset`, between two moments."""
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
    return high.replace(second=0, microsecond=0)


def all_claims(
    config: Config, store: Store, now: datetime, *, busy: Callable[[str], bool]
) -> Iterator[Claim]:
    """All of the below, with one look at the store: it is asked every second, and mostly nothing is due."""
    verified = [verify_place(name) for name, spec in config.sync.items() if spec.verify is not None]
    rolled_up = [accounts_place(name) for name, spec in config.sync.items() if spec.account is not None]
    pushed = [answers_place(name) for name in config.sync]
    known = store.due([*config.sync, *verified, *rolled_up, *pushed])
    yield from claims(config, store, now, known)
    yield from verify_claims(config, store, now, known)
    yield from account_claims(config, store, now, known)
    yield from pushed_claims(config, store, now, known, busy=busy)


def claims(
    config: Config, store: Store, now: datetime, known: Mapping[str, Due] | None = None
) -> Iterator[Claim]:
    """Take every due time that has come, once each, whatever else runs on this store.

    A sync without a due time yet is due at once (`every`) or at its next cron time. A rhythm made shorter in the YAML
    takes effect at once. `known`: what the store has just said of all places.
    """
    known = store.due(list(config.sync)) if known is None else known
    for name, spec in config.sync.items():
        if spec.paused:
            continue
        following = next_due(spec, now, zone=config.time_zone)
        if name in known:
            due_at = known[name].due_at
        else:
            due_at = store.schedule_first(name, now if spec.every is not None else following)
        if due_at > following:
            store.schedule(name, following)
        if due_at > now:
            continue
        after = next_due(spec, now, zone=config.time_zone, last_due=due_at)
        if store.claim_due(name, due_at, after):
            rhythm_passed = next_due(spec, due_at, zone=config.time_zone, last_due=due_at) <= now
            yield Claim(name, due_at, caught_up=rhythm_passed)


def verify_claims(config: Config, store: Store, now: datetime, known: Mapping[str, Due]) -> Iterator[Claim]:
    """The same for the syncs that are verified by the clock. A night that was missed is caught up once."""
    for name, spec in config.sync.items():
        if spec.verify is not None and not spec.paused:
            place = verify_place(name)
            if (due := _nightly(config, store, place, spec.verify.cron, now, known)) is not None:
                yield Claim(name, due.due_at, caught_up=due.passed, verify=True)


def account_claims(
    config: Config, store: Store, now: datetime, known: Mapping[str, Due] | None = None
) -> Iterator[Claim]:
    """The same for the syncs whose accounts are all worked out by the clock. The first time it is done by the sync's
    first run, which finds that it never was (`npsync.rolling`)."""
    if known is None:
        known = store.due(
            [accounts_place(name) for name, spec in config.sync.items() if spec.account is not None]
        )
    for name, spec in config.sync.items():
        if spec.account is not None and not spec.paused:
            place = accounts_place(name)
            again = now + ROLL_UP_AGAIN
            if place in known and (
                due := _nightly(config, store, place, spec.account.cron, now, known, again)
            ):
                yield Claim(name, due.due_at, caught_up=due.passed, accounts=True)


@dataclass(frozen=True)
class _Night:
    due_at: datetime
    passed: bool  # another one before now passed too


def _nightly(
    config: Config,
    store: Store,
    place: str,
    cron: str,
    now: datetime,
    known: Mapping[str, Due],
    again: datetime | None = None,
) -> _Night | None:
    """The due time of a place with a cron line, if it has come and falls to us. It comes due next at its next fire
    time, or, until somebody says that it is done, at `again`."""
    following = fire_time(cron, now, config.time_zone)
    due = known.get(place)
    if due is None:
        store.schedule_first(place, following)
        return None
    if due.due_at > following:
        store.schedule(place, following)
    if due.due_at > now or not store.claim_due(place, due.due_at, again or following):
        return None
    return _Night(due.due_at, fire_time(cron, due.due_at, config.time_zone) <= now)


def pushed_claims(
    config: Config,
    store: Store,
    now: datetime,
    known: Mapping[str, Due] | None = None,
    *,
    busy: Callable[[str], bool] = lambda place: False,
) -> Iterator[Claim]:
    """The syncs for which pushed answers lie in the inbox, but for those at places that are `busy`: what came while
    one of them ran has its turn afterwards."""
    known = store.due([answers_place(name) for name in config.sync]) if known is None else known
    for sync, spec in config.sync.items():
        place = answers_place(sync)
        due = known.get(place)
        if due is None or due.due_at > now or spec.paused or busy(place):
            continue
        if store.claim_due(place, due.due_at, now + _DIED_AFTER):
            yield Claim(sync, due.due_at, caught_up=False, pushed=True, again_at=now + _DIED_AFTER)


def pushed_done(store: Store, claim: Claim) -> None:
    """Unless more was pushed since."""
    if claim.again_at is not None:
        store.claim_due(claim.place, claim.again_at, _NEVER)


def all_rolled_up(config: Config, store: Store, sync: str, now: datetime) -> None:
    """All accounts of this sync are worked out, until the next time."""
    spec = config.sync[sync].account
    if spec is not None:
        store.schedule(accounts_place(sync), fire_time(spec.cron, now, config.time_zone))


ROLL_UP_AGAIN = timedelta(hours=1)  # after one that was begun and never came to its end
_DIED_AFTER = timedelta(minutes=10)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def answers_place(sync: str) -> str:
    """Under which name the clock remembers that pushed answers wait for a sync."""
    return f"answers/{sync}"


def accounts_place(sync: str) -> str:
    """Under which name the clock remembers when all accounts of a sync are worked out."""
    return f"accounts/{sync}"


def verify_place(sync: str) -> str:
    """Under which name the clock remembers when a sync is verified."""
    return f"verify/{sync}"


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


def soonest(config: Config, store: Store) -> Mapping[str, datetime]:
    """When each sync comes due next, for people to see."""
    return {name: due.due_at for name, due in store.due(list(config.sync)).items()}
