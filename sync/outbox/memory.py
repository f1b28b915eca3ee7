"""What is remembered of a sync's aftercare beside the entries themselves."""

from __future__ import annotations

from datetime import datetime

from store.api import Store
from sync.outbox.care import Aftercare

_BEGAN = "began"


def place(sync: str) -> str:
    """Beside the connectors' own memory."""
    return f"follow_up/{sync}"


def floor_of(store: Store, sync: str, care: Aftercare, now: datetime) -> datetime:
    """From when on answers are followed up: the YAML's day, else the moment the first run with rules began."""
    if care.since is not None:
        return care.since
    told = store.recall(place(sync), [_BEGAN]).get(_BEGAN)
    return now if told is None else datetime.fromisoformat(told)


def is_new(store: Store, sync: str, care: Aftercare) -> bool:
    """Whether a run now would be the first with rules, and no day in the YAML says from when on."""
    return bool(care.rules) and care.since is None and not store.recall(place(sync), [_BEGAN])


def remember_floor(store: Store, sync: str, care: Aftercare | None, now: datetime) -> None:
    """Called when a run begins. Rules that were taken out and put back follow up what comes from then on."""
    known = store.recall(place(sync), [_BEGAN])
    rules = care is not None and bool(care.rules)
    if rules and not known:
        store.memorize(place(sync), {_BEGAN: now.isoformat()})
    elif known and not rules:
        store.forget(place(sync), [_BEGAN])
