"""Taking what is due: every due time once, by one process, noted in the same moment. Truth is in the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from npsync.schedule import (
    ROLL_UP_AGAIN,
    accounts_place,
    answers_place,
    following,
    spread_of,
    verify_place,
)
from sync.spec import SyncSpec

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Due, Store

SET_BACK = timedelta(hours=2)  # a clock that is put back by more than this is a clock that was wrong
_DIED_AFTER = timedelta(minutes=10)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Claim:
    """A due time this process has taken, and nobody else has. `place` says what it is of; `outcome` is how it was
    noted (of `store.api.Tick`), and `skipped_paused` asks for nothing to be done."""

    sync: str
    due_at: datetime
    outcome: str = "started"
    verify: bool = False  # to verify the sync, not to run it
    accounts: bool = False  # to work out all its accounts
    pushed: bool = False  # to take up what was pushed, without reading the sources
    again_at: datetime | None = None  # when a pushed one is due again, if nobody says that it is done
    tick: int | None = field(
        default=None, compare=False
    )  # its note; what was pushed comes with answers and has none

    @property
    def place(self) -> str:
        """Under which name the clock remembers it."""
        if self.pushed:
            return answers_place(self.sync)
        if self.accounts:
            return accounts_place(self.sync)
        return verify_place(self.sync) if self.verify else self.sync

    @property
    def caught_up(self) -> bool:
        """At least one due time before this one passed while nothing ran."""
        return self.outcome == "caught_up"

    @property
    def skipped(self) -> bool:
        return self.outcome.startswith("skipped")


class Claims:
    """What of one configuration is due. `installation` keeps many of them from being due in the same second."""

    def __init__(self, config: Config, store: Store, owner: str, installation: str) -> None:
        self._config, self._store, self._owner = config, store, owner
        self._installation = installation
        syncs = config.sync.items()
        self._places = [
            *config.sync,
            *(verify_place(name) for name, spec in syncs if spec.verify is not None),
            *(accounts_place(name) for name, spec in syncs if spec.account is not None),
            *(answers_place(name) for name in config.sync),
        ]

    def due(self, now: datetime, *, busy: Callable[[str], bool] = lambda place: False) -> Iterator[Claim]:
        """Take everything that is due, with one look at the store: it is asked every second, and mostly nothing is.
        What was pushed for a place that is `busy` has its turn afterwards."""
        known = self._store.due(self._places)
        for look in (self.runs, self.verifications, self.account_nights):
            yield from look(now, known)
        yield from self.pushes(now, known, busy=busy)

    def runs(self, now: datetime, known: Mapping[str, Due] | None = None) -> Iterator[Claim]:
        """The syncs whose time has come. One without a due time yet is due at once (`every`) or at its next cron time;
        a rhythm made shorter in the YAML takes effect at once."""
        known = self._store.due(list(self._config.sync)) if known is None else known
        for name, spec in self._config.sync.items():
            first = now if spec.every is not None else None
            claim = self._taken(Claim(name, now), spec, spec.cron, now, known, first=first)
            if claim is not None:
                yield claim

    def verifications(self, now: datetime, known: Mapping[str, Due]) -> Iterator[Claim]:
        """The same for the syncs that are verified by the clock."""
        for name, spec in self._config.sync.items():
            if spec.verify is not None:
                claim = self._taken(Claim(name, now, verify=True), spec, spec.verify.cron, now, known)
                if claim is not None:
                    yield claim

    def account_nights(self, now: datetime, known: Mapping[str, Due] | None = None) -> Iterator[Claim]:
        """The same for the syncs whose accounts are all worked out by the clock. The first time it is done by the
        sync's first run, which finds that it never was (`npsync.syncing.rolling`); until somebody says that it is done,
        it is due again."""
        rolled_up = {name: spec for name, spec in self._config.sync.items() if spec.account is not None}
        if known is None:
            known = self._store.due([accounts_place(name) for name in rolled_up])
        for name, spec in rolled_up.items():
            if spec.account is not None and accounts_place(name) in known:
                nightly = Claim(name, now, accounts=True)
                claim = self._taken(nightly, spec, spec.account.cron, now, known, again=now + ROLL_UP_AGAIN)
                if claim is not None:
                    yield claim

    def pushes(
        self,
        now: datetime,
        known: Mapping[str, Due] | None = None,
        *,
        busy: Callable[[str], bool] = lambda place: False,
    ) -> Iterator[Claim]:
        """The syncs for which pushed answers lie in the inbox. They wait while their sync is paused."""
        if known is None:
            known = self._store.due([*self._config.sync, *map(answers_place, self._config.sync)])
        for sync, spec in self._config.sync.items():
            place = answers_place(sync)
            due = known.get(place)
            if (
                due is None
                or not _has_come(due, now)
                or spec.paused
                or _paused(known.get(sync))
                or busy(place)
            ):
                continue
            if self._store.claim_due(place, due.due_at, now + _DIED_AFTER):
                yield Claim(sync, due.due_at, pushed=True, again_at=now + _DIED_AFTER)

    def _taken(
        self,
        wanted: Claim,
        spec: SyncSpec,
        cron: str | None,
        now: datetime,
        known: Mapping[str, Due],
        *,
        first: datetime | None = None,
        again: datetime | None = None,
    ) -> Claim | None:
        """The due time of a place, if it has come and falls to us. `again`: when it is due next, until somebody says
        that it is done, instead of what its rhythm says."""
        place, zone = wanted.place, self._config.time_zone
        every = spec.every if cron is None else None
        soonest = following(every, cron, now, zone)
        due = known.get(place)
        if due is None:
            due_at = self._store.schedule_first(place, first or soonest)
            if due_at > now:
                return None
        else:
            due_at = due.due_at
            if due_at > soonest and not self._put_back(place, soonest, now):
                self._store.hasten(place, soonest)
            if due.taken_at > now:
                return None
        paused = _paused(known.get(wanted.sync))
        after = following(every, cron, now, zone, last_due=due_at)
        passed = following(every, cron, due_at, zone, last_due=due_at) <= now
        outcome = "skipped_paused" if paused or spec.paused else "caught_up" if passed else "started"
        following_due = after if again is None or paused or spec.paused else again
        tick = self._store.take_tick(
            place,
            due_at,
            following_due,
            outcome,
            self._owner,
            now=now,
            paused=place == wanted.sync and paused,
            spread=spread_of(self._installation, place, spec.jitter, after - due_at),
            next_at=after,
        )
        if tick is None:
            return None
        return Claim(wanted.sync, due_at, outcome, verify=wanted.verify, accounts=wanted.accounts, tick=tick)

    def _put_back(self, place: str, soonest: datetime, now: datetime) -> bool:
        """Whether the clock was put back a little: this due time had its turn already."""
        latest = self._store.latest_ticks([place]).get(place)
        return latest is not None and soonest <= latest.due_at <= now + SET_BACK


def _has_come(due: Due, now: datetime) -> bool:
    """Also of what is due again after a while, by a clock that was wrong."""
    return due.due_at <= now or now + _DIED_AFTER + SET_BACK < due.due_at < _NEVER


def pushed_done(store: Store, claim: Claim) -> None:
    """Unless more was pushed since."""
    if claim.again_at is not None:
        store.claim_due(claim.place, claim.again_at, _NEVER)


def _paused(due: Due | None) -> bool:
    return due is not None and due.paused
