"""What was kept for its time is put away, and nothing that is still needed with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders_store import NOON, SOURCE, SYNC, Syncing, answer, change, receive

from nps.responses import ResponseStatus
from store.api import Member, Membership, Receipt, Settled, State
from store.sql import SqlStore

ZONE = ZoneInfo("America/New_York")
LONG_AGO = NOON - timedelta(days=900)
CUTOFF = NOON - timedelta(days=365)


def counts(store: SqlStore) -> list[tuple[object, ...]]:
    with store.database.read() as tx:
        return sorted(tx.rows("SELECT survey, channel, month, score, answers FROM monthly_count"))


def expire(store: SqlStore, before: datetime = CUTOFF) -> int:
    return store.expire_answers(before=before, zone=ZONE, limit=2)


def settled(syncing: Syncing, **others: object) -> None:
    taken = syncing.work()
    syncing.settle([Settled(number=one.number, state=State.UNCHANGED, record_id="003A") for one in taken])


def test_comments_go_and_the_same_answer_read_again_does_not_bring_them_back(store: SqlStore):
    old, new = answer("a1", comment="long ago", at=LONG_AGO), answer("a2", comment="today")
    receive(store, old, new)
    assert store.expire_comments(before=CUTOFF, limit=10) == 1
    assert [store.answer(SOURCE, id).comment for id in ("a1", "a2")] == [None, "today"]
    assert store.answer(SOURCE, "a1").properties == {"npsync_commented": True}  # a person's, as it was
    assert receive(store, old).repeated == 1
    assert store.answer(SOURCE, "a1").comment is None
    assert store.expire_comments(before=CUTOFF, limit=10) == 0


def test_that_there_was_a_comment_stays_beside_the_other_properties(store: SqlStore):
    receive(store, answer("a1", comment="long ago", at=LONG_AGO, properties={"plan": "Gold"}))
    store.expire_comments(before=CUTOFF, limit=10)
    assert store.answer(SOURCE, "a1").properties == {"plan": "Gold", "npsync_commented": True}


def test_old_answers_become_counts_by_the_business_month(store: SqlStore):
    new_year_in_new_york = datetime.fromisoformat("2024-01-01T03:00:00+00:00")
    receive(
        store,
        answer("a1", 3, at=new_year_in_new_york, channel="email"),
        answer("a2", 3, at=new_year_in_new_york, channel="email"),
        answer("a3", 9, at=LONG_AGO),
        answer("a4", 9, at=LONG_AGO, status=ResponseStatus.PARTIAL),
        answer("a5", "often", at=LONG_AGO),
        answer("a6", 10),
    )
    gone = 0
    while some := expire(store):
        gone += some
    assert gone == 5
    assert counts(store) == [("1146", "", "2023-09", 9, 1), ("1146", "email", "2023-12", 3, 2)]
    assert store.answer(SOURCE, "a6") is not None


def test_whose_account_a_record_is_goes_with_its_last_answer(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", at=LONG_AGO), answer("a2", at=LONG_AGO))
    receive(store, answer("a3"))
    syncing.take_up()
    records = {"a1": "003A", "a2": "003B", "a3": "003B"}
    syncing.settle(
        [
            Settled(number=one.number, state=State.UNCHANGED, record_id=records[one.response.id])
            for one in syncing.work()
        ]
    )
    members = {id: Member(record_id=id, account="001A") for id in ("003A", "003B")}
    store.note_members(SYNC, Membership(members=members), lease=syncing.lease, now=NOON)
    assert expire(store) == 2
    assert store.members(SYNC, ["003A", "003B"]).keys() == {"003B"}


def test_all_versions_of_an_answer_go_together_and_count_once(store: SqlStore):
    receive(store, answer("a1", 3, at=LONG_AGO))
    receive(store, answer("a1", 8, at=LONG_AGO))
    assert expire(store) == 1
    assert counts(store) == [("1146", "", "2023-09", 8, 1)]
    assert store.responses([1, 2]) == {}


def test_what_is_under_way_stays_and_conservation_holds_throughout(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", at=LONG_AGO), answer("a2"))
    syncing.take_up()
    assert expire(store) == 0
    settled(syncing)
    assert store.balance(syncing.sync, syncing.sources) == (2, 2)
    receive(store, answer("a3", at=LONG_AGO))
    assert expire(store) == 1, "a3 is not taken up yet"
    assert store.balance(syncing.sync, syncing.sources) == (1, 1)
    assert store.answer(SOURCE, "a3") is not None


def test_an_answer_whose_change_is_not_written_yet_stays(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1", at=LONG_AGO))
    syncing.take_up()
    [taken] = syncing.work()
    syncing.settle(
        [Settled(number=taken.number, state=State.PENDING, record_id="003A", code="planned")],
        changes={"003A": change("003A", response=taken.number)},
    )
    assert expire(store) == 0


def test_what_would_be_put_away_at_once_is_not_taken_in(store: SqlStore):
    store.database.keeps_answers = timedelta(days=365)
    receive(store, answer("known", at=NOON - timedelta(days=300)))
    later = NOON + timedelta(days=200)
    got = receive(
        store,
        answer("known", 2, at=NOON - timedelta(days=300)),
        answer("old", at=NOON - timedelta(days=200)),
        answer("new", at=NOON),
        at=later,
    )
    assert (got.new, got.edited, got.too_old) == (1, 1, 1)
    assert store.answer(SOURCE, "old") is None


def test_receipts_events_and_invitations_go_by_their_own_time(store: SqlStore):
    store.note_receipt(Receipt(kind="read", at=LONG_AGO, who="sam", report={}))
    store.note_receipt(Receipt(kind="read", at=NOON, who="sam", report={}))
    assert store.expire_receipts(before=CUTOFF) == 1
    assert len(store.receipts()) == 1
    assert store.expire_asking(before=CUTOFF, limit=10) == 0


@pytest.mark.parametrize("days", [1, 1000])
def test_values_before_a_write_go_by_when_it_was_settled(store: SqlStore, days: int):
    with store.database.write() as tx:
        tx.run(
            "INSERT INTO run (id, sync, kind, status, started_at, facts, report) VALUES (1,'s','run','failed',0,'','')"
        )
        tx.run(
            """INSERT INTO batch (id, run, position, sync, connection, object, api, state, settled_at)
            VALUES (1, 1, 1, 's', 'crm', 'Contact', 'a', 'settled', :at)""",
            at=int((NOON - timedelta(days=days)).timestamp() * 1000),
        )
        tx.run(
            """INSERT INTO change (run, batch, connection, object, record_id, key, before, after, rank, account)
            VALUES (1, 1, 'crm', 'Contact', '003A', 'jo@example.com', :before, :after, 1, '')""",
            before='{"NPS__c":3}',
            after='{"NPS__c":9}',
        )
    assert store.expire_before_values(before=CUTOFF, limit=10) == (1 if days > 365 else 0)
    assert store.confirmed("crm", "Contact", ["003A"]) == {"003A": {"NPS__c": 9}}
    kept = "\n".join(store.dump())
    assert ("jo@example.com" in kept) is (days < 365)
    assert store.expire_before_values(before=CUTOFF, limit=10) == 0
