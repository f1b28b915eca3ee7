"""A machine whose clock was years ahead for a while, and is put right: nothing waits for that year to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from builders_asking import claim, queue, reserve
from builders_store import NOON, SYNC, Syncing, answer, later, receive

from nps.asking import StepState
from nps.errors import LeaseLost
from nps.events import Hint, Subject
from store.api import Settled, Stand, State
from store.api.messages import Message
from store.api.sharing import ShardKind
from store.rows import milliseconds
from store.sql import SqlStore
from store.wrong_clocks import HELD_AT_MOST, PUT_OFF_AT_MOST

AHEAD = datetime(2030, 1, 1, tzinfo=UTC)
LIVES = "elsewhere:1:2:3"  # on another machine: nobody can tell whether it is gone


def test_a_lease_that_ends_years_ahead_is_over_and_one_that_ends_soon_is_not(store: SqlStore):
    held = store.acquire("sync/a", LIVES, now=AHEAD, seconds=120)
    assert held is not None
    assert store.is_free("sync/a", now=NOON)
    taken = store.acquire("sync/a", "me", now=NOON, seconds=120)
    assert taken is not None
    assert taken.token == held.token + 1
    with pytest.raises(LeaseLost):
        store.renew(held, now=NOON, seconds=120)
    a_little_ahead = NOON - HELD_AT_MOST + timedelta(seconds=121)
    assert not store.is_free("sync/a", now=a_little_ahead)
    assert store.acquire("sync/a", LIVES, now=a_little_ahead, seconds=120) is None


def test_an_action_that_was_wanted_or_taken_years_ahead_is_done_now(store: SqlStore):
    store.want_action("run", "a", {}, who="user:ann", key="1", now=AHEAD)
    first = store.claim_action("me", now=NOON, seconds=120)
    assert first is not None
    store.end_action(first, "me", Stand.DONE, now=NOON, outcome={})
    store.want_action("run", "a", {}, who="user:ann", key="2", now=NOON)
    assert store.claim_action(LIVES, now=AHEAD, seconds=120) is not None
    assert store.claim_action("me", now=NOON, seconds=120) is not None
    assert store.claim_action("me", now=NOON, seconds=120) is None


def test_an_invitation_that_was_claimed_years_ahead_is_claimed_again(store: SqlStore):
    queue(store, "i1")
    queue(store, "next week", due=later(days=7))
    [held] = claim(store, LIVES, now=AHEAD, limit=1)
    [again] = claim(store, "me", now=NOON)
    assert (again.invitation.id, again.token) == ("i1", held.token + 2)
    assert claim(store, "me", now=NOON) == []  # what is due next week is not due


def test_what_somebody_was_sending_years_ahead_is_looked_after_now(store: SqlStore):
    queue(store, "i1")
    [held] = claim(store, LIVES, now=AHEAD)
    reserve(store, held, now=AHEAD)
    [left] = store.interrupted("me", now=NOON, seconds=60)
    assert left.step.state is StepState.SENDING
    assert store.interrupted("other", now=NOON, seconds=60) == []


def test_a_part_of_a_run_that_was_taken_years_ahead_is_taken_again(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    assert store.share_work(SYNC, syncing.run, size=10, lease=syncing.lease) == 1
    asked = {"lease": syncing.lease, "seconds": 120.0}
    held = store.claim_shard(syncing.run, ShardKind.PLAN, LIVES, now=AHEAD, **asked)
    again = store.claim_shard(syncing.run, ShardKind.PLAN, "me", now=NOON, **asked)
    assert held is not None
    assert again is not None
    assert again.token == held.token + 1


def test_who_tried_to_sign_in_years_ahead_is_kept_out_no_longer_than_anybody(store: SqlStore):
    def tries(now: datetime) -> list[bool]:
        return [store.may_try("ann", burst=3, every=timedelta(minutes=1), now=now) for _ in range(5)]

    assert tries(AHEAD) == [True, True, True, False, False]
    assert tries(NOON) == [True, True, True, False, False]


def test_the_same_topic_is_told_again_although_it_was_told_years_ahead(store: SqlStore):
    def want(occasion: str, now: datetime) -> bool:
        message = Message(connection="slack", slot="slack", occasion=occasion, topic="fall nps", content="{}")
        return store.want_message(message, again_from=now - timedelta(days=1), now=now)

    assert want("then", AHEAD)
    assert want("now", NOON)
    assert not want("at once", NOON)


def test_what_was_put_off_by_then_is_tried_now_and_what_is_put_off_for_a_day_is_not(
    store: SqlStore, syncing: Syncing
):
    receive(store, answer("a1"), answer("a2"))
    syncing.take_up()
    looks = [AHEAD, NOON + timedelta(days=1)]
    syncing.settle(
        [
            Settled(number=number, state=State.WAITING, look_again=at)
            for number, at in enumerate(looks, start=1)
        ]
    )
    hints = [Hint(key=key, connection="crm", kind="closed", subject=Subject("Case", key)) for key in "ab"]
    store.receive(hints[:1], now=AHEAD)
    store.receive(hints[1:], now=NOON + PUT_OFF_AT_MOST)

    assert syncing.take_up() == 0
    assert store.arrivals(9, now=NOON) == []
    assert store.put_right(now=NOON) == {"answers": 1, "events": 1}
    assert store.put_right(now=NOON) == {}
    assert syncing.take_up() == 1
    assert len(store.arrivals(9, now=NOON)) == 1


def test_a_message_that_was_put_off_by_then_is_due_now_and_one_that_is_meant_for_later_is_not(
    store: SqlStore,
):
    queue(store, "i1", "i2")
    queue(store, "a month later", due=later(days=30))
    for held, code in zip(claim(store, "me", now=NOON), ("paused", "its own rhythm"), strict=True):
        store.put_off(held, AHEAD, code, "")
    assert store.put_right(now=NOON) == {"messages": 1}
    assert [one.invitation.id for one in claim(store, "me", now=NOON)] == ["i1"]


def test_a_request_that_began_years_ahead_and_was_never_answered_may_come_again(store: SqlStore):
    def begins(now: datetime) -> bool:
        given = {"now": now, "since": now - timedelta(days=1), "given_up": now - timedelta(minutes=1)}
        return store.begin_reply("token:bi", "k", "asked", **given) is None

    assert [begins(AHEAD), begins(NOON), begins(NOON)] == [True, True, False]


def test_a_date_that_could_not_be_shown_by_then_is_shown_now(store: SqlStore):
    queue(store, "i1")
    [held] = claim(store, "me", now=NOON)
    reserve(store, held)
    with store.database.write() as tx:
        assert tx.run("UPDATE ledger SET show_at = :at", at=milliseconds(AHEAD))
    assert store.put_right(now=NOON) == {"dates": 1}
    assert store.put_right(now=NOON) == {}
