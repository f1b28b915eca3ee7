"""The figures of an anonymous programme move on by whole groups."""

from __future__ import annotations

from builders_store import NOON, SOURCE, answer, receive

from store.sql import SqlStore

AT = {SOURCE: ["1146"]}


def test_figures_move_on_only_when_so_many_new_answers_came(store: SqlStore):
    receive(store, *(answer(f"a{n}") for n in range(4)), answer("other", survey="9"))
    assert not store.publish("staff", AT, 5, now=NOON)
    assert store.published("staff") == 0
    receive(store, answer("a4"))
    assert store.publish("staff", AT, 5, now=NOON)
    assert store.published("staff") == 6
    receive(store, *(answer(f"b{n}") for n in range(4)))
    assert not store.publish("staff", AT, 5, now=NOON)
    assert store.published("staff") == 6


def test_a_survey_that_takes_a_whole_connection_counts_all_of_it(store: SqlStore):
    receive(store, *(answer(f"a{n}", survey=str(n)) for n in range(5)))
    assert store.publish("staff", {SOURCE: []}, 5, now=NOON)
