"""One file for all processes of a store, or somebody is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from npsync.clockwork.agreeing import in_words, on_other_files
from store.api import Serving

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def process(owner: str, mark: str, kind: str = "worker", *, config: datetime = NOON - HOUR) -> Serving:
    return Serving(
        owner=owner, kind=kind, began_at=NOON - HOUR, seen_at=NOON, config_at=config, mark=mark, problem=None
    )


def strangers(*serving: Serving, now: datetime = NOON) -> list[tuple[str, str]]:
    return [(one.owner, clock.owner) for one, clock in on_other_files(serving, now)]


def test_a_worker_with_an_older_file_is_told_of_and_the_others_are_not():
    clock, same, older = process("a:1", "new", "serve"), process("b:1", "new"), process("c:1", "old")
    assert strangers(clock, same, older) == [("c:1", "a:1")]
    assert in_words(older, clock) == (
        "npsync worker (c, process 1) goes by another config than npsync serve (a, process 1): it keeps out of every "
        "sync that the two map differently"
    )


def test_a_file_needs_not_be_everywhere_at_once():
    clock, worker = process("a:1", "new", "serve", config=NOON), process("c:1", "old")
    assert strangers(clock, worker) == []
    assert strangers(clock, worker, now=NOON + timedelta(minutes=1)) == [("c:1", "a:1")]


def test_of_two_clocks_the_one_that_took_its_file_last_is_followed():
    first, second = process("a:1", "old", "serve", config=NOON - 2 * HOUR), process("b:1", "new", "serve")
    assert strangers(first, second) == [("a:1", "b:1")]


def test_where_no_clock_ticks_or_somebody_is_gone_nothing_is_told():
    assert strangers(process("a:1", "one"), process("b:1", "another")) == []
    long_gone = NOON + timedelta(minutes=10)
    assert strangers(process("a:1", "new", "serve"), process("c:1", "old"), now=long_gone) == []
