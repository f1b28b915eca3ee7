"""Runs as people and machines look at them afterwards."""

from __future__ import annotations

from itertools import islice

from nps.errors import ConfigError
from npsync.cli import output, sync_text
from store.api import RunRow, Store


def show_runs(store: Store, *, sync: str | None, limit: int, as_json: bool) -> None:
    found = store.runs(sync=sync, limit=limit)
    if as_json:
        output.say_json({"runs": [_facts(one) for one in found]})
    elif not found:
        output.say("No run yet. npsync plan NAME shows what one would do.")
    else:
        output.table(
            ["run", "started", "sync", "status", "answers", "written", "needs a person"],
            sync_text.run_rows(found),
        )


def show_run(store: Store, number: int, *, changes: bool, limit: int, as_json: bool) -> None:
    run = store.run(number)
    if run is None:
        raise ConfigError(f"there is no run {number}; npsync runs lists them")
    letters = store.dead_letters(run=number, limit=limit)
    if as_json:
        shown = (
            [
                {
                    "object": change.object,
                    "id": change.record_id,
                    "key": change.key,
                    "outcome": outcome,
                    "fields": {
                        name: [change.before.get(name), value] for name, value in change.after.items()
                    },
                }
                for change, outcome in store.run_changes(number)
            ]
            if changes
            else []
        )
        output.say_json(
            {
                **_facts(run),
                "rejected": [
                    {"code": one.code, "reason": one.reason, "record": one.record_id} for one in letters
                ],
                "changes": shown,
            }
        )
        return
    output.table(
        ["run", "started", "sync", "status", "answers", "written", "needs a person"],
        sync_text.run_rows([run]),
    )
    problems = run.report.get("problems")
    for problem in problems if isinstance(problems, list) else []:
        output.say(f"  ! {problem}")
    if letters:
        output.say("\nRejected (kept as dead letters):")
        output.table(
            ["letter", "code", "why"],
            [(str(one.id), one.code, one.reason) for one in letters],
        )
    if changes:
        output.say("\nChanges:")
        for change, outcome in islice(store.run_changes(number), limit):
            for line in sync_text.change_lines(change):
                output.say(
                    line + (f"   [{outcome}]" if line.startswith("  ~") and outcome != "written" else "")
                )


def _facts(run: RunRow) -> dict[str, object]:
    return {
        "run": run.id,
        "sync": run.sync,
        "kind": run.kind,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "report": run.report,
    }
