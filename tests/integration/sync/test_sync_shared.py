"""One run, several hands: whoever plans and writes a part of it, the run comes to the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from builders_sync import SYNC, Town, answer, counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neighbours import Neighbours
from postgres_server import StoreInTurn

from nps.errors import AccessError, BudgetError, UnavailableError
from nps.responses import ResponseStatus, SurveyResponse
from store import open_store
from store.api.sharing import Shard, ShardKind
from store.rows import milliseconds
from store.sql import SqlStore
from sync.report import Report
from sync.sharing.dispatch import Summons
from sync.sharing.lending import lend_a_hand

CASES = int(os.environ.get("NPSYNC_SHARED_CASES", "6"))
quiet = settings(max_examples=CASES, suppress_health_check=list(HealthCheck))

# A person is known by an address or by a number, so one record has answers of two persons, and of two shards.
NAMES = st.sampled_from(
    [{"email": f"{one}@example.com"} for one in ("ann", "bob", "nobody")]
    + [{"email": None, "external_id": code} for code in ("C-ann", "C-bob")]
)
answers = st.builds(
    lambda id, score, days, source, who, status: answer(
        id, score, days=days, source=source, status=status, **who
    ),
    st.sampled_from([f"r{n}" for n in range(6)]),
    st.sampled_from([0, 6, 9, 10, "eleven"]),
    st.integers(0, 5).map(lambda n: n * 10),
    st.sampled_from(("mail", "app")),
    NAMES,
    st.sampled_from([ResponseStatus.COMPLETE] * 5 + [ResponseStatus.WITHDRAWN]),
)


@contextmanager
def town_at(url: str) -> Iterator[Town]:
    town = Town(url, match=("external_id", "email"))
    for one in ("ann", "bob"):
        town.crm.add(f"{one}@example.com", code=f"C-{one}")
    yield town
    town.close()


@contextmanager
def town_of(migrated: Path) -> Iterator[Town]:
    with tempfile.TemporaryDirectory(prefix="npsync-test-") as folder:
        shutil.copy(migrated, path := Path(folder) / "npsync.db")
        with town_at(f"sqlite:///{path}") as town:
            yield town


def shared(town: Town, hands: int, **options: Any) -> Report:
    neighbours = Neighbours(town, hands, **options)
    report = town.run(dispatch=neighbours)
    neighbours.gone()
    return report


def known(town: Town) -> tuple[Any, ...]:
    """Every answer's state, every change's end, what every record shows, and whom there is still something to clear."""
    assert isinstance(town.store, SqlStore)
    town.store.run_states(SYNC, 0)  # states learn of what was written
    with town.store.database.read() as tx:
        states = tx.rows(
            """SELECT r.source, r.source_id, r.version, s.state, s.record_id, s.rule, s.code, s.run
            FROM answer_state s JOIN response r ON r.id = s.response ORDER BY 1, 2, 3"""
        )
        changes = tx.rows(
            """SELECT c.run, c.record_id, c.before, c.after, r.source_id, c.rank, c.outcome, b.state
            FROM change c LEFT JOIN response r ON r.id = c.response LEFT JOIN batch b ON b.id = c.batch
            ORDER BY 1, 2, 5"""
        )
        rest = tx.rows("SELECT record_id FROM clearing ORDER BY 1"), tx.rows("SELECT response FROM work")
    return states, changes, rest, town.shown("nps", "comment", "segment")


def told_by(report: Report) -> tuple[Any, ...]:
    told = report.as_json()
    return counts(report), *(
        told[name] for name in ("status", "pulled", "writes", "match", "kept", "problems")
    )


@quiet
@given(
    before=st.lists(answers, max_size=6),
    told=st.lists(answers, min_size=2, max_size=10),
    hands=st.integers(1, 3),
)
def test_a_run_comes_to_the_same_however_many_hands_it_has(
    migrated_sqlite: Path, before: list[SurveyResponse], told: list[SurveyResponse], hands: int
):
    ends = []
    for others in (0, hands):
        with town_of(migrated_sqlite) as town:
            town.tell(*before)
            town.run()
            town.tell(*told)
            report = shared(town, others) if others else town.run()
            ends.append((known(town), told_by(report)))
            assert town.plan() == []
    assert ends[0] == ends[1]


def test_an_edit_nobody_can_read_leaves_the_record_as_it_was_in_one_part_or_in_two(migrated_sqlite: Path):
    """Of two answers on Bob's record, one goes to Ann, and the other comes back with a score that is no number."""
    ends = []
    for others in (0, 1):
        with town_of(migrated_sqlite) as town:
            town.tell(
                answer("r1", 0, days=10, source="app", email="bob@example.com"),
                answer("r0", 0, source="app", email=None, external_id="C-bob"),
            )
            town.run()
            town.tell(
                answer("r1", "eleven", source="app", email=None, external_id="C-bob"),
                answer("r0", 0, source="app", email="ann@example.com"),
            )
            if others:
                shared(town, others)
            else:
                town.run()
            ends.append(known(town))
    assert ends[0] == ends[1]
    assert ends[0][-1]["c2"] == (0, None, "detractor")


def test_hands_on_postgres_decide_what_one_alone_does(store_in_turn: StoreInTurn):
    ends = []
    for others in (0, 3):
        with town_at(store_in_turn.emptied()) as town:
            for one in range(30):
                town.crm.add(f"p{one}@example.com", code=f"C-{one}")
            town.tell(
                *(answer(f"m{n}", n % 11, days=n % 7, email=f"p{n % 30}@example.com") for n in range(60))
            )
            town.tell(
                *(
                    answer(f"x{n}", n % 11, days=n % 5, email=None, external_id=f"C-{n}", source="app")
                    for n in range(30)
                )
            )
            report = shared(town, others) if others else town.run()
            ends.append((known(town), told_by(report)))
            assert counts(report)["superseded"] == 60
    assert ends[0] == ends[1]


def town_with(town: Town, people: int) -> Town:
    for one in range(people):
        town.crm.add(f"p{one}@example.com")
        town.tell(answer(f"a{one}", one % 11, email=f"p{one}@example.com"))
    return town


def test_hands_that_come_do_their_part(town: Town):
    neighbours = Neighbours(town_with(town, 40), 2)
    report = town.run(dispatch=neighbours)
    assert counts(report) == {"written": 40}
    assert neighbours.gone() > 0
    assert {summons.kind for summons in neighbours.enlisted} == {"plan", "write"}
    assert report.match.matched == 40


def test_what_a_hand_finds_wrong_ends_the_run_like_its_own_trouble(town: Town):
    town_with(town, 40)
    calls = count()

    def refuse(call: str) -> None:
        if call == "find" and next(calls) > 5:
            raise AccessError("crm: the token is void")

    town.crm.before_call = refuse
    report = shared(town, 2)
    assert report.status == "failed"
    assert report.problems == ("crm: the token is void",)
    town.crm.before_call = lambda call: None
    assert counts(town.run()) == {"written": 40}


def test_a_refused_write_ends_the_writing_of_all_hands(town: Town):
    town_with(town, 40)
    calls = count()

    def refuse(call: str) -> None:
        if call == "write" and next(calls) > 3:
            raise BudgetError("crm: today's calls are spent")

    town.crm.before_call = refuse
    report = shared(town, 2)
    assert report.status == "partial"
    assert "crm: today's calls are spent" in report.problems
    town.crm.before_call = lambda call: None
    assert sum(counts(town.run()).values()) == 40 - counts(report)["written"]
    assert town.shown("nps") == {f"c{n + 1}": n % 11 for n in range(40)}


def test_a_run_that_is_asked_to_stop_waits_for_its_hands_and_loses_nothing(town: Town):
    town_with(town, 40)
    asked = iter([False] * 12 + [True] * 1000)
    neighbours = Neighbours(town, 2)
    report = town.run(dispatch=neighbours, stop=lambda: next(asked))
    neighbours.gone()
    assert report.status == "partial"
    assert not any("conservation" in problem for problem in report.problems)
    town.run()
    assert town.shown("nps") == {f"c{n + 1}": n % 11 for n in range(40)}


class Sleeper(Neighbours):
    """Ann opens a part of the writing and sleeps, for longer than anybody waits; Bob takes it over, and settles it."""

    def remind(self, summons: Summons) -> None:
        if summons.kind is ShardKind.WRITE and summons not in self.came:
            self.came[summons] = []
            store: Any = open_store(self.town.url)
            opens = store.open_shard

            def slept(shard: Shard, **named: Any) -> Any:
                opened = opens(shard, **named)
                self.town.clock.sleep(200)
                self.calls_of_bob = self._hand("bob", summons, store)
                return opened

            beside: Any = open_store(self.town.url)
            beside.open_shard = slept
            self.calls_of_ann = self._hand("ann", summons, beside)
            beside.close()
            store.close()

    def _hand(self, owner: str, summons: Summons, store: Any) -> list[str]:
        calls: list[str] = []
        before, self.town.crm.before_call = self.town.crm.before_call, calls.append
        one = iter([False])
        lend_a_hand(
            self.town.job(), store, self.town.clock, owner, summons, at_once=1, stop=lambda: next(one, True)
        )
        self.town.crm.before_call = before
        return calls


def test_a_hand_that_slept_sends_nothing_of_a_part_that_another_one_settled(town: Town):
    sleeper = Sleeper(town_with(town, 40), 1)
    town.run(dispatch=sleeper)
    assert "get" in sleeper.calls_of_bob  # he asked what became of it
    assert "write" not in sleeper.calls_of_bob
    assert "write" not in sleeper.calls_of_ann
    town.run()
    assert town.shown("nps") == {f"c{n + 1}": n % 11 for n in range(40)}


def away(call: str) -> None:
    raise UnavailableError("crm: nobody answers")


@pytest.mark.parametrize("ends", ["stopped", "the CRM is away"])
def test_a_run_that_ends_before_an_earlier_ones_hands_are_through_leaves_the_waiting_to_the_next(
    town: Town, ends: str
):
    town_with(town, 2)
    assert isinstance(town.store, SqlStore)
    began = town.clock.now()
    with town.store.database.write() as tx:
        tx.run(
            """INSERT INTO shard (sync, run, kind, low, high, size, state, owner, token, until)
            VALUES (:sync, 0, 'write', 0, 1, 1, 'held', 'elsewhere:1:2:3', 1, :until)""",
            sync=SYNC,
            until=milliseconds(began) + 100_000,
        )
    neighbours = Neighbours(town, 1)
    if ends == "stopped":
        assert town.run(dispatch=neighbours, stop=lambda: True).status == "partial"
    else:
        town.crm.before_call = away
        assert town.run(dispatch=neighbours).status == "failed"
        town.crm.before_call = lambda call: None
    neighbours.gone()
    assert town.clock.now() == began
    town.run()
    assert town.clock.now() >= began + timedelta(seconds=100)
    assert town.shown("nps") == {"c1": 0, "c2": 1}
