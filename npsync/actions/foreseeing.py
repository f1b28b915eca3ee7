"""What a run, an undo or a redo would do, and whether the connected systems fit the YAML: looked at, and told as the
outcome of an action. Nothing is written anywhere.

Changes are told to a hundred, and kept for a day at most (`Store.end_action`): they hold what customers said.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from nps.errors import AccessError, NpsyncError
from nps.values import Json
from npsync import service, undoing
from npsync.access import try_out
from npsync.check import check as compare
from npsync.check_readers import WARNINGS
from npsync.cli import undo_text
from npsync.config.secrets import redact
from npsync.jobs import build_job, target_of
from sync.engine import Options, preview
from sync.undoing import preview_undo

if TYPE_CHECKING:
    from connectors.contract import Clock
    from nps.changes import Change
    from npsync.config import Config, Problem
    from npsync.service import Opened
    from store.api import Store

MOST = 100  # changes told
LONGEST = 400  # characters of one value told

Outcome = dict[str, Json]


def plan(config: Config, store: Store, clock: Clock, sync: str, *, everything: bool = False) -> Outcome:
    """What a run of this sync would change."""
    with store.overlay() as overlay, service.opened(config, overlay, clock, books=store) as connections:
        job = build_job(config, sync, connections)
        seen = preview(
            job,
            overlay,
            connections.clock,
            connections.owner,
            connections.calls.seen,
            Options(everything=everything),
        )
        report = seen.report.as_json()
        if seen.report.status == "failed":
            return {"status": "failed", "problems": report["problems"]}
        changes = list(islice(seen.changes(), MOST))
        target = target_of(config, config.sync[sync])
        return {
            "status": seen.report.status,
            "connection": target.connection,
            "object": target.object,
            "records": sum(1 for _ in seen.changes()),
            "first_fills": seen.first_fills,
            "states": report["states"],
            "match": report["match"],
            "cost": dict(seen.cost),
            "absent": list(seen.absent),
            "stops": [reason.text for reason in seen.stops],
            "followed": seen.followed.as_json(),
            "problems": report["problems"],
            "changes": _told(changes),
        }


def undo(config: Config, store: Store, clock: Clock, run: int, *, again: bool = False) -> Outcome:
    """What an undo of this run would restore and what it would leave alone; with `again` a redo."""
    named = undoing.known_run(store, run)
    wanted = undoing.wanted_undos(store, run, again=again, records=(), fields=())
    told: list[Json] = []
    left: list[Json] = []
    records = fields = 0
    cost: dict[str, Json] = {}
    connection = ""
    with store.overlay() as overlay, service.opened(config, overlay, clock, books=store) as connections:
        for one in wanted:
            place = undoing.opened_place(config, connections, store, undoing.known_run(store, one.run))
            if place is None:
                continue
            seen = preview_undo(place, overlay, connections.clock, connections.owner, one)
            connection = place.connection
            records += seen.findings.changes
            fields += seen.findings.fields
            cost |= dict(seen.cost)
            told += _told(islice(seen.changes(), MOST - len(told)))
            left += [
                {"id": each.record_id, "field": each.field, "why": undo_text.reason(each, redo=again)}
                for each in seen.findings.conflicts[: MOST - len(left)]
            ]
    made = [] if again else [each for one in wanted for each in undoing.made_by(store, one)]
    nothing = "" if records or left else undoing.nothing_to_do(store, named.id, again=again)
    return {
        "status": "succeeded",
        "connection": connection,
        "records": records,
        "fields": fields,
        "left": left,
        "stays": len(made),
        "cost": cost,
        "nothing": nothing,
        "changes": told,
    }


def check(config: Config, store: Store, clock: Clock) -> Outcome:
    """The YAML beside the live systems, and what each credential may do."""
    with service.opened(config, store, clock) as connections:
        found = compare(config, connections)
        granted: dict[str, Json] = {name: _granted(config, name, connections) for name in config.connections}
    return {
        "status": "partial" if any(each.code not in WARNINGS for each in found) else "succeeded",
        "problems": [_line(each) for each in found if each.code not in WARNINGS],
        "warnings": [_line(each) for each in found if each.code in WARNINGS],
        "granted": granted,
    }


def _granted(config: Config, name: str, connections: Opened) -> dict[str, Json]:
    try:
        tested = try_out(config, name, connections)
    except NpsyncError as error:
        return {"refused": isinstance(error, AccessError), "problem": redact(str(error)), "grants": []}
    return {
        "refused": False,
        "problem": "",
        "grants": [
            {"permission": one.permission, "why": one.why, "verdict": one.verdict.value, "detail": one.detail}
            for one in tested.grants
        ],
    }


def _line(problem: Problem) -> str:
    return redact(str(problem))


def _told(changes: Iterable[Change]) -> list[Json]:
    return [
        {
            "id": change.record_id,
            "before": {name: _cut(change.before.get(name)) for name in change.after},
            "after": {name: _cut(value) for name, value in change.after.items()},
        }
        for change in islice(changes, MOST)
    ]


def _cut(value: Json) -> Json:
    return value if not isinstance(value, str) or len(value) <= LONGEST else value[: LONGEST - 1] + "…"
