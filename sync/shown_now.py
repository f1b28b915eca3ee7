"""What records would show of the answer that decides them now: an undo must not make them say half of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nps.changes import Change, Record
from nps.errors import RejectedError
from nps.newest import Answer, believed, oldest_first
from nps.responses import SurveyResponse
from nps.score import parse_score
from nps.values import Json
from nps.writes import Write, steps
from store.api import Counted, State, Store
from sync.codecs import open_codecs
from sync.deciding import Rules, Target, no_event, shown_by
from sync.finding import accounts_of
from sync.invited import Invited
from sync.job import Codecs, Job
from sync.membership import account_of

DECIDES = (State.WRITTEN, State.UNCHANGED)


class Shown(NamedTuple):
    """What a record shows of an answer: the answer, the run that wrote of it what stands there, and what it wants."""

    answer: int
    run: int
    wanted: Mapping[str, Json]


def shown_now(
    job: Job,
    store: Store,
    changes: Sequence[Change],
    answers: Mapping[str, Sequence[Counted]],
    writes: Mapping[str, Sequence[Write]],
) -> dict[str, Shown]:
    """By record, where the answer that decides is another one than caused the change, and has written something that
    stands. `answers` are those that count. Raises what the destination raises."""
    stands = {
        change.record_id: (one.number, run)
        for change in changes
        for one in answers.get(change.record_id, ())
        if one.state in DECIDES and one.number != change.response
        if (run := _wrote(one.number, writes.get(change.record_id, ()))) is not None
    }
    if not stands:
        return {}  # nearly always
    codecs = open_codecs(job, refuse_absent=False)
    records = job.destination.get(job.object, sorted(stands), codecs.fetch, {})
    accounts = accounts_of(job, records)
    responses = store.responses(sorted({number for number, _ in stands.values()}))
    rules = Rules(
        survey=job.survey,
        metric=job.metric,
        fields=job.fields,
        canonical=codecs.canonical,
        event=Invited(store).event if "event" in job.fields.uses else no_event,
    )
    found: dict[str, Shown] = {}
    for record in records:
        if record.id in stands:
            number, run = stands[record.id]
            target = _target(job, codecs, record, accounts)
            counting = _until(number, job, answers[record.id])
            found[record.id] = Shown(number, run, _wanted(counting, target, rules, responses))
    return found


def _wrote(answer: int, writes: Sequence[Write]) -> int | None:
    """The latest run that wrote something of this answer that nobody took back."""
    for write in reversed(writes):
        if write.response == answer and any(
            steps(writes, name).taken_back_by(write.id) is None for name in write.after
        ):
            return write.run
    return None


def _until(number: int, job: Job, answers: Sequence[Counted]) -> list[Answer]:
    """What counts up to this answer, the oldest first; nothing where it counts no more itself."""
    known = oldest_first(answer for one in answers if (answer := _answer(job, one)) is not None)
    place = next((place for place, one in enumerate(known) if one.number == number), None)
    return [] if place is None else list(known[: place + 1])


def _wanted(
    counting: Sequence[Answer], target: Target, rules: Rules, responses: Mapping[int, SurveyResponse]
) -> Mapping[str, Json]:
    """Nothing where today's mapping cannot show it."""
    try:
        return shown_by(counting, target, rules, responses.__getitem__) if counting else {}
    except RejectedError:
        return {}


def _answer(job: Job, one: Counted) -> Answer | None:
    """None where it counts no more: its source left the survey, or its score is none under today's metric."""
    if one.source not in job.ranks:
        return None
    try:
        score = parse_score(one.score, job.metric, labelled=job.labelled)
    except RejectedError:
        return None
    at, _ = believed(one.answered_at, one.received_at)
    return Answer(at, job.ranks[one.source], one.id, one.number, score, one.state)


def _target(job: Job, codecs: Codecs, record: Record, accounts: Mapping[str, Record]) -> Target:
    account_id = account_of(job, record)
    account = accounts.get(account_id or "")
    shown = {} if account is None else account.fields
    return Target(
        record=record,
        typed={name: read(record.fields.get(name)) for name, read in codecs.typed.items()},
        account_id=account_id,
        account={
            name: job.destination.typed(job.account_object, name)(shown.get(name))
            for name in sorted(job.fields.account_names)
            if job.account_object is not None
        },
    )
