"""Due steps are each one process's; what a process that is gone held comes back, unless it was being sent."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from builders_asking import ANN, claim, queue, reserve
from builders_store import NOON, later
from postgres_server import PostgresServer, database_name

from nps.asking import InvitationState, Send, StepState
from nps.errors import LeaseLost
from store import open_store
from store.owners import this_process
from store.sql import SqlStore


@pytest.fixture
def dead() -> str:
    """The owner of a process that has ended."""
    script = "from store.owners import this_process; print(this_process())"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_due_ones_come_oldest_first_and_the_others_not(store: SqlStore):
    queue(store, "later", due=later(seconds=1))
    queue(store, "new", due=NOON)
    queue(store, "old", due=later(days=-1))
    assert [one.invitation.id for one in claim(store)] == ["old", "new"]
    assert claim(store) == []
    assert [one.invitation.id for one in claim(store, now=later(seconds=1))] == ["later"]


def test_a_claim_runs_out_and_its_holder_finds_that_out(store: SqlStore):
    queue(store, "i1")
    [mine] = claim(store, "one")
    assert mine.until == later(seconds=60)
    assert claim(store, "other", now=later(seconds=59)) == []
    [theirs] = claim(store, "other", now=later(seconds=60))
    assert theirs.token > mine.token
    with pytest.raises(LeaseLost):
        reserve(store, mine)
    assert reserve(store, theirs) == Send()


def test_no_more_are_claimed_than_wanted_however_postgresql_goes_about_it(
    postgres: PostgresServer, migrated_postgres: str
):
    """It may choose to look for what is due again for each row; which way it goes depends on how full it thinks the
    table is."""
    url = postgres.new_database(migrated_postgres)
    with psycopg.connect(url, autocommit=True) as connection:
        for way in ("hashagg", "hashjoin", "mergejoin", "sort", "material"):
            connection.execute(f"ALTER DATABASE {database_name(url)} SET enable_{way} = off")
    with closing(open_store(url)) as store:
        queue(store, "i1", "i2", "i3", "i4", "i5")
        assert [one.invitation.id for one in claim(store, limit=2)] == ["i1", "i2"]
        assert [one.invitation.id for one in claim(store, limit=2)] == ["i3", "i4"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can know")
def test_what_a_process_that_is_gone_held_is_free_at_once(store: SqlStore, dead: str):
    queue(store, "i1", "i2")
    [gone] = claim(store, dead, limit=1)
    assert len(claim(store, this_process(), limit=9)) == 2
    with pytest.raises(LeaseLost):
        reserve(store, gone)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody can know")
def test_what_it_was_sending_comes_back_only_to_find_out_its_fate(store: SqlStore, dead: str):
    queue(store, "i1")
    [gone] = claim(store, dead)
    assert reserve(store, gone) == Send()
    assert claim(store, this_process(), now=later(days=9)) == []
    [left] = store.interrupted(this_process(), now=NOON, seconds=60)
    assert (left.invitation.id, left.step.state) == ("i1", StepState.SENDING)
    assert store.interrupted(this_process(), now=NOON, seconds=60) == []


def test_what_is_being_sent_by_one_who_lives_is_left_alone_until_its_claim_runs_out(store: SqlStore):
    queue(store, "i1")
    [mine] = claim(store, this_process())
    assert reserve(store, mine) == Send()
    assert store.interrupted("other", now=later(seconds=59), seconds=60) == []
    assert len(store.interrupted("other", now=later(seconds=60), seconds=60)) == 1


def test_a_message_that_leaves_late_in_its_claim_is_not_taken_for_interrupted(store: SqlStore):
    queue(store, "i1")
    [mine] = claim(store, this_process())
    assert (
        reserve(store, mine, now=later(seconds=59)) == Send()
    )  # the last of many that were claimed together
    assert store.interrupted("other", now=later(seconds=118), seconds=60) == []
    assert len(store.interrupted("other", now=later(seconds=119), seconds=60)) == 1


def test_many_who_claim_at_once_get_each_step_once(store: SqlStore):
    queue(store, *(f"i{n}" for n in range(60)))

    def take(n: int) -> list[int]:
        return [one.step.number for one in claim(store, f"p{n}", limit=5)]

    with ThreadPoolExecutor(8) as pool:
        taken = [number for numbers in pool.map(take, range(24)) for number in numbers]
    assert len(taken) == len(set(taken)) == 60


def test_of_many_who_ask_one_person_at_once_one_sends(store: SqlStore):
    queue(store, *(f"i{n}" for n in range(30)))
    claimed = claim(store)
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda one: reserve(store, one, ANN), claimed))
    assert said.count(Send()) == 1


_WORKER = """
import sys
from builders_asking import ANN, claim, reserve
from nps.asking import Send
from store import open_store
from store.owners import this_process

store, owner, sends = open_store(sys.argv[1]), this_process(), 0
while claimed := claim(store, owner, limit=5):
    sends += sum(isinstance(reserve(store, one, ANN), Send) for one in claimed)
store.close()
print(sends)
"""


def test_a_hundred_that_come_due_for_one_person_in_four_processes_make_one_send(store: SqlStore, url: str):
    queue(store, *(f"i{n}" for n in range(100)))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, url], stdout=subprocess.PIPE, text=True, env=environment
        )
        for _ in range(4)
    ]
    sends = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sum(sends) == 1
    assert store.ledger_size() == 1
    states = {one.state for one in store.invitations(limit=1_000)}
    assert states == {InvitationState.QUEUED, InvitationState.SUPPRESSED}
