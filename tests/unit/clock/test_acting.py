"""What people ask for at a page is done by serve: once, in turn with the syncs, told however it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from nps.errors import UnavailableError
from npsync.actions.doing import Doer, Outcome
from npsync.actions.wanting import want
from npsync.clockwork.acting import LEASE_SECONDS, WHILE_BUSY, Acting
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
    go_on: threading.Event

    def do(self, action: Action) -> Outcome:
        self.did.append(action.kind)
        assert self.go_on.wait(10)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Office:
    def __init__(self, config: Config, store: SqlStore, owner: str = "serve:1:2:3") -> None:
        self.config, self.store, self.clock = config, store, FakeClock()
        self.stopping, self.threads, self.did = threading.Event(), Threads(), list[str]()
        self.outcome: Outcome | Exception = {"status": "succeeded", "run": 7}
        self.go_on = threading.Event()
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
        for name, value in {"outcome": self.outcome, "did": self.did, "go_on": self.go_on}.items():
            object.__setattr__(doer, name, value)
        return doer

    def want(self, kind: str = "run", **arguments: Any) -> Action:
        given = arguments or ({} if kind == "reload" else {"sync": "a"})
        key = f"{kind}{self.clock.now()}"
        return want(self.config, self.store, kind, given, who=ANN, key=key, now=self.clock.now())[0]

    def tick(self) -> None:
        self.acting.tick(self.config)

    def finish(self) -> None:
        assert self.threads.idle(10)

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
