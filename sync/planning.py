"""Phase A, second half: what the work holds is matched, decided and spooled as the plan, chunk by chunk.

Looking up runs ahead in threads (HTTP and JSON only); everything that touches the store runs on the calling thread.
A record may be concerned by several chunks. Each decides it over all answers settled so far, so the last one has the
last word, also when its word is that nothing needs to be written.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from nps.changes import Cause, Change, Record
from nps.errors import RejectedError
from nps.newest import Answer, believed
from nps.responses import SurveyResponse
from nps.score import parse_score
from nps.values import Fields, Json, JsonFields, Value
from store.api import Lease, Settled, State, Store, Wanted
from store.api.sharing import Closing, Shard
from sync.causes import cause_of
from sync.deciding import Mark, Rules, Target, decide, no_event
from sync.finding import Belongs, Found, belongs_merged, followed, look_up, match, survivor_of
from sync.first_look import Candidate, Chunk, classified, first_look
from sync.holding import Holding
from sync.interruption import heed
from sync.invited import Invited
from sync.job import Codecs, Job
from sync.membership import account_of, whose
from sync.merges import absorbed, follow_links
from sync.moving import Deserted, taken_back
from sync.ours import Ours, ours_in
from sync.outbox.wanting import Wants
from sync.planned import Planned
from sync.progress import Progress

CHUNK = 2500  # answers planned in one transaction; a smaller one goes over the same pages of the indexes more often
LOOKING_UP = 4  # chunks whose records are being fetched at a time


def plan_changes(
    job: Job,
    codecs: Codecs,
    store: Store,
    lease: Lease,
    run: int,
    planned: Planned,
    *,
    now: datetime,
    persons: Sequence[int] | None,
    clearings: Sequence[str] | None = None,
    limit: int | None,
    adopt: bool,
    stop: Callable[[], bool],
    progress: Progress,
    wants: Wants | None = None,
    at_once: int = LOOKING_UP,
) -> None:
    """Give every answer in the work its state, and spool one change per record that should look different.

    With `persons` only theirs, and of the records in which an earlier run had something to clear only `clearings`.
    `wants` says what follows them. `planned` is kept up to date: raises what the destination raises, and what was
    planned until then stays spooled, the rest stays in the work.
    """
    partial = persons is not None or limit is not None
    planner = Planner(job, codecs, store, lease, run, planned, now, wants, adopt=adopt, partial=partial)
    chunks = planner.chunks(persons, clearings or (), limit)
    for chunk in in_turn(job, codecs, planner.settle, chunks, at_once, stop):
        progress.advance(len(chunk.taken))


def in_turn(
    job: Job,
    codecs: Codecs,
    settle: Callable[[Chunk, Found], None],
    chunks: Iterable[Chunk],
    at_once: int,
    stop: Callable[[], bool],
) -> Iterator[Chunk]:
    """Look the chunks up, so many at a time, and settle them in their order; each of them once it is settled."""
    with ThreadPoolExecutor(at_once, thread_name_prefix="npsync-find") as pool:
        ahead: deque[tuple[Chunk, Future[Found]]] = deque()

        def settle_oldest() -> Chunk:
            chunk, found = ahead.popleft()
            settle(chunk, found.result())
            return chunk

        try:
            for chunk in chunks:
                heed(stop)
                ahead.append((chunk, pool.submit(look_up, job, codecs, chunk)))
                if len(ahead) > at_once:
                    yield settle_oldest()
            while ahead:
                yield settle_oldest()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@dataclass
class _Group:
    """All answers that may count for one record, and the key that this chunk's were found by."""

    answers: list[Answer] = field(default_factory=list)
    key: str = ""


class Planner:
    """Settles chunks one after the other. Everything that is the same for all of them is worked out once."""

    def __init__(
        self,
        job: Job,
        codecs: Codecs,
        store: Store,
        lease: Lease,
        run: int,
        planned: Planned,
        now: datetime,
        wants: Wants | None,
        *,
        adopt: bool,
        partial: bool,
    ) -> None:
        self.job, self.codecs, self.store, self.lease, self.run = job, codecs, store, lease, run
        self.planned, self.now, self.wants, self.partial = planned, now, wants, partial
        self.feeds = {feed.connection: feed for feed in job.feeds}
        self.invited = Invited(store)
        self.holding = Holding(job, store)
        self.rules = Rules(
            survey=job.survey,
            metric=job.metric,
            fields=job.fields,
            canonical=codecs.canonical,
            valid_for=job.valid_for,
            adopt=adopt,
            event=self.invited.event if "event" in job.fields.uses else no_event,
        )
        self.account_codecs: Mapping[str, Callable[[Json], Value]] = {}
        if job.account_object is not None:
            self.account_codecs = {
                name: job.destination.typed(job.account_object, name)
                for name in sorted(job.fields.account_names)
            }
        self.no_account: Fields = dict.fromkeys(self.account_codecs)

    def chunks(
        self, persons: Sequence[int] | None, clearings: Sequence[str], limit: int | None
    ) -> Iterator[Chunk]:
        """The work, and before it the records in which an earlier run had something to clear."""
        if clearings:
            yield Chunk(touched=set(clearings))
        if persons is None:
            yield from self.uncleared()
        after: tuple[int, int] | None = None
        left = limit
        while left is None or left > 0:
            size = CHUNK if left is None else min(CHUNK, left)
            taken, after = self.store.work(self.job.name, after, size, persons=persons)
            if taken:
                yield classified(self.job, self.feeds, self.store, taken, self.invited, self.holding)
                left = None if left is None else left - len(taken)
            if after is None:
                return

    def uncleared(self) -> Iterator[Chunk]:
        """The records in which an earlier run had something to clear."""
        last = ""
        while uncleared := self.store.clearings(self.job.name, last, CHUNK):
            yield Chunk(touched=set(uncleared))
            last = uncleared[-1]

    def chunk_of(self, shard: Shard) -> Chunk:
        """A part of the run that is this process's."""
        taken = self.store.shard_work(shard)
        chunk = classified(self.job, self.feeds, self.store, taken, self.invited, self.holding)
        chunk.shard = shard
        return chunk

    def settle(self, chunk: Chunk, found: Found) -> None:
        if chunk.shard is not None:
            self.planned = Planned()  # what it came to is put down with it
        self.planned.arrived.update(
            (one.taken.response.source, one.score)
            for one in chunk.candidates
            if not one.taken.again and not one.taken.earlier
        )
        settled = [
            _as_settled(number, mark, chunk.forgotten.get(number) or None)
            for number, mark in chunk.marks.items()
        ]
        follow_links(self.job, self.store, chunk, found)
        groups, lost = self._grouped(chunk, found, settled)
        if lost:
            found = self._follow(lost, found, chunk, groups, settled)
        old_ids = absorbed(self.job, self.store, groups, found.renamed)
        self._add_counted(chunk, groups, old_ids)
        ours = ours_in(self.job, self.store, groups, old_ids, found.records)
        full = self._full(chunk, groups.values())
        demoted: dict[int, tuple[State, str]] = dict.fromkeys(chunk.earlier, (State.SUPERSEDED, "edited"))
        # A record that went away, or is another one now, has nothing planned any more.
        left = chunk.touched - groups.keys()
        changes: dict[str, Change | None] = dict.fromkeys(left)
        deserted: dict[str, Deserted] = {}
        # Also those that were refused before anybody was looked up: what another chunk refused, the store says.
        refused = {number for number, mark in chunk.marks.items() if mark.state is State.REJECTED}
        wanted: list[Wanted] = []
        if self.wants is not None:
            wanted += self.wants.of_left(settled, chunk.taken)
            wanted += (w for id in left for w in self.wants.of_members(id, None))
        for record_id, group in groups.items():
            target = self._target(found, record_id, ours)
            verdict = decide(group.answers, target, self.rules, full, now=self.now, key=group.key)
            changes[record_id] = verdict.change
            for one in group.answers:
                number, mark = one.number, verdict.states[one.number]
                if number in chunk.taken:
                    settled.append(_as_settled(number, mark, record_id, chunk.matched_by.get(number, "")))
                elif one.state is not None and _moves(one.state, mark.state):
                    demoted[number] = (mark.state, mark.code)
            self.planned.fields.note(record_id, verdict)
            if self.wants is not None:
                wanted += self.wants.of_record(record_id, group.answers, verdict, chunk.taken)
            if verdict.deciding is None:
                refused.update(n for n, mark in verdict.states.items() if mark.state is State.REJECTED)
                deserted[record_id] = Deserted(target, verdict.change)
        if deserted:
            belongs = {one.number: id for id, group in groups.items() for one in group.answers}
            changes |= taken_back(self.job, self.rules, self.store, deserted, belongs, refused)
        closing = None if chunk.shard is None else self._closing(chunk.shard, settled, changes)
        replaced = self.store.settle(
            self.job.name,
            self.run,
            lease=self.lease,
            now=self.now,
            settled=settled,
            demoted=demoted,
            changes=changes,
            connection=self.job.connection,
            whose=whose(self.job, found, groups.keys(), left - old_ids.keys(), old_ids),
            wanted=wanted,
            closing=closing,
        )
        if closing is None:
            self._count(changes.values(), replaced)

    def _closing(
        self, shard: Shard, settled: Iterable[Settled], changes: Mapping[str, Change | None]
    ) -> Closing:
        def outcome(replaced: Sequence[JsonFields]) -> dict[str, Json]:
            self._count(changes.values(), replaced)
            touched = sorted(changes.keys() - {each.record_id for each in settled})
            return {**self.planned.as_part(), "touched": list[Json](touched)}

        return Closing(shard, outcome)

    def _grouped(
        self, chunk: Chunk, found: Found, settled: list[Settled]
    ) -> tuple[defaultdict[str, _Group], list[tuple[Candidate, Settled]]]:
        """The newcomers by the record they belong to, and those whose keys no record has; what else belongs to none
        is added to `settled`. Records that are planned anew are there even if no newcomer is left."""
        groups: defaultdict[str, _Group] = defaultdict(_Group)
        for record_id in chunk.touched:
            survivor = found.renamed.get(record_id, record_id)
            if survivor in found.records:
                groups[survivor].key = chunk.keys.get(record_id, "")
        lost: list[tuple[Candidate, Settled]] = []
        for one in chunk.candidates:
            outcome = match(self.job, one, found, chunk, self.now)
            if isinstance(outcome, Belongs):
                self._join(chunk, groups, one, outcome)
            elif outcome.state is State.WAITING:
                lost.append((one, outcome))
            else:
                self._leave_out(one, outcome, settled)
        return groups, lost

    def _follow(
        self,
        lost: Sequence[tuple[Candidate, Settled]],
        found: Found,
        chunk: Chunk,
        groups: defaultdict[str, _Group],
        settled: list[Settled],
    ) -> Found:
        """No record has their keys (any more). Where other answers of the same person are on a record that was
        merged, they belong to its survivor too: a merge may leave none of the old record's keys behind."""
        before = self.store.matched_before(self.job.name, [one.taken.number for one, _ in lost])
        found = followed(self.job, self.codecs, found, {record for ids in before.values() for record in ids})
        for one, outcome in lost:
            merged_into = survivor_of(before.get(one.taken.number, ()), found)
            if merged_into is None:
                self._leave_out(one, outcome, settled)
            else:
                self._join(chunk, groups, one, belongs_merged(one, merged_into))
        return found

    def _join(self, chunk: Chunk, groups: defaultdict[str, _Group], one: Candidate, outcome: Belongs) -> None:
        group = groups[outcome.record_id]
        group.answers.append(self._newcomer(one))
        group.key = outcome.key
        chunk.matched_by[one.taken.number] = outcome.rule
        self.planned.match.note_matched(outcome.rule, again=one.taken.again)

    def _leave_out(self, one: Candidate, outcome: Settled, settled: list[Settled]) -> None:
        settled.append(outcome)
        self.planned.match.note_unmatched(outcome.code, one.taken.response.email, again=one.taken.again)

    def _add_counted(self, chunk: Chunk, groups: Mapping[str, _Group], old_ids: Mapping[str, str]) -> None:
        """Beside what this chunk brings, what was settled before may count for its records."""
        ids = [*groups, *old_ids]
        for one in self.store.counted(self.job.name, ids):
            feed = self.feeds.get(one.source)
            if feed is None:
                continue
            try:
                score = parse_score(one.score, self.job.metric, labelled=self.job.labelled)
            except RejectedError:
                continue  # it counted under another metric; it does not under this one
            at, _ = believed(one.answered_at, one.received_at)
            answer = Answer(at, feed.rank, one.id, one.number, score, one.state)
            groups[old_ids.get(one.record_id, one.record_id)].answers.append(answer)
        if self.partial:
            # Not this time, but they count: without them an older answer would take the record over.
            beside = self.store.lying(self.job.name, ids)
            self.holding.learn(beside)
            gone = self.store.forgotten_answers([lying.number for lying in beside])
            for lying in beside:
                verdict = (
                    None
                    if lying.number in chunk.taken or lying.number in gone
                    else first_look(self.job, self.feeds, lying, self.invited, self.holding)
                )
                if isinstance(verdict, Candidate) and lying.matched is not None:
                    record_id = old_ids.get(lying.matched, lying.matched)
                    groups[record_id].answers.append(self._newcomer(verdict))
                    chunk.beside[lying.number] = lying

    def _newcomer(self, one: Candidate) -> Answer:
        response = one.taken.response
        at, moved = believed(response.answered_at, one.taken.received_at)
        self.planned.future_dated += moved
        return Answer(at, self.feeds[response.source].rank, response.id, one.taken.number, one.score)

    def _full(self, chunk: Chunk, groups: Iterable[_Group]) -> Callable[[int], SurveyResponse]:
        """The whole response behind a number. Those that will nearly always be asked for are read together."""
        newest = [max(group.answers) for group in groups if group.answers]
        known = self.store.responses([one.number for one in newest if one.state is not None])
        taken = chunk.taken | chunk.beside

        def full(number: int) -> SurveyResponse:
            if number in taken:
                return taken[number].response
            return known.get(number) or self.store.responses([number])[number]

        return full

    def _target(self, found: Found, record_id: str, ours: Ours) -> Target:
        record = found.records[record_id]
        account_id = account_of(self.job, record)
        account = found.accounts.get(account_id) if account_id is not None else None
        return Target(
            record=record,
            typed=_typed(record, self.codecs.typed),
            ours=ours.values.get(record_id, {}),
            undone=ours.undone.get(record_id, {}) if ours.undone else {},
            account_id=account_id,
            account=self.no_account if account is None else _typed(account, self.account_codecs),
        )

    def _count(self, changes: Iterable[Change | None], replaced: Iterable[JsonFields]) -> None:
        for change in changes:
            if change is not None:
                self.planned.changes += 1
                self.planned.overwriting += _overwrites(change.before)
        for before in replaced:
            self.planned.changes -= 1
            self.planned.overwriting -= _overwrites(before)


def _typed(record: Record, codecs: Mapping[str, Callable[[Json], Value]]) -> Fields:
    if not codecs:
        return {}  # nearly always
    return {name: read(record.fields.get(name)) for name, read in codecs.items()}


def _overwrites(before: JsonFields) -> bool:
    return list(before.values()).count(None) < len(before)


def _moves(known: str, state: State) -> bool:
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
        cause=cause_of(mark.code) if mark.state is State.REJECTED else Cause.UNKNOWN,
    )
