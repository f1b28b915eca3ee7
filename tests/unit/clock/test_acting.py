"""What people ask for at a page is done by serve: once, in turn with the syncs, told however it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from nps.errors import UnavailableError
from npsync.actions.doing import Doer, Outcome
from npsync.actions.wanting import by_hand, want
from npsync.clockwork.acting import LEASE_SECONDS, MOST_STARTS, WHILE_BUSY, Acting
from npsync.clockwork.hands import Threads
from npsync.config import Config
from store import open_store
from store.api import Action, Stand
from store.sql import SqlStore
from sync.leasing import Busy

ANN = "user:ann"


@pytest.fixture
def store(sqlite_url: str) -> Iterator[SqlStore]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(yaml(), tmp_path)


class Does(Doer):
    """Stands for what is done: says what it is told to say."""

    outcome: Outcome | Exception
    did: list[str]
    begun: threading.Event
    go_on: threading.Event

    def do(self, action: Action) -> Outcome:
        self.did.append(action.kind)
        self.begun.set()
        assert self.go_on.wait(60)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Office:
    def __init__(self, config: Config, store: SqlStore, owner: str = "serve:1:2:3") -> None:
        self.config, self.store, self.clock = config, store, FakeClock()
        self.stopping, self.threads, self.did = threading.Event(), Threads(), list[str]()
        self.outcome: Outcome | Exception = {"status": "succeeded", "run": 7}
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.reloaded: Outcome = {"taken": True}
        self.acting = Acting(
            store,
            self.clock,
            owner,
            self.threads,
            self.stopping.is_set,
            doer=self._doer,
            reload=lambda: self.reloaded,
        )

    def _doer(self, config: Config) -> Doer:
        doer = Does(config, self.store, self.clock, self.stopping.is_set)
        for name in ("outcome", "did", "begun", "go_on"):
            object.__setattr__(doer, name, getattr(self, name))
        return doer

    def want(self, kind: str = "run", **arguments: Any) -> Action:
        given = arguments or ({} if kind in ("reload", "check") else {"sync": "a"})
        key = f"{kind}{self.clock.now()}"
        return want(self.config, self.store, kind, given, who=ANN, key=key, now=self.clock.now())[0]

    def tick(self) -> None:
        self.acting.tick(self.config)

    def finish(self) -> None:
        assert self.threads.idle(60)

    def now_is(self, action: Action) -> Action:
        found = self.store.action(action.number)
        assert found is not None
        return found


@pytest.fixture
def office(config: Config, store: SqlStore) -> Iterator[Office]:
    office = Office(config, store)
    yield office
    office.go_on.set()
    office.threads.wait()


def test_an_action_is_done_once_and_its_outcome_kept(office: Office):
    wanted = office.want()
    for _ in range(2):
        office.tick()
        office.finish()
    done = office.now_is(wanted)
    assert (office.did, done.stand, done.run) == (["run"], Stand.DONE, 7)
    assert done.outcome == {"status": "succeeded", "run": 7}


@pytest.mark.parametrize(
    ("came_to", "says"),
    [
        (UnavailableError("crm: the vendor is down"), "crm: the vendor is down"),
        ({"status": "failed", "run": 3, "problems": ["crm: no"]}, "crm: no"),
    ],
)
def test_what_failed_says_why(office: Office, came_to: Any, says: str):
    office.outcome = came_to
    wanted = office.want()
    office.tick()
    office.finish()
    failed = office.now_is(wanted)
    assert failed.stand is Stand.FAILED
    assert failed.outcome is not None
    assert failed.outcome["problem"] == says


def test_a_bug_before_the_action_is_begun_ends_it_too(office: Office, monkeypatch: pytest.MonkeyPatch):
    def connections(doer: Doer, action: Action) -> frozenset[str]:
        raise ZeroDivisionError("ann@example.com")

    monkeypatch.setattr(Does, "connections", connections)
    wanted = office.want()
    with pytest.raises(ZeroDivisionError):
        office.tick()
    failed = office.now_is(wanted)
    assert failed.stand is Stand.FAILED
    assert failed.outcome == {"problem": "a bug in npsync: ZeroDivisionError; see its log"}


def test_a_bug_ends_the_action_without_telling_what_was_in_it(office: Office):
    office.outcome = ZeroDivisionError("ann@example.com")
    wanted = office.want()
    office.tick()
    office.finish()
    failed = office.now_is(wanted)
    assert failed.stand is Stand.FAILED
    assert failed.outcome == {"problem": "a bug in npsync: ZeroDivisionError; see its log"}


def test_what_another_process_is_at_is_tried_again(office: Office):
    office.outcome = Busy("a is being run by another process")
    wanted = office.want()
    office.tick()
    office.finish()
    assert office.now_is(wanted).stand is Stand.WANTED
    office.outcome = {"status": "succeeded"}
    office.tick()
    assert office.did == ["run"]
    office.clock.advance(WHILE_BUSY.total_seconds())
    office.tick()
    office.finish()
    assert office.now_is(wanted).stand is Stand.DONE


def test_what_uses_one_connection_is_done_one_after_the_other(office: Office):
    office.go_on.clear()
    first = office.want()
    office.clock.advance(1)
    second = office.want("verify")
    office.tick()
    office.go_on.set()
    office.finish()
    assert office.did == ["run", "verify"]
    assert {office.now_is(one).stand for one in (first, second)} == {Stand.DONE}


def test_the_run_of_an_action_is_known_while_it_lasts(office: Office):
    office.go_on.clear()
    wanted = office.want()
    office.tick()
    office.tick()
    assert office.now_is(wanted).run is None
    run = office.store.begin_run("a", "run", now=office.clock.now(), facts={})
    office.tick()
    assert office.now_is(wanted).run == run


def test_nobody_takes_an_action_from_a_process_that_lives(office: Office, config: Config, store: SqlStore):
    office.go_on.clear()
    wanted = office.want()
    office.tick()
    other = Office(config, store, owner="elsewhere:1:2:3")
    for _ in range(5):
        office.clock.advance(LEASE_SECONDS / 2)
        other.clock.advance(LEASE_SECONDS / 2)
        office.tick()
        other.tick()
    assert other.did == []
    assert office.now_is(wanted).stand is Stand.DOING
    other.threads.wait()


def test_what_a_killed_process_was_at_is_done_again(office: Office, config: Config, store: SqlStore):
    wanted = office.want()
    claimed = store.claim_action("elsewhere:1:2:3", now=NOON, seconds=LEASE_SECONDS)
    assert claimed is not None
    office.tick()
    assert office.did == []
    office.clock.advance(LEASE_SECONDS + 1)
    office.tick()
    office.finish()
    assert office.now_is(wanted).stand is Stand.DONE


def died(store: SqlStore, owner: str, *, at: datetime) -> None:
    """A process takes whatever waits, begins it, and is never heard of again."""
    while (action := store.claim_action(owner, now=at, seconds=LEASE_SECONDS)) is not None:
        store.start_action(action, owner, now=at, seconds=LEASE_SECONDS)


def test_what_its_processes_die_of_is_done_three_times_and_then_told(office: Office, store: SqlStore):
    wanted = office.want(sync="a", full=True)
    for n in range(MOST_STARTS):
        died(store, f"elsewhere:{n}:2:3", at=office.clock.now())
        office.clock.advance(LEASE_SECONDS + 1)
    office.tick()
    office.finish()
    failed = office.now_is(wanted)
    assert (office.did, failed.stand) == ([], Stand.FAILED)
    assert failed.outcome == {
        "problem": "3 times the process that began it ended before it did: killed, out of memory, or crashed. Its log "
        "says more. Where nothing else suffers from it: npsync run a --full"
    }


def test_what_waits_for_another_process_waits_as_often_as_it_takes(office: Office):
    office.outcome = Busy("a is being run by another process")
    wanted = office.want()
    for _ in range(3 * MOST_STARTS):
        office.tick()
        office.finish()
        office.clock.advance(WHILE_BUSY.total_seconds())
    assert (len(office.did), office.now_is(wanted).stand) == (3 * MOST_STARTS, Stand.WANTED)


def test_what_a_process_died_of_is_begun_beside_nothing_else(office: Office, store: SqlStore):
    first = office.want()
    office.clock.advance(1)
    second = office.want("verify")
    died(store, "elsewhere:1:2:3", at=office.clock.now())
    office.clock.advance(LEASE_SECONDS + 1)
    later = office.want("check")
    office.go_on.clear()
    office.tick()
    assert [office.now_is(one).token for one in (first, second, later)] == [2, 1, 0]
    office.go_on.set()
    office.finish()
    office.tick()
    office.finish()
    assert office.did == ["run", "verify"]
    office.tick()
    office.finish()
    assert office.did == ["run", "verify", "check"]


def test_a_claim_that_somebody_took_over_while_it_waited_for_a_thread_is_not_begun(
    office: Office, store: SqlStore
):
    office.go_on.clear()
    first = office.want()
    office.clock.advance(1)
    waits = office.want("verify")
    office.tick()
    assert office.begun.wait(60)
    later = office.clock.now() + timedelta(seconds=LEASE_SECONDS + 1)
    taken = [store.claim_action("elsewhere:1:2:3", now=later, seconds=LEASE_SECONDS) for _ in range(2)]
    assert [one.number for one in taken if one is not None] == [first.number, waits.number]
    office.go_on.set()
    office.finish()
    assert office.did == ["run"]


def test_the_store_being_away_when_its_turn_comes_leaves_the_action_to_its_next_claim(
    office: Office, store: SqlStore
):
    wanted = office.want()
    started, store.start_action = store.start_action, _away  # type: ignore[method-assign]
    office.tick()
    office.finish()
    store.start_action = started  # type: ignore[method-assign]
    assert office.did == []
    office.clock.advance(LEASE_SECONDS + 1)
    office.tick()
    office.finish()
    assert office.now_is(wanted).stand is Stand.DONE


def _away(*_: Any, **__: Any) -> None:
    raise UnavailableError("store: the database is busy")


@pytest.mark.parametrize(
    ("kind", "arguments", "command"),
    [
        (
            "run",
            {"sync": "a", "everything": True, "accept_breaker": True},
            "npsync run a --all --accept-breaker",
        ),
        ("plan", {"sync": "a", "everything": False}, "npsync plan a"),
        ("verify", {"sync": "a"}, "npsync verify a"),
        ("take_up", {"sync": "a", "answers": [1]}, "npsync run a"),
        ("undo", {"run": 7, "plan": False}, "npsync undo 7"),
        ("redo", {"run": 7, "plan": True}, "npsync redo 7"),
        ("link", {"answer": "email-nps:7", "record": "003A"}, "npsync review link email-nps:7 003A"),
        ("reload", {}, "npsync check"),
    ],
)
def test_every_action_can_be_done_by_hand(
    store: SqlStore, kind: str, arguments: dict[str, Any], command: str
):
    action, _ = store.want_action(kind, "a", arguments, who=ANN, key=kind, now=NOON)
    assert by_hand(action) == command


def test_what_was_not_begun_when_serve_stops_is_wanted_by_the_next(office: Office):
    office.go_on.clear()
    office.outcome = {"status": "partial", "run": 1}
    first = office.want()
    office.clock.advance(1)
    waiting = office.want("verify")
    office.tick()
    office.stopping.set()
    office.threads.stop()
    office.go_on.set()
    office.threads.wait()
    assert office.did == ["run"]
    assert [office.now_is(one).stand for one in (first, waiting)] == [Stand.WANTED, Stand.WANTED]


def test_a_sync_that_left_the_file_meanwhile_is_told(office: Office, tmp_path: Path):
    wanted = office.want()
    office.config = config_of(yaml().replace("  a:", "  b:"), tmp_path)
    office.tick()
    failed = office.now_is(wanted)
    assert failed.outcome == {"problem": 'there is no sync "a"'}


def test_a_reload_is_done_by_whoever_watches_the_file(office: Office):
    wanted = office.want("reload")
    office.tick()
    assert office.now_is(wanted).outcome == {"taken": True}
