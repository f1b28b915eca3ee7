"""A request with a key of its own is answered by one, and told the same to all who ask it again."""

from __future__ import annotations

from datetime import timedelta

from builders_store import NOON

from store.api import KeptReply
from store.sql import SqlStore

A_DAY_AGO = NOON - timedelta(days=1)


def begun(store: SqlStore, key: str = "k", who: str = "token:ann", asked: str = "h") -> KeptReply | None:
    return store.begin_reply(who, key, asked, now=NOON, since=A_DAY_AGO, given_up=A_DAY_AGO)


def test_the_first_answers_and_the_next_is_told_the_same(store: SqlStore):
    assert begun(store) is None
    assert begun(store) == KeptReply("h", NOON)
    store.keep_reply("token:ann", "k", 200, "{}")
    assert begun(store, asked="other") == KeptReply("h", NOON, 200, "{}")
    assert begun(store, who="token:bob") is None


def test_what_came_to_nothing_may_be_tried_again(store: SqlStore):
    assert begun(store) is None
    store.drop_reply("token:ann", "k")
    assert begun(store) is None
    store.keep_reply("token:ann", "k", 200, "{}")
    store.drop_reply("token:ann", "k")
    assert begun(store) == KeptReply("h", NOON, 200, "{}")


def test_a_day_later_it_is_forgotten(store: SqlStore):
    assert begun(store) is None
    later = NOON + timedelta(days=1, seconds=1)
    long_ago = later - timedelta(days=1)
    assert store.begin_reply("token:ann", "k", "h", now=later, since=long_ago, given_up=long_ago) is None


def test_what_nobody_answered_is_given_up_sooner_than_what_was_said(store: SqlStore):
    begun(store, "begun")
    begun(store, "said")
    store.keep_reply("token:ann", "said", 200, "{}")
    soon = NOON + timedelta(seconds=1)
    for key, kept in (("begun", None), ("said", KeptReply("h", NOON, 200, "{}"))):
        assert store.begin_reply("token:ann", key, "h", now=soon, since=A_DAY_AGO, given_up=soon) == kept
