"""What is paused, as the clock remembers it: a sync (with its verification and its accounts) or a trigger.

While a sync is paused its due times are noted as skipped; what was skipped is caught up once when it goes on. A trigger
that is paused decides about nothing: what happens meanwhile asks nobody, not even later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from npsync.schedule import accounts_place, verify_place

if TYPE_CHECKING:
    from store.api import Due, Store

_TRIGGER = "trigger/"
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # triggers have no due time


@dataclass(frozen=True)
class Resumed:
    """What goes on: how long it was paused, and how many due times were skipped and are caught up now, in one run."""

    paused_at: datetime
    skipped: int


def trigger_place(trigger: str) -> str:
    """Under which name the clock remembers that a trigger is paused."""
    return f"{_TRIGGER}{trigger}"


def pause(store: Store, place: str, who: str, now: datetime) -> bool:
    """`place`: a sync's name, or a trigger's place. False when it is paused already; then nothing changes."""
    return store.pause(place, who, due_at=_NEVER if place.startswith(_TRIGGER) else now, now=now)


def resume(store: Store, place: str, now: datetime) -> Resumed | None:
    """It goes on; what it skipped comes due at once. None when it is not paused."""
    due = store.paused().get(place)
    if due is None:
        return None
    since = due.paused_at or now
    known = _skipped(store, place, since)
    if not store.unpause(place, due_at=now if known else None):
        return None  # somebody was faster
    skipped = {
        one: _skipped(store, one, since) for one in (place, verify_place(place), accounts_place(place))
    }
    for one, count in skipped.items():
        if count and not (one == place and known):  # that is due already; the rest came until a moment ago
            store.hasten(one, now)
    return Resumed(since, sum(skipped.values()))


def _skipped(store: Store, place: str, since: datetime) -> int:
    return sum(tick.outcome == "skipped_paused" for tick in store.ticks([place], since=since))


def paused_triggers(store: Store) -> set[str]:
    """The triggers that somebody paused; those of the YAML (`paused: true`) beside."""
    return {name.removeprefix(_TRIGGER) for name in store.paused() if name.startswith(_TRIGGER)}


def paused_syncs(store: Store) -> dict[str, Due]:
    """The syncs that somebody paused, since when and by whom."""
    return {name: due for name, due in store.paused().items() if not name.startswith(_TRIGGER)}
