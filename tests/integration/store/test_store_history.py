"""The history of one person and one record, on both databases."""

from __future__ import annotations

from datetime import timedelta

from builders_store import NOON, SYNC, Syncing, answer, change, person, receive

from nps.changes import Rejected, Written
from store.api import Settled, State
from store.past import Who
from store.sql import SqlStore


def written(syncing: Syncing, *records: str) -> None:
    """Each taken answer decides one record, and is written."""
    taken = syncing.work()
    pairs = list(zip(records, taken, strict=True))
    syncing.settle(
        [
            Settled(number=one.number, state=State.PENDING, record_id=id, rule="email = Email")
            for id, one in pairs
        ],
        changes={id: change(id, response=one.number) for id, one in pairs},
    )
    syncing.store.cut(syncing.run, lease=syncing.lease, api="batch", size=10)
    for batch in syncing.store.open_batches(syncing.run, 10, lease=syncing.lease):
        outcomes = [Written(one.record_id) for one in batch.changes]
        syncing.store.settle_batches(syncing.run, {batch.id: outcomes}, lease=syncing.lease, now=NOON)


def test_answers_are_found_by_every_key_whatever_its_spelling(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", email="Ann@Example.com", external_id="C-1", phone="(202) 555-0143"))
    receive(store, answer("a2", email="bob@example.com"))
    found = [
        Who(text="ANN@example.com", email="ann@example.com"),
        Who(text="C-1"),
        Who(text="+12025550143", phones=["+12025550143", "(202) 555-0143"]),
        Who(text="a1"),
        Who(text="email-nps:a1"),
    ]
    assert [store.answers_by_key(one) for one in found] == [[1]] * len(found)
    assert store.answers_by_key(Who(text="app-nps:a1")) == []
    assert store.answers_by_key(Who(text="example.com")) == []


def test_who_is_searched_for_is_found_without_a_look_at_every_answer(store: SqlStore):
    ann = answer("a1", email="Ann@Example.com", external_id="C-1", phone="(202) 555-0143")
    receive(store, ann)
    receive(store, answer("b1", email="bob@", source="app-nps"))
    found = [
        Who(text="ann@example.com", email="ann@example.com", persons=[person(ann)]),
        Who(text="C-1"),
        Who(text="+12025550143", phones=["+12025550143", "(202) 555-0143"]),
        Who(text="a1"),
        Who(text="email-nps:a1"),
    ]
    assert [store.answers_by_key(one, thorough=False) for one in found] == [[1]] * len(found)
    assert store.answers_by_key(Who(text="b1"), thorough=False) == [2]
    assert store.answers_by_key(Who(text="bob@"), thorough=False) == [2]  # which is no address
    assert store.answers_by_key(Who(text="a2"), thorough=False) == []


def test_every_version_of_an_answer_is_told(store: SqlStore):
    receive(store, answer("a1", 3))
    receive(store, answer("a1", 9), at=NOON + timedelta(hours=1))
    told = store.versions([1])
    assert [(one.version, one.newest, one.response.score) for one in told.values()] == [
        (1, False, 3),
        (2, True, 9),
    ]


def test_the_fate_of_a_written_answer_is_told_before_its_state_was_brought_up_to_the_journal(
    store: SqlStore, syncing: Syncing
):
    receive(store, answer("a1"), answer("a2"))
    syncing.take_up()
    written(syncing, "003A", "003B")
    before = list(store.dump())
    assert [(one.settled.state, one.settled.record_id) for one in store.fates([1, 2])] == [
        (State.WRITTEN, "003A"),
        (State.WRITTEN, "003B"),
    ]
    assert list(store.dump()) == before


def test_what_lies_in_the_work_is_pending(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    assert store.fates([1]) == []
    syncing.take_up()
    (fate,) = store.fates([1])
    assert (fate.sync, fate.run, fate.settled.state, fate.settled.code) == (
        SYNC,
        None,
        State.PENDING,
        "taken_up",
    )


def test_an_answer_in_review_is_found_by_its_candidates(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    syncing.settle([Settled(number=1, state=State.REVIEW, code="ambiguous", candidates=("003A", "003B"))])
    assert store.answers_on_records(["003B"]) == [1]
    assert store.answers_on_records(["003"]) == []


def test_the_journal_of_a_record_tells_each_outcome_with_its_words(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    written(syncing, "003A")
    first = syncing.run
    second = syncing.begin()
    syncing.settle([], changes={"003A": change("003A", response=None), "003B": change("003B", response=None)})
    planned = store.journal_of(["003A"])
    assert [(one.run, one.outcome) for one in planned] == [(first, "written"), (second, "planned")]
    store.cut(second, lease=syncing.lease, api="batch", size=10)
    (batch,) = store.open_batches(second, 10, lease=syncing.lease)
    assert store.journal_of(["003B"])[0].in_doubt
    refused = Rejected("003A", "LOCKED", "somebody has it", "NPS__c")
    store.settle_batches(
        second, {batch.id: [refused, Written("003B")]}, lease=syncing.lease, now=NOON + timedelta(hours=1)
    )
    told = store.journal_of(["003A", "003B"])
    assert [(one.change.record_id, one.outcome, one.code, one.message) for one in told] == [
        ("003A", "written", "", ""),
        ("003A", "rejected", "LOCKED", "somebody has it"),
        ("003B", "written", "", ""),
    ]
    assert told[-1].at == NOON + timedelta(hours=1)
    assert [one.code for one in store.letters_about([], ["003A"])] == ["LOCKED"]


def test_written_records_are_listed_once_each_and_page_by_page(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}") for n in range(5)))
    syncing.take_up()
    written(syncing, "003E", "003B", "003A", "003D", "003C")
    syncing.begin()
    syncing.settle([], changes={"003A": change("003A", response=None), "003Z": change("003Z", response=None)})
    assert store.records_written(SYNC, "", 3) == ["003A", "003B", "003C"]
    assert store.records_written(SYNC, "003C", 3) == ["003D", "003E"]
    assert store.records_written("another", "", 3) == []


def test_links_are_told_by_value_and_by_record(store: SqlStore):
    store.link("crm.Contact", "ann@example.com", "003A", now=NOON)
    store.link("crm.Contact", "bob@example.com", "003B", now=NOON + timedelta(hours=1))
    told = store.links_of(["ann@example.com"], ["003B"])
    assert [(one.value, one.record_id, one.linked_at) for one in told] == [
        ("ann@example.com", "003A", NOON),
        ("bob@example.com", "003B", NOON + timedelta(hours=1)),
    ]


def test_what_is_remembered_below_a_prefix_is_found(store: SqlStore):
    store.memorize("crm", {"merged/Contact/003A": "[]", "merged/Contacts/1": "[]", "token": "x"})
    store.memorize("hub", {"merged/Contact/9": "[]"})
    assert store.recall_below("crm", "merged/Contact/") == {"merged/Contact/003A": "[]"}
