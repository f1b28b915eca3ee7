"""Messages that no answer caused: wanted once for each occasion and place, kept with their content."""

from __future__ import annotations

from datetime import datetime, timedelta

from builders_store import NOON, later

from store.api.messages import MESSAGES, Message, content_key
from store.api.outbox import Kind
from store.sql import SqlStore


def want(
    store: SqlStore, occasion: str, *, slot: str = "slack", now: datetime = NOON, again: float | None = None
) -> bool:
    message = Message(connection="slack", slot=slot, occasion=occasion, topic="run_failed nps", content="{}")
    again_from = None if again is None else now - timedelta(hours=again)
    return store.want_message(message, again_from=again_from, now=now)


def test_an_occasion_is_wanted_once_in_each_place(store: SqlStore) -> None:
    assert want(store, "run 1")
    assert not want(store, "run 1", now=later(days=9))
    assert want(store, "run 1", slot="slack #other")
    entries = store.entries(store.wanted_entries(MESSAGES, Kind.ALERT, now=NOON))
    assert [(one.slot, one.subject, one.object) for one in entries] == [
        ("slack", "run 1", "run_failed nps"),
        ("slack #other", "run 1", "run_failed nps"),
    ]
    key = content_key("slack", "run 1")
    assert store.recall(MESSAGES, [key]) == {key: "{}"}


def test_the_same_topic_is_wanted_again_only_after_a_while(store: SqlStore) -> None:
    assert want(store, "run 1", again=24)
    assert not want(store, "run 2", now=later(hours=23), again=24)
    assert want(store, "run 3", now=later(hours=25), again=24)
    assert want(store, "run 2", now=later(hours=26), slot="mailer ops@acme.example", again=24)
