"""What came in around an answer, as the rules about programs ask for it, and what people decided about held ones."""

from __future__ import annotations

from typing import Any

import pytest
from builders_store import NOON, SOURCE, SYNC, Syncing, answer, later, person, receive

from nps.responses import SurveyResponse
from store import holding
from store.api import Settled, State
from store.sql import SqlStore


def mailed(id: str, *, seconds: float = 0, **given: Any) -> SurveyResponse:
    return answer(id, at=later(seconds=seconds), **({"channel": "Email"} | given))


def alike(store: SqlStore, first: float, last: float) -> list[str]:
    pages = store.without_comment(SOURCE, ["email"], later(seconds=first), later(seconds=last))
    return [one.email.partition("@")[0] for some in pages for one in some]


def test_what_was_mailed_and_has_no_comment_is_found_by_the_time_it_was_given(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "PAGE", 2)
    receive(
        store,
        *(mailed(f"a{n}", seconds=n) for n in (5, 3, 3, 4, 0)),
        mailed("said", seconds=3, comment="Well"),
        mailed("app", seconds=3, channel="in_app"),
        mailed("nobody", seconds=3, email=None),
        mailed("untold", seconds=3, channel=None),
        mailed("b3", seconds=3),
        cursor=1,
    )
    receive(store, mailed("a3", seconds=3, comment="Now there is one", updated_at=later(days=1)), cursor=2)
    assert alike(store, 3, 4) == ["b3", "a4"]
    assert alike(store, 0, 60) == ["a0", "b3", "a4", "a5"]
    assert alike(store, 6, 60) == []


def test_the_hours_of_the_work_are_those_of_what_is_not_settled(store: SqlStore, syncing: Syncing) -> None:
    receive(store, mailed("a1"), mailed("a2", seconds=20), mailed("a3", seconds=7_200))
    syncing.take_up()
    hour = int(NOON.timestamp()) // 3_600
    assert store.hours_of_work(SYNC, SOURCE) == [hour, hour + 2]
    assert store.hours_of_work(SYNC, "app") == []
    [last] = [one for one in syncing.work() if one.response.id == "a3"]
    assert last.person == person(last.response)
    syncing.settle([Settled(number=last.number, state=State.WAITING)])
    assert store.hours_of_work(SYNC, SOURCE) == [hour]


def test_scores_are_told_of_those_who_gave_several(store: SqlStore) -> None:
    ann, bob = mailed("ann"), mailed("bob")
    receive(store, ann, bob, mailed("ann2", seconds=5, email=ann.email, score="7"))
    receive(store, mailed("ann", updated_at=later(seconds=9), score=3), cursor=2)
    found = store.scores_of([person(ann), person(bob)], ["email"], 3)
    assert {key: [one.score for one in its] for key, its in found.items()} == {person(ann): [9, "7", 3]}
    assert [one.at for one in found[person(ann)]] == [NOON, later(seconds=5), later(seconds=9)]
    assert store.scores_of([person(bob)], ["email"], 3) == {}


def test_a_decision_is_kept_for_the_answer_and_the_last_one_counts(store: SqlStore, syncing: Syncing) -> None:
    receive(store, mailed("a1"), mailed("a2"))
    syncing.take_up()
    first, second = syncing.work()
    names = [(SOURCE, "a1"), (SOURCE, "a2")]
    assert store.hold_decisions(names) == {}
    syncing.settle([Settled(number=one.number, state=State.HELD, code="too_soon") for one in (first, second)])
    by_id = {one.response.id: one.number for one in (first, second)}
    store.release_held(names[:1], {SYNC: [by_id["a1"]]}, now=NOON)
    done = store.discard_held({names[1]: {SYNC: by_id["a2"]}}, "a gateway", now=later(hours=1))
    assert done == [(SYNC, SOURCE, "a2")]
    decided = store.hold_decisions([*names, ("app", "a1")])
    assert {name: (one.released, one.at) for name, one in decided.items()} == {
        names[0]: (True, NOON),
        names[1]: (False, later(hours=1)),
    }
    left_out = syncing.state(by_id["a2"])
    assert left_out is not None
    assert (left_out.state, left_out.code, left_out.reason) == (State.EXCLUDED, "discarded", "a gateway")
    assert syncing.take_up() == 1
    assert store.discard_held({names[0]: {SYNC: by_id["a1"]}}, "too late", now=later(hours=2)) == []
