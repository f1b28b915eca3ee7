"""Syncs as machines read them: what each does, when it runs next, how it went last, and what waits in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from nps.durations import in_words
from npsync import run_facts
from npsync.jobs import target_of

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Due, Store


def all_facts(config: Config, store: Store) -> list[dict[str, object]]:
    names = list(config.sync)
    due = store.due(names)
    waiting: dict[str, dict[str, int]] = {name: {} for name in names}
    for one in store.left_to_people(names):
        waiting[one.sync][one.state] = one.answers
    return [facts(config, store, name, due.get(name), waiting[name]) for name in names]


def one(config: Config, store: Store, name: str) -> dict[str, object]:
    waiting = {one.state: one.answers for one in store.left_to_people([name])}
    return facts(config, store, name, store.due([name]).get(name), waiting)


def facts(
    config: Config, store: Store, name: str, due: Due | None, waiting: Mapping[str, int]
) -> dict[str, object]:
    spec = config.sync[name]
    target = target_of(config, spec)
    last = next(iter(store.runs(sync=name, kind="run", limit=1)), None)
    paused = spec.paused or (due is not None and due.paused)
    return {
        "sync": name,
        "survey": spec.survey,
        "connection": target.connection,
        "object": target.object,
        "schedule": {"every": in_words(spec.every) if spec.every is not None else None, "cron": spec.cron},
        "paused": paused,
        "due_at": None if due is None or paused else _iso(due.due_at),
        "last_run": None if last is None else run_facts.head(last),
        "open": {state: waiting.get(state, 0) for state in ("review", "held", "rejected", "waiting")},
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat()
