"""Whether npsync is well: nothing is lost, the clock ticks, what is due was run.

Read from what runs and processes noted as they went: cheap, however much is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from nps.errors import NpsyncError
from npsync.clockwork.agreeing import NEXT, in_words, named, on_other_files
from npsync.clockwork.missed import kept
from npsync.clockwork.rescuing import WRONG
from npsync.clockwork.ticking import is_alive

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from npsync.config import Config
    from store.api import Due, RunRow, Serving, Store, Tick

ALIVE = timedelta(minutes=2)  # since a process that ticks was seen
SECONDS_TO_ANSWER = 5.0  # of a web that is asked
LATELY = timedelta(days=1)
LATE = timedelta(minutes=30)  # past its due time, and neither run nor skipped
_LOST = "conservation:"  # how a run's report begins to tell that an answer is lost (`sync.conserving`)


@dataclass(frozen=True)
class SyncHealth:
    sync: str
    conserved: bool  # of the last run that counted: every answer has exactly one state
    status: str | None  # of the last run
    ended_at: datetime | None
    due_at: datetime | None
    late: bool
    last_tick: Tick | None


@dataclass(frozen=True)
class Health:
    """`problem` is why the store could not be asked; then nothing else is known."""

    syncs: tuple[SyncHealth, ...] = ()
    clock_at: datetime | None = None  # when a process that ticks was seen last
    clock: bool = False
    problem: str | None = None
    missed: tuple[tuple[str, datetime], ...] = ()  # due times of the last day that had no turn
    strangers: tuple[
        tuple[Serving, Serving], ...
    ] = ()  # who goes by another file than the clock, and the clock
    refusing: tuple[
        Serving, ...
    ] = ()  # who did not take the file as it is now, and goes on by the one before
    ahead: datetime | None = (
        None  # the latest moment that was noted and is still to come: a clock is wrong, or was
    )

    @property
    def conserved(self) -> bool:
        return all(one.conserved for one in self.syncs)

    @property
    def checks(self) -> Mapping[str, bool]:
        """Each is true when all is well. Nobody's name is in it."""
        return {
            "store": self.problem is None,
            "conservation": self.problem is None and self.conserved,
            "clock": self.clock,
            "on_time": self.problem is None and not self.missed and not any(one.late for one in self.syncs),
        }

    @property
    def well(self) -> bool:
        return all(self.checks.values())

    def lines(self, zone: ZoneInfo) -> Iterator[str]:
        """What is not well, for people; nothing when all is."""
        for one in self.syncs:
            if not one.conserved:
                yield (
                    f"{one.sync}: an answer is lost, says its last run; nothing more is written until that is "
                    "understood: npsync runs"
                )
            if one.late and one.due_at is not None:
                yield f"{one.sync}: due since {one.due_at.astimezone(zone):%Y-%m-%d %H:%M}, and not run"
        for place, at in self.missed:
            yield f"{place}: due at {at.astimezone(zone):%Y-%m-%d %H:%M}, and nothing was done or noted then"
        if self.problem is None and not self.clock:
            seen = "never seen"
            if self.clock_at is not None:
                seen = f"last seen {self.clock_at.astimezone(zone):%Y-%m-%d %H:%M}"
            yield f"no clock ticks ({seen}); start it: npsync serve"

    def remarks(self) -> Iterator[str]:
        """What somebody should see to although all is well: starting anything again would not help."""
        for one, clock in self.strangers:
            yield f"{in_words(one, clock)}. Next: {NEXT}."
        for one in self.refusing:
            yield (
                f"{named(one)} did not take the file as it is now and goes on by the one before: {one.problem}. "
                "Mended, it is taken within seconds."
            )
        if self.ahead is not None:
            yield (
                f"{self.ahead.astimezone(UTC):%Y-%m-%d %H:%M} UTC was noted as past and is still to come: "
                "the clock of a machine is wrong, or was. Next: compare `date -u` on each machine of npsync with the "
                "right time."
            )

    def as_json(self, *, details: bool) -> dict[str, object]:
        """`details` name syncs: for who may see them."""
        told: dict[str, object] = {"status": "ok" if self.well else "red", "checks": dict(self.checks)}
        if details:
            told |= {"clock_at": self.clock_at, "syncs": [_facts(one) for one in self.syncs]}
            told |= {"remarks": list(self.remarks())}
        return told


def web_is_ready(address: str) -> bool:
    """Whether the web that listens at HOST:PORT says that it is."""
    host, _, port = address.rpartition(":")
    try:
        asked = HTTPConnection(host or "127.0.0.1", int(port), timeout=SECONDS_TO_ANSWER)
        asked.request("GET", "/health/ready")
        return asked.getresponse().status == HTTPStatus.OK
    except (OSError, ValueError, HTTPException):
        return False


def is_ready(store: Store) -> bool:
    """Whether the store can be reached and has this version's schema."""
    try:
        return store.is_ready()
    except NpsyncError:
        return False


def health(config: Config, store: Store, now: datetime) -> Health:
    try:
        if not store.is_ready():
            return Health(problem="store: it is not there, or not of this version")
        return _asked(config, store, now)
    except NpsyncError as error:
        return Health(problem=str(error))


def _asked(config: Config, store: Store, now: datetime) -> Health:
    names = list(config.sync)
    due, ticks = store.due(names), store.latest_ticks(names)
    serving = store.serving()
    clocks = [one.seen_at for one in serving if one.kind == "serve"]  # workers have none
    seen = max((at for at in clocks if at <= now + WRONG), default=None)
    syncs = [_of_sync(config, store, name, due.get(name), ticks.get(name), now) for name in names]
    places = kept(config, store, since=now - LATELY, now=now)
    missed = tuple((one.place, at) for one in places for at in one.missed)
    ticks_now = seen is not None and now - seen <= ALIVE
    strangers = tuple(on_other_files(serving, now))
    noted = [*(one.seen_at for one in serving), *(tick.noted_at for tick in ticks.values())]
    return Health(
        tuple(syncs),
        seen,
        clock=ticks_now,
        missed=missed,
        strangers=strangers,
        refusing=tuple(one for one in serving if one.problem and is_alive(one, now)),
        ahead=max((at for at in noted if at > now + WRONG), default=None),
    )


def _of_sync(
    config: Config, store: Store, name: str, due: Due | None, tick: Tick | None, now: datetime
) -> SyncHealth:
    runs = store.runs(sync=name, kind="run", limit=2)
    last = next(iter(runs), None)
    ended = next((one for one in runs if one.ended_at is not None), None)
    paused = config.sync[name].paused or due is None or due.paused
    under_way = last is not None and last.ended_at is None
    return SyncHealth(
        sync=name,
        conserved=ended is None or not _has_lost(ended),
        status=None if last is None else last.status,
        ended_at=None if ended is None else ended.ended_at,
        due_at=None if paused or due is None else due.due_at,
        late=not paused and not under_way and due is not None and now - due.taken_at > LATE,
        last_tick=tick,
    )


def _has_lost(run: RunRow) -> bool:
    problems = run.report.get("problems")
    return isinstance(problems, Sequence) and any(str(one).startswith(_LOST) for one in problems)


def _facts(one: SyncHealth) -> dict[str, object]:
    tick = one.last_tick
    return {
        "sync": one.sync,
        "conserved": one.conserved,
        "last_run": None if one.status is None else {"status": one.status, "ended_at": one.ended_at},
        "due_at": one.due_at,
        "late": one.late,
        "last_tick": None if tick is None else {"due_at": tick.due_at, "outcome": tick.outcome},
    }
