"""Retention every night, by whoever takes the night; and wishes to be forgotten, shown and never obeyed unasked."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from builders_config import config_of, yaml
from builders_store import NOON, SOURCE, answer, receive
from fake_clock import FakeClock

from nps.events import Event, Hint, Subject
from npsync.operating.retention import Nightly, prune
from npsync.subjects.receipts import known, read, requested
from store import open_store
from store.sql import SqlStore

KEPT = """\
pepper: a-pepper-of-some-length
retention:
  answers: 730 days
  comments: 30 days
"""


def opened(tmp_path: Path) -> SqlStore:
    store = open_store(f"sqlite:///{tmp_path / 'npsync.db'}")
    store.migrate()
    return store


def test_a_night_is_taken_once_and_puts_away_what_is_too_old(tmp_path: Path):
    store, clock = opened(tmp_path), FakeClock(NOON + timedelta(days=60))
    config = config_of(yaml(top=KEPT), tmp_path)
    receive(store, answer("a1", comment="spring"), answer("a2", at=NOON - timedelta(days=900)))
    nights = [Nightly(config, store, clock, stop=lambda: False) for _ in range(2)]
    assert [night.turn().counts for night in nights] == [{"comments": 1, "answers": 1}, {}]
    kept = store.answer(SOURCE, "a1")
    assert kept is not None
    assert (kept.score, kept.comment) == (9, None)
    receive(store, answer("a3", comment="summer", at=NOON))
    clock.advance(timedelta(days=1).total_seconds())
    assert nights[1].turn().counts == {"comments": 1}
    store.close()


def test_bytes_that_are_being_overwritten_when_serve_is_to_end_are_overwritten_another_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("store.breaking_off.STEPS", 1)
    store = opened(tmp_path)
    with store.database.write() as tx:
        tx.run("INSERT INTO switch (name, value) VALUES ('scrub', '1')")
    asked = itertools.count()
    config = config_of(yaml(), tmp_path)
    assert not prune(config, store, NOON, stop=lambda: next(asked) > 20).scrubbed  # in the middle of it
    assert next(asked) > 21
    assert store.scrubbing_due()
    assert prune(config, store, NOON).scrubbed
    assert not store.scrubbing_due()
    store.close()


def test_without_retention_nothing_is_ever_put_away(tmp_path: Path):
    store = opened(tmp_path)
    receive(store, answer("a1", comment="old", at=NOON - timedelta(days=9000)))
    assert not prune(config_of(yaml(), tmp_path), store, NOON).did_something
    store.close()


def test_a_wish_to_be_forgotten_is_shown_and_nothing_is_erased(tmp_path: Path):
    store = opened(tmp_path)
    receive(store, answer("a1", external_id="C-7"))
    about = Subject("person", "C-7")
    store.receive(
        [Hint(key="1", connection="shop", kind="erasure_asked", subject=about, occurred_at=NOON)], now=NOON
    )
    assert [(one["connection"], one["who"]) for one in requested(store)] == [("shop", "C-7")]
    event = Event(connection="shop", kind="erasure_asked", key="1", subject=about, occurred_at=NOON)
    [arrived] = store.arrivals(10, now=NOON)
    store.note_events([event], now=NOON, settled={arrived.number: ("", "")})
    assert [(one["connection"], one["who"]) for one in requested(store)] == [("shop", "C-7")]
    assert store.answer(SOURCE, "a1") is not None
    store.close()


def test_who_read_about_somebody_is_found_by_their_name_and_says_no_name(tmp_path: Path):
    store, config = opened(tmp_path), config_of(yaml(top=KEPT), tmp_path)
    read(config, store, page="customer", who="olga", names=["email:jo@example.com"], now=NOON)
    [found] = known(config, store, who="Jo@Example.com", kind="read", limit=5)
    assert (found.who, found.report["page"]) == ("olga", "customer")
    assert known(config, store, who="sam@example.com", kind=None, limit=5) == []
    assert "jo@" not in "\n".join(list(store.dump()))
    store.close()
