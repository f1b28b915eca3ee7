"""Runs as machines read them: `npsync runs --json` and /api/v1/runs say the same."""

from __future__ import annotations

from nps.changes import Change
from nps.responses import SurveyResponse
from nps.values import Json
from store.api import Progress, RunRow, State, Store

LEFT = (State.REVIEW, State.REJECTED, State.HELD, State.PENDING, State.WAITING)  # what is urgent comes first


def facts(run: RunRow, progress: Progress | None) -> dict[str, object]:
    told = None if progress is None else progress_facts(progress)
    return head(run) | {"progress": told, "report": run.report}


def head(run: RunRow) -> dict[str, object]:
    """Without its report, which may be long."""
    return {
        "run": run.id,
        "sync": run.sync,
        "kind": run.kind,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
    }


def progress_facts(progress: Progress) -> dict[str, object]:
    """How far a run is."""
    return {
        "phase": progress.phase,
        "done": progress.done,
        "total": progress.total,
        "at": progress.noted_at.isoformat(),
    }


def left(store: Store, run: RunRow, limit: int) -> list[dict[str, object]]:
    """The answers this run left open and that are open still, each with its reason; at most `limit` of a state."""
    settled = [one for state in LEFT for one in store.left_open(run.sync, run.id, state, limit=limit)]
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


def change_facts(change: Change, outcome: str) -> dict[str, object]:
    fields: dict[str, Json] = {name: [change.before.get(name), value] for name, value in change.after.items()}
    return {
        "object": change.object,
        "id": change.record_id,
        "key": change.key,
        "outcome": outcome,
        "fields": fields,
    }
