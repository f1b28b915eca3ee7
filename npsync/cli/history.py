"""Runs as people and machines look at them afterwards."""

from __future__ import annotations

from itertools import islice
from zoneinfo import ZoneInfo

from nps.errors import ConfigError
from nps.responses import SurveyResponse
from npsync.cli import followed_text, output, sync_text, undo_text, verify_text
from store.api import Progress, RunRow, State, Store

COLUMNS = ["run", "started", "sync", "kind", "status", "answers", "written", "needs a person"]


def show_runs(store: Store, zone: ZoneInfo, *, sync: str | None, limit: int, as_json: bool) -> None:
    found = store.runs(sync=sync, limit=limit)
    progress = store.progress()
    if as_json:
        output.say_json({"runs": [_facts(one, progress.get(one.id)) for one in found]})
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
    left = _left(store, run, limit)
    followed = run.report.get("followed")
    progress = store.progress_of(number)
    if as_json:
        output.say_json(
            _facts(run, progress) | {"left": left, "changes": _changes(store, number) if changes else []}
        )
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


_LEFT = (State.REVIEW, State.REJECTED, State.HELD, State.PENDING, State.WAITING)  # what is urgent comes first


def _left(store: Store, run: RunRow, limit: int) -> list[dict[str, object]]:
    """The answers this run left open and that are open still, each with its reason; at most `limit` of a state."""
    settled = [one for state in _LEFT for one in store.left_open(run.sync, run.id, state, limit=limit)]
    answers = store.responses([one.number for one in settled])
    return [
        {
            "state": one.state.value,
            "source": answers[one.number].source,
            "answer": answers[one.number].id,
            "key": _key(answers[one.number]),
            "record": one.record_id,
            "candidates": list(one.candidates),
            "code": one.code,
            "reason": one.reason,
            "field": one.field,
            "look_again": one.look_again.isoformat(timespec="minutes") if one.look_again else None,
        }
        for one in settled
    ]


def _key(answer: SurveyResponse) -> str | None:
    return answer.email or answer.external_id or answer.phone


def _changes(store: Store, number: int) -> list[dict[str, object]]:
    return [
        {
            "object": change.object,
            "id": change.record_id,
            "key": change.key,
            "outcome": outcome,
            "fields": {name: [change.before.get(name), value] for name, value in change.after.items()},
        }
        for change, outcome in store.run_changes(number)
    ]


def _facts(run: RunRow, progress: Progress | None) -> dict[str, object]:
    return {
        "run": run.id,
        "sync": run.sync,
        "kind": run.kind,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "progress": None if progress is None else progress_facts(progress),
        "report": run.report,
    }


def progress_facts(progress: Progress) -> dict[str, object]:
    """How far a run is, for machines."""
    return {
        "phase": progress.phase,
        "done": progress.done,
        "total": progress.total,
        "at": progress.noted_at.isoformat(),
    }
