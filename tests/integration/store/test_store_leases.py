from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from builders_store import NOON, later

from nps.errors import LeaseLost
from store.api import Due, Lease
from store.sql import SqlStore


def test_one_holder_at_a_time_and_tokens_only_grow(store: SqlStore):
    first = store.acquire("sync", "ann", now=NOON, seconds=60)
    assert first == Lease(name="sync", owner="ann", token=1)
    assert store.acquire("sync", "bob", now=later(seconds=59), seconds=60) is None
    second = store.acquire("sync", "bob", now=later(seconds=60), seconds=60)
    assert second == Lease(name="sync", owner="bob", token=2)
    store.release(second)
    assert store.acquire("sync", "ann", now=NOON, seconds=60) == Lease(name="sync", owner="ann", token=3)


def test_a_renewed_lease_lasts_and_a_lost_one_says_so(store: SqlStore):
    lease = store.acquire("sync", "ann", now=NOON, seconds=60)
    assert lease is not None
    store.renew(lease, now=later(seconds=30), seconds=60)
    assert store.acquire("sync", "bob", now=later(seconds=80), seconds=60) is None
    assert store.acquire("sync", "bob", now=later(seconds=90), seconds=60) is not None
    with pytest.raises(LeaseLost, match="sync"):
        store.renew(lease, now=later(seconds=91), seconds=60)


def test_a_released_lease_cannot_be_renewed_or_used(store: SqlStore):
    lease = store.acquire("sync", "ann", now=NOON, seconds=60)
    assert lease is not None
    store.release(lease)
    with pytest.raises(LeaseLost):
        store.renew(lease, now=NOON, seconds=60)
    with pytest.raises(LeaseLost):
        store.abandon("sync", lease=lease)


def test_of_many_who_ask_at_once_one_gets_it(store: SqlStore):
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda n: store.acquire("sync", f"p{n}", now=NOON, seconds=60), range(16)))
    assert len([lease for lease in leases if lease]) == 1


def test_memory_belongs_to_a_connection_and_any_thread_may_use_it(store: SqlStore):
    def remember(n: int) -> dict[str, str]:
        store.memorize("crm", {f"job-{n}": "old", "shared": str(n)})
        store.memorize("crm", {f"job-{n}": f"{n}"})
        return store.recall("crm", [f"job-{n}", "unknown"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(remember, range(40))) == [{f"job-{n}": f"{n}"} for n in range(40)]
    assert store.recall("other", ["job-1"]) == {}
    store.forget("crm", ["job-1", "unknown"])
    assert store.recall("crm", ["job-1", "job-2"]) == {"job-2": "2"}


def test_calls_are_counted_per_connection_and_day(store: SqlStore):
    assert store.count_calls("crm", "2026-03-02", 3) == 3
    assert store.count_calls("crm", "2026-03-02", 4) == 7
    assert store.count_calls("crm", "2026-03-03", 1) == 1


def test_a_first_due_time_is_written_once_and_told_ever_after(store: SqlStore):
    assert store.schedule_first("sync", NOON) == NOON
    assert store.schedule_first("sync", later(minutes=15)) == NOON
    assert store.due(["sync"]) == {"sync": Due(sync="sync", due_at=NOON)}


def test_a_due_time_is_claimed_once(store: SqlStore):
    assert store.due(["sync"]) == {}
    store.schedule("sync", NOON)
    assert store.due(["sync", "other"]) == {"sync": Due(sync="sync", due_at=NOON)}
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda _: store.claim_due("sync", NOON, later(minutes=15)), range(8)))
    assert sorted(claims) == [False] * 7 + [True]
    assert store.due(["sync"])["sync"].due_at == later(minutes=15)


def test_runs_come_newest_first_with_their_report(store: SqlStore):
    first = store.begin_run("a", "run", now=NOON, facts={"config": "abc"})
    second = store.begin_run("b", "plan", now=NOON, facts={})
    store.end_run(first, "partial", now=later(seconds=5), report={"pulled": 3, "states": {"written": 2}})
    assert [run.id for run in store.runs()] == [second, first]
    (run,) = store.runs(sync="a")
    assert run == store.run(first)
    assert (run.status, run.report) == ("partial", {"pulled": 3, "states": {"written": 2}})
    assert (run.started_at, run.ended_at) == (NOON, later(seconds=5))
    assert [one.id for one in store.runs(limit=1)] == [second]
    assert store.run(99) is None
