"""What a settled chunk of answers may have to create: pure. Whether it is due is decided right before the call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import msgspec

from nps.newest import Answer
from store.api import Settled, State, Taken, Wanted
from store.api.outbox import Kind
from sync.deciding import Verdict
from sync.job import Job
from sync.outbox.care import Aftercare

COUNTS = (State.WRITTEN, State.UNCHANGED, State.PENDING)
"""The states of an answer that decides its record, or will once its change is written."""
KEPT = (*COUNTS, State.SUPERSEDED, State.REJECTED)
"""Every answer with a record is kept; one that is older than `valid_for` too."""

_LONGEST = 80  # what a field for a key surely holds


@dataclass(frozen=True)
class Wants:
    """What one sync wants after its answers: `floor` is from when on they are followed up."""

    job: Job
    care: Aftercare
    floor: datetime

    def of_record(
        self,
        record_id: str,
        answers: Iterable[Answer],
        verdict: Verdict,
        taken: Mapping[int, Taken],
    ) -> Iterator[Wanted]:
        """Of one record that was decided, and of those of its answers that this decision moved."""
        for one in answers:
            mark = verdict.states[one.number]
            new = one.number in taken
            if new and self.care.history is not None and is_kept(mark.state, mark.code):
                yield self._history(one, record_id)
            # What an older answer was superseded by may be gone.
            risen = not new and one.state == State.SUPERSEDED and mark.state in COUNTS
            if (new or risen) and mark.state in COUNTS and one.at >= self.floor:
                yield from self._once(one, record_id)
        deciding = next((one for one in answers if one.number == verdict.deciding), None)
        yield from self.of_members(record_id, deciding)

    def of_left(self, settled: Iterable[Settled], taken: Mapping[int, Taken]) -> Iterator[Wanted]:
        """Of answers that belong to no record (any more): what is kept of their older versions is looked at again."""
        if self.care.history is None:
            return
        for each in settled:
            one = taken[each.number]
            if each.record_id is None and one.newest and one.earlier:
                yield msgspec.structs.replace(
                    self._kept(one.response.source, one.response.id, each.number, None), known_only=True
                )

    def of_members(self, record_id: str, deciding: Answer | None) -> Iterator[Wanted]:
        """A record whose answer is another one now, or which is gone: is it still on its lists?"""
        for slot in self.care.places:
            yield Wanted(
                kind=Kind.LIST,
                slot=slot,
                subject=record_id,
                response=None if deciding is None else deciding.number,
                record_id=record_id,
                connection=self.job.connection,
                object=self.job.object,
                key=record_id,
                known_only=deciding is None or deciding.at < self.floor,
            )

    def _history(self, one: Answer, record_id: str) -> Wanted:
        return self._kept(self._source(one), one.id, one.number, record_id)

    def _kept(self, source: str, id: str, number: int, record_id: str | None) -> Wanted:
        assert self.care.history is not None
        return Wanted(
            kind=Kind.HISTORY,
            subject=f"{source}:{id}",
            response=number,
            record_id=record_id,
            connection=self.job.connection,
            object=self.care.history.object,
            key=key_of(source, id),
        )

    def _once(self, one: Answer, record_id: str) -> Iterator[Wanted]:
        source = self._source(one)
        places = [(Kind.TASK, "", self.job.connection)] if self.care.tasks else []
        places += [
            (Kind.ALERT, slot, rules[0].notice.connection)
            for slot, rules in self.care.notices.items()
            if rules[0].notice is not None
        ]
        for kind, slot, connection in places:
            yield Wanted(
                kind=kind,
                slot=slot,
                subject=f"{source}:{one.id}",
                response=one.number,
                record_id=record_id,
                connection=connection,
                object=self.job.object,
                key=key_of(source, one.id),
            )

    def _source(self, one: Answer) -> str:
        return next(feed.connection for feed in self.job.feeds if feed.rank == one.rank)


def is_kept(state: State, code: str) -> bool:
    """Whether an answer in this state is kept as a record of its own. Of an edited one its newer version is."""
    return (state in KEPT and code != "edited") or (state is State.EXCLUDED and code == "expired")


def key_of(source: str, id: str) -> str:
    """Our own key for what follows an answer, the same in every sync and for ever."""
    key = f"{source}:{id}"
    if len(key) <= _LONGEST:
        return key
    return f"{key[:40]}-{blake2b(key.encode(), digest_size=16).hexdigest()}"
