"""Runs as people and machines look at them afterwards."""

from __future__ import annotations

from itertools import islice
from zoneinfo import ZoneInfo

from nps.errors import ConfigError
from npsync.cli import output
from npsync.words import followed_text, run_facts, sync_text, undo_text, verify_text
from store.api import Store

COLUMNS = ["run", "started", "sync", "kind", "status", "answers", "written", "needs a person"]


def show_runs(store: Store, zone: ZoneInfo, *, sync: str | None, limit: int, as_json: bool) -> None:
    found = store.runs(sync=sync, limit=limit)
    progress = store.progress()
    if as_json:
        output.say_json({"runs": [run_facts.facts(one, progress.get(one.id)) for one in found]})
    elif not found:
        output.say("No run yet. npsync plan NAME shows what one would do.")
    else:
        output.table(
            COLUMNS,
            sync_text.run_rows(found, zone, progress),
        )


def show_run(store: Store, zone: ZoneInfo, number: int, *, changes: bool, limit: int, as_json: bool) -> None:
    run = store.run(number)
    if run is None:
        raise ConfigError(f"there is no run {number}; npsync runs lists them")
    left = run_facts.left(store, run, limit)
    followed = run.report.get("followed")
    progress = store.progress_of(number)
    if as_json:
        made = [run_facts.change_facts(*one) for one in store.run_changes(number)] if changes else []
        output.say_json(run_facts.facts(run, progress) | {"left": left, "changes": made})
        return
    output.table(
        COLUMNS,
        sync_text.run_rows([run], zone, {number: progress} if progress else None),
    )
    for line in sync_text.field_lines(run.report, done=True):
        output.say(line)
    for line in (*followed_text.lines(followed), *followed_text.hints(followed)):
        output.say(line)
    for line in undo_text.history_lines(run.report, limit):
        output.say(line)
    for line in verify_text.history_lines(run.report, limit):
        output.say(line)
    for line in sync_text.noted(sync_text.ACCEPTED, sync_text.accepted(run)):
        output.say(line)
    problems = run.report.get("problems")
    for line in sync_text.noted("!", map(str, problems) if isinstance(problems, list) else []):
        output.say(line)
    if left:
        output.say("\nLeft open, for a person or a later run:")
        output.table(["state", "answer", "key", "why"], sync_text.left_rows(left, zone))
        for line in sync_text.left_hints(left):
            output.say(line)
    elif run.kind == "run" and sync_text.answers_left(run):
        output.say("A later run took up what this one left open.")
    if changes:
        output.say("\nChanges:")
        for change, outcome in islice(store.run_changes(number), limit):
            for line in sync_text.change_lines(change):
                output.say(
                    line + (f"   [{outcome}]" if line.startswith("  ~") and outcome != "written" else "")
                )
