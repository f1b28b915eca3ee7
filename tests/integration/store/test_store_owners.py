"""What a process held that is known to be dead is free at once; where nobody can know, the lease runs out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from builders_store import NOON, later

from store.owners import is_gone, this_process
from store.sql import SqlStore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can know")

_SLEEPER = "from store.owners import this_process; print(this_process(), flush=True); input()"


def sleeper() -> tuple[subprocess.Popen[str], str]:
    """A process, and its owner as it names itself."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.fixture
def dead() -> str:
    """The owner of a process that was killed."""
    process, owner = sleeper()
    process.kill()
    process.communicate()
    return owner


def test_what_a_killed_process_held_is_free_at_once(store: SqlStore, dead: str):
    lease = store.acquire("sync", dead, now=NOON, seconds=120)
    assert lease is not None
    assert store.is_free("sync", now=NOON)
    ours = store.acquire("sync", this_process(), now=NOON, seconds=120)
    assert ours is not None
    assert ours.token == lease.token + 1


def test_of_many_who_take_over_from_the_dead_one_gets_it(store: SqlStore, dead: str):
    store.acquire("sync", dead, now=NOON, seconds=120)
    owners = [this_process() for _ in range(16)]
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda one: store.acquire("sync", one, now=NOON, seconds=60), owners))
    assert len([lease for lease in leases if lease]) == 1


def test_a_process_that_is_stopped_or_waits_keeps_what_it_holds(store: SqlStore):
    process, owner = sleeper()
    try:
        store.acquire("sync", owner, now=NOON, seconds=120)
        os.kill(process.pid, signal.SIGSTOP)
        assert not is_gone(owner)
        assert not store.is_free("sync", now=later(seconds=119))
        assert store.acquire("sync", this_process(), now=later(seconds=119), seconds=60) is None
    finally:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(owner)  # also while its parent has not asked what became of it
    process.communicate()
    assert is_gone(owner)


def test_a_process_number_that_is_used_again_is_another_process():
    ours = this_process()
    assert not is_gone(ours)
    life, _, began = ours.rpartition(".")
    assert is_gone(f"{life}.{int(began) - 1}")


@pytest.mark.parametrize(
    "change",
    [
        lambda host, pid, one, life: f"elsewhere:{pid}:{one}:{life}",
        lambda host, pid, one, life: f"{host}:{pid}:{one}",
        lambda host, pid, one, life: f"{host}:{pid}:{one}:another.{life.partition('.')[2]}",
        lambda host, pid, one, life: f"{host}:{pid}:{one}:{life.split('.')[0]}.1.{life.split('.')[2]}",
        lambda host, pid, one, life: "serve",
        lambda host, pid, one, life: "",
    ],
    ids=["another machine", "no /proc", "before a reboot", "another container", "a name", "nobody"],
)
def test_where_nobody_can_know_nobody_is_gone(dead: str, change):
    assert not is_gone(change(*dead.rsplit(":", 3)))
