"""What can be said of an answer without looking at the CRM: its state, or its score and keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from nps.asking import Invitation
from nps.changes import MatchKey
from nps.errors import RejectedError
from nps.responses import ResponseStatus, SurveyResponse
from nps.score import parse_score
from store.api import State, Store, Taken
from store.api.sharing import Shard
from sync.deciding import Mark
from sync.holding import Holding
from sync.invited import Invited
from sync.job import Feed, Job


class Candidate(msgspec.Struct, frozen=True):
    """A taken answer that may count, with its match keys and parsed score."""

    taken: Taken
    keys: tuple[MatchKey, ...]
    score: int
    linked: str | None = None  # a person's decision
    invited: str | None = None  # the record whose person we asked


@dataclass
class Chunk:
    """Some answers of the work, and the records they concern whatever their keys name."""

    marks: dict[int, Mark] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    taken: dict[int, Taken] = field(default_factory=dict)
    earlier: dict[int, str] = field(default_factory=dict)
    """Older versions of its answers → the record they were matched to ("": none)."""
    touched: set[str] = field(default_factory=set)
    matched_by: dict[int, str] = field(default_factory=dict)  # its matched answers → the rule that decided
    forgotten: dict[int, str] = field(default_factory=dict)
    """Answers of people who were forgotten → the record they were matched to. That is left alone: what it shows of
    them is for the erasing to clear, or to keep."""
    keys: dict[str, str] = field(default_factory=dict)
    """Touched records → the key that led to them before."""
    shard: Shard | None = None  # the part of the run that it is
    beside: dict[int, Taken] = field(
        default_factory=dict
    )  # not of this chunk, but they count for its records


FORGOTTEN = Mark(State.EXCLUDED, "forgotten", "its person is being erased; subject erase was not finished")


def first_look(
    job: Job, feeds: Mapping[str, Feed], taken: Taken, invited: Invited, holding: Holding
) -> Mark | Candidate:
    """`invited` and `holding` have learned of it before."""
    response = taken.response
    feed = feeds.get(response.source)
    if feed is None:
        return Mark(State.EXCLUDED, "source_left", "its source does not belong to the survey any more")
    if not taken.newest:
        return Mark(State.SUPERSEDED, "edited", "the answer was edited; its newer version counts")
    if response.problem is not None:
        return Mark(State.REJECTED, "unreadable", response.problem)
    if response.status is ResponseStatus.WITHDRAWN:
        return Mark(State.EXCLUDED, "withdrawn", "withdrawn at its source")
    if response.status is ResponseStatus.EXCLUDED:
        return Mark(State.EXCLUDED, "excluded_at_source", "its survey tool says it must not count")
    if feed.surveys is not None and response.survey not in feed.surveys:
        return Mark(State.EXCLUDED, "other_survey", f"an answer to another survey than {job.survey}")
    if job.since is not None and response.answered_at < job.since:
        return Mark(State.EXCLUDED, "before_since", "given before `since`")
    if response.status is ResponseStatus.PARTIAL:
        return Mark(
            State.PENDING,
            "half_finished",
            "half-finished, or its person is still to be looked up; it waits for the rest",
        )
    try:
        score = parse_score(response.score, job.metric, labelled=job.labelled)
    except RejectedError as error:
        return Mark(State.REJECTED, error.code, str(error), error.field)
    invitation = invited.of(response) if response.properties else None
    keys = job.match.keys(response, None if invitation is None else invitation.event)
    record_id = None if invitation is None else _its_record(job, invitation)
    if not keys and record_id is None:
        if job.match.misses_its_company(response):
            provider = "its address is of a free-mail provider, which says nothing about a company"
            return Mark(State.EXCLUDED, "free_mail", provider)
        return Mark(
            State.REJECTED,
            "no_key",
            "the answer carries none of the keys that `match` compares with a record",
        )
    return holding.judged(taken) or Candidate(taken, keys, score, invited=record_id)


def _its_record(job: Job, invitation: Invitation) -> str | None:
    """The record of the person we asked, where this sync writes to such records."""
    asked = (invitation.survey, invitation.connection, invitation.object)
    return invitation.record_id if asked == (job.survey, job.connection, job.object) else None


def classified(
    job: Job,
    feeds: Mapping[str, Feed],
    store: Store,
    taken: Sequence[Taken],
    invited: Invited,
    holding: Holding,
) -> Chunk:
    chunk = Chunk(taken={one.number: one for one in taken})
    invited.learn(one.response for one in taken)
    holding.learn(taken)
    gone = store.forgotten_answers([one.number for one in taken])
    for one in taken:
        forgotten = one.newest and one.number in gone
        verdict = FORGOTTEN if forgotten else first_look(job, feeds, one, invited, holding)
        if isinstance(verdict, Mark):
            chunk.marks[one.number] = verdict
        else:
            chunk.candidates.append(verdict)
    older = [number for one in taken for number in one.earlier]
    if older:
        settled = store.states(job.name, older)
        chunk.earlier = {number: one.record_id or "" for number, one in settled.items()}
    chunk.candidates = _linked(job, store, chunk.candidates)
    chunk.forgotten = {one.number: _matched(one, chunk.earlier) for one in taken if one.number in gone}
    left = {number for one in taken if one.number in gone for number in one.earlier}
    chunk.touched = {record for number, record in chunk.earlier.items() if record and number not in left}
    chunk.touched |= {one.matched for one in taken if one.matched and one.number not in gone}
    chunk.touched |= {one.linked for one in chunk.candidates if one.linked}
    chunk.touched |= {one.invited for one in chunk.candidates if one.invited}
    return chunk


def _matched(one: Taken, earlier: Mapping[int, str]) -> str:
    """The record that an answer or an older version of it was matched to; "" for none."""
    return one.matched or next((record for n in one.earlier if (record := earlier.get(n))), "")


def _linked(job: Job, store: Store, candidates: Iterable[Candidate]) -> list[Candidate]:
    """The same, with the records that a person decided some of them belong to. What was decided about one answer
    comes before what was decided about its keys."""
    candidates = list(candidates)
    ours = store.links(job.answer_scope, [answer_value(one.taken.response) for one in candidates])
    by_key = store.links(job.scope, list({key.value for one in candidates for key in one.keys}))
    if not (ours or by_key):
        return candidates
    return [
        Candidate(
            one.taken,
            one.keys,
            one.score,
            ours.get(answer_value(one.taken.response))
            or next((by_key[key.value] for key in one.keys if key.value in by_key), None),
            one.invited,
        )
        for one in candidates
    ]


def answer_value(response: SurveyResponse) -> str:
    """What a decision about one answer only is remembered by."""
    return f"{response.source}:{response.id}"
