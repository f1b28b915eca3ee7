"""The answers of the people of some accounts, read in the order of the accounts: memory holds a page of people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from nps.errors import RejectedError
from nps.newest import Answer, believed
from nps.score import Labelled, parse_score
from store.api import Counted, State, Store
from sync.accounts.figures import Moments, Sum
from sync.job import Job


@dataclass(frozen=True)
class Given:
    """Whose answers are read, and how their scores and sources are understood."""

    sync: str
    ranks: Mapping[str, int]  # source → its place in the YAML
    metric: str
    labelled: Labelled | None = None

    @classmethod
    def of(cls, job: Job) -> Given:
        return cls(job.name, job.ranks, job.metric, job.labelled)


class Reader:
    """`survivors`: merged record of a person → the one it was merged into, so that a person counts once. `planned`:
    what is planned and not written counts too, for a plan that shows what would follow from it."""

    def __init__(
        self,
        given: Given,
        store: Store,
        moments: Moments,
        survivors: Mapping[str, str] | None = None,
        *,
        planned: bool = False,
    ) -> None:
        self.given, self.store, self.moments, self.planned = given, store, moments, planned
        self.survivors = survivors or {}
        self._merged = {*self.survivors, *self.survivors.values()}

    def sums(self, first: str, last: str) -> Iterator[tuple[str, Sum]]:
        """Every account from `first` to `last` that has people, with what these answered."""
        for account, people in groupby(self._people(first, last), key=itemgetter(0)):
            its = Sum()
            merged: defaultdict[str, list[Answer]] = defaultdict(list)
            for _, record_id, answers in people:
                if record_id in self._merged:
                    merged[self.survivors.get(record_id, record_id)] += answers
                elif answers:
                    its.add(answers, self.moments)
            for answers in merged.values():
                its.add(answers, self.moments)
            yield account, its

    def _people(self, first: str, last: str) -> Iterator[tuple[str, str, Sequence[Answer]]]:
        for page in self.store.people_between(self.given.sync, first, last):
            given = self.of_records([record_id for _, record_id in page])
            for account, record_id in page:
                yield account, record_id, given.get(record_id, ())

    def of_records(self, record_ids: Sequence[str]) -> dict[str, list[Answer]]:
        """What counts for these records: what they show, or, of an answer that a newer one overtook, showed."""
        found: defaultdict[str, list[Answer]] = defaultdict(list)
        for one in self.store.counted(self.given.sync, record_ids, since=self.moments.earliest):
            if one.state is State.PENDING and not self.planned:
                continue
            if (answer := self._answer(one)) is not None:
                found[one.record_id].append(answer)
        return found

    def _answer(self, one: Counted) -> Answer | None:
        rank = self.given.ranks.get(one.source)
        if rank is None:
            return None  # its source left the survey
        try:
            score = parse_score(one.score, self.given.metric, labelled=self.given.labelled)
        except RejectedError:
            return None  # it counted under another rule for scores; under this one it does not
        at, _ = believed(one.answered_at, one.received_at)
        return Answer(at, rank, one.id, one.number, score)
