"""Phase A, second half: what the work holds is matched, decided and spooled as the plan, chunk by chunk.

Looking up runs ahead in threads (HTTP and JSON only); everything that touches the store runs on the calling thread.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.contract import Lookup
from mapping.match import Conflict, Many, Matched, NoRecord, Paired
from nps.changes import Change, Hit, MatchKey, Record
from nps.errors import RejectedError
from nps.newest import Answer, believed
from nps.responses import ResponseStatus, SurveyResponse
from nps.score import parse_score
from nps.values import Json, Value
from store.api import Lease, Settled, State, Store, Taken
from sync.deciding import Mark, Rules, Target, decide
from sync.interruption import heed
from sync.job import Codecs, Feed, Job
from sync.progress import Progress
from sync.report import MatchReport

CHUNK = 1000  # answers planned in one transaction
LOOKING_UP = 4  # chunks whose records are being fetched at a time
FORGET_WAITING = timedelta(days=90)


@dataclass
class Planned:
    """What planning found out, beside the plan itself (which is in the store)."""

    match: MatchReport = field(default_factory=MatchReport)
    kept: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    overwriting: int = 0  # changes of values, not first fills
    decided: int = 0


@dataclass(frozen=True)
class _Candidate:
    """A taken answer that may count, with its match keys and parsed score."""

    taken: Taken
    keys: tuple[MatchKey, ...]
    score: int
    linked: str | None = None  # a person's decision


@dataclass
class _Chunk:
    marks: dict[int, Mark]
    candidates: list[_Candidate]
    taken: dict[int, Taken]
    earlier: dict[int, str]  # older versions of answers in this chunk → the record they were matched to
    touched: set[str]  # records to plan anew whatever the keys name


@dataclass(frozen=True)
class _Found:
    paired: Paired  # the records behind each match key
    records: Mapping[str, Record]
    renamed: Mapping[str, str]  # merged id → surviving id
    accounts: Mapping[str, Record]


def plan_changes(
    job: Job,
    codecs: Codecs,
    store: Store,
    lease: Lease,
    run: int,
    *,
    now: datetime,
    persons: Sequence[int] | None,
    limit: int | None,
    adopt: bool,
    stop: Callable[[], bool],
    progress: Progress,
) -> Planned:
    """Give every answer in the work its state, and spool one change per record that should look different.

    Raises what the destination raises; what was planned until then stays spooled, the rest stays in the work.
    """
    rules = Rules(
        survey=job.survey,
        metric=job.metric,
        fields=job.fields,
        canonical=codecs.canonical,
        valid_for=job.valid_for,
        adopt=adopt,
    )
    feeds = {feed.connection: feed for feed in job.feeds}
    planned = Planned()
    with ThreadPoolExecutor(LOOKING_UP, thread_name_prefix="npsync-find") as pool:
        ahead: deque[tuple[_Chunk, Future[_Found]]] = deque()

        def settle_oldest() -> None:
            chunk, found = ahead.popleft()
            _settle(job, codecs, store, lease, run, chunk, found.result(), rules, planned, now)
            progress.advance(len(chunk.taken))

        try:
            for taken in _work(store, job.name, persons, limit):
                heed(stop)
                chunk = _classified(job, feeds, store, taken, now)
                ahead.append((chunk, pool.submit(_look_up, job, codecs, chunk)))
                if len(ahead) > LOOKING_UP:
                    settle_oldest()
            while ahead:
                settle_oldest()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return planned


def _work(store: Store, sync: str, persons: Sequence[int] | None, limit: int | None) -> Iterator[list[Taken]]:
    after: tuple[int, int] | None = None
    left = limit
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        taken, after = store.work(sync, after, size, persons=persons)
        if taken:
            yield taken
            left = None if left is None else left - len(taken)
        if after is None:
            return


def _classified(
    job: Job, feeds: Mapping[str, Feed], store: Store, taken: Sequence[Taken], now: datetime
) -> _Chunk:
    """What can be said without looking at the CRM."""
    marks: dict[int, Mark] = {}
    candidates: list[_Candidate] = []
    for one in taken:
        verdict = _first_look(job, feeds, one)
        if isinstance(verdict, Mark):
            marks[one.number] = verdict
        else:
            candidates.append(verdict)
    earlier = {
        number: settled.record_id or ""
        for number, settled in store.states(
            job.name, [number for one in taken for number in one.earlier]
        ).items()
    }
    links = store.links(job.scope, list({key.value for one in candidates for key in one.keys}))
    if links:
        candidates = [_linked(one, links) for one in candidates]
    touched = {record for record in earlier.values() if record}
    touched |= {one.matched for one in taken if one.matched}
    touched |= {one.linked for one in candidates if one.linked}
    return _Chunk(marks, candidates, {one.number: one for one in taken}, earlier, touched)


def _linked(candidate: _Candidate, links: Mapping[str, str]) -> _Candidate:
    for key in candidate.keys:
        if key.value in links:
            return _Candidate(candidate.taken, candidate.keys, candidate.score, links[key.value])
    return candidate


def _first_look(job: Job, feeds: Mapping[str, Feed], taken: Taken) -> Mark | _Candidate:
    response = taken.response
    feed = feeds[response.source]
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
        return Mark(State.PENDING, "half_finished", "half-finished; it waits for the rest")
    try:
        score = parse_score(response.score, job.metric, labelled=job.labelled)
    except RejectedError as error:
        return Mark(State.REJECTED, error.code, str(error), error.field)
    keys = job.match.keys(response)
    if not keys:
        return Mark(
            State.REJECTED,
            "no_key",
            "the answer carries none of the keys that `match` compares with a record",
        )
    return _Candidate(taken, keys, score)


# ------------------------------------------------------------ looking up (in a thread of its own)


def _look_up(job: Job, codecs: Codecs, chunk: _Chunk) -> _Found:
    """Every record the chunk's keys name, and those it has to plan anew, with their live values."""
    destination = job.destination
    records: dict[str, Record] = {}
    renamed: dict[str, str] = {}
    hits: list[Hit] = []

    def note(record: Record) -> None:
        records[record.id] = record
        renamed.update((old, record.id) for old in record.merged)

    keys = [key for one in chunk.candidates if one.linked is None for key in one.keys]
    lookups = [Lookup(ask.field, ask.kind, ask.values) for ask in job.match.lookups(keys)]
    if lookups:
        hits = destination.find(job.object, lookups, codecs.fetch, job.only)
        for hit in hits:
            note(hit.record)
    missing = sorted(chunk.touched - records.keys())
    if missing:
        for record in destination.get(job.object, missing, codecs.fetch, job.only):
            note(record)
    return _Found(job.match.pair(keys, hits), records, renamed, _accounts(job, records.values()))


def _accounts(job: Job, records: Iterable[Record]) -> dict[str, Record]:
    names = sorted(job.fields.account_names)
    if not names or job.account_object is None or job.account_by is None:
        return {}
    ids = sorted({str(account) for one in records if (account := one.fields.get(job.account_by))})
    if not ids:
        return {}
    return {one.id: one for one in job.destination.get(job.account_object, ids, names, {})}


# ------------------------------------------------------------ settling one chunk (on the store's thread)


@dataclass
class _Group:
    """The newcomers of one record, the key and rule that led there."""

    newcomers: list[_Candidate] = field(default_factory=list)
    key: str = ""
    rules: dict[int, str] = field(default_factory=dict)


def _settle(
    job: Job,
    codecs: Codecs,
    store: Store,
    lease: Lease,
    run: int,
    chunk: _Chunk,
    found: _Found,
    rules: Rules,
    planned: Planned,
    now: datetime,
) -> None:
    settled = [_as_settled(number, mark) for number, mark in chunk.marks.items()]
    groups: dict[str, _Group] = defaultdict(_Group)
    for record_id in chunk.touched:
        survivor = found.renamed.get(record_id, record_id)
        if survivor in found.records:
            groups[survivor]  # planned anew even if no newcomer is left
    for one in chunk.candidates:
        outcome = _match(job, one, found, chunk, now)
        if isinstance(outcome, Settled):
            settled.append(outcome)
            _count_unmatched(planned.match, one, outcome)
            continue
        record_id, rule, key = outcome
        planned.match.matched += 1
        planned.match.by_rule[rule] += 1
        group = groups[record_id]
        group.newcomers.append(one)
        group.key = key
        group.rules[one.taken.number] = rule

    known = _known(job, store, groups, found, chunk)
    ours = _confirmed(job, store, groups, found)
    demoted: dict[int, tuple[State, str]] = dict.fromkeys(chunk.earlier, (State.SUPERSEDED, "edited"))
    changes: dict[str, Change | None] = {}
    for record_id, group in groups.items():
        answers = known.get(record_id, [])
        answers += [_newcomer(job, one) for one in group.newcomers]
        target = _target(job, codecs, found, record_id, ours.get(record_id, {}))
        verdict = decide(answers, target, rules, _full(store, chunk), now=now, key=group.key)
        before = {one.number: one.state for one in answers}
        for number, mark in verdict.states.items():
            if before[number] is None:
                settled.append(_as_settled(number, mark, record_id, group.rules.get(number, "")))
            elif _moves(before[number], mark.state):
                demoted[number] = (mark.state, mark.code)
        changes[record_id] = verdict.change
        planned.decided += verdict.deciding is not None
        planned.kept.update(verdict.kept)
        if verdict.change is not None:
            planned.changes += 1
            planned.overwriting += any(value is not None for value in verdict.change.before.values())
    store.settle(
        job.name,
        run,
        lease=lease,
        now=now,
        settled=settled,
        demoted=demoted,
        changes=changes,
        connection=job.connection,
    )


def _moves(known: str | None, state: State) -> bool:
    """An answer that decides and is right already stays what it was: written, or unchanged."""
    return known != state and not (state is State.UNCHANGED and known == State.WRITTEN)


def _as_settled(number: int, mark: Mark, record_id: str | None = None, rule: str = "") -> Settled:
    return Settled(
        number=number,
        state=mark.state,
        record_id=record_id,
        rule=rule,
        code=mark.code,
        reason=mark.reason,
        field=mark.field,
    )


def _match(
    job: Job, one: _Candidate, found: _Found, chunk: _Chunk, now: datetime
) -> Settled | tuple[str, str, str]:
    """(record id, rule, key) when one record is meant, else the answer's state."""
    if one.linked is not None:
        survivor = found.renamed.get(one.linked, one.linked)
        if survivor in found.records:
            return survivor, "a person's decision", _shown_key(one)
    decision = job.match.choose(one.keys, found.paired)
    number = one.taken.number
    match decision:
        case Matched(record_id=record_id, rule=rule):
            return record_id, rule, _shown_key(one)
        case Many(rule=rule, record_ids=ids):
            return Settled(
                number=number,
                state=State.REVIEW,
                rule=rule,
                code="ambiguous",
                reason=f"{rule} names {len(ids)} records",
                candidates=tuple(ids),
            )
        case Conflict(rule=rule, record_ids=ids):
            return Settled(
                number=number,
                state=State.REVIEW,
                rule=rule,
                code="conflict",
                reason=f"a stronger rule names one record, {rule} another",
                candidates=tuple(ids),
            )
        case NoRecord():
            if (moved_to := _survivor(one, found, chunk)) is not None:
                return moved_to, "merged", _shown_key(one)
            return Settled(
                number=number,
                state=State.WAITING,
                code="no_record",
                reason="no record has any of its keys yet",
                look_again=next_look(one.taken.received_at, now),
            )


def _survivor(one: _Candidate, found: _Found, chunk: _Chunk) -> str | None:
    """Where the record went that this answer was matched to: a merge may leave none of its keys behind."""
    before = [one.taken.matched, *(chunk.earlier.get(number) for number in one.taken.earlier)]
    survivors = {found.renamed[record] for record in before if record and record in found.renamed}
    return survivors.pop() if len(survivors) == 1 else None


def _shown_key(one: _Candidate) -> str:
    """The key people know somebody by: the e-mail where there is one."""
    return next((key.value for key in one.keys if key.response == "email"), one.keys[0].value)


def next_look(received_at: datetime, now: datetime) -> datetime | None:
    """When a waiting answer's keys are looked up again: 1 h and 6 h after it arrived, then daily for 90 days."""
    for wait in (timedelta(hours=1), timedelta(hours=6)):
        if now < received_at + wait:
            return received_at + wait
    days = (now - received_at) // timedelta(days=1) + 1
    again = received_at + timedelta(days=days)
    return again if again - received_at <= FORGET_WAITING else None


def _count_unmatched(report: MatchReport, one: _Candidate, outcome: Settled) -> None:
    if outcome.code == "ambiguous":
        report.ambiguous += 1
    elif outcome.code == "conflict":
        report.conflicting += 1
    else:
        report.waiting += 1
        report.note_unmatched(one.taken.response.email)


def _newcomer(job: Job, one: _Candidate) -> Answer:
    response = one.taken.response
    at, _ = believed(response.answered_at, one.taken.received_at)
    return Answer(at, job.ranks[response.source], response.id, one.taken.number, one.score, None)


def _known(
    job: Job, store: Store, groups: Mapping[str, object], found: _Found, chunk: _Chunk
) -> dict[str, list[Answer]]:
    """Answers settled before that are matched to these records (or to records merged into them)."""
    old_ids = {old: new for old, new in found.renamed.items() if new in groups}
    known: dict[str, list[Answer]] = defaultdict(list)
    for one in store.counted(job.name, [*groups, *old_ids]):
        if one.number in chunk.taken or one.number in chunk.earlier or one.source not in job.ranks:
            continue
        try:
            score = parse_score(one.score, job.metric, labelled=job.labelled)
        except RejectedError:
            continue  # it counted under another metric; it does not under this one
        at, _ = believed(one.answered_at, one.received_at)
        record_id = old_ids.get(one.record_id, one.record_id)
        known[record_id].append(Answer(at, job.ranks[one.source], one.id, one.number, score, one.state))
    return known


def _confirmed(
    job: Job, store: Store, groups: Mapping[str, object], found: _Found
) -> dict[str, dict[str, Json]]:
    """What we know we wrote to these records, also under the ids of records merged into them."""
    old_ids = {old: new for old, new in found.renamed.items() if new in groups}
    ours = store.confirmed(job.connection, job.object, [*groups, *old_ids])
    for old, new in old_ids.items():
        mine, live = ours.setdefault(new, {}), found.records[new].fields
        for name, value in ours.get(old, {}).items():
            if name not in mine or live.get(name) == value:
                mine[name] = value
    return ours


def _full(store: Store, chunk: _Chunk) -> Callable[[int], SurveyResponse]:
    def full(number: int) -> SurveyResponse:
        taken = chunk.taken.get(number)
        return taken.response if taken is not None else store.responses([number])[number]

    return full


def _target(job: Job, codecs: Codecs, found: _Found, record_id: str, ours: Mapping[str, Json]) -> Target:
    record = found.records[record_id]
    account = record.fields.get(job.account_by) if job.account_by is not None else None
    return Target(
        record=record,
        typed={name: read(record.fields.get(name)) for name, read in codecs.typed.items()},
        ours=ours,
        account_id=None if account is None else str(account),
        account=_account_fields(job, found, account),
    )


def _account_fields(job: Job, found: _Found, account: Json) -> Mapping[str, Value]:
    if not job.fields.account_names:
        return {}
    record = found.accounts.get(str(account)) if account is not None else None
    if record is None or job.account_object is None:
        return dict.fromkeys(job.fields.account_names)
    return {
        name: job.destination.typed(job.account_object, name)(record.fields.get(name))
        for name in job.fields.account_names
    }
