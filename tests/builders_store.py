"""Builders around a store: answers, pages, and a sync that is moved along step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nps.changes import Batch, Change, Outcome, Written
from nps.responses import Cursor, Page, SurveyResponse
from store.api import Lease, Received, Settled, State, Store, Taken

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SYNC = "nps-to-contacts"
SOURCE = "email-nps"


def answer(id: str = "a1", score: Any = 9, *, at: datetime = NOON, **others: Any) -> SurveyResponse:
    given = {"source": SOURCE, "email": f"{id}@example.com", "survey": "1146"} | others
    return SurveyResponse(id=id, score=score, answered_at=at, **given)


def page(*answers: SurveyResponse, cursor: Any = 1) -> Page:
    return Page(responses=answers, cursor=Cursor(state={"after": cursor}))


def person(response: SurveyResponse) -> int:
    """One person per e-mail."""
    return int.from_bytes((response.email or response.id).encode()[:7].rjust(7), "big")


def receive(store: Store, *answers: SurveyResponse, at: datetime = NOON, cursor: Any = 1) -> Received:
    source = answers[0].source if answers else SOURCE
    return store.append(source, page(*answers, cursor=cursor), [person(a) for a in answers], received_at=at)


def change(record_id: str = "003A", *, response: int | None = 1, **others: Any) -> Change:
    given: dict[str, Any] = {"object": "Contact", "before": {"NPS__c": None}, "after": {"NPS__c": 9}}
    return Change(record_id=record_id, response=response, **(given | others))


class Syncing:
    """One sync on a store, with its lease and a run."""

    def __init__(self, store: Store, sync: str = SYNC, sources: Sequence[str] = (SOURCE,)) -> None:
        self.store, self.sync, self.sources = store, sync, sources
        lease = store.acquire(sync, "test", now=NOON, seconds=3600)
        assert lease is not None
        self.lease: Lease = lease
        self.run = self.begin()

    def begin(self) -> int:
        self.run = self.store.begin_run(self.sync, "run", now=NOON, facts={})
        return self.run

    def take_up(self, *, now: datetime = NOON, **options: Any) -> int:
        return self.store.take_up(self.sync, self.sources, lease=self.lease, now=now, **options)

    def work(self, limit: int = 1000) -> list[Taken]:
        taken, after = self.store.work(self.sync, None, limit)
        while after is not None:
            more, after = self.store.work(self.sync, after, limit)
            taken += more
        return taken

    def settle(
        self,
        settled: Iterable[Settled],
        *,
        changes: dict[str, Change | None] | None = None,
        demoted: dict[int, tuple[State, str]] | None = None,
    ) -> None:
        self.store.settle(
            self.sync,
            self.run,
            lease=self.lease,
            now=NOON,
            settled=list(settled),
            demoted=demoted or {},
            changes=changes or {},
            connection="crm",
        )

    def plan(self, **fields: Any) -> list[Taken]:
        """Take up and plan one change for every newest answer, on a record named after it."""
        self.take_up()
        taken = self.work()
        newest = [one for one in taken if one.newest]
        states = [
            Settled(
                number=one.number,
                state=State.PENDING if one.newest else State.SUPERSEDED,
                record_id=record_of(one),
            )
            for one in taken
        ]
        changes: dict[str, Change | None] = {
            record_of(one): change(record_of(one), response=one.number, **fields) for one in newest
        }
        self.settle(states, changes=changes)
        return taken

    def cut(self, size: int = 100, first: int | None = None) -> int:
        return self.store.cut(self.run, lease=self.lease, api="collections", size=size, first=first)

    def open(self, count: int = 1000) -> list[Batch]:
        return self.store.open_batches(self.run, count, lease=self.lease)

    def settle_batches(
        self, batches: Iterable[Batch], outcome: Callable[[Change], Outcome] = lambda c: Written(c.record_id)
    ) -> None:
        outcomes = {batch.id: [outcome(c) for c in batch.changes] for batch in batches}
        self.store.settle_batches(self.run, outcomes, lease=self.lease, now=NOON)

    def write(self, outcome: Callable[[Change], Outcome] = lambda c: Written(c.record_id)) -> None:
        self.cut()
        self.settle_batches(self.open(), outcome)

    def states(self) -> dict[State, int]:
        return {s: n for s, n in self.store.run_states(self.sync, self.run).items() if n}

    def state(self, number: int) -> Settled | None:
        return self.store.states(self.sync, [number]).get(number)

    def balance(self) -> tuple[int, int]:
        return self.store.balance(self.sync, self.sources)


def record_of(taken: Taken) -> str:
    return f"003{taken.response.id}"


def later(**by: float) -> datetime:
    return NOON + timedelta(**by)
