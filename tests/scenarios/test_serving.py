"""`npsync serve`: it runs what is due, ends when asked, and never runs one sync twice at a time."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync, config, stop, to_contacts, to_marketing
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Town

PATIENCE = 45.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=30, responses=40, latency="20ms") as sandbox:
        yield sandbox


@pytest.fixture
def npsync(sandbox: RunningSandbox, tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, sandbox.env)
    npsync.configured(config())
    npsync("db", "upgrade")
    return npsync


def test_sigterm_ends_it_gracefully_after_it_ran_what_was_due(npsync: Npsync, sandbox: RunningSandbox):
    ann = Town(sandbox).person()
    Town(sandbox).answers(ann, 9)
    with serving(npsync) as serve:
        until(lambda: ended_runs(npsync) == {"contacts", "marketing"})
        ended = stop(serve)

    assert ended.code == 0
    assert Town(sandbox).in_salesforce(ann)["NPS_Score__c"] == 9
    assert '"event": "stopped"' in ended.err.splitlines()[-1]
    assert ended.out == ""


def test_what_was_missed_is_caught_up_once(npsync: Npsync):
    hours_ago = milliseconds_ago(hours=5)
    due(npsync, "contacts", hours_ago)
    due(npsync, "marketing", milliseconds_ago(hours=-1))
    with serving(npsync) as serve:
        until(lambda: ended_runs(npsync) == {"contacts"})
        time.sleep(2.5)  # two more ticks: nothing is left to catch up
        assert stop(serve).code == 0

    assert rows(npsync, "SELECT sync, due_at, outcome FROM tick") == [("contacts", hours_ago, "caught_up")]
    assert len(rows(npsync, "SELECT id FROM run")) == 1


def test_two_serves_on_one_store_never_run_a_sync_at_the_same_time(npsync: Npsync):
    with serving(npsync) as one, serving(npsync) as other:
        for turn in range(1, 4):
            until(
                lambda turn=turn: (
                    len(rows(npsync, "SELECT id FROM run WHERE ended_at IS NOT NULL")) >= 2 * turn
                )
            )
            for sync in ("contacts", "marketing"):
                due(npsync, sync, milliseconds_ago(seconds=1))
        assert (stop(one).code, stop(other).code) == (0, 0)

    for sync in ("contacts", "marketing"):
        times = rows(npsync, "SELECT started_at, ended_at FROM run WHERE sync = ? ORDER BY id", sync)
        assert len(times) >= 3
        assert all(ended <= started for (_, ended), (started, _) in pairwise(times))


def test_run_without_a_name_runs_what_is_due_once(npsync: Npsync):
    first = npsync("run", exits=(0, 3)).out
    assert "contacts: " in first
    assert "marketing: " in first
    assert npsync("run").out.strip() == "Nothing is due. npsync run SYNC runs a sync anyway."


def test_a_sync_that_runs_already_is_not_run_a_second_time(npsync: Npsync):
    """Somebody types `npsync run` while serve is at it."""
    with npsync.store() as store:
        far = milliseconds_ago(hours=-1)
        store.execute(
            "INSERT INTO lease (name, owner, token, until) VALUES ('sync/contacts', 'serve', 1, ?)", (far,)
        )
    told = npsync("run", "contacts", exits=1).err
    assert told.startswith("contacts is being run by another process; its result will be in: npsync runs")


def test_a_serve_that_is_killed_in_the_middle_loses_no_due_time(npsync: Npsync, sandbox: RunningSandbox):
    ann = Town(sandbox).person()
    Town(sandbox).answers(ann, 9)
    with serving(npsync) as first:
        until(lambda: rows(npsync, "SELECT id FROM run") != [])
        stop(first, signal.SIGKILL)
    begun = {sync for (sync,) in rows(npsync, "SELECT sync FROM tick")}
    assert begun == {"contacts", "marketing"}  # both were taken, and not done
    with serving(npsync) as second:
        until(lambda: ended_well(npsync) == begun)
        assert stop(second).code == 0

    assert Town(sandbox).in_salesforce(ann)["NPS_Score__c"] == 9
    assert rows(npsync, "SELECT id FROM tick WHERE ended_at IS NULL") == []
    assert rows(npsync, "SELECT id FROM run WHERE status = 'running'") == []


def test_a_changed_file_is_taken_while_it_runs_and_what_people_ask_for_is_done(
    npsync: Npsync, sandbox: RunningSandbox
):
    ann = Town(sandbox).person()
    Town(sandbox).answers(ann, 9)
    npsync.configured(config(to_contacts(paused=True), to_marketing(paused=True)))
    with serving(npsync) as serve:
        until(lambda: rows(npsync, "SELECT owner FROM serving") != [])
        npsync.configured(config(to_contacts(every="15 minuets")))
        serve.send_signal(signal.SIGHUP)
        until(lambda: rows(npsync, "SELECT problem FROM serving WHERE problem IS NOT NULL") != [])
        [(refused,)] = rows(npsync, "SELECT problem FROM serving")
        assert rows(npsync, "SELECT id FROM run") == []  # what was paused still is

        npsync.configured(config(to_contacts(), to_marketing(paused=True)))
        serve.send_signal(signal.SIGHUP)
        until(lambda: ended_well(npsync) == {"contacts"})
        assert rows(npsync, "SELECT problem FROM serving") == [(None,)]
        [(run,)] = rows(npsync, "SELECT max(id) FROM run WHERE sync = 'contacts'")

        asked = [
            ("verify", {"sync": "contacts"}),
            ("undo", {"run": run, "plan": True}),
            ("undo", {"run": run}),
        ]
        for key, (kind, arguments) in enumerate(asked):
            want_action(npsync, kind, arguments, key=str(key))
        npsync("syncs", "run", "marketing")  # a person's wish, though it is paused
        until(lambda: rows(npsync, "SELECT id FROM action WHERE ended_at IS NULL") == [])
        ended = stop(serve)

    assert "npsync.yaml:" in refused
    assert '"15 minuets" is not a duration' in refused
    assert ended.code == 0
    assert [line for line in ended.err.splitlines() if '"event": "config_refused"' in line][1:] == []
    states = rows(npsync, "SELECT kind, state FROM action ORDER BY id")
    assert states == [("verify", "done"), ("undo", "done"), ("undo", "done"), ("run", "done")]
    planned, undone = (
        json.loads(outcome)
        for (outcome,) in rows(npsync, "SELECT outcome FROM action WHERE kind = 'undo' ORDER BY id")
    )
    assert planned["restores"] == undone["runs"][0]["writes"]["Contact"] > 0
    assert Town(sandbox).in_salesforce(ann)["NPS_Score__c"] is None
    assert ended_well(npsync) == {"contacts", "marketing"}


def want_action(npsync: Npsync, kind: str, arguments: dict[str, Any], *, key: str) -> None:
    """As a page asks for it."""
    with npsync.store() as store:
        now = milliseconds_ago()
        store.execute(
            "INSERT INTO action (kind, about, arguments, who, key, state, wanted_at, free_at, token) "
            "VALUES (?, '', ?, 'user:ann', ?, 'wanted', ?, ?, 0)",
            (kind, json.dumps(arguments), key, now, now),
        )


def ended_well(npsync: Npsync) -> set[str]:
    """The syncs of which a run came to its end."""
    ended = "SELECT sync FROM run WHERE kind = 'run' AND status IN ('succeeded', 'partial')"
    return {sync for (sync,) in rows(npsync, ended)}


@contextmanager
def serving(npsync: Npsync) -> Iterator[subprocess.Popen[str]]:
    with ExitStack() as held:
        process = npsync.started("serve", "--json")
        held.callback(lambda: process.poll() is None and process.send_signal(signal.SIGKILL))
        yield process


def until(happened: Callable[[], bool]) -> None:
    """Wait for it; a test that waits in vain fails."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def rows(npsync: Npsync, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with npsync.store() as store:
        return store.execute(sql, parameters).fetchall()


def ended_runs(npsync: Npsync) -> set[str]:
    return {sync for (sync,) in rows(npsync, "SELECT sync FROM run WHERE ended_at IS NOT NULL")}


def due(npsync: Npsync, sync: str, at: int) -> None:
    with npsync.store() as store:
        store.execute(
            "INSERT INTO schedule (sync, due_at, paused) VALUES (?, ?, 0) "
            "ON CONFLICT (sync) DO UPDATE SET due_at = excluded.due_at, spread = 0",
            (sync, at),
        )


def milliseconds_ago(*, hours: float = 0, seconds: float = 0) -> int:
    return int((time.time() - hours * 3600 - seconds) * 1000)
