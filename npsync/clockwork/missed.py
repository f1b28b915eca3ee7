"""Whether every due time of a period had its turn: was begun, caught up, or skipped for a reason that is noted.

Each note of the clock says which due time was to follow. If the next note is of a later one, what lies between had no
turn; nothing that happens to a schedule moves a due time later without a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from npsync.schedule import accounts_place, verify_place

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Due, Store, Tick

LATE_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class Kept:
    """One place of the clock in a period. `missed`: the first due time of each gap. `late`: it is due now, and nobody
    takes it (no `npsync serve` runs, or it hangs)."""

    place: str
    outcomes: Mapping[str, int] = field(default_factory=dict)  # of ticks: started, caught_up, skipped_…
    missed: Sequence[datetime] = ()
    late: datetime | None = None

    @property
    def whole(self) -> bool:
        return not self.missed and self.late is None


def kept(config: Config, store: Store, *, since: datetime, now: datetime) -> list[Kept]:
    """Every sync, every verification by the clock, and every night of accounts, which a run may take from the clock."""
    places = [
        *config.sync,
        *(verify_place(name) for name, spec in config.sync.items() if spec.verify is not None),
        *(accounts_place(name) for name, spec in config.sync.items() if spec.account is not None),
    ]
    due = store.due(places)
    notes: dict[str, list[Tick]] = {place: [] for place in places}
    for tick in reversed(store.ticks(places, since=since)):
        notes[tick.sync].append(tick)
    return [_kept(place, notes[place], due.get(place), now) for place in places]


def _kept(place: str, notes: Sequence[Tick], due: Due | None, now: datetime) -> Kept:
    missed = [
        before.next_at
        for before, after in pairwise(notes)
        if before.next_at is not None and after.due_at > before.next_at
    ]
    if notes and due is not None and (following := notes[-1].next_at) is not None and due.due_at > following:
        missed.append(following)
    late = None if due is None or now - due.taken_at <= LATE_AFTER else due.due_at
    return Kept(place, dict(Counter(tick.outcome for tick in notes)), tuple(missed), late)
