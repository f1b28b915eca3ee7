"""When what is due, what was done about it, and who ticks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from store.api.sharing import Enlisting


class Due(msgspec.Struct, frozen=True):
    """When a place of the clock is due next, and whether somebody paused it."""

    sync: str
    due_at: datetime
    paused: bool = False
    paused_at: datetime | None = None
    paused_by: str | None = None
    spread: timedelta = timedelta(0)  # it is taken so much later than it is due

    @property
    def taken_at(self) -> datetime:
        return self.due_at + self.spread


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock did about one due time: `started`, `caught_up` (others before it passed while nothing ran),
    `skipped_overlap`, `skipped_paused`, or `handed_back`: its process ended or died before it was done, and another
    note follows of whoever took it next. One without `ended_at` is under way, or died with its process."""

    number: int
    sync: str
    due_at: datetime
    outcome: str
    noted_at: datetime
    owner: str | None = None
    next_at: datetime | None = None
    ended_at: datetime | None = None
    died: bool = False  # its process did, and somebody else ended it


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """A process that ticks, or works for one that does, and the configuration it goes by."""

    owner: str
    kind: str  # serve, worker
    began_at: datetime
    seen_at: datetime
    config_at: datetime  # when it took its configuration
    mark: str  # of that configuration
    problem: str | None = None  # why the file as it is now was not taken


class Scheduling(Protocol):
    """The clock's memory. A *place* is what has due times: a sync, its verification, its accounts, a trigger …"""

    def due(self, syncs: Sequence[str]) -> dict[str, Due]: ...

    def schedule(self, sync: str, due_at: datetime) -> None:
        """When the sync is due next, to the moment."""
        ...

    def hasten(self, sync: str, due_at: datetime) -> None:
        """It is due then at the latest, to the moment. A due time before that stays: one that has passed and that
        nobody has taken yet must not vanish."""
        ...

    def schedule_first(self, sync: str, due_at: datetime) -> datetime:
        """The same for a sync that has no due time yet; one it has stays. The one it then has."""
        ...

    def claim_due(self, sync: str, due_at: datetime, next_due: datetime) -> bool:
        """Take this due time: moves it to `next_due` if it still is `due_at`. True for exactly one of many callers,
        and for none while it is paused."""
        ...

    def take_tick(
        self,
        sync: str,
        due_at: datetime,
        next_due: datetime,
        outcome: str,
        owner: str,
        *,
        now: datetime,
        paused: bool = False,
        spread: timedelta = timedelta(0),
        next_at: datetime | None = None,
    ) -> int | None:
        """The same, and the note of it, in one: a due time that was taken is never without its note, whenever the
        process dies. None for all but one of many callers, and for one who believes wrongly that somebody `paused`
        it or did not. `next_at`: the due time that is to follow, where `next_due` is only when to look again."""
        ...

    def end_tick(self, number: int, *, now: datetime, outcome: str | None = None) -> None:
        """What it stood for is done (or was skipped after all: `outcome`)."""
        ...

    def return_tick(
        self, number: int, *, now: datetime, died: bool = False, again_at: datetime | None = None
    ) -> bool:
        """What it stood for was not done (its process `died`): it ends as handed back, and its due time is due again,
        both in one; or at `again_at`, unless the following one comes before that. False when it has ended already;
        then nothing changes."""
        ...

    def hand_tick(self, number: int, owner: str | None, *, enlist: Enlisting | None = None) -> None:
        """Another process does what it stands for. None: a queue keeps it, and will not lose it; `enlist` puts it
        there, in the same transaction."""
        ...

    def open_ticks(self) -> list[Tick]:
        """Those that did not end, the oldest first."""
        ...

    def ticks(
        self,
        syncs: Sequence[str],
        *,
        since: datetime | None = None,
        during: tuple[datetime, datetime] | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Tick]:
        """The latest first; those with a smaller number than `before`. `during`: noted from then on, before then."""
        ...

    def latest_ticks(self, syncs: Sequence[str]) -> dict[str, Tick]:
        """Of each the last one."""
        ...

    def expire_ticks(self, *, before: datetime, limit: int) -> int:
        """Forget so many that were noted before then; the last one of each place stays."""
        ...

    def pause(self, sync: str, who: str, *, due_at: datetime, now: datetime) -> bool:
        """The clock leaves it alone from now on; False when it did so already. `due_at`: where it has no due time."""
        ...

    def unpause(self, sync: str, *, due_at: datetime | None = None) -> bool:
        """False when it was not paused. `due_at`: when it is due at the latest, if not when its rhythm says."""
        ...

    def paused(self) -> dict[str, Due]:
        """All that somebody paused."""
        ...

    def put_right(self, *, now: datetime) -> dict[str, int]:
        """What a clock that was far ahead has put off until then is tried again now: how many answers that wait for
        their records, events, follow-ups, messages, and dates for records. What it holds is free by itself."""
        ...

    def note_serving(self, one: Serving) -> None:
        """Who ticks, again and again while it does."""
        ...

    def serving(self) -> list[Serving]: ...

    def end_serving(self, owner: str, *, before: datetime) -> None:
        """It ends in order. So does whatever was not seen since `before`."""
        ...
