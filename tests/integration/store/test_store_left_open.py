"""What a run left open, as the store knows it and as `npsync runs N` shows it."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest
from builders_store import SOURCE, SYNC, Syncing, answer, later, receive

from npsync.cli import history
from store.api import Settled, State
from store.sql import SqlStore

UTC = ZoneInfo("UTC")


@pytest.fixture
def left(store: SqlStore, syncing: Syncing) -> Syncing:
    """A run that left one answer of each kind."""
    receive(store, answer("a1"), answer("a2"), answer("a3", 11), answer("a4"))
    syncing.take_up()
    syncing.settle(
        [
            Settled(number=1, state=State.WRITTEN, record_id="003A"),
            Settled(
                number=2,
                state=State.REVIEW,
                code="ambiguous",
                reason="email = Email names 2 records",
                candidates=("003B", "003C"),
            ),
            Settled(number=3, state=State.REJECTED, code="score_out_of_range", reason="not between 0 and 10"),
            Settled(number=4, state=State.WAITING, reason="no record yet", look_again=later(hours=1)),
        ]
    )
    report = {"states": {"written": 1, "review": 1, "rejected": 1, "waiting": 1}, "pulled": 4}
    store.end_run(syncing.run, "partial", now=later(minutes=1), report=report)
    return syncing


def test_a_run_knows_what_it_left_open(store: SqlStore, left: Syncing):
    assert [one.number for one in store.left_open(SYNC, left.run, State.REVIEW)] == [2]
    assert [one.candidates for one in store.left_open(SYNC, left.run, State.REVIEW)] == [("003B", "003C")]
    assert [one.number for one in store.left_open(SYNC, left.run, State.WAITING)] == [4]
    assert store.left_open(SYNC, left.run, State.PENDING) == []


def test_answers_whose_changes_were_never_written_are_left_pending(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}") for n in range(4)))
    syncing.plan()
    assert [one.number for one in store.left_open(SYNC, syncing.run, State.PENDING)] == [1, 2, 3, 4]
    syncing.cut(size=1)
    (first, _second) = syncing.open(2)
    syncing.settle_batches([first])
    assert [one.number for one in store.left_open(SYNC, syncing.run, State.PENDING)] == [2, 3, 4]
    assert [one.number for one in store.left_open(SYNC, syncing.run, State.PENDING, limit=2)] == [2, 3]
    first_run = syncing.run
    syncing.begin()
    store.abandon(SYNC, lease=syncing.lease)
    assert [one.number for one in store.left_open(SYNC, first_run, State.PENDING)] == [2, 3, 4]
    syncing.take_up()
    assert store.left_open(SYNC, first_run, State.PENDING) == []


def test_what_a_later_run_took_up_is_no_longer_left(store: SqlStore, left: Syncing):
    first = left.run
    left.begin()
    left.take_up(everything=True)
    left.settle([Settled(number=one.number, state=State.WAITING) for one in left.work()])
    assert store.left_open(SYNC, first, State.WAITING) == []
    assert len(store.left_open(SYNC, left.run, State.WAITING, limit=2)) == 2


def test_a_person_sees_which_answers_need_them_and_why(store: SqlStore, left: Syncing, capsys):
    history.show_run(store, UTC, left.run, changes=False, limit=20, as_json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert f"review {SOURCE} a2 a2@example.com email = Email names 2 records: 003B, 003C" in shown
    assert f"rejected {SOURCE} a3 a3@example.com not between 0 and 10" in shown
    assert "a4@example.com no record yet; looked up again from 2026-03-02 13:00 UTC" in shown
    assert "a1@example.com" not in shown


def test_a_machine_is_told_the_same(store: SqlStore, left: Syncing, capsys):
    history.show_run(store, UTC, left.run, changes=False, limit=20, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [(one["state"], one["answer"], one["candidates"]) for one in told["left"]] == [
        ("review", "a2", ["003B", "003C"]),
        ("rejected", "a3", []),
        ("waiting", "a4", []),
    ]


def test_a_run_whose_answers_went_on_says_so(store: SqlStore, left: Syncing, capsys):
    first = left.run
    left.begin()
    left.take_up(everything=True)
    left.settle([Settled(number=one.number, state=State.UNCHANGED) for one in left.work()])
    history.show_run(store, UTC, first, changes=False, limit=20, as_json=False)
    assert "A later run took up what this one left open." in capsys.readouterr().out
