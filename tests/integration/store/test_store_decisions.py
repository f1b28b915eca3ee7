"""What people decide, and what waits for them: stored at once, acted on by the next run, on both databases."""

from __future__ import annotations

from builders_store import NOON, SOURCE, SYNC, Syncing, answer, change, later, receive

from nps.changes import Cause, Change, Deferred, Outcome, Rejected, Written
from nps.retrying import PATIENCE
from store.api import Asked, DeadLetterRow, Link, Settled, State
from store.sql import SqlStore


def refused(syncing: Syncing, *, code: str = "X", cause: Cause = Cause.RECORD) -> DeadLetterRow:
    """Plan what is pending, and have all of it refused."""

    def outcome(change: Change) -> Outcome:
        return Rejected(change.record_id, code, "no", cause=cause)

    syncing.begin()
    syncing.plan()
    syncing.write(outcome)
    return syncing.store.dead_letters(limit=1)[0]


def test_letters_are_found_by_everything_that_is_said_of_them(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    one = refused(syncing, code="MAP", cause=Cause.MAPPING)
    receive(store, answer("a2"))
    two = refused(syncing, code="RULE", cause=Cause.RECORD)
    for asked, found in (
        ({"cause": Cause.MAPPING}, [one.id]),
        ({"code": "RULE"}, [two.id]),
        ({"ids": [one.id, two.id]}, [two.id, one.id]),
        ({"ids": []}, []),
        ({"status": "open", "sync": SYNC}, [two.id, one.id]),
        ({"status": "resolved"}, []),
    ):
        assert [letter.id for letter in store.dead_letters(**asked)] == found  # type: ignore[arg-type]


def test_a_retry_is_asked_for_at_once_and_taken_up_by_the_next_run(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    letter = refused(syncing)
    assert syncing.take_up() == 0

    asked = store.retry_letters([letter.id, 4711])

    assert asked == {SYNC: Asked(answers=(letter.response or 0,))}
    assert store.dead_letters(ids=[letter.id])[0].status == "open"
    assert syncing.take_up() == 1
    assert [one.number for one in syncing.work()] == [letter.response]
    assert syncing.balance() == (2, 2)
    assert store.retry_letters([4711]) == {}


def test_a_retry_of_an_edited_answer_means_its_newest_version(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3))
    letter = refused(syncing)
    receive(store, answer("a1", 4))
    assert store.retry_letters([letter.id]) == {SYNC: Asked(answers=(2,))}
    assert store.newest_versions([1, 2, 99]) == {1: 2, 2: 2}


def test_the_letters_of_an_answer_are_its_history(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", 3))
    first = refused(syncing)
    store.retry_letters([first.id])
    second = refused(syncing)
    receive(store, answer("a1", 4))
    third = refused(syncing)

    for letter in (first, second, third):
        assert [(one.id, one.status) for one in store.letters_beside(letter.id)] == [
            (first.id, "retried"),
            (second.id, "retried"),
            (third.id, "open"),
        ]
    assert [one.attempts for one in (first, second, third)] == [0, 1, 0]  # an edited answer begins anew
    assert store.letters_beside(4711) == []
    later = store.later_letters([first.id, second.id, third.id, 4711])
    assert {id: one.id for id, one in later.items()} == {first.id: third.id, second.id: third.id}
    tried = store.tried(SYNC, 1, first.record_id)
    assert [(one.outcome, one.code, one.after) for one in tried] == [("rejected", "X", {"NPS__c": 9})] * 2
    assert store.tried(SYNC, None, first.record_id) == []


def test_a_record_put_off_too_often_becomes_a_letter_that_is_tried_by_itself(
    store: SqlStore, syncing: Syncing
):
    receive(store, answer("a1"))
    for tried in (True, False, True, True, True):

        def outcome(change: Change, tried: bool = tried) -> Outcome:
            return Deferred(change.record_id, "locked", tried=tried)

        syncing.begin()
        syncing.plan()
        syncing.write(outcome)
    assert store.dead_letters() == []  # what never reached the vendor does not count
    for _ in range(PATIENCE - 4):
        syncing.begin()
        syncing.plan()
        syncing.write(lambda change: Deferred(change.record_id, "locked"))
    [letter] = store.dead_letters()
    assert (letter.code, letter.cause) == ("deferred", Cause.TRANSIENT)
    assert [one.outcome for one in store.tried(SYNC, 1, letter.record_id)][-1] == "rejected"

    assert syncing.take_up(now=later(minutes=59)) == 0
    assert syncing.take_up(now=later(minutes=60)) == 1


def test_discarding_leaves_the_answer_out_of_everything(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    refused(syncing)
    one, two = sorted(letter.id for letter in store.dead_letters())
    store.retry_letters([one, two])

    assert store.discard_letters([one, 4711], "discarded by ann") == [one]

    letter = store.dead_letters(ids=[one])[0]
    state = syncing.state(letter.response or 0)
    assert letter.status == "discarded"
    assert state is not None
    assert (state.state, state.code, state.reason) == (State.EXCLUDED, "discarded", "discarded by ann")
    assert syncing.take_up(everything=True, recheck=True) == 1  # the other one
    assert store.discard_letters([two], "too late") == []  # a run has it
    assert syncing.balance() == (2, 2)


def undecided(syncing: Syncing, *states: State) -> None:
    syncing.take_up()
    work = syncing.work()
    syncing.settle(
        Settled(number=one.number, state=state, candidates=("003A", "003B"))
        for one, state in zip(work, states, strict=True)
    )


def test_undecided_answers_come_newest_first(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", at=NOON), answer("a2", at=later(hours=1)), answer("a3", at=later(hours=2)))
    undecided(syncing, State.REVIEW, State.WAITING, State.UNCHANGED)
    found = store.undecided(SYNC, [State.REVIEW, State.WAITING])
    assert [(one.response.id, settled.state) for one, settled in found] == [
        ("a2", State.WAITING),
        ("a1", State.REVIEW),
    ]
    assert found[1][1].candidates == ("003A", "003B")
    assert found[1][0].received_at == NOON
    assert [one.response.id for one, _ in store.undecided(SYNC, [State.REVIEW])] == ["a1"]
    assert len(store.undecided(SYNC, [State.REVIEW, State.WAITING], limit=1)) == 1
    assert store.undecided("another", [State.REVIEW]) == []


def test_an_answer_is_found_by_its_id_in_its_newest_version(store: SqlStore, syncing: Syncing):
    receive(store, answer("7", 3))
    receive(store, answer("7", 4))
    receive(store, answer("7", 5, source="app-nps"))
    assert [(one.response.source, one.response.score) for one in store.answers_named("7")] == [
        ("app-nps", 5),
        (SOURCE, 4),
    ]
    assert [one.number for one in store.answers_named("7", SOURCE)] == [2]
    assert store.answers_named("8") == []


def test_a_decision_and_its_wish_are_one_step(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    undecided(syncing, State.REVIEW, State.WAITING)
    link = Link("crm.Contact", "ann@example.com", "003A")
    for _ in range(2):  # deciding twice is deciding once
        store.decide([link], {SYNC: [1, 2]}, now=NOON)

    assert store.links("crm.Contact", ["ann@example.com", "x"]) == {"ann@example.com": "003A"}
    assert store.links("crm.Lead", ["ann@example.com"]) == {}
    assert syncing.take_up() == 2
    assert syncing.take_up() == 2  # it lies in the work, once
    assert len(store.persons_of([1, 2])) == 2


def test_links_follow_a_merge_within_their_scope(store: SqlStore):
    for scope in ("crm.Contact", "crm.Lead"):
        store.link(scope, "ann@example.com", "003A", now=NOON)
    store.follow_links("crm.Contact", {"003A": "003B", "003X": "003Y"})
    assert store.links("crm.Contact", ["ann@example.com"]) == {"ann@example.com": "003B"}
    assert store.links("crm.Lead", ["ann@example.com"]) == {"ann@example.com": "003A"}


def test_only_what_is_undecided_can_be_ignored(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    undecided(syncing, State.REVIEW, State.UNCHANGED)
    assert store.ignore(SYNC, 1, "ignored by ann")
    assert not store.ignore(SYNC, 1, "again")
    assert not store.ignore(SYNC, 2, "it is right")
    assert not store.ignore(SYNC, 99, "nobody's")
    state = syncing.state(1)
    assert state is not None
    assert (state.state, state.code, state.reason) == (State.EXCLUDED, "ignored", "ignored by ann")
    assert syncing.take_up(recheck=True) == 0


def test_answers_beside_one_share_its_person_its_record_or_a_key(store: SqlStore, syncing: Syncing):
    receive(
        store,
        answer("a1", email="ann@example.com"),
        answer("a2", email="ann@example.com"),
        answer("b1", email="bob@example.com", external_id="C-1"),
        answer("c1", email="cyd@example.com"),
    )
    syncing.take_up()
    records = {"a1": "003A", "a2": None, "b1": None, "c1": "003A"}
    syncing.settle(
        Settled(number=one.number, state=State.UNCHANGED, record_id=records[one.response.id])
        for one in syncing.work()
    )

    def near(numbers: list[int], record_ids: list[str], values: list[str]) -> set[str]:
        return {one.response.id for one, _ in store.beside(SYNC, numbers, record_ids, values)}

    assert near([1], [], []) == {"a1", "a2"}
    assert near([], ["003A"], []) == {"a1", "c1"}
    assert near([], [], ["C-1"]) == {"b1"}
    assert near([], [], ["cyd@example.com"]) == {"c1"}
    assert near([], [], []) == set()


def test_a_clearing_letter_is_asked_for_as_a_clearing(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    [one] = syncing.work()
    syncing.settle(
        [Settled(number=one.number, state=State.EXCLUDED)], changes={"003A": change("003A", response=None)}
    )
    syncing.write(lambda change: Rejected(change.record_id, "X", "no"))
    [letter] = store.dead_letters()
    assert store.clearings(SYNC, "", 10) == []

    assert store.retry_letters([letter.id]) == {SYNC: Asked(records=("003A",))}
    store.retry_letters([letter.id])  # twice is once
    assert store.clearings(SYNC, "", 10) == ["003A"]

    for outcome in (Rejected("003A", "X", "no"), Written("003A")):
        syncing.begin()
        syncing.settle([], changes={"003A": change("003A", response=None)})
        syncing.write(lambda _, outcome=outcome: outcome)
        again = [one.id for one in store.dead_letters(status="open")]
        assert [one.id for one in store.later_letters([letter.id]).values()] == again
    assert [one.status for one in store.letters_beside(letter.id)] == ["retried", "resolved"]


def test_discarding_a_clearing_keeps_the_reason(store: SqlStore, syncing: Syncing):
    syncing.settle([], changes={"003A": change("003A", response=None)})
    syncing.write(lambda change: Rejected(change.record_id, "X", "no"))
    [letter] = store.dead_letters()
    assert store.discard_letters([letter.id], "discarded by ann") == [letter.id]
    [kept] = store.dead_letters()
    assert (kept.status, kept.reason) == ("discarded", "no (discarded by ann)")
