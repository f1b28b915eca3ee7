"""The triggers' turns beside the syncs: one at a time, told, and no trouble of theirs stops the clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from builders_clock import Ticking
from builders_config import config_of, yaml
from fake_clock import FakeClock

from nps.errors import UnavailableError
from npsync.asking.asker import AFTER_A_FAILURE, EVERY, Asker
from store import open_store
from triggers.report import Round


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr("npsync.logs._set_up", None)  # else its first line ends the capture
    with structlog.testing.capture_logs() as told:
        yield told


class Turns:
    """Stands for the triggers."""

    def __init__(self) -> None:
        self.count = 0
        self.says = Round()
        self.fails_with: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self) -> Round:
        self.count += 1
        assert self.go_on.wait(60)
        if self.fails_with is not None:
            raise self.fails_with
        return self.says


def ticked(asker: Asker) -> None:
    asker.tick()
    if asker.latest is not None:
        asker.latest.result(60)


def test_a_turn_comes_every_few_seconds_and_never_two_at_once():
    clock, turns = FakeClock(), Turns()
    asker = Asker(turns, clock)
    ticked(asker)
    ticked(asker)
    assert turns.count == 1
    clock.advance(EVERY.total_seconds())
    turns.go_on.clear()
    asker.tick()
    clock.advance(EVERY.total_seconds())
    asker.tick()  # the one before still runs
    turns.go_on.set()
    asker.stop()
    asker.wait()
    assert turns.count == 2


@pytest.mark.parametrize(
    ("failure", "event"),
    [(UnavailableError("busy"), "asking_failed"), (ZeroDivisionError(), "asking_crashed")],
)
def test_trouble_is_told_and_the_next_turn_comes_later(told: list[Any], failure: Exception, event: str):
    clock, turns = FakeClock(), Turns()
    turns.fails_with = failure
    asker = Asker(turns, clock)
    ticked(asker)
    clock.advance(EVERY.total_seconds())
    ticked(asker)
    assert turns.count == 1
    assert [line["event"] for line in told] == [event]
    turns.fails_with = None
    clock.advance(AFTER_A_FAILURE.total_seconds())
    ticked(asker)
    assert turns.count == 2
    asker.wait()


def test_a_turn_that_did_nothing_is_not_told(told: list[Any]):
    clock, turns = FakeClock(), Turns()
    turns.says = Round()
    asker = Asker(turns, clock)
    ticked(asker)
    asker.wait()
    assert (turns.count, told) == (1, [])


def test_a_problem_that_lasts_is_told_once(told: list[Any]):
    clock, turns = FakeClock(), Turns()
    turns.says = Round(problems=["sends are stopped"])
    asker = Asker(turns, clock)
    for _ in range(5):
        ticked(asker)
        clock.advance(EVERY.total_seconds())
    turns.says = Round(events=1, problems=["sends are stopped"])
    ticked(asker)
    assert [line["event"] for line in told] == ["asked", "asked"]
    asker.wait()


def test_a_bug_of_the_triggers_stops_no_sync_and_a_bug_of_a_sync_no_trigger(tmp_path: Path, told: list[Any]):
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    store = open_store(f"sqlite:///{tmp_path / 'npsync.db'}")
    store.migrate()
    clock, turns = FakeClock(), Turns()
    turns.fails_with = ZeroDivisionError()
    asker = Asker(turns, clock)
    config = config_of(yaml(sync="jitter: 0 seconds\n"), tmp_path)
    clockwork = Ticking(config, store, clock, turns=lambda config: [asker], run=fail)
    for _ in range(2):
        clockwork.tick_and_finish()
        assert asker.latest is not None
        asker.latest.exception(10)  # its rest begins before time goes on
        clock.advance(15 * 60)
    clockwork.stop()
    clockwork.wait()
    store.close()
    assert sorted(line["event"] for line in told if line["event"] != "tick") == [
        "asking_crashed",
        "asking_crashed",
        "run_crashed",
        "run_crashed",
    ]


def test_turns_of_an_earlier_file_end_in_their_own_time_and_are_closed_after_the_last(
    store_url: str, tmp_path: Path
):
    store = open_store(store_url)
    store.migrate()
    clock, closed = FakeClock(), list[str]()
    go_on, began = threading.Event(), threading.Event()

    def long_turn() -> Round:
        began.set()
        assert go_on.wait(60)
        return Round()

    old = Asker(long_turn, clock, close=lambda: closed.append("old"))
    new = Asker(Turns(), clock)
    handed = iter([[old], [new]])
    config = config_of(yaml(), tmp_path)
    clockwork = Ticking(config, store, clock, turns=lambda config: next(handed), run=lambda *_: None)
    clockwork.tick()
    assert began.wait(60)
    clockwork.clockwork.take(config, "new")
    assert clockwork.clockwork.under_way()[-1:] == ["asking"]
    assert closed == []
    go_on.set()
    clockwork.wait()
    assert closed == ["old"]
    store.close()


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'npsync.db'}"
