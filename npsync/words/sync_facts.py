"""Syncs as machines read them: `npsync syncs --json` and /api/v1/syncs say the same, and the second more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from npsync.clockwork.standing import Standing, standings
from npsync.syncing.jobs import target_of
from npsync.words import run_facts

if TYPE_CHECKING:
    from npsync.clockwork.missed import Kept
    from npsync.config import Config
    from store.api import Serving, Store


def all_facts(config: Config, store: Store, now: datetime) -> list[dict[str, Any]]:
    """Of every sync, in the YAML's order: how it stands with the clock, how its last run went, what waits in it."""
    waiting: dict[str, dict[str, int]] = {name: {} for name in config.sync}
    for one in store.left_to_people(list(config.sync)):
        waiting[one.sync][one.state] = one.answers
    return [_facts(config, store, one, waiting[one.sync]) for one in standings(config, store, now)]


def _facts(config: Config, store: Store, one: Standing, waiting: Mapping[str, int]) -> dict[str, Any]:
    spec = config.sync[one.sync]
    target = target_of(config, spec)
    last = next(iter(store.runs(sync=one.sync, kind="run", limit=1)), None)
    return standing_facts(one) | {
        "survey": spec.survey,
        "connection": target.connection,
        "object": target.object,
        "last_run": None if last is None else run_facts.head(last),
        "open": {state: waiting.get(state, 0) for state in ("review", "held", "rejected", "waiting")},
    }


def standing_facts(one: Standing) -> dict[str, Any]:
    run, last = one.under_way, one.last
    return {
        "sync": one.sync,
        "rhythm": one.rhythm,
        "due_at": _iso(one.due_at),
        "late": one.late,
        "last_tick": None
        if last is None
        else {"due_at": _iso(last.due_at), "outcome": last.outcome, "noted_at": _iso(last.noted_at)},
        "paused": one.paused,
        "paused_in_file": one.paused_in_file,
        "paused_at": _iso(one.paused_at),
        "paused_by": one.paused_by,
        "verified_at": _iso(one.verified_at),
        "under_way": None
        if run is None
        else {
            "run": run.run,
            "kind": run.kind,
            "started_at": _iso(run.started_at),
            "died": run.died,
            "progress": None if run.progress is None else run_facts.progress_facts(run.progress),
        },
    }


def kept_facts(one: Kept) -> dict[str, object]:
    """Of one place of the clock, what became of its due times lately."""
    return {
        "place": one.place,
        "outcomes": dict(one.outcomes),
        "missed": [_iso(at) for at in one.missed],
        "late": None if one.late is None else _iso(one.late),
    }


def served_facts(one: Serving) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "owner": one.owner,
        "began_at": _iso(one.began_at),
        "seen_at": _iso(one.seen_at),
        "config_at": _iso(one.config_at),
        "mark": one.mark,
        "problem": one.problem,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
