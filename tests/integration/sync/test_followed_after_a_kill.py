"""Wherever a run is killed, the next ones bring about what one run would have, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders_aftercare import CALL, HISTORY, PROMOTERS, TELL, CaringTown, followed
from builders_sync import answer
from memory_destination import BadDay, Killed, heal

from nps.errors import UnavailableError
from store.api.outbox import Kind, Stage

Build = Callable[..., CaringTown]


@pytest.fixture
def build(caring_town: Build) -> Callable[[], CaringTown]:
    def settled() -> CaringTown:
        """A town in which one promoter was listed, and who now becomes a detractor beside two others."""
        town = caring_town(history=HISTORY, rules=[CALL, TELL, PROMOTERS])
        for name in ("ann", "bob", "cat"):
            town.contact(name)
        town.tell(answer("first", 9, days=-0.5, email="ann@example.com"))
        town.run()
        town.crm.calls.clear()
        town.crm.made.clear()
        town.tell(
            answer("ann", 3, email="ann@example.com"),
            answer("bob", 2, email="bob@example.com"),
            answer("cat", 10, email="cat@example.com"),
        )
        return town

    return settled


def outcome(town: CaringTown) -> dict[str, Any]:
    return {
        "shown": town.shown(),
        "kept": {key: fields["score"] for key, fields in town.crm.kept_entries.items()},
        "tasks": sorted(task.key for task in town.crm.tasks.values()),
        "listed": sorted(town.crm.lists["promoters"]),
    }


def finished(town: CaringTown) -> CaringTown:
    """After a kill: a new process runs, and once more."""
    heal(town.crm)
    town.later(minutes=5)
    town.run()
    town.later(minutes=30)
    assert town.run().status == "succeeded"
    return town


def unsettled(town: CaringTown) -> list[Stage]:
    return [one.stage for one in town.outbox() if one.stage in (Stage.WANTED, Stage.OPEN)]


def test_a_run_killed_before_any_call_ends_as_if_it_had_not_been(build: Callable[[], CaringTown]):
    untouched = build()
    untouched.run()
    calls = len(untouched.crm.calls)
    assert calls > 12
    for at in range(calls):
        town = build()
        town.crm.before_call = BadDay(at, Killed())
        with pytest.raises(Killed):
            town.run()
        finished(town)
        assert outcome(town) == outcome(untouched), f"killed before call {at}"
        assert (town.twice(), unsettled(town)) == ([], [])
        assert len(town.channel.alerts) == 2


def test_a_run_killed_after_any_reply_that_never_came_creates_nothing_twice(build: Callable[[], CaringTown]):
    untouched = build()
    untouched.run()
    replies = 0
    for at in range(20):
        town = build()
        town.crm.after_write = BadDay(at, Killed())
        try:
            town.run()
        except Killed:
            replies += 1
        else:
            break
        finished(town)
        assert outcome(town) == outcome(untouched), f"killed after write {at}"
        assert (town.twice(), unsettled(town)) == ([], [])
    assert replies >= 5  # scores, tasks, history, off a list and on it


@pytest.mark.parametrize("arrived", [False, True])
def test_an_alert_that_a_kill_cut_off_is_told_as_unknown_and_never_repeated(
    build: Callable[[], CaringTown], arrived: bool
):
    town = build()
    if arrived:
        town.channel.after = BadDay(0, Killed())  # type: ignore[assignment]
    else:
        town.channel.before = BadDay(0, Killed())  # type: ignore[assignment]
    with pytest.raises(Killed):
        town.run()
    town.later(minutes=5)
    report = town.run()
    assert (followed(report, Kind.ALERT), report.status) == ({"unknown": 2}, "partial")
    assert len(town.channel.alerts) == int(arrived)
    assert town.run().status == "succeeded"
    assert len(town.channel.alerts) == int(arrived)


def test_a_task_that_a_kill_cut_off_is_found_where_it_was_given_though_its_answer_moved_meanwhile(
    caring_town: Build,
):
    town = caring_town(rules=[CALL])
    town.contact("ann")
    bob = town.contact("bob")
    town.tell(answer("a1", 3, email="ann@example.com"))
    town.crm.after_write = BadDay(1, Killed())  # the score is written, and the task is given
    with pytest.raises(Killed):
        town.run()
    assert [task.key for task in town.crm.tasks.values()] == ["mail:a1"]
    heal(town.crm)
    town.later(minutes=5)
    town.tell(answer("a1", 3, email="bob@example.com", days=0.001))  # it was bob's after all
    town.run()
    town.run()
    assert town.shown()[bob] == 3
    assert [task.key for task in town.crm.tasks.values()] == ["mail:a1"]


def test_what_cannot_be_looked_up_yet_is_no_defect_of_ours(caring_town: Build):
    town = caring_town(rules=[CALL])
    town.contact("ann")
    town.tell(answer("ann", 3))
    town.crm.after_write = BadDay(1, Killed())
    with pytest.raises(Killed):
        town.run()
    heal(town.crm)
    town.later(minutes=5)

    def down(what: str) -> None:
        if what == "given":
            raise UnavailableError("crm: down for a moment")

    town.crm.before_call = down
    report = town.run()
    assert report.status == "partial"
    assert report.problems == ("tasks: crm: down for a moment",)
    heal(town.crm)
    assert town.run().status == "succeeded"
    assert len(town.crm.tasks) == 1
