from __future__ import annotations

from datetime import timedelta

import pytest
from builders_store import NOON, SYNC, Syncing, answer, later, page, receive, record_of

from nps.errors import LeaseLost
from store.api import Settled, State
from store.sql import SqlStore


def settled(number: int, state: State, **others: object) -> Settled:
    return Settled(number=number, state=state, **others)  # type: ignore[arg-type]


def test_a_sync_takes_up_what_arrived_since_the_last_time(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    assert syncing.take_up() == 2
    syncing.settle(settled(one.number, State.UNCHANGED) for one in syncing.work())
    assert syncing.take_up() == 0
    receive(store, answer("a3"))
    assert syncing.take_up() == 1
    assert [one.response.id for one in syncing.work()] == ["a3"]


def test_what_an_interrupted_run_left_is_still_in_the_work(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.take_up()
    syncing.settle([settled(1, State.UNCHANGED)])
    syncing.begin()
    assert syncing.take_up() == 1
    assert syncing.balance() == (2, 2)


def test_a_source_added_later_is_taken_up_from_its_beginning(store: SqlStore, syncing: Syncing):
    receive(store, answer("old", source="app-nps"), answer("older", source="app-nps"))
    receive(store, answer("a1"))
    assert syncing.take_up() == 1
    syncing.sources = (*syncing.sources, "app-nps")
    assert syncing.take_up() == 3
    assert syncing.balance() == (3, 3)


def test_a_source_taken_out_no_longer_counts(store: SqlStore, syncing: Syncing):
    syncing.sources = (*syncing.sources, "app-nps")
    receive(store, answer("a1"), answer("a2"))
    receive(store, answer("b1", source="app-nps"))
    syncing.take_up()
    assert syncing.balance() == (3, 3)
    syncing.sources = ("app-nps",)
    assert syncing.balance() == (1, 1)


def test_two_syncs_have_states_of_their_own(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    other = Syncing(store, "other")
    syncing.take_up()
    other.take_up()
    syncing.settle([settled(1, State.UNCHANGED)])
    assert (syncing.state(1) is None, other.state(1) is None) == (False, True)
    assert len(other.work()) == 1


def test_pending_answers_are_taken_up_again_and_lose_their_state(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.take_up()
    syncing.settle([settled(1, State.PENDING, record_id="003A"), settled(2, State.REVIEW)])
    assert syncing.take_up() == 1
    (again,) = syncing.work()
    assert (again.number, again.matched) == (1, "003A")
    assert syncing.state(1) is None
    assert syncing.balance() == (2, 2)


def test_waiting_answers_come_back_when_they_are_due_or_asked_for(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.take_up()
    syncing.settle(
        [
            settled(1, State.WAITING, look_again=later(hours=1)),
            settled(2, State.WAITING, look_again=later(hours=6)),
        ]
    )
    assert syncing.take_up(now=later(minutes=59)) == 0
    assert syncing.take_up(now=later(hours=1)) == 1
    assert syncing.take_up(now=later(hours=1), recheck=True) == 2


def test_a_waiting_answer_without_a_time_comes_back_only_when_asked_for(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    syncing.settle([settled(1, State.WAITING)])
    assert syncing.take_up(now=later(days=400)) == 0
    assert syncing.take_up(recheck=True) == 1


def test_an_answer_in_review_comes_back_when_asked_for(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.take_up()
    syncing.settle([settled(1, State.REVIEW, candidates=("003A", "003B")), settled(2, State.REJECTED)])
    assert syncing.take_up(now=later(days=400)) == 0
    assert syncing.take_up(recheck=True) == 1


def test_the_work_tells_what_had_a_state_before(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.take_up()
    assert [one.again for one in syncing.work()] == [False, False]
    syncing.settle([settled(1, State.WAITING), settled(2, State.PENDING, record_id="003A")])
    receive(store, answer("a3"))
    syncing.take_up(recheck=True)
    again = {one.number: (one.again, one.matched) for one in syncing.work()}
    assert again == {1: (True, None), 2: (True, "003A"), 3: (False, None)}
    assert [one.number for one in store.lying(SYNC, ["003A", "003B"])] == [2]


def test_an_edit_that_arrives_after_taking_up_counts_from_the_next_time(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3))
    syncing.take_up()
    receive(store, answer("a1", 9))
    assert [(one.number, one.newest) for one in syncing.work()] == [(1, True)]
    syncing.take_up()
    assert [(one.number, one.newest) for one in syncing.work()] == [(1, False), (2, True)]


def test_an_answer_dated_in_the_future_expires_by_when_it_came(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", at=later(days=9000)), answer("a2"), at=NOON)
    syncing.take_up(expired_before=later(days=-1))
    syncing.settle(settled(n, State.UNCHANGED, record_id="003A") for n in (1, 2))
    assert syncing.take_up(expired_before=later(seconds=1)) == 2
    syncing.settle(settled(n, State.EXCLUDED) for n in (1, 2))
    assert syncing.take_up(expired_before=later(days=9001)) == 0


def test_everything_takes_up_all_newest_versions(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3), answer("a2"))
    syncing.plan()
    syncing.write()
    receive(store, answer("a1", 4))
    syncing.begin()
    assert syncing.take_up(everything=True) == 2
    assert [(one.number, one.matched) for one in syncing.work()] == [(3, None), (2, "003a2")]
    assert syncing.state(1) is not None
    assert syncing.balance() == (3, 3)


def test_answers_that_decide_and_have_expired_are_taken_up_once(store: SqlStore, syncing: Syncing):
    receive(store, answer("old", at=later(days=-10)), answer("older", at=later(days=-20)), answer("new"))
    syncing.take_up()
    syncing.settle(
        [
            settled(1, State.WRITTEN, record_id="003A"),
            settled(2, State.SUPERSEDED, record_id="003A"),
            settled(3, State.UNCHANGED, record_id="003B"),
        ]
    )
    assert syncing.take_up(expired_before=later(days=-10)) == 0
    assert syncing.take_up(expired_before=later(days=-9)) == 1
    assert [one.matched for one in syncing.work()] == ["003A"]
    syncing.settle([settled(1, State.UNCHANGED, record_id="003A")])
    assert syncing.take_up(expired_before=later(days=-9)) == 0
    assert syncing.take_up(expired_before=later(seconds=1)) == 1


def test_a_shorter_validity_takes_up_what_it_makes_expire(store: SqlStore, syncing: Syncing):
    receive(store, answer("old", at=later(days=-10)))
    syncing.take_up(expired_before=later(days=-365))
    syncing.settle([settled(1, State.WRITTEN)])
    assert syncing.take_up(expired_before=later(days=-5)) == 1


def test_an_edit_brings_the_numbers_of_the_versions_before_it(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3))
    syncing.plan()
    receive(store, answer("a1", 4))
    receive(store, answer("a1", 5))
    syncing.take_up()
    earlier = {one.number: (one.newest, one.earlier, one.matched) for one in syncing.work()}
    # 1 was pending, so it lies in the work itself; none of them has a state.
    assert earlier == {1: (False, (), "003a1"), 2: (False, (), None), 3: (True, (), None)}
    syncing.settle(settled(one.number, State.SUPERSEDED) for one in syncing.work())
    receive(store, answer("a1", 6))
    syncing.take_up()
    assert [one.earlier for one in syncing.work()] == [(1, 2, 3)]


def test_a_person_is_never_split_over_two_chunks(store: SqlStore, syncing: Syncing):
    ann = [answer(f"ann{n}", email="ann@example.com") for n in range(600)]
    receive(store, answer("a1"), *ann, answer("z1"))
    syncing.take_up()
    chunks, after = [], None
    while True:
        taken, after = store.work(SYNC, after, 10)
        chunks.append([one.response.email for one in taken])
        if after is None:
            break
    assert sorted(map(len, chunks))[-1] >= 600
    assert sum(map(len, chunks)) == 602
    assert [chunk.count("ann@example.com") for chunk in chunks if "ann@example.com" in chunk] == [600]


def test_the_work_can_be_narrowed_to_persons(store: SqlStore, syncing: Syncing):
    receive(
        store,
        answer("a1", email="Ann@Example.com"),
        answer("a2", email="bob@example.com", external_id="C-7", phone="+491"),
        answer("a3"),
    )
    syncing.take_up()
    ann, bob = store.persons(SYNC, "ann@example.COM"), store.persons(SYNC, "C-7")
    assert store.persons(SYNC, "+491") == store.persons(SYNC, "a2") == bob
    assert store.persons(SYNC, "nobody") == []
    taken, after = store.work(SYNC, None, 10, persons=ann)
    assert ([one.response.id for one in taken], after) == (["a1"], None)
    taken, after = store.work(SYNC, None, 1, persons=ann + bob)
    rest, after = store.work(SYNC, after, 10, persons=ann + bob)
    assert sorted(one.response.id for one in taken + rest) == ["a1", "a2"]


def test_a_person_is_known_by_the_record_their_earlier_answers_were_matched_to(
    store: SqlStore, syncing: Syncing
):
    receive(store, answer("a1"), answer("b1"))
    syncing.plan()
    syncing.write()
    receive(store, answer("a1", 3), answer("b2"), at=later(days=1))
    syncing.take_up()
    [ann] = store.persons(SYNC, "003a1")
    taken, _ = store.work(SYNC, None, 10, persons=[ann])
    assert [one.response.id for one in taken] == ["a1"]


def test_only_newest_settled_answers_count_for_a_record(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}", n, at=later(minutes=n)) for n in range(6)))
    syncing.take_up()
    states = [State.WRITTEN, State.UNCHANGED, State.SUPERSEDED, State.PENDING, State.EXCLUDED, State.REJECTED]
    syncing.settle(settled(n + 1, state, record_id="003A") for n, state in enumerate(states))
    receive(store, answer("a0", "10", at=later(minutes=9)), at=later(days=1))
    assert 1 in {one.number for one in store.counted(SYNC, ["003A"])}, (
        "the sync has not taken up the edit yet"
    )
    syncing.take_up()
    counted = store.counted(SYNC, ["003A", "003B"])
    assert {(one.number, one.score, one.state) for one in counted} == {
        (2, 1, State.UNCHANGED),
        (3, 2, State.SUPERSEDED),
    }
    assert {one.received_at for one in counted} == {NOON}


def test_states_come_back_as_they_were_settled(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    given = Settled(
        number=1,
        state=State.REVIEW,
        record_id=None,
        rule="email = Email",
        code="ambiguous",
        reason="two contacts have this e-mail",
        look_again=NOON + timedelta(hours=1),
        field="Email",
        candidates=("003A", "003B"),
    )
    syncing.settle([given])
    assert store.states(SYNC, [1, 2]) == {1: given}


def test_links_are_remembered_and_can_be_changed(store: SqlStore):
    store.link("crm.Contact", "ann@example.com", "003A", now=NOON)
    store.link("crm.Contact", "ann@example.com", "003B", now=NOON)
    store.link("crm.Lead", "ann@example.com", "00QA", now=NOON)
    assert store.links("crm.Contact", ["ann@example.com", "bob@example.com"]) == {"ann@example.com": "003B"}


def test_an_answer_that_does_not_lie_in_the_work_cannot_be_settled(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.plan()
    with pytest.raises(Exception, match="0 of them lay in its work"):
        syncing.settle([settled(1, State.UNCHANGED)])
    assert syncing.state(1) == settled(1, State.PENDING, record_id="003a1")


def test_an_old_lease_takes_up_nothing(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    old = syncing.lease
    assert store.acquire(SYNC, "other", now=later(hours=2), seconds=60) is not None
    with pytest.raises(LeaseLost):
        store.take_up(SYNC, syncing.sources, lease=old, now=NOON)
    assert store.work(SYNC, None, 10) == ([], None)


def test_appending_while_a_sync_works_waits_for_the_next_run(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    store.append("email-nps", page(answer("a2")), [7], received_at=NOON)
    assert [record_of(one) for one in syncing.work()] == ["003a1"]
    assert syncing.balance() == (1, 1)
