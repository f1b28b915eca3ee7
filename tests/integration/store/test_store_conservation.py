"""Whatever happens, every version up to the watermark has a state or lies in the work: nothing is lost."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from builders_store import NOON, SOURCE, SYNC, Syncing, answer, change, later, receive
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from postgres_server import StoreInTurn

from nps.changes import Deferred, Outcome, Rejected, Unknown, Written
from nps.responses import SurveyResponse
from store import open_store
from store.api import Link, Settled, State
from store.sql import SqlStore

SOURCES = (SOURCE, "app-nps")
ids = st.sampled_from([f"a{n}" for n in range(6)])
answers = st.builds(
    answer,
    ids,
    st.integers(0, 10),
    source=st.sampled_from(SOURCES),
    at=st.integers(0, 30).map(lambda days: later(days=-days)),
    updated_at=st.none() | st.integers(0, 5).map(lambda n: later(minutes=n)),
    email=st.sampled_from(["ann@example.com", "bob@example.com", None]),
)
undecided = st.sampled_from(
    [State.WAITING, State.REVIEW, State.HELD, State.REJECTED, State.EXCLUDED, State.UNCHANGED]
)


class Conservation(RuleBasedStateMachine):
    """A model beside it: the versions that were stored, in order, and which of them were taken up."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.store: SqlStore = open_store(self.url)
        self.syncing = Syncing(self.store, sources=SOURCES)
        self.stored: list[tuple[str, str]] = []  # (source, id) of every version, in order of arrival
        self.newest: dict[tuple[str, str], SurveyResponse] = {}
        self.taken_up = 0
        self.left_out: set[int] = set()  # versions that a person discarded or ignored

    def teardown(self) -> None:
        self.store.close()

    @rule(page=st.lists(answers, max_size=5))
    def receive(self, page: list[SurveyResponse]) -> None:
        for source in SOURCES:
            its = [one for one in page if one.source == source]
            new = edited = 0
            for one in its:
                before = self.newest.get((source, one.id))
                stale = (
                    before is not None
                    and before.updated_at is not None
                    and one.updated_at is not None
                    and one.updated_at < before.updated_at
                )
                if one == before or stale:
                    continue
                new, edited = (new + 1, edited) if before is None else (new, edited + 1)
                self.newest[source, one.id] = one
                self.stored.append((source, one.id))
            if its:
                received = receive(self.store, *its)
                assert (received.new, received.edited) == (new, edited)
                assert received.repeated == len(its) - new - edited

    @rule(
        recheck=st.booleans(),
        everything=st.booleans(),
        expired=st.none() | st.integers(0, 30).map(lambda days: later(days=-days)),
        hours=st.integers(0, 12),
    )
    def take_up(self, recheck: bool, everything: bool, expired: object, hours: int) -> None:
        held = self.syncing.take_up(
            now=later(hours=hours), recheck=recheck, everything=everything, expired_before=expired
        )
        work = self.syncing.work(limit=3)
        assert len(work) == held == len({one.number for one in work})
        assert work == self.syncing.work()
        self.taken_up = len(self.stored)
        for one in work:
            assert one.newest == self._is_newest(one.number)
            assert not one.newest or one.response == self.newest[one.response.source, one.response.id]
        if everything:
            left_out = sum(self._is_newest(number) for number in self.left_out)
            assert sum(one.newest for one in work) == len(self.newest) - left_out
        assert not self.left_out & {one.number for one in work}

    @rule(data=st.data(), state=undecided)
    def settle_some(self, data: st.DataObject, state: State) -> None:
        work = self.syncing.work()
        numbers = data.draw(st.sets(st.sampled_from([one.number for one in work]))) if work else set()
        self.syncing.settle(
            Settled(number=number, state=state, record_id="003A", look_again=later(hours=6))
            for number in numbers
        )

    @rule()
    def plan_the_rest(self) -> None:
        work = self.syncing.work()
        self.syncing.settle(
            (
                Settled(number=one.number, state=State.PENDING, record_id=f"003{one.response.id}")
                for one in work
            ),
            changes={
                f"003{one.response.id}": change(f"003{one.response.id}", response=one.number) for one in work
            },
        )

    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        def outcome(of: object) -> Outcome:
            record: str = of.record_id  # type: ignore[attr-defined]
            kinds = [
                Written(record),
                Rejected(record, "X", "no"),
                Deferred(record, "busy"),
                Unknown(record, "lost"),
            ]
            return data.draw(st.sampled_from(kinds))

        self.syncing.cut(size=2)
        self.syncing.settle_batches(self.syncing.open(), outcome)  # type: ignore[arg-type]

    @rule()
    def die_with_open_batches_and_start_again(self) -> None:
        self.syncing.cut(size=1)
        self.syncing.open(1)
        self.store.close()
        self.syncing.begin()
        self.store.abandon(SYNC, lease=self.syncing.lease)
        left = self.store.unsettled(SYNC)
        self.syncing.settle_batches([batch for batch, _handle in left])
        assert self.store.unsettled(SYNC) == []
        self.syncing.take_up()
        self.taken_up = len(self.stored)
        numbers = list(range(1, len(self.stored) + 1))
        assert State.PENDING not in {one.state for one in self.store.states(SYNC, numbers).values()}

    @rule(data=st.data())
    def retry_letters(self, data: st.DataObject) -> None:
        ids = [one.id for one in self.store.dead_letters(status="open")]
        chosen = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
        asked = self.store.retry_letters(sorted(chosen))
        still_open = {one.id for one in self.store.dead_letters(status="open")}
        assert still_open == set(ids)  # until a run has tried them
        for each in asked.values():
            assert all(self._is_newest(number) for number in each.answers)

    @rule(data=st.data())
    def discard_letters(self, data: st.DataObject) -> None:
        letters = self.store.dead_letters(status="open")
        chosen = data.draw(st.sets(st.sampled_from([one.id for one in letters]))) if letters else set()
        done = self.store.discard_letters(sorted(chosen), "not wanted")
        assert set(done) <= chosen
        for one in letters:
            if one.id in done and one.response is not None:
                self.left_out.add(one.response)
                state = self.syncing.state(one.response)
                assert state is not None
                assert (state.state, state.code) == (State.EXCLUDED, "discarded")

    @precondition(lambda self: self.stored)
    @rule(data=st.data())
    def ignore(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, len(self.stored)))
        before = self.syncing.state(number)
        undecided = before is not None and before.state in (State.REVIEW, State.WAITING, State.HELD)
        assert self.store.ignore(SYNC, number, "not wanted") == undecided
        if undecided:
            self.left_out.add(number)

    @precondition(lambda self: self.stored)
    @rule(data=st.data())
    def decide(self, data: st.DataObject) -> None:
        numbers = data.draw(st.sets(st.integers(1, len(self.stored))))
        links = [Link("crm.Contact", f"{number}@example.com", "003A") for number in sorted(numbers)]
        self.store.decide(links, {SYNC: sorted(numbers)}, now=NOON)
        self.left_out -= numbers  # whoever decides about an answer wants it again
        assert len(self.store.links("crm.Contact", [link.value for link in links])) == len(links)

    def _is_newest(self, number: int) -> bool:
        """Whether no later version of the same answer was stored."""
        return self.stored[number - 1] not in self.stored[number:]

    @precondition(lambda self: self.stored)
    @rule()
    def plan_in_an_overlay(self) -> None:
        before = list(self.store.dump())
        with self.store.overlay() as overlay:
            syncing, self.syncing.store = self.syncing, overlay
            syncing.take_up(everything=True)
            syncing.settle(Settled(number=one.number, state=State.UNCHANGED) for one in syncing.work())
            syncing.store = self.store
        assert list(self.store.dump()) == before

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.syncing.balance() == (self.taken_up, self.taken_up)
        assert self.store.responses(range(1, 1000)).keys() >= set(range(1, len(self.stored) + 1))
        open_letters = [one.response for one in self.store.dead_letters() if one.status == "open"]
        assert len(open_letters) == len(set(open_letters))


def test_nothing_is_lost_on_sqlite(migrated_sqlite: Path):
    with tempfile.TemporaryDirectory() as folder:
        count = iter(range(100_000))

        class OnSqlite(Conservation):
            def __init__(self) -> None:
                path = Path(folder) / f"{next(count)}.db"
                shutil.copy(migrated_sqlite, path)
                self.url = f"sqlite:///{path}"
                super().__init__()

        _run(OnSqlite, examples=60)


@pytest.mark.timeout(180)
def test_nothing_is_lost_on_postgres(store_in_turn: StoreInTurn):
    class OnPostgres(Conservation):
        def __init__(self) -> None:
            self.url = store_in_turn.emptied()
            super().__init__()

    _run(OnPostgres, examples=12)


def _run(machine: type[Conservation], *, examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
