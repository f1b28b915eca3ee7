"""The clock's memory: a due time that is taken is noted with it, a pause holds, and who ticks is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from builders_store import NOON, later

from store.api import Serving
from store.sql import SqlStore

QUARTER = later(minutes=15)
OWNER = "host:1:2:3"


def test_a_due_time_is_taken_once_together_with_its_note(store: SqlStore):
    store.schedule("a", NOON)

    def take(_: int) -> int | None:
        return store.take_tick("a", NOON, QUARTER, "started", OWNER, now=later(seconds=1))

    with ThreadPoolExecutor(4) as pool:
        taken = [number for number in pool.map(take, range(8)) if number is not None]
    assert len(taken) == 1
    (tick,) = store.ticks(["a"])
    assert (tick.number, tick.due_at, tick.outcome, tick.noted_at) == (
        taken[0],
        NOON,
        "started",
        later(seconds=1),
    )
    assert (tick.owner, tick.next_at, tick.ended_at) == (OWNER, QUARTER, None)
    assert store.due(["a"])["a"].due_at == QUARTER


def test_what_was_begun_is_open_until_it_is_ended(store: SqlStore):
    store.schedule("a", NOON)
    first = store.take_tick("a", NOON, QUARTER, "started", OWNER, now=NOON)
    second = store.take_tick("a", QUARTER, later(minutes=30), "started", OWNER, now=QUARTER)
    assert first is not None
    assert second is not None
    assert [one.number for one in store.open_ticks()] == [first, second]
    store.hand_tick(first, "worker:1:2:3")
    assert [one.owner for one in store.open_ticks()] == ["worker:1:2:3", OWNER]
    store.end_tick(first, now=later(minutes=1))
    store.end_tick(second, now=later(minutes=16), outcome="skipped_overlap")
    assert store.open_ticks() == []
    assert [(one.outcome, one.ended_at) for one in store.ticks(["a"])] == [
        ("skipped_overlap", later(minutes=16)),
        ("started", later(minutes=1)),
    ]
    assert store.latest_ticks(["a", "b"])["a"].number == second


def test_what_is_hastened_is_due_sooner_and_never_later(store: SqlStore):
    store.schedule("a", QUARTER)
    store.hasten("a", NOON)
    assert store.due(["a"])["a"].due_at == NOON
    store.hasten("a", later(minutes=5))
    assert store.due(["a"])["a"].due_at == NOON
    store.pause("a", "user:ann", due_at=NOON, now=NOON)
    assert store.unpause("a", due_at=later(minutes=5))
    assert store.due(["a"])["a"].due_at == NOON


def test_what_was_returned_is_due_again_and_told_from_what_was_done(store: SqlStore):
    store.schedule("a", NOON)
    first = store.take_tick("a", NOON, QUARTER, "started", OWNER, now=NOON)
    assert first is not None
    assert store.return_tick(first, now=later(minutes=1))
    assert not store.return_tick(first, now=later(minutes=2))
    assert store.due(["a"])["a"].due_at == NOON
    again = store.take_tick("a", NOON, QUARTER, "started", "worker:1:2:3", now=later(minutes=3))
    assert [(one.number, one.outcome, one.ended_at) for one in store.ticks(["a"])] == [
        (again, "started", None),
        (first, "handed_back", later(minutes=1)),
    ]


def test_what_a_process_died_with_is_due_again_when_it_has_rested(store: SqlStore):
    store.schedule("a", NOON)
    first = store.take_tick("a", NOON, QUARTER, "started", OWNER, now=NOON)
    assert first is not None
    rested = later(minutes=2)
    assert store.return_tick(first, now=later(minutes=1), died=True, again_at=rested)
    assert store.due(["a"])["a"].due_at == rested
    second = store.take_tick("a", rested, QUARTER, "started", OWNER, now=rested)
    assert second is not None
    assert store.return_tick(second, now=later(minutes=3), died=True, again_at=later(minutes=60))
    assert store.due(["a"])["a"].due_at == QUARTER  # the following one comes before that
    store.end_tick(second, now=later(minutes=4))  # it was only slow
    assert [one.died for one in store.ticks(["a"])] == [False, True]


def test_a_due_time_may_be_taken_a_little_later_than_it_is_due(store: SqlStore):
    store.schedule("a", NOON)
    assert store.due(["a"])["a"].taken_at == NOON
    store.take_tick("a", NOON, QUARTER, "started", OWNER, now=NOON, spread=timedelta(seconds=17))
    due = store.due(["a"])["a"]
    assert (due.due_at, due.taken_at) == (QUARTER, QUARTER + timedelta(seconds=17))
    store.schedule("a", NOON)
    assert store.due(["a"])["a"].taken_at == NOON


def test_a_pause_takes_no_due_time_but_to_skip_it(store: SqlStore):
    store.schedule("a", NOON)
    assert store.pause("a", "cli:ann", due_at=later(days=1), now=later(minutes=-5))
    assert not store.pause("a", "cli:ben", due_at=NOON, now=NOON)
    due = store.paused()["a"]
    assert (due.due_at, due.paused_at, due.paused_by) == (NOON, later(minutes=-5), "cli:ann")
    assert not store.claim_due("a", NOON, QUARTER)
    assert store.take_tick("a", NOON, QUARTER, "started", OWNER, now=NOON) is None
    assert store.take_tick("a", NOON, QUARTER, "skipped_paused", OWNER, now=NOON, paused=True) is not None
    assert store.open_ticks() == []

    assert store.unpause("a")
    assert not store.unpause("a")
    assert store.paused() == {}
    late = store.take_tick("a", QUARTER, later(minutes=30), "skipped_paused", OWNER, now=QUARTER, paused=True)
    assert late is None
    assert store.due(["a"])["a"].due_at == QUARTER


def test_what_has_no_due_time_yet_can_be_paused_and_resumed_at_a_time(store: SqlStore):
    assert store.pause("a", "cli:ann", due_at=later(minutes=30), now=NOON)
    assert store.due(["a"])["a"].due_at == later(minutes=30)
    assert store.unpause("a", due_at=QUARTER)
    assert store.due(["a"])["a"].due_at == QUARTER
    assert not store.unpause("unheard of")


def test_old_notes_are_forgotten_but_the_last_of_each_place_and_what_is_open(store: SqlStore):
    for place in ("a", "b"):
        store.schedule(place, NOON)
        for turn in range(3):
            at = later(minutes=turn)
            number = store.take_tick(place, at, later(minutes=turn + 1), "started", OWNER, now=at)
            assert number is not None
            if (place, turn) != ("b", 0):
                store.end_tick(number, now=at)
    assert store.expire_ticks(before=later(days=1), limit=1) == 1
    assert store.expire_ticks(before=later(days=1), limit=10) == 2
    assert [one.due_at for one in store.ticks(["a"])] == [later(minutes=2)]
    assert [one.due_at for one in store.ticks(["b"])] == [later(minutes=2), NOON]


def test_who_ticks_is_known_until_it_ends_or_is_long_gone(store: SqlStore):
    one = Serving(owner="one", kind="serve", began_at=NOON, seen_at=NOON, config_at=NOON, mark="abc")
    store.note_serving(one)
    seen = Serving(
        owner="one",
        kind="serve",
        began_at=NOON,
        seen_at=QUARTER,
        config_at=QUARTER,
        mark="def",
        problem="npsync.yaml:14: no",
    )
    store.note_serving(seen)
    other = Serving(owner="two", kind="worker", began_at=QUARTER, seen_at=QUARTER, config_at=NOON, mark="def")
    store.note_serving(other)
    assert store.serving() == [seen, other]
    store.end_serving("two", before=NOON)
    assert store.serving() == [seen]
    store.end_serving("nobody", before=later(minutes=16))
    assert store.serving() == []


# ------------------------------------------------------------ how far a run is


def test_how_far_a_run_is_lasts_as_long_as_the_run(store: SqlStore):
    run = store.begin_run("a", "run", now=NOON, facts={})
    assert store.progress_of(run) is None
    store.note_progress(run, "pulling", 500, None, now=NOON)
    store.note_progress(run, "planning", 41_200, 200_000, now=QUARTER)
    found = store.progress_of(run)
    assert found is not None
    assert (found.phase, found.done, found.total, found.noted_at) == ("planning", 41_200, 200_000, QUARTER)
    assert store.progress() == {run: found}
    store.end_run(run, "failed", now=QUARTER, report={})
    assert store.progress() == {}


def test_a_run_that_has_ended_tells_no_progress_any_more(store: SqlStore):
    """A process that was frozen wakes up after another one ended its run."""
    run = store.begin_run("a", "run", now=NOON, facts={})
    store.end_run(run, "failed", now=NOON, report={})
    store.note_progress(run, "writing", 1, 2, now=QUARTER)
    store.note_progress(99, "writing", 1, 2, now=QUARTER)
    assert store.progress() == {}
